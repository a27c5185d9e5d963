"""Every instrument, by name. No entry, no scale.

`find("AGGIR")`, `find("gds15")`: case, spaces and hyphens of a name do not matter; nothing else is guessed.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

from cercle.base.common.errors import Refused

from . import (
    aggir,
    carer,
    epices,
    fall_risk,
    forms,
    gds15,
    katz,
    lawton,
    mini_gds,
    pain,
    prisma7,
    six_functions,
    totals,
)
from .base import Instrument, Profile, Tier

LIBRARY = Path(__file__).parent.parent / "library"

INSTRUMENTS: dict[str, Instrument] = {
    entry.name: entry
    for entry in (
        aggir.ENTRY,
        katz.ENTRY,
        lawton.ENTRY,
        mini_gds.ENTRY,
        gds15.ENTRY,
        epices.ENTRY,
        six_functions.ENTRY,
        fall_risk.ENTRY,
        pain.ENTRY,
        carer.ENTRY,
        forms.PRE_ASSESSMENT,
        forms.FOLLOW_UP,
        forms.AGGIR_SSIAD,
        forms.SITUATION_SSIAD,
        prisma7.ENTRY,
        totals.ZARIT,
        totals.MMSE,
        totals.MOCA,
        totals.MNA_SF,
        forms.ICOPE,
        forms.INTERRAI,
    )
}
# The two forms of the ANS keep its addresses.
_ANS = "https://interop.esante.gouv.fr/ig/fhir/tddui/Questionnaire/tddui-questionnaire-"
CANONICALS: dict[str, str] = {
    forms.AGGIR_SSIAD.name: f"{_ANS}aggir-pa-ssiad",
    forms.SITUATION_SSIAD.name: f"{_ANS}situation-ssiad",
}


def url_of(instrument: Instrument) -> str:
    return CANONICALS.get(instrument.name, instrument.url)


def shipped() -> list[Instrument]:
    """Those with a Questionnaire in `library/`."""
    return [entry for entry in INSTRUMENTS.values() if entry.tier != Tier.FORBIDDEN]


def withheld() -> dict[str, list[Instrument]]:
    """For the library page: scales of which only a total is kept, and those of which nothing is."""
    return {
        "entered": [entry for entry in INSTRUMENTS.values() if entry.tier == Tier.TOTAL],
        "absent": [entry for entry in INSTRUMENTS.values() if entry.tier == Tier.FORBIDDEN],
    }


def by_url(url: str) -> Instrument | None:
    address = url.partition("|")[0]
    return next((entry for entry in shipped() if url_of(entry) == address), None)


def find(name: str) -> Instrument:
    def plain(text: str) -> str:
        return "".join(character for character in text.casefold() if character not in " -_")

    for entry in INSTRUMENTS.values():
        if plain(entry.name) == plain(name):
            return entry
    known = ", ".join(entry.name for entry in INSTRUMENTS.values() if entry.score)
    raise Refused(f"instrument inconnu « {name[:60]} » ; connus : {known}", "unknown_instrument")


@cache
def _file(name: str) -> str:
    return (LIBRARY / f"{name}.json").read_text(encoding="utf-8")


def questionnaire(name: str) -> dict[str, Any]:
    """The FHIR Questionnaire shipped for an instrument; a fresh copy each time."""
    return json.loads(_file(name))


def profile_of(response: dict[str, Any], questionnaire: dict[str, Any]) -> Profile:
    """A QuestionnaireResponse as a profile: a coded answer is worth its `ordinalValue` if it has one, else its code.

    Items that hold no answer are absent; texts are kept; repeated answers become a list.
    """
    weights = _weights(questionnaire.get("item", []))
    found: dict[str, Any] = {}

    def read(items: list[dict[str, Any]]) -> None:
        for item in items:
            values = []
            for answer in item.get("answer", []):
                values.append(_value(item["linkId"], answer, weights))
                read(answer.get("item", []))
            if values:
                found[item["linkId"]] = values[0] if len(values) == 1 else values
            read(item.get("item", []))

    read(response.get("item", []))
    return found


ORDINAL = "http://hl7.org/fhir/StructureDefinition/ordinalValue"


def _weights(items: list[dict[str, Any]]) -> dict[tuple[str, str], float | int]:
    found: dict[tuple[str, str], float | int] = {}
    for item in items:
        for option in item.get("answerOption", []):
            coding = option.get("valueCoding", {})
            for extension in (*option.get("extension", ()), *coding.get("extension", ())):
                if extension.get("url") == ORDINAL:
                    found[item["linkId"], coding.get("code", "")] = extension["valueDecimal"]
        found |= _weights(item.get("item", []))
    return found


def _value(link: str, answer: dict[str, Any], weights: dict) -> Any:
    for key, value in answer.items():
        if key == "valueCoding":
            code = value.get("code", value.get("display", ""))
            return weights.get((link, code), code)
        if key == "valueQuantity":
            return value.get("value")
        if key.startswith("value"):
            return value
    return None


def score_response(instrument: Instrument, response: dict[str, Any], shape: dict[str, Any] | None = None):
    """The Result of an answered form, or BadProfile; texts and other items beside the scored ones do not disturb."""
    assert instrument.score is not None
    profile = profile_of(response, shape or questionnaire(instrument.name))
    scored = {variable for vector, _shown in instrument.golden for variable in vector}
    return instrument.score({name: value for name, value in profile.items() if name in scored})
