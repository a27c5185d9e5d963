"""The traits of a person as typed or received, read and checked once, before anything is written."""

import re
import unicodedata
from dataclasses import dataclass, fields

from django.utils.translation import gettext as _

from cercle.base.common import dates
from cercle.base.common.errors import Refused
from cercle.people.patients.names import squeeze

_LETTERS = str.maketrans(
    {"œ": "oe", "Œ": "OE", "æ": "ae", "Æ": "AE", "ß": "ss", "ø": "o", "Ø": "O", "đ": "d", "Đ": "D"}
)
_LETTERS.update(str.maketrans({"ł": "l", "Ł": "L", "’": "'", "‘": "'", "ʼ": "'", "`": "'", "´": "'"}))
_LETTERS.update(dict.fromkeys(map(ord, "‐‑‒–—−"), "-"))
_STRICT = re.compile(r"[A-Z](?:[A-Z' -]*[A-Z'])?")
_PLACE = re.compile(r"\d{5}|2[AB]\d{3}")

# RNIV 1: the strict traits, in the names of our columns. The birth date stands for its text and range.
STRICT = ("birth_family", "birth_given", "birth_givens", "sex", "birth_date", "birth_place_code")


def strict_name(text: str, what: str, longest: int = 100) -> str:
    """Capitals without accents, apostrophe and hyphen kept (RNIV 1): « D’Æion » is D'AEION.

    Raises Refused (name_missing, name_unreadable, name_too_long).
    """
    folded = unicodedata.normalize("NFKD", (text or "").translate(_LETTERS))
    folded = " ".join("".join(c for c in folded if not unicodedata.combining(c)).upper().split())
    folded = re.sub(r" ?([-']) ?", r"\1", folded)
    if not folded:
        raise Refused(_("Indiquez %(what)s.") % {"what": what}, "name_missing")
    if len(folded) > longest:
        raise Refused(_("Ce nom est trop long : %(n)s caractères au plus.") % {"n": longest}, "name_too_long")
    if not _STRICT.fullmatch(folded):
        raise Refused(
            _("Écrivez %(what)s en lettres, avec seulement des espaces, des traits d’union et des apostrophes.")
            % {"what": what},
            "name_unreadable",
        )
    return folded


def _used_name(text: str) -> str:
    return " ".join((text or "").split())[:100]


@dataclass(frozen=True, slots=True)
class CivilTraits:
    """Checked traits. Make one with `read`; the constructor is for tests and bulk loads."""

    birth_family: str
    birth_given: str
    birth_givens: str
    sex: str
    birth: dates.PartialDate
    birth_place_code: str = ""
    birth_place_label: str = ""
    used_family: str = ""
    used_given: str = ""

    @classmethod
    def read(
        cls,
        *,
        birth_family: str,
        birth_given: str = "",
        sex: str,
        birth_date: "str | dates.PartialDate",
        birth_givens: "str | list[str]" = "",
        birth_place_code: str = "",
        birth_place_label: str = "",
        used_family: str = "",
        used_given: str = "",
    ) -> "CivilTraits":
        """Raises Refused with the first thing to correct."""
        listed = " ".join(birth_givens) if isinstance(birth_givens, list | tuple) else birth_givens or ""
        listed = " ".join(listed.replace(",", " ").split())
        first = strict_name(birth_given or listed.split(" ")[0], _("le premier prénom de naissance"))
        sex = {"U": "I", "": "I"}.get((sex or "").upper(), (sex or "").upper())
        if sex not in ("F", "M", "I"):
            raise Refused(_("Indiquez le sexe : féminin, masculin ou indéterminé."), "sex_unknown")
        code = (birth_place_code or "").strip().upper()
        if code and not _PLACE.fullmatch(code):
            raise Refused(
                _("Le code du lieu de naissance compte cinq caractères : code INSEE de la commune, ou 99 et le pays."),
                "birth_place_unreadable",
            )
        return cls(
            birth_family=strict_name(birth_family, _("le nom de naissance")),
            birth_given=first,
            birth_givens=strict_name(listed, _("les prénoms de naissance"), 200) if listed else first,
            sex=sex,
            birth=birth_date if isinstance(birth_date, dates.PartialDate) else dates.parse(birth_date),
            birth_place_code=code,
            birth_place_label=" ".join((birth_place_label or "").split())[:120],
            used_family=_used_name(used_family),
            used_given=_used_name(used_given),
        )

    @classmethod
    def of(cls, identity) -> "CivilTraits":
        birth = dates.PartialDate(identity.birth_date, identity.birth_earliest, identity.birth_latest)
        return cls(**{f.name: getattr(identity, f.name) for f in fields(cls) if f.name != "birth"}, birth=birth)

    def columns(self) -> dict:
        """As columns of `Identity`."""
        values = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "birth"}
        return values | {
            "birth_date": self.birth.text,
            "birth_earliest": self.birth.earliest,
            "birth_latest": self.birth.latest,
        }

    def strict_changes(self, other: "CivilTraits") -> list[str]:
        """Names of the strict traits that differ, typography apart."""
        mine, theirs = self.columns(), other.columns()
        return [name for name in STRICT if squeeze(mine[name]) != squeeze(theirs[name])]


def agree(a: CivilTraits, b: CivilTraits) -> bool:
    """Do the traits speak of one person, for whom the same INS is claimed? Names at birth or in use, first given name,
    sex when known, and birth dates that can be the same day."""
    families = {squeeze(n) for n in (a.birth_family, a.used_family) if n} & {
        squeeze(n) for n in (b.birth_family, b.used_family) if n
    }
    givens = {squeeze(n) for n in (a.birth_given, a.used_given) if n} & {
        squeeze(n) for n in (b.birth_given, b.used_given) if n
    }
    sexes = {a.sex, b.sex} - {"I"}
    return bool(families and givens) and len(sexes) <= 1 and a.birth.overlaps(b.birth)
