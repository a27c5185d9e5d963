import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cercle.base.common import dates
from cercle.base.common.errors import Refused
from cercle.people.patients import ins

TEST_IDENTITIES = Path(ins.__file__).parent / "data/insi_test_identities.json"
CASES = json.loads((Path(__file__).parents[2] / "samples/ins/nir_cas.json").read_text())["cas"]


@pytest.mark.parametrize("case", CASES, ids=[f"{n}-{c['matricule'] or 'vide'}" for n, c in enumerate(CASES)])
def test_each_published_case_gets_its_verdict(case):
    assert ins.is_valid(case["matricule"]) is case["valide"], case["raison"]
    if case["valide"]:
        assert ins.parse(case["matricule"]).kind == case["type"]


def test_all_41_cases_are_here():
    assert len(CASES) == 41


bodies = st.builds(
    lambda sex, year, month, department, commune, order: f"{sex}{year:02}{month:02}{department}{commune:03}{order:03}",
    st.sampled_from("1278"),
    st.integers(0, 99),
    st.one_of(st.integers(1, 12), st.just(20), st.integers(30, 42), st.integers(50, 99)),
    st.sampled_from(["01", "29", "2A", "2B", "75", "97"]),
    st.integers(1, 909),
    st.integers(1, 999),
)


@given(bodies)
def test_a_number_with_its_key_is_accepted_and_the_key_is_unique(body):
    right = ins.key(body)
    assert 1 <= right <= 97
    assert ins.parse(f"{body}{right:02}").value == f"{body}{right:02}"
    assert [k for k in range(100) if ins.is_valid(f"{body}{k:02}")] == [right]


@given(bodies, st.integers(0, 12), st.integers(1, 9))
def test_one_wrong_digit_is_always_seen(body, place, shift):
    if not body[place].isdigit():
        return
    wrong = body[:place] + str((int(body[place]) + shift) % 10) + body[place + 1 :]
    assert not ins.is_valid(f"{wrong}{ins.key(body):02}")


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text):
    try:
        assert len(ins.parse(text).value) == 15
    except Refused as refusal:
        assert refusal.code.startswith("ins_")


def test_the_refusal_says_what_is_wrong():
    for typed, code in [
        ("", "ins_empty"),
        ("2530720073004", "ins_length"),
        ("253072C07300443", "ins_place"),
        ("380127505600179", "ins_sex"),
        ("180137505600101", "ins_month"),
        ("180127505600083", "ins_order"),
        ("295109912611199", "ins_key"),
    ]:
        with pytest.raises(Refused) as refusal:
            ins.parse(typed)
        assert refusal.value.code == code


def test_the_domain_must_fit_the_number():
    nir, nia = ins.parse("260058815400233"), ins.parse("780127505600173")
    assert ins.check_domain(nir, "") == ins.NIR
    assert ins.check_domain(nir, "urn:oid:" + ins.NIR_TEST) == ins.NIR_TEST
    assert ins.check_domain(nia, "") == ins.NIA
    for matricule, oid, code in [
        (nir, ins.NIA, "ins_oid"),
        (nia, ins.NIR, "ins_oid"),
        (nir, ins.NSS_NIR, "ins_is_nss"),
        (nir, "1.2.3", "ins_oid"),
    ]:
        with pytest.raises(Refused) as refusal:
            ins.check_domain(matricule, oid)
        assert refusal.value.code == code


def test_a_social_security_number_is_told_from_an_ins_whatever_the_version_of_fr_core():
    assert ins.meaning("urn:oid:" + ins.NIR, "INS-NIR") == "INS"
    assert ins.meaning(ins.NIR, "NH") == "NSS"  # FR Core up to 2.1
    assert ins.meaning(ins.NSS_NIR, "NH") == "NSS"
    assert ins.meaning(ins.INS_C) == "INSC"
    assert ins.meaning("1.2.3") == ""


@pytest.mark.parametrize(
    ("number", "sex", "born", "place", "fields"),
    [
        ("260058815400233", "F", "1960-05-30", "88154", []),
        ("260058815400233", "M", "1960-05-30", "88154", ["sex"]),
        ("260058815400233", "F", "1961-05-30", "88154", ["birth_date"]),
        ("260058815400233", "F", "1960-06", "88154", ["birth_date"]),
        ("260058815400233", "F", "1960", "", []),
        ("260058815400233", "F", "1960-05-30", "88155", ["birth_place"]),
        ("260058815400233", "I", "1960-05-30", "99999", []),
        ("180207505600116", "M", "1980-04-12", "75056", []),  # month 20 says nothing
        ("160122000400133", "M", "1960-12-01", "2A004", []),  # Ajaccio, before 1976
        ("274075176079430", "M", "2005-01-01", "63220", ["sex", "birth_date", "birth_place"]),
    ],
)
def test_discords_are_warnings_by_trait(number, sex, born, place, fields):
    found = ins.discords(ins.parse(number), sex=sex, birth=dates.parse(born), birth_place_code=place)
    assert [d.field for d in found] == fields


def test_the_official_test_identities_agree_with_their_number():
    identities = json.loads(TEST_IDENTITIES.read_text())["identites"]
    for person in identities:
        number = person.get("matricule_ins")
        if not number:
            continue
        assert ins.is_valid(number) is person["cle_valide"]
        if person["cle_valide"]:
            found = ins.discords(
                ins.parse(number),
                sex=person["sexe"],
                birth=dates.parse(person["date_naissance"]),
                birth_place_code=person["cog_naissance"] or "",
            )
            assert (not found) is person["matricule_coherent_avec_traits"]
