from uuid import uuid4

import pytest
from django.contrib.auth import get_user_model
from django.utils.translation import override

from cercle.base.audit.models import AuditEvent
from cercle.base.common.errors import Refused
from cercle.base.notifications.models import Notification
from cercle.people.circles.access import described
from cercle.people.directory import actions, nomenclature, tasks
from cercle.people.directory.gate import Reader
from cercle.people.directory.models import DirectoryReport, Organization, PracticeRole, Practitioner, Team
from tests import factories as make

pytestmark = pytest.mark.django_db


@pytest.fixture
def acting():
    return Reader(user_id=uuid4(), actor_name="Olga")


@pytest.fixture
def ssiad():
    return Organization.objects.create(name="SSIAD de Quimper", category="354")


@pytest.fixture
def nurse(ssiad):
    who = Practitioner.objects.create(family="Tanguy", given="Maëlle", civility="MME")
    return PracticeRole.objects.create(practitioner=who, organization=ssiad, profession="35")


def test_a_team_lives_and_ends_with_its_trace(acting, ssiad, nurse):
    team = actions.create_team(acting, organization=ssiad, name="  Équipe   Sud ")
    member = actions.add_member(acting, team=team, practice_role=nurse)
    assert team.name == "Équipe Sud" and nurse.short_label == "Aide-soignante" and ssiad.kind == "ssiad"
    for refused, code in (
        (lambda: actions.add_member(acting, team=team, practice_role=nurse), "already_member"),
        (lambda: actions.create_team(acting, organization=ssiad, name="Équipe Sud"), "team_name_taken"),
        (lambda: actions.create_team(acting, organization=ssiad, name=" "), "team_name"),
    ):
        with pytest.raises(Refused) as error:
            refused()
        assert error.value.code == code
    actions.end_member(acting, member=member)
    with pytest.raises(Refused):
        actions.end_member(acting, member=member)
    actions.add_member(acting, team=team, practice_role=nurse)
    actions.close_team(acting, team=team)
    assert not Team.objects.open().exists() and not nurse.team_memberships.filter(ended_at=None).exists()
    with pytest.raises(Refused):
        actions.add_member(acting, team=team, practice_role=nurse)
    assert list(AuditEvent.objects.order_by("id").values_list("action", flat=True)) == [
        "directory.team_created", "directory.team_member_added", "directory.team_member_ended",
        "directory.team_member_added", "directory.team_closed",
    ]  # fmt: skip


def test_strangers_to_the_structure_externals_and_ended_roles_stay_out(acting, ssiad, nurse):
    team = actions.create_team(acting, organization=ssiad, name="Nord")
    elsewhere = PracticeRole.objects.create(practitioner=nurse.practitioner, profession="35")
    outsider = Practitioner.objects.create(family="Flux", is_external=True, source="feed:chu")
    external = PracticeRole.objects.create(practitioner=outsider, organization=ssiad, profession="10")
    ended = PracticeRole.objects.create(
        practitioner=nurse.practitioner, organization=ssiad, profession="60", ended_at="2026-01-01T00:00Z"
    )
    for role in (elsewhere, external, ended):
        with pytest.raises(Refused):
            actions.add_member(acting, team=team, practice_role=role)
    assert not PracticeRole.objects.invitable().filter(pk=external.pk).exists()


def test_nothing_is_kept_when_the_trace_fails(acting, ssiad, monkeypatch):
    def fails(*args, **kwargs):
        raise RuntimeError

    monkeypatch.setattr(actions, "record", fails)
    with pytest.raises(RuntimeError):
        actions.create_team(acting, organization=ssiad, name="Est")
    assert not Team.objects.exists()


def test_an_error_reported_is_corrected_and_answered(acting, nurse):
    user = get_user_model().objects.create_user("ana@example.org", "une phrase assez longue")
    author = Reader(user_id=user.pk)
    report = actions.report_error(author, about=nurse, field="phone", text="Ne répond plus", proposed="0298 11 22 33")
    actions.answer_report(acting, report=report, status="corrected", answer="Merci", value="0298112233")
    nurse.refresh_from_db()
    assert nurse.phone == "0298112233" and report.status == "corrected"
    tasks.tell_who_reported(str(report.pk))
    tasks.tell_who_reported(str(report.pk))
    assert Notification.objects.get().user_id == author.user_id
    with pytest.raises(Refused):
        actions.answer_report(acting, report=report, status="refused", answer="Non")


def test_a_refusal_says_why_and_an_empty_report_is_none(acting, ssiad):
    with pytest.raises(Refused):
        actions.report_error(acting, about=ssiad, field="other", text=" ")
    report = actions.report_error(acting, about=ssiad, field="other", text="Fermé le mardi")
    with pytest.raises(Refused):
        actions.answer_report(acting, report=report, status="refused")
    assert DirectoryReport.objects.get().status == "open"


def test_what_the_source_owns_is_not_corrected_here(acting, nurse):
    with pytest.raises(Refused):
        actions.correct(acting, nurse, field="profession", value="10")
    with pytest.raises(Refused):
        actions.correct(acting, nurse.practitioner, field="family", value=" ")


def test_who_reads_english_reads_professions_in_english_and_what_is_kept_stays_french():
    nurse = make.role("Maëlle", "Tanguy", organization=make.organization())
    doctor = make.role("Alban", "Testun", profession="10", specialty="SM04")
    with override("en"):
        assert (nurse.short_label, doctor.short_label) == ("Nurse", "Cardiologist")
        assert described(nurse) == "Infirmière libérale · Cabinet de la Madeleine"
        assert ("TRE_G15:70", "Physiotherapist") in nomenclature.profession_choices()[0][1]
    assert (nurse.short_label, doctor.short_label) == ("Infirmière libérale", "Cardiologue")
    assert all(p.noun_en for p in nomenclature.professions().values())
