"""Scores: AGGIR against the law on all 6,561 profiles, each instrument against its golden vectors, and the shipped forms."""

import hashlib
import json
from collections import Counter
from itertools import product

import pytest
from hypothesis import given as supposing
from hypothesis import strategies as st

from cercle.base.common.errors import Refused
from cercle.care.questionnaires.instruments import aggir, epices, gds15, katz, lawton, mini_gds, prisma7
from cercle.care.questionnaires.instruments.base import BadProfile, Rights, Tier
from cercle.care.questionnaires.instruments.registry import (
    INSTRUMENTS,
    LIBRARY,
    by_url,
    find,
    profile_of,
    questionnaire,
    score_response,
    shipped,
    url_of,
)

ALL = ["".join(letters) for letters in product("ABC", repeat=8)]


def profile(letters: str) -> dict[str, str]:
    return dict(zip(aggir.WEIGHING, letters, strict=True))


# --- AGGIR, against facts computed elsewhere from the legal text -------------------------------------------------------


def test_every_profile_gives_the_gir_and_rank_of_the_legal_table():
    """The digest was computed from annexe 2-2 by another program, on « PROFILE;GIR;RANK » lines sorted by profile."""
    lines = [
        f"{letters};{found.gir};{found.rank}" for letters in sorted(ALL) if (found := aggir.score(profile(letters)))
    ]
    digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    assert digest == "cb8884f0a789ae4840103a08541876781988929305b6caf07c9c686ac929565d"


def test_counts_per_gir_and_rank_are_those_of_the_law():
    found = [aggir.of_letters(letters) for letters in ALL]
    assert Counter(one.gir for one in found) == {1: 8, 2: 3208, 3: 2400, 4: 760, 5: 157, 6: 28}
    ranks = Counter(one.rank for one in found)
    assert [ranks[n] for n in range(1, 14)] == [8, 131, 414, 1085, 4, 336, 1238, 1253, 1147, 490, 270, 157, 28]


def test_group_d_gives_nothing_for_an_indoor_walk_partly_done():
    """A public port counts 200 there, which changes 226 profiles; the law says 0."""
    found = aggir.score(profile("AAAAABCB"))
    assert (found.gir, found.rank, found.group) == (4, 10, "G")


def test_thirty_worsenings_lower_the_class_and_are_kept():
    odd = Counter()
    for letters in ALL:
        for place, letter in enumerate(letters):
            if letter != "C":
                worse = letters[:place] + chr(ord(letter) + 1) + letters[place + 1 :]
                if aggir.of_letters(worse).gir > aggir.of_letters(letters).gir:
                    odd[aggir.WEIGHING[place]] += 1
    assert odd == {"transferts": 16, "deplacement_interieur": 14}


@pytest.mark.parametrize(
    "letters, sums",
    [
        ("AAAAAAAA", [0, 0, 0, 0, 0, 0, 0, 0]),
        ("CCCCCCCC", [4440]),
        ("CCAAAAAA", [3200, 2700]),
        ("AACCCCCC", [1240, 960, 1700]),
        ("AACCAAAA", [80, 80, 80, 0, 800, 1000]),
        ("AABBAAAA", [32, 32, 32, 0, 200, 200, 400, 4000]),
        ("AAAAAAAB", [32, -40, 40, 0, 0, 0, 100, 1000]),
        ("BBBBBBBB", [220, 568, 312, 600, 500, 700, 1100]),
        ("AAAABBCA", [836, 816, 1040, 2400]),
        ("AAAAAACC", [1000, 720, 1400, 2200, 1000, 700, 600, 2000]),
        ("ABCBABBA", [192, 312, 276, 400, 700, 900]),
    ],
)
def test_the_sums_of_each_group_are_those_of_the_worked_profiles(letters, sums):
    assert [step.total for step in aggir.walk(letters)] == sums


