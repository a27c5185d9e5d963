"""Patient (FR Core 2.0.1 to 2.2.0): who the message is about. Strict on identity: a doubt is a warning and takes nothing."""

import re
from dataclasses import dataclass, field

from django.db.models import Q
from django.utils.translation import gettext as _

from cercle.base.common.errors import Refused
from cercle.base.common.text import name_key
from cercle.doors.fhir.bundle import Entry
from cercle.doors.fhir.models import Kept
from cercle.doors.fhir.registry import FRC, Type, coded, kept_beside, lean, meta, nos, register
from cercle.doors.fhir.search import Computed, Param, Token, When, Words
from cercle.doors.fhir.shape import Issue, Node, Rejected, child, codings, extension, items, oid, text, texts
from cercle.people.directory.models import Commune, Country, HistoricCommune
from cercle.people.patients import ins
from cercle.people.patients.actions.around import checked_email, checked_phone
from cercle.people.patients.models import Coordinates, Identity, Patient, PatientIdentifier
from cercle.people.patients.names import squeeze
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


# --- On the way out ---------------------------------------------------------------------------------------------------

CS = f"{FRC}/CodeSystem"
DOUBTS = (("is_doubtful", "DOUT"), ("is_fictive", "FICT"), ("is_homonym", "HOMA"))
COMMUNE = nos("TRE_R13", "Commune")
INS_TYPES = {ins.NIR: "INS-NIR", ins.NIA: "INS-NIA", ins.NIR_TEST: "INS-NIR-TEST", ins.NIR_DEMO: "INS-NIR-DEMO"}
GENDER = {"M": "male", "F": "female", "I": "unknown"}
# RNIV on the wire: a recovered identity travels as provisional and without its INS (DIGEST b.2).
ON_THE_WIRE = {"PROV": "PROV", "RECUP": "PROV", "VALI": "VALI", "QUAL": "VALI"}


class PatientType(Type):
    name = "Patient"
    row_label = "patients.patient"
    interactions = "rsvhcu"
    profiles = (f"{FRC}/StructureDefinition/fr-core-patient-ins", f"{FRC}/StructureDefinition/fr-core-patient")
    sorts = {
        "family": "identity__birth_sort",
        "birthdate": "identity__birth_earliest",
        "_lastUpdated": "identity__decided_at",
    }

    def rows(self, access):
        return Patient.objects.filter(pk__in=access.circles(), merged_into=None).select_related("identity")

    def write(self, access, rows):
        ids = [r.pk for r in rows]
        homes = {c.patient_id: c for c in Coordinates.objects.current().filter(patient__in=ids)}
        numbers: dict = {}
        for row in PatientIdentifier.objects.filter(patient__in=ids, until=None).order_by("kind", "since", "pk"):
            numbers.setdefault(row.patient_id, []).append(row)
        traits, moves = _times(Identity, ids), _times(Coordinates, ids)
        kept = kept_beside("Patient", ids)
        return [
            self.node(
                row, row.identity, homes.get(row.pk), _with_own(access, numbers.get(row.pk, []), kept.get(row.pk)), kept.get(row.pk),
                len(_moments(traits[row.pk], moves.get(row.pk, []))),
            )
            for row in rows
        ]  # fmt: skip

    def node(self, row, identity, home, numbers, kept, version) -> Node:
        at = max(x.decided_at for x in (identity, home) if x)
        profile = self.profiles[0] if identity.is_qualified else self.profiles[1]
        node: Node = {"resourceType": "Patient", "id": str(row.pk), "meta": meta(version, at, profile)}
        node |= {
            "extension": [_reliability(identity), *_born_at(identity)],
            "identifier": _identifiers(identity, numbers),
        }
        node |= {"active": row.merged_into_id is None, "name": _name_nodes(identity), "telecom": _telecom(home)}
        node |= {"gender": GENDER[identity.sex], "birthDate": _fhir_date(identity.birth_date)}
        if row.deceased:
            said = _fhir_date(row.deceased)
            node |= {"deceasedDateTime": said} if said else {"deceasedBoolean": True}
        node["address"] = [_address(home)] if home else []
        unmapped = {
            k: v
            for k, v in (kept.payload if kept else {}).items()
            if k in ("maritalStatus", "communication", "photo", "contact")
        }
        return lean(unmapped | node)

    def history(self, access, row):
        """Each state of the traits and of the coordinates is a version."""
        states = list(Identity.objects.filter(patient=row).order_by("decided_at", "pk"))
        homes = list(Coordinates.objects.filter(patient=row).order_by("decided_at", "pk"))
        kept = kept_beside("Patient", [row.pk]).get(row.pk)
        numbers = _with_own(access, list(PatientIdentifier.objects.filter(patient=row, until=None)), kept)
        moments = _moments([s.decided_at for s in states], [h.decided_at for h in homes])
        found = []
        for n, at in enumerate(moments, 1):
            identity = [s for s in states if s.decided_at <= at][-1]
            home = next((h for h in reversed(homes) if h.decided_at <= at), homes[0] if homes and n == 1 else None)
            found.append((n, at, self.node(row, identity, home, numbers, kept, n)))
        return found[::-1]

    def references(self, node, param):
        return []


