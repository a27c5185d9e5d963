"""cercle instruments score NAME --file CASES.json, on files as they come."""

import io
import json

import pytest
from django.core.management import CommandError, call_command

from cercle.care.questionnaires.instruments import aggir

GOOD = dict(zip(aggir.WEIGHING, "ABCBABBA", strict=True))


@pytest.fixture
def score(tmp_path):
    def run(content, name="aggir"):
        path = tmp_path / "cas.json"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        out = io.StringIO()
        problem = None
        try:
            call_command("instruments_score", name, file=str(path), stdout=out)
        except CommandError as error:
            problem = str(error)
        assert problem is None or "\n" not in problem
        return (json.loads(out.getvalue()) if out.getvalue() else None), problem

    return run


def test_cases_are_answered_in_order_with_gir_rank_and_group(score):
    trap = dict(zip(aggir.WEIGHING, "AAAAABCB", strict=True))
    found, problem = score(json.dumps([{"id": "x", "profil": GOOD}, {"id": 2, "profil": {**trap, "menage": "C"}}]))
    assert found == [{"id": "x", "gir": 3, "rang": 9, "groupe": "F"}, {"id": 2, "gir": 4, "rang": 10, "groupe": "G"}]
    assert problem is None


def test_bad_cases_are_said_and_the_others_scored(score):
    bad = [
        {"id": "a", "profil": {**GOOD, "toilette": "a"}},
        {"id": "b", "profil": {k: v for k, v in GOOD.items() if k != "coherence"}},
        {"id": "c", "profil": {**GOOD, "orientation": None}},
        {"id": "d", "profil": {**GOOD, "alimentation": 1}},
        {"id": "e", "profil": {**GOOD, "toillette": "A"}},
        {"id": "f", "profil": []},
        {"id": "g", "profil": None},
        {"id": "h"},
        {"profil": GOOD},
        {"id": None, "profil": GOOD},
        {"id": True, "profil": GOOD},
        {"id": ["i"], "profil": GOOD},
        None,
        3,
        "cas",
        [],
    ]
    found, problem = score(json.dumps([{"id": "first", "profil": GOOD}, *bad, {"id": "last", "profil": GOOD}]))
    assert found[0]["gir"] == found[-1]["gir"] == 3
    assert all(set(one) == {"id", "erreur"} and one["erreur"] for one in found[1:-1])
    assert [one["id"] for one in found[1:9]] == list("abcdefgh")
    assert "toilette" in found[1]["erreur"] and "coherence" in found[2]["erreur"]
    assert problem == "16 cas sur 18 sans score, voir « erreur »"


def test_a_key_written_twice_is_refused_wherever_it_is(score):
    told = json.dumps(GOOD)
    content = f"""[{{"id":1,"profil":{told[:-1]},"toilette":"A"}}}},{{"id":2,"id":3,"profil":{told}}},{{"id":4,"profil":{told}}}]"""
    found, _problem = score(content)
    assert "deux fois" in found[0]["erreur"] and "deux fois" in found[1]["erreur"] and found[2]["gir"] == 3


def test_an_empty_list_is_an_empty_answer(score):
    assert score("[]") == ([], None)


def test_a_byte_order_mark_is_no_obstacle(score):
    found, problem = score(b"\xef\xbb\xbf" + json.dumps([{"id": "x", "profil": GOOD}]).encode())
    assert found[0]["gir"] == 3 and problem is None


@pytest.mark.parametrize(
    "content",
    ["", "{", "{}", '"x"', "null", "3", b"\xff\xfe[\x00]\x00", b"[\xe9]", "[" * 100_000, "[" + "9" * 5000 + "]", '{"id": 1, "profil": {}}'],
)  # fmt: skip
def test_a_file_that_is_not_a_list_of_cases_is_refused_in_one_line(score, content):
    found, problem = score(content)
    assert found is None and problem


def test_numbers_json_does_not_know_and_lone_surrogates_are_survived(score):
    found, _problem = score(
        '[{"id": NaN, "profil": {}}, {"id": "\\ud800", "profil": {"toilette": NaN}}, {"id": 1, "profil": {"toilette": Infinity}}]'
    )
    assert found[0]["id"] is None and all("erreur" in one for one in found)


def test_an_unknown_instrument_one_without_score_and_a_missing_file_are_told_in_one_line(score, tmp_path):
    assert "inconnu" in score("[]", "barthel")[1]
    assert "pas de score" in score("[]", "pre-evaluation")[1]
    assert "pas de score" in score("[]", "icope")[1]
    for path in (tmp_path / "none.json", tmp_path):
        with pytest.raises(CommandError, match="illisible"):
            call_command("instruments_score", "aggir", file=str(path), stdout=io.StringIO())


def test_the_other_instruments_answer_in_the_same_shape(score):
    found, problem = score(
        json.dumps([{"id": "x", "profil": {"total": 45}}, {"id": "y", "profil": {"total": 89}}]), "ZARIT"
    )
    assert found[0] == {"id": "x", "score": 45, "sur": 88} and "erreur" in found[1] and problem


def test_the_list_names_every_instrument():
    out = io.StringIO()
    call_command("instruments_list", stdout=out)
    assert "aggir" in out.getvalue() and "interrai" in out.getvalue()


def test_adverbs_may_be_told_by_their_initials_and_parts_by_their_letter(score):
    told = {
        **GOOD,
        "toilette": {"haut": ["S", "T", "C", "H"], "bas": "C"},
        "orientation": {"dans_le_temps": ["S"], "dans_l_espace": []},
    }
    plain = {**GOOD, "toilette": "C", "orientation": "B"}
    found, problem = score(json.dumps([{"id": 1, "profil": told}, {"id": 2, "profil": plain}]))
    assert problem is None and found[0] == found[1] | {"id": 1, "a_confirmer": True}
    for wrong in ({"adverbes": ["X"]}, {"adverbes": ["s"]}, {"temps": [], "dans_le_temps": []}, []):
        found, problem = score(json.dumps([{"id": 1, "profil": {**GOOD, "transferts": wrong}}]))
        assert "transferts" in found[0]["erreur"] or "adverbe" in found[0]["erreur"]


def test_a_misspelt_variable_an_empty_file_and_a_repeated_id_are_said_clearly(score, capsys):
    found, _problem = score(json.dumps([{"id": 1, "profil": {**GOOD, "toillette": "A"}}]))
    assert found[0]["erreur"] == "variable inconnue : « toillette » ; voulez-vous dire toilette ?"
    assert "vide" in score(" \n")[1]
    found, problem = score(json.dumps([{"id": "x", "profil": GOOD}] * 2))
    assert problem is None and [one["gir"] for one in found] == [3, 3]
    assert "donnés à plusieurs cas" in capsys.readouterr().err


def test_a_hundred_thousand_cases_are_scored_in_order(score):
    cases = [{"id": n, "profil": GOOD if n % 1000 else {}} for n in range(100_000)]
    found, problem = score(json.dumps(cases))
    assert [one["id"] for one in found] == list(range(100_000)) and problem.startswith("100 cas sur 100000")