# Written again, from the table as printed, in another form: one line per group and variable, « C/B ».
_TABLE = """
A 2000/0 1200/0 40/16 40/16 60/20 100/16 800/120 200/32 : 4380=1 4140=2 3390=3
B 1500/320 1200/120 40/16 40/16 60/0 100/16 800/120 -80/-40 : 2016=4
C 0/0 0/0 40/16 40/16 60/20 160/20 1000/200 400/40 : 1700=5 1432=6
D 0/0 0/0 0/0 0/0 2000/200 400/200 2000/200 200/0 : 2400=7
E 400/0 400/0 400/100 400/100 400/100 800/100 800/100 200/0 : 1200=8
F 200/100 200/100 500/100 500/100 500/100 500/100 500/100 200/0 : 800=9
G 150/0 150/0 300/200 300/200 500/200 500/200 400/200 200/100 : 650=10
H 0/0 0/0 3000/2000 3000/2000 3000/2000 3000/2000 1000/2000 1000/1000 : 4000=11 2000=12
"""


def _again(letters):
    for line in _TABLE.split("\n")[1:-1]:
        values, limits = line[2:].split(" : ")
        total = 0
        for letter, pair in zip(letters, values.split(), strict=True):
            total += {"C": int(pair.split("/")[0]), "B": int(pair.split("/")[1])}.get(letter, 0)
        for limit in limits.split():
            least, rank = map(int, limit.split("="))
            if total >= least:
                return rank, line[0]
    return 13, "H"


@supposing(
    st.text("ABC", min_size=8, max_size=8), st.dictionaries(st.sampled_from(aggir.ILLUSTRATIVE), st.sampled_from("ABC"))
)
def test_any_profile_agrees_with_a_second_reading_of_the_table_whatever_else_is_told(letters, others):
    rank, group = _again(letters)
    gir = 1 if rank == 1 else 2 if rank < 8 else 3 if rank < 10 else 4 if rank < 12 else rank - 7
    found = aggir.score({**profile(letters), "deplacement_exterieur": "C", "communication_distance": None, **others})
    assert found.as_json() == {"gir": gir, "rang": rank, "groupe": group}


@supposing(st.dictionaries(st.sampled_from(aggir.WEIGHING), st.sampled_from("ABC")))
def test_a_partial_grid_names_exactly_the_girs_it_may_still_lead_to(known):
    every = {
        aggir.of_letters(letters).gir
        for letters in ALL
        if all(profile(letters)[name] == letter for name, letter in known.items())
    }
    assert aggir.possible(known) == tuple(sorted(every))


@supposing(st.text("ABC", min_size=8, max_size=8))
def test_what_would_change_the_result_does_change_it(letters):
    now = aggir.of_letters(letters).gir
    changed = {(c.variable, c.letter): c for c in aggir.changes(letters)}
    for place, name in enumerate(aggir.WEIGHING):
        for letter in "ABC":
            gir = aggir.of_letters(letters[:place] + letter + letters[place + 1 :]).gir
            assert ((name, letter) in changed) == (gir != now)
            if gir != now:
                assert changed[name, letter].gir == gir
                assert changed[name, letter].odd == ((letter < letters[place]) != (gir > now))


# --- Adverbs (to be confirmed) ------------------------------------------------------------------------------------------


def test_no_difficulty_is_a_all_four_is_c_and_the_rest_is_b():
    assert aggir.of_adverbs([]) == "A"
    assert aggir.of_adverbs(aggir.ADVERBS) == "C"
    assert {aggir.of_adverbs(aggir.ADVERBS[:n]) for n in (1, 2, 3)} == {"B"}


@pytest.mark.parametrize(
    "variable, expected",
    [
        ("coherence", {"AA": "A", "AB": "B", "BB": "B", "AC": "C", "BC": "C", "CC": "C"}),
        ("orientation", {"AA": "A", "BA": "B", "CA": "C"}),
        ("toilette", {"AA": "A", "CC": "C", "AC": "B", "BC": "B", "BB": "B"}),
        ("habillage", {"AAA": "A", "CCC": "C", "CCB": "B", "AAC": "B"}),
        ("alimentation", {"AA": "A", "CC": "C", "BC": "C", "CB": "C", "AC": "B", "CA": "B", "AB": "B", "BB": "B"}),
        ("elimination", {"AA": "A", "AC": "C", "AB": "B"}),
    ],
)
def test_sub_variables_combine_into_the_letter(variable, expected):
    assert {letters: aggir.combine(variable, letters) for letters in expected} == expected


