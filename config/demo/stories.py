"""Reads `data/stories.txt`: what people write, as threads of variants, and gives a variant its grammar."""

import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from random import Random

FILE = Path(__file__).parent / "data" / "stories.txt"
TYPES = {"T": "GEN", "S": "INTERV", "O": "OBS", "Q": "DEM-AVIS", "C": "INST"}
DEFAULT = {
    "doctor": "medical", "pharm": "medical", "coord": "social", "relative": "social", "psy": "psychological",
}  # fmt: skip
MASKED = 8 + 32 + 64  # JDV_J110 INVISIBLE_PATIENT: the person, carers, third parties
_CHOICE = re.compile(r"\[([^]]+)\]|\{(\d+)-(\d+)\}")


@dataclass
class Line:
    who: str
    type: str
    category: str
    urgency: int
    hidden: int
    photo: bool
    measures: list[str]
    texts: list[str]
    replies: list["Line"] = field(default_factory=list)


@dataclass
class Story:
    key: str
    problem: str = ""
    code: str = ""
    treatments: list[str] = field(default_factory=list)
    ages: tuple[int, int] = (65, 95)
    drifts: dict[str, float] = field(default_factory=dict)
    threads: list[Line] = field(default_factory=list)

    @property
    def cast(self) -> set[str]:
        return {line.who for thread in self.threads for line in (thread, *thread.replies)}


@cache
def read() -> dict[str, Story]:
    found: dict[str, Story] = {}
    story = Story("")
    for raw in FILE.read_text(encoding="utf-8").splitlines():
        if not raw.strip() or raw.startswith("#"):
            continue
        if raw.startswith("=="):
            parts = [p.strip() for p in raw[2:].split("|")]
            story = found[parts[0]] = Story(parts[0])
            if len(parts) > 1:
                low, high = parts[4].split("-")
                story.problem, story.code, story.ages = parts[1], parts[2], (int(low), int(high))
                story.treatments = [t.strip() for t in parts[3].split(" ; ")]
                for item in parts[5].split():
                    kind, _, drift = item.partition(":")
                    story.drifts[kind] = float(drift or 0)
            continue
        line = _line(raw.strip())
        if raw.startswith(" "):
            root = story.threads[-1]
            line.category, line.hidden = root.category, line.hidden | root.hidden
            root.replies.append(line)
        else:
            story.threads.append(line)
    return found


def _line(raw: str) -> Line:
    head, _, body = raw.partition(" | ")
    who, kind, *flags = head.split()
    options = dict(f.split("=") for f in flags if "=" in f)
    return Line(
        who=who, type=TYPES[kind], category=options.get("c", DEFAULT.get(who, "nursing")),
        urgency=2 if "!" in flags else 1 if "?" in flags else 0, hidden=MASKED if "~" in flags else 0, photo="photo" in flags,
        measures=options["m"].split(",") if "m" in options else [], texts=[typeset(t.strip()) for t in body.split("||")],
    )  # fmt: skip


def typeset(text: str) -> str:
    """No-break spaces where French wants them."""
    text = re.sub(r" ([:;!?%»])", "\u00a0\\1", text).replace("« ", "«\u00a0")
    return re.sub(r"(\d) (h|kg|mg|g|L|cm|mm|km|UI|µg|m)\b", "\\1\u00a0\\2", text)


def words(
    *, sex: str, family: str, near: tuple[str, str, str], doctor: str, nurse: str, hospital: str
) -> dict[str, str]:
    """`near`: relation (« fille »), given name and sex of the person close by."""
    she = sex == "F"
    relation, near_given, near_sex = near
    own = "sa" if near_sex == "F" and relation[0] not in "aeiouéè" else "son"
    return {
        "M": f"{'Mme' if she else 'M.'} {family}", "il": "elle" if she else "il", "Il": "Elle" if she else "Il", "e": "e" if she else "",
        "le": "la" if she else "le", "lui": "elle" if she else "lui", "son": "son", "proche": f"{own} {relation}",
        "Proche": f"{own.capitalize()} {relation}", "pr": near_given, "Parent": "Maman" if she else "Papa", "pe": "e" if near_sex == "F" else "",
        "med": doctor, "inf": nurse, "hop": hospital,
    }  # fmt: skip


def say(rng: Random, text: str, slots: dict[str, str]) -> str:
    if "[" in text or "{" in text:
        text = _CHOICE.sub(
            lambda m: rng.choice(m[1].split("/")) if m[1] else str(rng.randint(int(m[2]), int(m[3]))), text
        )
        text = text.format_map(slots)
    return text
