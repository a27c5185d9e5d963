"""What the AGGIR screen shows, from answers to words. No GIR is computed here but by the instrument."""

from datetime import date

import pytest

from cercle.care.questionnaires import aggir_screen as screen
from cercle.care.questionnaires.instruments import aggir
from cercle.care.questionnaires.instruments.registry import questionnaire

TODAY = date(2026, 3, 5)


def letters(told: str) -> dict[str, str]:
    return dict(zip(aggir.DISCRIMINATING, told, strict=False))


def field(link: str, *codes: str) -> dict[str, list[str]]:
    return {f"q-{link}": [f"{screen.SYSTEM}|{code}" for code in codes]}


def test_the_result_says_why_group_by_group_as_the_law_counts():
    found = screen.result(letters("ABCBABBACB"), None, TODAY)
    assert [(step.group.letter, step.total, step.threshold) for step in found["steps"]] == [
        ("A", 192, 3390), ("B", 312, 2016), ("C", 276, 1432), ("D", 400, 2400), ("E", 700, 1200), ("F", 900, 800),
    ]  # fmt: skip
    assert found["ends"] == {"lead": "Premier seuil atteint :", "words": "groupe F, rang 9, donc GIR 3"}
    assert found["points"] == "toilette 500, puis orientation, habillage, élimination et transferts, 100 chacun"
    assert found["gir"] == 3 and (found["answered"], found["of"]) == (10, 10)


def test_what_would_change_it_names_the_nearest_answers_up_and_down():
    found = screen.result(letters("ABCBABBACB"), None, TODAY)["changes"]
    assert [(c["up"], c["words"], c["gir"]) for c in found] == [
        (True, "Toilette, fait en partie (B)", 4),
        (False, "Alimentation, ne fait plus (C)", 2),
    ]


def test_a_change_that_goes_against_sense_says_that_it_is_the_law():
    found = screen.result(letters("AAAAAABA"), None, TODAY)["changes"]
    odd = [c for c in found if c["odd"]]
    assert [(c["words"], c["gir"]) for c in odd] == [("Transferts, ne fait plus (C)", 6)]


def test_no_threshold_reached_is_said_as_such():
    found = screen.result(letters("AAAAAAAAAA"), None, TODAY)
    assert found["ends"]["words"] == "rang 13, donc GIR 6" and "Aucun seuil" in found["ends"]["lead"]
    assert found["points"] == ""


def test_answers_that_are_left_change_nothing_and_it_is_said():
    told = letters("ABCBABB")
    found = screen.result(told, None, TODAY)
    assert found["gir"] == (aggir.possible(told)[0] if len(aggir.possible(told)) == 1 else None)
    certain = screen.result(letters("CCCCCCAA"), None, TODAY)
    assert certain["left_words"] == "Les 2 réponses qui restent n’y changeront rien." and certain["gir"] == 2


def test_answers_that_are_left_may_still_decide_and_it_is_said():
    found = screen.result(letters("AAAAAA"), None, TODAY)
    assert found["gir"] is None and found["left_words"] == "GIR 5 ou 6, selon les réponses qui restent."
    assert screen.result({}, None, TODAY)["left_words"] == "Répondez pour voir l’estimation."


def test_the_former_grid_stands_beside_each_answer():
    before = screen.Before(date(2025, 12, 4), letters("AABBAAAABA"))
    rows = screen.rows(letters("ABCBABBACB"), before, TODAY)
    assert [row["was"] for row in rows] == list("AABBAAAABA")
    assert [row["trend"] for row in rows] == ["", "worse", "worse", "", "", "worse", "worse", "", "worse", "worse"]
    assert screen.result(letters("ABCBABBACB"), before, TODAY)["before"] == {
        "gir": 4,
        "words": "4 en décembre",
        "trend": "down",
    }
    assert before.short(TODAY) == "déc."
    assert screen.Before(date(2024, 12, 4), {}).month(TODAY) == "décembre 2024"


def test_ticked_adverbs_decide_the_letter_with_or_without_the_page_s_script():
    typed = field("toilette", "A") | field("toilette.haut", "totalement") | field("transferts", "B")
    found = screen.answers_of(typed)
    assert found["toilette"] == "B" and found["toilette.haut"] == ["totalement"] and found["transferts"] == "B"
    assert screen.settled(typed)["q-toilette"] == [f"{screen.SYSTEM}|B"]
    rows = {row["name"]: row for row in screen.rows(found, None, TODAY)}
    assert [part["letter"] for part in rows["toilette"]["parts"]] == ["B", "A"]
    assert [part["letter"] for part in rows["transferts"]["parts"]] == [""]


def test_the_page_is_given_the_same_combinations_as_the_server_uses():
    import json

    for row in screen.rows({}, None, TODAY):
        for told, letter in json.loads(row["table"]).items():
            assert letter == (aggir.combine(row["name"], told) if len(told) > 1 else told)


@pytest.mark.parametrize(
    "value", ["A", "urn:autre|A", f"{screen.SYSTEM}|D", f"{screen.SYSTEM}|", "", f"{screen.SYSTEM}|a"]
)
def test_a_value_that_is_not_the_grid_s_is_no_answer(value):
    assert screen.answers_of({"q-toilette": [value], "q-toilette.haut": [value]}) == {}


def test_a_note_is_kept_short_and_on_one_line():
    found = screen.answers_of({"q-toilette.note": ["  ne fait\n pas " + "x" * 500]})
    assert found["toilette.note"].startswith("ne fait pas x") and len(found["toilette.note"]) == 200


def _items(items):
    for item in items:
        yield item
        yield from _items(item.get("item", []))


def test_every_field_of_the_screen_is_an_item_of_the_questionnaire():
    links = {item["linkId"]: item for item in _items(questionnaire("aggir")["item"])}
    for row in screen.rows({}, None, TODAY):
        assert {row["name"], f"{row['name']}.note", *(part["name"] for part in row["parts"])} <= set(links)
        assert links[row["name"]]["text"] == row["label"]
    assert {one["name"] for one in screen.illustrative({})} <= set(links)