def test_a_grid_told_by_adverbs_has_its_gir_and_is_marked_to_be_confirmed():
    told = {
        **profile("ABCBABBA"),
        "toilette": {"haut": list(aggir.ADVERBS), "bas": list(aggir.ADVERBS)},
        "transferts": {"adverbes": ["correctement", "habituellement"]},
    }
    assert aggir.score(told).as_json() == {"gir": 3, "rang": 9, "groupe": "F", "a_confirmer": True}


@pytest.mark.parametrize(
    "told",
    [{}, [], {"haut": []}, {"haut": [], "bas": [], "pieds": []}, {"haut": "a", "bas": []}, {"haut": ["souvent"], "bas": []}, {"haut": [1], "bas": []}],
)  # fmt: skip
def test_adverbs_half_told_give_no_letter(told):
    with pytest.raises(BadProfile, match="toilette|adverbe"):
        aggir.score({**profile("AAAAAAAA"), "toilette": told})


# --- Refusals -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["a", "D", "", " A", "AB", 1, True, 0.5, ["A"], "Ａ"])
def test_a_letter_is_a_b_or_c_and_nothing_else(value):
    with pytest.raises(BadProfile, match="toilette"):
        aggir.score({**profile("AAAAAAAA"), "toilette": value})
    with pytest.raises(BadProfile, match="menage"):
        aggir.score({**profile("AAAAAAAA"), "menage": value})


@pytest.mark.parametrize("name", aggir.WEIGHING)
def test_each_weighing_answer_is_needed(name):
    told = profile("BBBBBBBB")
    for missing in ({k: v for k, v in told.items() if k != name}, {**told, name: None}):
        with pytest.raises(BadProfile, match=f"manquante : {name}"):
            aggir.score(missing)


@pytest.mark.parametrize("name", [entry.name for entry in INSTRUMENTS.values() if entry.score])
def test_a_misspelt_variable_a_missing_answer_and_a_wrong_type_give_no_score(name):
    entry = INSTRUMENTS[name]
    vector = dict(entry.golden[0][0])
    with pytest.raises(BadProfile):
        entry.score({})
    with pytest.raises(BadProfile):
        entry.score([vector])
    with pytest.raises(BadProfile, match="inconnue"):
        entry.score({**vector, "toillette": "A"})
    for variable in vector:
        for wrong in ("peut-être", -1, 1e9, float("nan"), [], {}, "1", "OUI"):
            if variable in {"siege"}:
                continue
            with pytest.raises(BadProfile):
                entry.score({**vector, variable: wrong})


def test_numbers_are_not_booleans():
    with pytest.raises(BadProfile):
        INSTRUMENTS["douleur"].score({"douleur": True})
    with pytest.raises(BadProfile):
        katz.score(dict.fromkeys(katz.ACTS, True))
    with pytest.raises(BadProfile):
        gds15.score(dict.fromkeys(gds15.SIGNS, 1))
    assert katz.score(dict.fromkeys(katz.ACTS, 1.0)).score == 6


# --- Golden vectors and properties of the others ------------------------------------------------------------------------


@pytest.mark.parametrize("name", [entry.name for entry in INSTRUMENTS.values() if entry.score])
def test_each_instrument_gives_its_golden_scores(name):
    entry = INSTRUMENTS[name]
    assert len(entry.golden) >= 3
    for vector, expected in entry.golden:
        found = entry.score(vector).as_json()
        assert {key: found[key] for key in expected} == expected


@supposing(st.lists(st.booleans(), min_size=11, max_size=11))
def test_epices_is_the_published_sum_in_hundredths(answers):
    cents = 7514 + sum(
        weight
        for weight, answer in zip(
            [1006, -1183, -828, -828, 1480, -651, -710, -710, -947, -947, -710], answers, strict=True
        )
        if answer
    )
    assert epices.score(dict(zip(epices.WEIGHTS, answers, strict=True))).score == cents / 100


@supposing(st.lists(st.booleans(), min_size=15, max_size=15))
def test_gds_counts_the_depressive_answers(answers):
    reverse = {0, 4, 6, 10, 12}
    expected = sum(answer != (n in reverse) for n, answer in enumerate(answers))
    assert gds15.score({f"q{n}": answer for n, answer in enumerate(answers, 1)}).score == expected


