"""Patient (FR Core 2.0.1 to 2.2.0): who the message is about. Strict on identity: a doubt is a warning and takes nothing."""

from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from cercle.base.common.errors import Refused
from cercle.base.common.text import name_key
from cercle.doors.fhir.bundle import Entry
from cercle.doors.fhir.shape import Issue, Node, Rejected, child, codings, extension, items, oid, text, texts
from cercle.people.directory.models import Commune, Country, HistoricCommune
from cercle.people.patients import ins
from cercle.people.patients.actions.around import checked_email, checked_phone
from cercle.people.patients.models import PatientIdentifier
from cercle.people.patients.traits import CivilTraits

Kind = PatientIdentifier.Kind
SEX = {"male": "M", "female": "F", "unknown": "I", "other": "I", "": "I"}
PLACE_UNKNOWN = "99999"


@dataclass(slots=True)
class PatientIn:
    traits: CivilTraits
    ins_value: str = ""
    ins_oid: str = ""
    qualified: bool = False
    identifiers: list[tuple[str, str, str]] = field(default_factory=list)
    coordinates: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


def read(entry: Entry, *, is_demo: bool) -> PatientIn:
    """Raises Rejected when the traits cannot make an identity."""
    resource, warnings = entry.resource, list[str]()
    official, usual = _names(resource)
    gender = text(resource, "gender").lower()
    if gender not in SEX:
        raise Rejected(Issue(f"{entry.path}.gender", _("ce sexe n’est pas connu."), "code-invalid"))
    lunar = extension(resource, "fr-core-lunar-date") or extension(child(resource, "_birthDate"), "fr-core-lunar-date")
    birth_date = text(lunar, "valueString") or text(resource, "birthDate")
    code, city = _birth_place(resource, warnings)
    givens = text(extension(official, "fr-core-patient-birth-list-given-name"), "valueString")
    given = (texts(official, "given") or [""])[0]
    try:
        traits = CivilTraits.read(
            birth_family=text(official, "family"), birth_given=given, birth_givens=givens or " ".join(texts(official, "given")),
            sex=SEX[gender], birth_date=birth_date, birth_place_code=code, birth_place_label=city,
            used_family=text(usual, "family"), used_given=(texts(usual, "given") or [""])[0],
        )  # fmt: skip
    except Refused as refusal:
        where = "name" if refusal.code.startswith("name") else "birthDate" if refusal.code.startswith("date") else ""
        raise Rejected(Issue(f"{entry.path}.{where}".rstrip("."), str(refusal.message), refusal.code)) from None
    found = PatientIn(traits, warnings=warnings, coordinates=_coordinates(resource, warnings))
    _numbers(resource, found, is_demo)
    if text(resource, "deceasedDateTime") or resource.get("deceasedBoolean") is True:
        warnings.append(_("Le décès indiqué n’est pas repris : il se déclare dans le dossier."))
    return found


def _names(resource: Node) -> tuple[Node, Node]:
    """(name at birth, name in use): « official » is the birth name in FR Core; « maiden » says so elsewhere."""
    held = [n for n in items(resource, "name") if text(n, "use") != "old"]
    by_use = {text(n, "use"): n for n in reversed(held)}
    usual = by_use.get("usual", {})
    if "maiden" in by_use:
        maiden = by_use["maiden"]
        other = usual or by_use.get("official", {})
        return (maiden if texts(maiden, "given") else maiden | {"given": other.get("given")}), other
    return by_use.get("official") or by_use.get("") or (held[0] if held else {}), usual


def _birth_place(resource: Node, warnings: list[str]) -> tuple[str, str]:
    """(COG code, label). A code that no table holds, or that is this town's post code, is not kept."""
    place = child(extension(resource, "patient-birthPlace", "birthPlace"), "valueAddress")
    coded = extension(place, "fr-core-address-insee-code")
    code = (text(child(coded, "valueCoding"), "code") or text(coded, "valueCode") or text(coded, "valueString")).upper()
    city = text(place, "city") or text(place, "text")
    if not code or code == PLACE_UNKNOWN:
        return code, city
    if HistoricCommune.objects.filter(code=code).exists() or Country.objects.filter(code=code).exists():
        names = {name_key(n) for n in HistoricCommune.objects.filter(code=code).values_list("name", flat=True)}
        names |= {name_key(n) for n in Commune.objects.filter(code=code).values_list("name", flat=True)}
        is_real = True
    else:
        names = {name_key(n) for n in Commune.objects.filter(code=code).values_list("name", flat=True)}
        is_real = bool(names)
    key = name_key(city)
    posted = Commune.objects.filter(postal_codes__contains=[code])
    is_post_code = posted.filter(key=key).exists() if is_real else posted.exists()
    if is_real and not (is_post_code and key not in names):
        return code, city
    if is_post_code:
        warnings.append(_("Le code du lieu de naissance est un code postal : il n’est pas repris."))
    else:
        warnings.append(_("Le code du lieu de naissance n’est pas un code INSEE connu : il n’est pas repris."))
    return "", city


