"""The demonstration: deterministic, true to what the verbs keep, and never in a database that holds people."""

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import transaction
from django.utils import timezone

from cercle.base.common.errors import Refused
from cercle.care.notebook.models import Note
from cercle.care.notebook.vocabulary import NoteType
from cercle.people.accounts.models import User
from cercle.people.circles import rights
from cercle.people.circles.models import Circle, CircleCounter, Member
from cercle.people.directory import reference
from cercle.people.directory.keys import is_finess, is_rpps
from cercle.people.directory.models import CodeSet, Organization, Practitioner
from cercle.people.patients import ins
from cercle.people.patients.models import Identity
from config.demo import check, load, logins, stories
from config.demo.models import Mark, is_demo
from config.demo.territory import NOTES
from tests import factories as make

pytestmark = pytest.mark.django_db


@pytest.fixture
def tables(db, settings, tmp_path):
    """The communes, without the long tables that the load would bring."""
    settings.FILES_ROOT = tmp_path
    reference.load("communes")
    CodeSet.objects.create(name="TRE_G15")


@pytest.fixture
def territory(tables):
    load.load(patients=30, seed=3)


def told() -> list[tuple]:
    """Everything a reader could tell, without keys nor hours."""
    notes = Note.objects.filter(source="demo").order_by("circle_id", "seq")
    names = Identity.objects.filter(superseded_at=None).order_by("patient_id")
    columns = ("birth_family", "birth_given", "sex", "birth_date", "status", "ins_value")
    return [
        *sorted(names.values_list(*columns)),
        *sorted(notes.values_list("seq", "type", "urgency", "hidden", "text", "author_name", "category")),
    ]


def test_the_bulk_load_keeps_what_the_verbs_keep(territory):
    assert check.broken() == []
    assert check.missing_keys() == 0
    # Of these last months, up to today.
    last = Note.objects.order_by("-written_at").first().written_at
    first = Note.objects.order_by("written_at").first().written_at
    assert timezone.now() - last < timedelta(days=2)
    assert first > timezone.now() - timedelta(days=200)


def test_a_territory_has_what_it_promises(territory):
    assert CircleCounter.objects.filter(note_seq=NOTES).count() == 30
    assert Circle.objects.count() == 30 + 3 + 1
    assert all(is_rpps(n) for n in Practitioner.objects.exclude(rpps=None).values_list("rpps", flat=True))
    assert all(is_finess(n) for n in Organization.objects.exclude(finess=None).values_list("finess", flat=True))
    assert Practitioner.objects.count() == 40
    for value, oid in Identity.objects.exclude(ins_value="").values_list("ins_value", "ins_oid"):
        assert ins.parse(value).value == value
        assert oid == ins.NIR_TEST
    assert set(Identity.objects.values_list("status", flat=True)) == {"PROV", "RECUP", "VALI", "QUAL"}
    assert Note.objects.exclude(hidden=0).exists()
    assert not Member.objects.filter(practice_role__practitioner__given="Zoé").exists()
    # Nobody writes where her profession may not.
    matrix = rights.current()
    for note in Note.objects.filter(reply_to=None).exclude(author_role=None).select_related("author_role"):
        profile = matrix.profile_of(note.author_role.profession_system, note.author_role.profession)
        assert note.category in profile.writable, (note.author_label, note.category)


def test_the_same_seed_tells_the_same_territory(tables):
    now, seen = timezone.now(), []
    for seed in (5, 5, 6):
        with transaction.atomic():
            load.load(patients=12, seed=seed, now=now)
            seen.append(told())
            transaction.set_rollback(True)
    assert seen[0] == seen[1]
    assert seen[0] != seen[2]


def test_it_refuses_a_database_with_patients(territory):
    with pytest.raises(Refused, match="déjà des patients"):
        load.load(patients=1, seed=1)


def test_an_interrupted_load_leaves_nothing_and_starts_again(tables, monkeypatch):
    """A large one too, that writes while it invents."""
    monkeypatch.setattr(load, "BATCH", 10)
    monkeypatch.setattr(load, "LARGE", 20)

    def cut(done, _total):
        if done > 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load.load(patients=40, seed=3, progress=cut)
    assert not Circle.objects.exists() and not Practitioner.objects.exists() and not Mark.objects.exists()
    assert load.load(patients=40, seed=3)["patients_patient"] == 40
    assert check.broken() == []


def test_what_a_former_version_left_half_loaded_is_said(territory):
    Mark.objects.update(patients=1000)
    with pytest.raises(Refused, match="interrompu"):
        load.load(patients=1000, seed=3)


def test_a_database_with_patients_is_never_marked(db):
    make.circle(make.viewer(make.role()))
    with pytest.raises(Refused):
        call_command("demo", patients=1, stdout=StringIO())
    assert not Mark.objects.exists()


def test_accounts_are_listed_on_a_demonstration_only(territory):
    out = StringIO()
    call_command("demo_accounts", json=True, stdout=out)
    rows = json.loads(out.getvalue())
    assert {tuple(r) for r in rows} == {("login", "password", "totp_secret", "role", "structure")}
    by_login = {r["login"].partition("@")[0]: r for r in rows}
    assert by_login["maelle"]["totp_secret"] is None
    assert by_login["nolwenn"]["totp_secret"]
    assert {
        "erwan",
        "loic",
        "annesophie",
        "ines",
        "katell",
        "soazig",
        "yvonne",
        "brigitte",
        "operateur",
        "support",
        "zoe",
    } <= set(by_login)
    for row in rows:
        assert User.objects.get(email=row["login"]).check_password(row["password"])
    Mark.objects.all().delete()
    assert not is_demo()
    with pytest.raises(Refused, match="pas une démonstration"):
        logins.rows()


def test_every_sentence_finds_its_words():
    slots = stories.words(
        sex="F", family="Le Gall", near=("fille", "Annaïg", "F"), doctor="Dr Kervella", nurse="Maëlle", hospital="CH"
    )
    from random import Random

    for story in stories.read().values():
        for line in story.threads:
            for each in (line, *line.replies):
                assert each.type in NoteType.values
                for text in each.texts:
                    said = stories.say(Random(1), text, slots)
                    assert not set("{}[]|") & set(said), said
                    assert "'" not in said
                    assert said[-1] in ".?!»", said
