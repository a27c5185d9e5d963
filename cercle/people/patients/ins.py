"""The matricule INS: a NIR or a NIA used as health identifier, with its key and the OID that says its domain.

15 characters: sex 1, year 2, month 2, birth place 5 (a COG code, or 99 + country), order 3, key 2. The same digits used
for social security are another identifier (`NSS_OIDS`), and they never qualify an identity.
"""

import re
from dataclasses import dataclass

from django.utils.translation import gettext as _

from cercle.base.common.dates import ODD_MONTHS, PartialDate
from cercle.base.common.errors import Refused

NIR = "1.2.250.1.213.1.4.8"
NIA = "1.2.250.1.213.1.4.9"
NIR_TEST = "1.2.250.1.213.1.4.10"
NIR_DEMO = "1.2.250.1.213.1.4.11"
NSS_NIR = "1.2.250.1.213.1.4.13"
NSS_NIA = "1.2.250.1.213.1.4.14"
INS_C = "1.2.250.1.213.1.4.2"

INS_OIDS = {
    NIR: "INS-NIR",
    NIA: "INS-NIA",
    NIR_TEST: "INS-NIR de test",
    NIR_DEMO: "INS-NIR de démonstration",
}
TEST_OIDS = frozenset({NIR_TEST, NIR_DEMO})  # never on a real person's file
NSS_OIDS = frozenset({NSS_NIR, NSS_NIA})

_CLEAN = re.compile(r"[\s.\-\u00a0\u202f]+")
_SHAPE = re.compile(r"\d{5}(?:\d{2}|2[AB])\d{6}\d{2}")
# 01-95 (20: Corsica before 1976; 91-94: Algeria until 1962), 96 former protectorates, 97-98 overseas, 99 abroad.
_DEPARTMENTS = frozenset(f"{n:02}" for n in range(1, 100)) | {"2A", "2B"}


@dataclass(frozen=True, slots=True)
class Matricule:
    value: str  # 15 characters, checked
    kind: str  # "NIR" or "NIA"

    sex = property(lambda self: {"1": "M", "7": "M"}.get(self.value[0], "F"))
    year = property(lambda self: int(self.value[1:3]))  # two digits: the century is not in the number
    month = property(lambda self: int(self.value[3:5]))
    place = property(lambda self: self.value[5:10])

    @property
    def oid(self) -> str:
        """Its OID in production; a test or demo domain must be said by whoever sends it."""
        return NIA if self.kind == "NIA" else NIR

    @property
    def shown(self) -> str:
        """« 2 53 07 2B 073 004 70 », with non-breaking spaces."""
        v = self.value
        return "\u00a0".join((v[0], v[1:3], v[3:5], v[5:7], v[7:10], v[10:13], v[13:]))


def clean(text: str) -> str:
    return _CLEAN.sub("", text or "").upper()


def key(body: str) -> int:
    """97 − n mod 97 over the 13 first characters, 2A read as 19 and 2B as 18."""
    return 97 - int(body.replace("2A", "19", 1).replace("2B", "18", 1) if body[5:7] in ("2A", "2B") else body) % 97