def _numbers(resource: Node, found: PatientIn, is_demo: bool) -> None:
    claims: list[tuple[str, str]] = []
    for row in items(resource, "identifier"):
        value, system = text(row, "value"), oid(text(row, "system"))
        kind = next((code for _s, code, _d in codings(child(row, "type")) if code), "")
        if not value or text(row, "use") == "old" or text(child(row, "period"), "end"):
            continue  # former numbers stay in the payload
        meaning = (
            ins.meaning(system, kind)
            if system
            else "INS"
            if kind.startswith("INS-N")
            else "NSS"
            if kind == "NH"
            else ""
        )
        if meaning == "INS":
            claims.append((value, system))
        elif meaning == "NSS":
            if ins.is_valid(value):
                found.identifiers.append((Kind.NSS, ins.NSS_NIR, ins.clean(value)))
            else:
                found.warnings.append(_("Le numéro de sécurité sociale reçu est faux : il n’est pas repris."))
        elif meaning == "INSC":
            found.identifiers.append((Kind.INSC, ins.INS_C, value))
        elif not system or len(value) > 100 or len(system) > 200:
            found.warnings.append(_("Un identifiant sans organisme, ou trop long, n’est pas repris."))
        else:
            found.identifiers.append((Kind.IPP if kind == "PI" else Kind.LOCAL, system, value))
    found.identifiers = list(dict.fromkeys(found.identifiers))
    distinct = {(ins.clean(v), s) for v, s in claims}
    if len(distinct) > 1:
        found.warnings.append(_("Plusieurs matricules INS reçus pour la même personne : aucun n’est repris."))
    elif claims:
        _claim(resource, found, *claims[0], is_demo=is_demo)


def _claim(resource: Node, found: PatientIn, value: str, system: str, *, is_demo: bool) -> None:
    if system in ins.TEST_OIDS and not is_demo:
        found.warnings.append(
            _("Le matricule INS reçu est de test ou de démonstration : il n’est pas repris sur cette base.")
        )
        return
    found.ins_value, found.ins_oid = value, system
    reliability = extension(resource, "fr-core-identity-reliability")
    status = text(child(extension(reliability, "identityStatus"), "valueCoding"), "code") or text(
        extension(reliability, "identityStatus"), "valueCode"
    )
    found.qualified = status in ("VALI", "QUAL")
    if status in ("DOUT", "DOUA", "DOUB", "FICT", "HOMD", "HOMA", "ANOM", "USUR"):
        found.warnings.append(_("L’émetteur doute de cette identité (%(status)s) : à vérifier.") % {"status": status})
    try:
        matricule = ins.parse(value)
    except Refused:
        # `receive_patient` says what is wrong with it.
        found.warnings.append(
            _("Le matricule INS reçu est faux : il reste dans le contenu reçu, rien d’autre ne le garde.")
        )
        return
    traits = found.traits
    discords = ins.discords(matricule, sex=traits.sex, birth=traits.birth, birth_place_code=traits.birth_place_code)
    if found.qualified and len(discords) >= 2:
        # One trait may have changed since; two say that this number is somebody else's.
        found.qualified = False
        found.warnings.append(_("Le matricule INS contredit plusieurs traits de l’identité reçue."))


def _coordinates(resource: Node, warnings: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    homes = [a for a in items(resource, "address") if text(a, "use") != "old" and not text(child(a, "period"), "end")]
    if homes:
        home = next((a for a in homes if text(a, "use") == "home"), homes[0])
        lines = texts(home, "line") or [text(home, "text")]
        found = {
            "address": lines[0], "address_extra": ", ".join(lines[1:]), "postal_code": text(home, "postalCode")[:10],
            "commune_label": text(home, "city"),
        }  # fmt: skip
    rank = {"mobile": 0, "home": 1}
    for contact in sorted(items(resource, "telecom"), key=lambda c: rank.get(text(c, "use"), 2)):
        value, system = text(contact, "value"), text(contact, "system")
        if not value or text(contact, "use") == "old":
            continue
        try:
            if system == "email" and "email" not in found:
                found["email"] = checked_email(value)
            elif system == "phone":
                phone = checked_phone(value)
                slot = "phone" if "phone" not in found else "phone_other"
                found.setdefault(slot, phone)
        except Refused:
            warnings.append(_("Un numéro ou une adresse électronique illisible n’est pas repris."))
    return found