def _times(model, ids) -> dict:
    found: dict = {}
    for patient, at in (
        model.objects.filter(patient__in=ids).order_by("decided_at").values_list("patient", "decided_at")
    ):
        found.setdefault(patient, []).append(at)
    return found


def _moments(traits: list, homes: list) -> list:
    """When the resource changed: each state of the traits, each move after the first home. As many versions."""
    return sorted({*traits, *homes[1:]})


@dataclass(frozen=True, slots=True)
class Own:
    """A number as this machine sent it, which somebody else's file holds: hers all the same, and she learns nothing."""

    kind: str
    system: str
    value: str


def _with_own(access, numbers: list, kept) -> list:
    if kept is None or kept.client_id != access.client.pk:
        return numbers
    held = {(n.system, n.value) for n in numbers}
    said = [n.partition("|") for n in kept.identifiers]
    return numbers + [
        Own("", system, value)
        for system, _bar, value in said
        if system and (system, value) not in held and not ins.meaning(system, "")
    ]


def _reliability(identity) -> Node:
    url = f"{FRC}/StructureDefinition/fr-core-identity-reliability"
    status = next((code for marker, code in DOUBTS if getattr(identity, marker)), ON_THE_WIRE[identity.status])
    inner: list[Node] = [
        {"url": "identityStatus", "valueCoding": {"system": f"{CS}/fr-core-cs-v2-0445", "code": status}}
    ]
    if identity.method and identity.method != "FLUX":
        how = {"system": f"{CS}/fr-core-cs-method-collection", "code": identity.method}
        inner.append({"url": "methodCollection", "valueCoding": how})
    if identity.document:
        shown = {"system": f"{CS}/fr-core-cs-mode-validation-identity", "code": identity.document}
        inner.append({"url": "validationMode", "valueCoding": shown})
        inner.append({"url": "validationDate", "valueDate": identity.decided_at.date().isoformat()})
    return {"url": url, "extension": inner}


def _born_at(identity) -> list[Node]:
    found: list[Node] = []
    if identity.birth_place_code or identity.birth_place_label:
        place: Node = {}
        if identity.birth_place_code:
            place["extension"] = [_insee(identity.birth_place_code)]
        if identity.birth_place_label:
            place["city"] = identity.birth_place_label
        found.append({"url": "http://hl7.org/fhir/StructureDefinition/patient-birthPlace", "valueAddress": place})
    if identity.birth_date and _fhir_date(identity.birth_date) != identity.birth_date:
        found.append({"url": f"{FRC}/StructureDefinition/fr-core-lunar-date", "valueString": identity.birth_date})
    return found


def _insee(code: str) -> Node:
    said = {"system": COMMUNE, "code": code}
    return {"url": f"{FRC}/StructureDefinition/fr-core-address-insee-code", "valueCoding": said}


def _fhir_date(said: str) -> str:
    """A partial date is a FHIR date; of a lunar one (« 1953-00-15 ») only the year is."""
    if re.fullmatch(r"\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?", said):
        return said
    return said[:4] if "-00" in said and said[:4].isdigit() else ""


def _identifiers(identity, numbers) -> list[Node]:
    found: list[Node] = []
    types = f"{FRC}/CodeSystem/fr-core-cs-v2-0203"
    if identity.is_qualified and identity.ins_value:
        kind = INS_TYPES.get(identity.ins_oid, "INS-NIR")
        system = f"urn:oid:{identity.ins_oid}"
        found.append({"use": "official", "type": coded(types, kind), "system": system, "value": identity.ins_value})
    for row in numbers:
        kind, use = {"NSS": ("NH", "secondary"), "INSC": ("INS-C", "secondary"), "IPP": ("PI", "usual")}.get(
            row.kind, ("", "usual")
        )
        system = f"urn:oid:{row.system}" if re.fullmatch(r"[0-2](\.\d+)+", row.system) else row.system
        v2 = types if kind != "PI" else "http://terminology.hl7.org/CodeSystem/v2-0203"
        found.append(lean({"use": use, "type": coded(v2, kind) if kind else {}, "system": system, "value": row.value}))
    return found