@supposing(st.lists(st.sampled_from([0, 0.5, 1]), min_size=6, max_size=6))
def test_katz_adds_its_six_acts(values):
    assert katz.score(dict(zip(katz.ACTS, values, strict=True))).score == sum(values)


def test_lawton_leaves_out_what_was_never_done_only_where_that_may_be():
    with pytest.raises(BadProfile):
        lawton.score({**dict.fromkeys(lawton.ACTIVITIES, 1), "budget": "jamais"})


def test_the_happy_answer_of_the_mini_gds_scores_on_no():
    assert mini_gds.score({"decourage": False, "vie_vide": False, "heureux": False, "desespere": False}).score == 1


def test_prisma_counts_yes_on_item_6_as_its_authors_do_and_shows_no_question():
    assert prisma7.score({**dict.fromkeys(prisma7.ITEMS, False), "q6": True}).score == 1
    assert prisma7.ENTRY.tier == Tier.TOTAL
    with pytest.raises(BadProfile):
        prisma7.score({"total": 3, "q1": True})


# --- The registry and the forms shipped ---------------------------------------------------------------------------------


def test_every_entry_says_what_vouches_for_it():
    for entry in INSTRUMENTS.values():
        for said in (entry.title, entry.purpose, entry.licence, entry.source, entry.missing):
            assert str(said)
        assert entry.version or entry.tier == Tier.FORBIDDEN
        assert entry.approved_by == ""  # a region approves; nobody has yet


def test_protected_scales_ship_a_total_and_no_question():
    for entry in INSTRUMENTS.values():
        if entry.rights != Rights.PROTECTED:
            continue
        assert entry.tier in {Tier.TOTAL, Tier.FORBIDDEN}
        path = LIBRARY / f"{entry.name}.json"
        if entry.tier == Tier.FORBIDDEN:
            assert not path.exists() and entry.score is None
        else:
            assert [item["linkId"] for item in questionnaire(entry.name)["item"]] == ["total", "date", "cotateur"]
            for value in (-1, entry.highest + 1, 1.5, "10"):
                with pytest.raises(BadProfile):
                    entry.score({"total": value})
            assert entry.score({"total": entry.highest}).band == ""


def test_the_library_holds_one_questionnaire_per_entry_and_no_other():
    assert {path.stem for path in LIBRARY.glob("*.json")} == {entry.name for entry in shipped()}
    for entry in shipped():
        shape = questionnaire(entry.name)
        assert shape["resourceType"] == "Questionnaire" and shape["url"] == url_of(entry)
        assert by_url(shape["url"]) is entry and by_url(f"{shape['url']}|{shape['version']}") is entry


def _items(items):
    for item in items:
        yield item
        yield from _items(item.get("item", []))


@pytest.mark.parametrize("name", [entry.name for entry in shipped()])
def test_link_ids_are_unique_and_each_scored_variable_has_its_item(name):
    entry, links = INSTRUMENTS[name], [item["linkId"] for item in _items(questionnaire(name)["item"])]
    assert len(links) == len(set(links))
    variables = {variable for vector, _expected in entry.golden for variable in vector}
    if entry.tier == Tier.OPEN:
        assert variables <= set(links)


@pytest.mark.parametrize("name", [entry.name for entry in shipped()])
def test_our_forms_are_typeset_in_french(name):
    if name in {"aggir-pa-ssiad", "situation-ssiad"}:
        return  # as published
    text = json.dumps(questionnaire(name), ensure_ascii=False)
    assert "'" not in text
    for mark in "?!;":
        assert f" {mark}" not in text


