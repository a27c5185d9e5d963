"""INSi, the national teleservice that gives and checks the INS: a port, and what stands behind it.

    answer = insi.service().by_traits(traits)        # over the network, outside any transaction
    actions.recover_ins(acting, patient=patient, answer=answer)

The national service needs a certificate and a contract that a deployment brings: `settings.INSI_SERVICE` names the
adapter (a callable without argument). Without it, the answer is a clear refusal, never a guess.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from django.conf import settings
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _

from cercle.base.common.errors import Refused
from cercle.people.patients.traits import CivilTraits

ONE, NONE, SEVERAL = "00", "01", "02"  # return codes of INSi


@dataclass(frozen=True, slots=True)
class Answer:
    code: str
    traits: CivilTraits | None = None
    ins_value: str = ""
    ins_oid: str = ""
    former: tuple[str, ...] = field(default=())  # matricules the person bore before

    @property
    def found(self) -> bool:
        return self.code == ONE and self.traits is not None


class Insi(Protocol):
    is_connected: bool

    def by_traits(self, traits: CivilTraits) -> Answer:
        """Recovery: birth family, one given name, sex, birth date, place when known. Raises Refused on a failure."""

    def verify(self, traits: CivilTraits, ins_value: str, ins_oid: str) -> bool:
        """Do these traits and this matricule still agree?"""


class NotConnected:
    is_connected = False

    def by_traits(self, traits: CivilTraits) -> Answer:
        raise self._refusal()

    def verify(self, traits: CivilTraits, ins_value: str, ins_oid: str) -> bool:
        raise self._refusal()

    def _refusal(self) -> Refused:
        return Refused(
            _(
                "Le téléservice INSi n’est pas raccordé. L’identité reste sans INS ; "
                "votre structure peut le demander à la région."
            ),
            "insi_not_connected",
        )


class OfficialTestIdentities:
    """A double that knows the published test identities and answers as INSi's test plan says. Demo and tests only."""

    is_connected = True

    def __init__(self, path: Path | None = None):
        file = path or Path(__file__).parent / "data" / "insi_test_identities.json"
        self._known = [p for p in json.loads(file.read_text(encoding="utf-8"))["identites"] if p["cle_valide"]]

    def by_traits(self, traits: CivilTraits) -> Answer:
        found = [answer for answer in map(_answer, self._known) if _is(traits, answer.traits)]
        if len(found) == 1:
            return found[0]
        return Answer(SEVERAL if found else NONE)

    def verify(self, traits: CivilTraits, ins_value: str, ins_oid: str) -> bool:
        answer = self.by_traits(traits)
        return answer.found and (answer.ins_value, answer.ins_oid) == (ins_value, ins_oid)


def _answer(person: dict) -> Answer:
    traits = CivilTraits.read(
        birth_family=person["nom_naissance"],
        birth_given=person["premier_prenom"],
        birth_givens=person["liste_prenoms"],
        sex=person["sexe"],
        birth_date=person["date_naissance"],
        birth_place_code=person["cog_naissance"] or "",
    )
    former = tuple(h["matricule"] for h in person.get("historique_matricules") or ())
    return Answer(ONE, traits, person["matricule_ins"], person["oid"], former)


def _is(asked: CivilTraits, known: CivilTraits) -> bool:
    """INSi's own comparison: all traits equal, one of the given names, place only when sent."""
    return (
        asked.birth_family == known.birth_family
        and asked.birth_given in known.birth_givens.split()
        and asked.sex == known.sex
        and asked.birth.text == known.birth.text
        and asked.birth_place_code in ("", known.birth_place_code)
    )


def service() -> Insi:
    return import_string(settings.INSI_SERVICE)()
