"""The page says what the door understands."""

import re
from pathlib import Path

from cercle.doors.hl7v2.messages import EVENTS


def test_the_page_names_every_event_that_is_understood_and_no_other():
    page = (Path(__file__).resolve().parents[3] / "docs" / "hl7v2.md").read_text()
    table = page.partition("## Events")[2].partition("Not supported")[0]
    said = set(
        re.findall(
            r"\b(?:A\d\d|Z99)\b", "".join(line.split("|")[1] for line in table.splitlines() if line.startswith("|"))
        )
    )
    assert said == {name.partition("^")[2] for name in EVENTS}


def test_every_event_is_in_the_french_table_or_said_to_be_international():
    french = {
        *(
            f"A{n:02}"
            for n in [
                *range(1, 8),
                *range(9, 17),
                21,
                22,
                *range(25, 29),
                31,
                32,
                33,
                38,
                40,
                44,
                47,
                49,
                52,
                53,
                54,
                55,
            ]
        ),
        "Z99",
    }
    assert {n.partition("^")[2] for n, e in EVENTS.items() if not e.international} <= french