def parse(text: str) -> Matricule:
    """Read and check a matricule. Raises Refused; codes: ins_empty, ins_length, ins_sex, ins_month, ins_place,
    ins_order, ins_key."""
    value = clean(text)
    if not value:
        raise Refused(_("Indiquez le matricule INS."), "ins_empty")
    if len(value) != 15:
        raise Refused(
            _("Le matricule INS compte 15 caractères, clé comprise ; celui-ci en compte %(n)s.") % {"n": len(value)},
            "ins_length",
        )
    if not (value.isascii() and _SHAPE.fullmatch(value)):
        raise Refused(_("Le matricule INS ne contient que des chiffres, sauf 2A ou 2B pour la Corse."), "ins_place")
    if value[0] not in "1278":
        raise Refused(
            _("Le matricule INS commence par 1 ou 2 (NIR), 7 ou 8 (NIA). Vérifiez le premier chiffre."), "ins_sex"
        )
    if not (1 <= int(value[3:5]) <= 12 or int(value[3:5]) in ODD_MONTHS - set(range(21, 30))):
        raise Refused(_("Le mois du matricule INS (4e et 5e chiffres) n’existe pas."), "ins_month")
    department, commune = value[5:7], value[7:10]
    if department not in _DEPARTMENTS or commune == "000" or (department, commune) == ("99", "100"):
        raise Refused(_("Le lieu de naissance du matricule INS (6e au 10e caractère) n’existe pas."), "ins_place")
    if value[10:13] == "000":
        raise Refused(_("Le numéro d’ordre du matricule INS (11e au 13e chiffre) ne peut pas être 000."), "ins_order")
    if int(value[13:]) != key(value[:13]):
        raise Refused(_("La clé du matricule INS est fausse. Relisez les 15 caractères."), "ins_key")
    return Matricule(value, "NIA" if value[0] in "78" else "NIR")


def is_valid(text: str) -> bool:
    try:
        parse(text)
    except Refused:
        return False
    return True


def check_domain(matricule: Matricule, oid: str) -> str:
    """The OID, checked against the number: a NIA may not be declared a NIR, an NSS is no INS. Empty: production."""
    oid = (oid or matricule.oid).removeprefix("urn:oid:")
    if oid in NSS_OIDS:
        raise Refused(_("Ce numéro est un numéro de sécurité sociale, pas un matricule INS."), "ins_is_nss")
    if oid not in INS_OIDS:
        raise Refused(_("L’OID du matricule INS n’est pas connu."), "ins_oid")
    if oid in (NIR, NIA) and oid != matricule.oid:
        raise Refused(_("L’OID ne correspond pas au matricule : NIR et NIA ont chacun le leur."), "ins_oid")
    return oid


def meaning(oid: str, type_code: str = "") -> str:
    """What a received identifier is: "INS", "NSS", "INSC" or "".

    Until FR Core 2.1 the social-security number went under the INS-NIR OID with type NH; it has its own since 2.2.0.
    """
    oid = oid.removeprefix("urn:oid:")
    if oid in NSS_OIDS or (oid in (NIR, NIA) and type_code in ("NH", "SS")):
        return "NSS"
    return "INS" if oid in INS_OIDS else "INSC" if oid == INS_C else ""


@dataclass(frozen=True, slots=True)
class Discord:
    """A trait that does not fit the matricule. A warning, never a refusal: civil status changes, old numbers stay."""

    field: str  # sex, birth_date, birth_place
    message: str


def discords(matricule: Matricule, *, sex: str, birth: PartialDate, birth_place_code: str = "") -> list[Discord]:
    found = []
    if sex in ("F", "M") and sex != matricule.sex:
        found.append(Discord("sex", _("Le sexe ne correspond pas au matricule INS.")))
    if birth.earliest.year % 100 != matricule.year:
        found.append(Discord("birth_date", _("L’année de naissance ne correspond pas au matricule INS.")))
    elif birth.precision in ("month", "day") and matricule.month <= 12 and birth.earliest.month != matricule.month:
        found.append(Discord("birth_date", _("Le mois de naissance ne correspond pas au matricule INS.")))
    place = birth_place_code.upper()
    if place and place != "99999" and not _same_place(matricule.place, place):
        found.append(Discord("birth_place", _("Le lieu de naissance ne correspond pas au matricule INS.")))
    return found


def _same_place(in_number: str, cog: str) -> bool:
    if in_number == cog:
        return True
    # Corsica: 20xxx for a birth before 1976, 2Axxx or 2Bxxx after; Algeria before 1962: 91 to 94 then 99352.
    if "20" in (in_number[:2], cog[:2]):
        return in_number[2:] == cog[2:] and {in_number[:2], cog[:2]} <= {"20", "2A", "2B"}
    return cog == "99352" and in_number[:2] in ("91", "92", "93", "94")
