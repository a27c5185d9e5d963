"""How a stay is said."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from cercle.base.web import french
from cercle.care.stays import words
from cercle.care.stays.models import Movement, Stay

PARIS = ZoneInfo("Europe/Paris")
NB = "\u00a0"


def at(day, hour=0, minute=0, month=3, year=2026):
    return datetime(year, month, day, hour, minute, tzinfo=PARIS).astimezone(UTC)


@pytest.fixture(autouse=True)
def thursday(monkeypatch):
    monkeypatch.setattr(french, "now", lambda: datetime(2026, 3, 5, 10, 42, tzinfo=PARIS))


def stay(**more) -> Stay:
    return Stay(**{"label": "CH de Quimper", "started_at": at(3, 11, 26), "ward": "Cardiologie", "room": "214",
                   "expected_end": at(6, 14), "expected_has_time": True, **more})  # fmt: skip


def test_the_sentence_of_the_picture():
    said = words.sentence(stay(), "F")
    assert said.replace(NB, " ") == (
        "Hospitalisée au CH de Quimper depuis le 3 mars · cardiologie, chambre 214 · sortie annoncée demain vers 14 h"
    )
    said = words.sentence(stay(expected_end=at(7, 14)), "F")
    assert said.replace(NB, " ").endswith("sortie annoncée le 7 mars vers 14 h")


@pytest.mark.parametrize(
    ("sex", "word"),
    [("F", "Hospitalisée"), ("M", "Hospitalisé"), ("I", "En hospitalisation"), ("", "En hospitalisation")],
)
def test_the_word_agrees(sex, word):
    assert words.sentence(stay(), sex).startswith(f"{word} au CH de Quimper")


def test_who_may_not_know_the_ward_knows_of_the_stay():
    said = words.sentence(stay(), "M", detailed=False)
    assert "Hospitalisé au CH de Quimper" in said and "ardio" not in said and "214" not in said


@pytest.mark.parametrize(
    ("name", "at_", "of"),
    [
        ("CH de Quimper", "au CH de Quimper", "du CH de Quimper"),
        ("CHRU Brest", "au CHRU Brest", "du CHRU Brest"),
        (
            "CENTRE HOSPITALIER DE CORNOUAILLE",
            "au centre Hospitalier de Cornouaille",
            "du centre Hospitalier de Cornouaille",
        ),
        ("Hôpital Laennec", "à l’hôpital Laennec", "de l’hôpital Laennec"),
        ("HOPITAL DE LA CAVALE BLANCHE", "à l’hopital de la Cavale Blanche", "de l’hopital de la Cavale Blanche"),
        ("Hôpitaux de Saint-Maurice", "aux hôpitaux de Saint-Maurice", "des hôpitaux de Saint-Maurice"),
        ("Clinique de l’Océan", "à la clinique de l’Océan", "de la clinique de l’Océan"),
        ("EHPAD Ty Glas", "à l’EHPAD Ty Glas", "de l’EHPAD Ty Glas"),
        ("Polyclinique Quimper Sud", "à la polyclinique Quimper Sud", "de la polyclinique Quimper Sud"),
        ("Les Camélias", "dans l’établissement Les Camélias", "de l’établissement Les Camélias"),
        ("Chambéry Santé", "dans l’établissement Chambéry Santé", "de l’établissement Chambéry Santé"),
    ],
)
def test_places_have_their_preposition(name, at_, of):
    assert words.at_place(name) == at_ and words.of_place(name) == of


def test_names_in_capitals_are_softened_and_acronyms_kept():
    assert words.place_name("CHU DE RENNES - HÔPITAL SUD") == "CHU de Rennes - Hôpital Sud"
    assert words.place_name("EHPAD L'ÎLE-AUX-MOINES") == "EHPAD l'Île-aux-Moines"


def test_days_near_by_are_said_as_one_says_them():
    assert "depuis aujourd’hui" in words.headline(stay(started_at=at(5, 8)), "M")
    assert "depuis hier" in words.headline(stay(started_at=at(4)), "M")
    assert "depuis le 1er mars" in words.headline(stay(started_at=at(1)), "M").replace(NB, " ")
    assert "depuis le 30 décembre 2025" in words.headline(stay(started_at=at(30, month=12, year=2025)), "M").replace(
        NB, " "
    )


def test_an_announcement_that_is_past_is_not_a_fact():
    said = words.expected_words(stay(expected_end=at(4, 14)))
    assert said.replace(NB, " ") == "sortie annoncée hier vers 14 h, pas encore confirmée"


def test_other_kinds_of_stays():
    assert words.headline(stay(kind="home_hospital", label="HAD de l’Aven"), "F").startswith(
        "En hospitalisation à domicile par HAD"
    )
    assert words.headline(stay(kind="lodging", label="EHPAD Ty Glas"), "F").startswith(
        "En hébergement temporaire à l’EHPAD"
    )


@pytest.mark.parametrize(
    ("ward", "room", "said"),
    [("Cardiologie", "214", "cardiologie, chambre 214"), ("SSR Nord", "", "SSR Nord"), ("", "lit 3", "lit 3"), ("", "", ""),
     ("Urgences", "box 4", "urgences, box 4"), ("UHCD", "12", "UHCD, chambre 12")],
)  # fmt: skip
def test_ward_and_room(ward, room, said):
    assert words.ward_words(ward, room) == said


def test_every_movement_has_its_words():
    one = stay(entry_mode="emergency")

    def said(kind, detailed=True, **more):
        strong, rest = words.movement_words(
            Movement(stay=one, kind=kind, **{"ward": "Cardiologie", "at": at(3), **more}), detailed=detailed
        )
        return (strong + rest).replace(NB, " ")

    assert said("admission") == "Entrée au CH de Quimper, cardiologie, par les urgences"
    assert said("admission", detailed=False) == "Entrée au CH de Quimper, par les urgences"
    assert said("transfer", room="12") == "Changement de service : cardiologie, chambre 12"
    assert said("transfer", detailed=False) == "Changement de service"
    assert said("announce", expected_end=at(8), expected_has_time=False) == "Sortie annoncée le 8 mars"
    assert said("announce", expected_end=None) == "Sortie reportée, sans nouvelle date"
    assert said("discharge", end_kind="home") == "Sortie du CH de Quimper : retour à domicile"
    assert said("cancel") == "Annonce retirée : CH de Quimper"
    for kind in Movement.Kind.values:
        assert said(kind)