def test_an_answered_form_gives_its_score():
    answers = {"hygiene": "1", "habillage": "0.5", "toilettes": "1", "transferts": "1", "continence": "0", "repas": "1"}
    response = {
        "resourceType": "QuestionnaireResponse",
        "item": [
            {"linkId": k, "answer": [{"valueCoding": {"system": "urn:cercle:codes:katz", "code": v}}]}
            for k, v in answers.items()
        ],
    }
    assert score_response(INSTRUMENTS["katz"], response).score == 4.5
    lawton_answers = dict.fromkeys(lawton.ACTIVITIES, "1") | {"menage": "4", "repas": "jamais", "courses": "2"}
    response = {"item": [{"linkId": k, "answer": [{"valueCoding": {"code": v}}]} for k, v in lawton_answers.items()]}
    found = score_response(INSTRUMENTS["lawton"], response)
    assert (found.score, found.highest) == (6, 7)


def test_an_answered_grid_gives_its_gir_its_remarks_and_adverbs_aside():
    told = [
        item
        for name, letter in profile("ABCBABBA").items()
        for item in (
            {"linkId": name, "answer": [{"valueCoding": {"code": letter}}]},
            {"linkId": f"{name}.note", "answer": [{"valueString": "se trompe d’heure le soir"}]},
            {"linkId": f"{name}.adverbes", "answer": [{"valueCoding": {"code": "totalement"}}, {"valueCoding": {"code": "correctement"}}]},
        )
    ]  # fmt: skip
    response = {"item": [{"linkId": "discriminantes", "item": told}]}
    assert score_response(INSTRUMENTS["aggir"], response).as_json() == {"gir": 3, "rang": 9, "groupe": "F"}
    assert profile_of(response, questionnaire("aggir"))["toilette.adverbes"] == ["totalement", "correctement"]


def test_a_name_is_found_whatever_its_case_and_hyphens_and_an_unknown_one_is_refused():
    assert find("AGGIR") is aggir.ENTRY
    assert find("GDS15") is gds15.ENTRY and find("mini gds").name == "mini-gds" and find("prisma_7").name == "prisma-7"
    with pytest.raises(Refused, match="inconnu"):
        find("barthel")


@pytest.mark.django_db
@pytest.mark.parametrize("name", [entry.name for entry in shipped()])
def test_our_own_reader_of_forms_finds_no_fault_and_applies_every_part(name):
    from cercle.care.questionnaires import shape

    assert shape.faults(questionnaire(name)) == []
    assert shape.unsupported(questionnaire(name)) == []


def answered(items: dict) -> dict:
    return {"resourceType": "QuestionnaireResponse", "item": [{"linkId": k, "answer": [v]} for k, v in items.items()]}


def letters(told: dict[str, str]) -> dict:
    return answered({name: {"valueCoding": {"code": letter}} for name, letter in told.items()})


@pytest.fixture
def scored(db):
    from cercle.care.questionnaires import forms
    from cercle.care.questionnaires.instruments import hooks

    hooks.register()
    return lambda name, response: forms.score(questionnaire(name), response)


def test_a_form_that_is_answered_carries_its_score_and_the_words_beside_it(scored):
    found = scored("aggir", letters(profile("ABCBABBA")))
    assert (found["value"], found["gir"], found["rang"], found["groupe"]) == (3, 3, 9, "F")
    assert "médico-sociale" in found["warning"]
    assert scored("douleur", answered({"douleur": {"valueInteger": 7}}))["value"] == 7
    assert scored("epices", answered(dict.fromkeys(epices.WEIGHTS, {"valueBoolean": False})))["value"] == 75.14
    assert scored("aggir-pa-ssiad", answered({"resultat-eval": {"valueCoding": {"code": "MED-342"}}}))["value"] == 4


def test_a_form_half_answered_says_what_is_missing_and_has_no_value(scored):
    found = scored("katz", answered({"hygiene": {"valueCoding": {"code": "1"}}}))
    assert found["missing"] == "Il manque 5 réponses." and "value" not in found
    all_but_one = {
        link: {"valueCoding": {"code": "1"}}
        for link in ("hygiene", "habillage", "toilettes", "transferts", "continence")
    }
    assert scored("katz", answered(all_but_one))["missing"] == "Il manque une réponse : « Manger »"


def test_a_grid_whose_missing_answers_cannot_matter_already_has_its_gir(scored):
    certain = dict.fromkeys(aggir.WEIGHING[:6], "C") | {"transferts": "A"}
    assert scored("aggir", letters(certain))["value"] == 2
    assert "missing" in scored("aggir", letters({"coherence": "A"}))