def _name_nodes(identity) -> list[Node]:
    all_given = identity.birth_givens or identity.birth_given
    listed = {"url": f"{FRC}/StructureDefinition/fr-core-patient-birth-list-given-name", "valueString": all_given}
    found = [
        {"extension": [listed], "use": "official", "family": identity.birth_family, "given": [identity.birth_given]}
    ]
    if identity.used_family or identity.used_given:
        found.append({"use": "usual", "family": identity.family, "given": [identity.given]})
    return found


def _telecom(home) -> list[Node]:
    if home is None:
        return []
    found = []
    for rank, number in enumerate([n for n in (home.phone, home.phone_other) if n], 1):
        use = "mobile" if re.match(r"(\+33 ?|0)[67]", number) else "home"
        found.append({"system": "phone", "value": number, "use": use, "rank": rank})
    if home.email:
        found.append({"system": "email", "value": home.email})
    return found


def _address(home) -> Node:
    found = {
        "use": "home",
        "line": [x for x in (home.address, home.address_extra) if x],
        "city": home.commune_label,
        "postalCode": home.postal_code,
    }
    if home.commune_code:
        found["extension"] = [_insee(home.commune_code)]
    return lean(found) if any((home.address, home.commune_label, home.postal_code)) else {}


class Number(Param):
    """INS of the domain said, or any number of the file; a matricule answers only while its identity is qualified."""

    kind = "token"

    def q(self, access, values, modifier):
        found = Q(pk__in=[])
        for said in values:
            system, bar, value = said.partition("|")
            found |= self._one(access, system if bar else "", value if bar else said)
        return found

    def _one(self, access, system: str, value: str) -> Q:
        name, number = oid(system), ins.clean(value)
        if not value:
            return Q(pk__in=PatientIdentifier.objects.filter(until=None, system=name).values("patient"))
        held = PatientIdentifier.objects.filter(until=None, value__in={value, number})
        found = Q(identity__ins_value=number, identity__status=Identity.Status.QUAL)
        sent = Kept.objects.filter(type="Patient", alone=False, client=access.client)
        if system:
            held, found = held.filter(system__in={name, system}), found & Q(identity__ins_oid=name)
            if ins.meaning(name, ""):
                return found | Q(pk__in=held.values("patient"))
            return (
                found
                | Q(pk__in=held.values("patient"))
                | Q(pk__in=sent.filter(identifiers__contains=[f"{name}|{value}"]).values("pk"))
            )
        return found | Q(pk__in=held.values("patient"))


NAMES = ("identity__birth_key", "identity__birth_key_rev", "identity__used_key", "identity__used_key_rev")
PatientType.params = {
    "identifier": Number(),
    "family": Words(("identity__birth_key", "identity__used_key"), raw=("identity__birth_family", "identity__used_family"), key=squeeze),
    "given": Words(("identity__birth_key_rev", "identity__used_key_rev"), raw=("identity__birth_given", "identity__used_given"), key=squeeze),
    "name": Words(NAMES, raw=("identity__birth_family", "identity__birth_given", "identity__used_family", "identity__used_given"), key=squeeze),
    "birthdate": When("identity__birth_earliest", "identity__birth_latest", dates=True),
    "gender": Token(lambda system, code: Q(identity__sex__in=[k for k, v in GENDER.items() if v == code])),
    "address": Computed(lambda access, value: Q(pk__in=_living(value)), "string"),
    "birthplace": Computed(lambda access, value: Q(identity__birth_place_label__istartswith=value) | Q(identity__birth_place_code=value), "string"),
    "active": Token(lambda system, code: Q(merged_into=None) if code == "true" else ~Q(merged_into=None)),
    "deceased": Token(lambda system, code: ~Q(deceased="") if code == "true" else Q(deceased="")),
    "phone": Computed(lambda access, value: Q(pk__in=_reached(value)), "token"),
    "telecom": Computed(lambda access, value: Q(pk__in=_reached(value.rpartition("|")[2])), "token"),
}  # fmt: skip
register(PatientType())


def _living(value: str):
    found = Q(address__icontains=value) | Q(commune_label__istartswith=value) | Q(postal_code=value)
    return Coordinates.objects.current().filter(found).values("patient")


def _reached(value: str):
    return (
        Coordinates.objects.current()
        .filter(Q(phone=value) | Q(phone_other=value) | Q(email__iexact=value))
        .values("patient")
    )
