"""The desk's verbs: rows, steps, answers owed, two closers, anonymity, rights."""

from datetime import date, timedelta
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from cercle.base.audit.models import AuditEvent
from cercle.base.common.errors import Refused
from cercle.care.agenda import actions as agenda
from cercle.care.coordination.models import CoordinationFile
from cercle.care.orientation import actions, letters, queries
from cercle.care.orientation.models import OrientationRequest, Step
from cercle.care.questionnaires import actions as questionnaires
from cercle.care.questionnaires import library
from cercle.care.questionnaires.models import Response
from cercle.people.circles.access import reach
from cercle.people.circles.models import Consent
from cercle.people.directory import actions as directory
from cercle.people.directory.models import Commune
from cercle.people.patients.models import Patient
from tests import factories as make
from tests.factories import coordination as made

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice():
    return made.coordinator(made.dac())


def asked(who, **more):
    given = {
        "channel": "phone", "asker_kind": "professional", "asker_name": "Dre Hélène Quéré", "reason": "home",
        "reason_text": "Deux chutes en trois semaines.",
    } | more  # fmt: skip
    return actions.receive_request(who.desk, **given)


def named(who, **more):
    return actions.name_person(
        who.desk, request=asked(who, **more), family="CORNEC", given="Jean-Yves", birth_date="1946-05-02", sex="M",
        informed_on=timezone.localdate(),
    )  # fmt: skip


def test_a_request_has_a_number_a_deadline_a_step_and_a_trace(alice):
    row = asked(alice)
    assert row.number.endswith("-0001") and row.due_at > row.received_at
    assert row.steps.get().author_name == alice.desk.actor_name
    assert AuditEvent.objects.filter(action="orientation.request_received", target_id=row.pk).exists()
    assert asked(alice).number.endswith("-0002")


def test_an_anonymous_request_leaves_no_patient_and_no_identity(alice):
    row = asked(alice)
    actions.close_advice(alice.desk, request=row, advice="Appeler le CCAS.")
    assert row.is_anonymous and not Patient.objects.exists()
    with pytest.raises(Refused):
        actions.accept(alice.desk, request=row, referent=alice.role)


def test_the_journal_of_a_named_request_says_no_name(alice):
    row = named(alice)
    actions.set_level(alice.desk, request=row, level=2)
    for event in AuditEvent.objects.filter(target_id=row.pk):
        assert "CORNEC" not in str(event.details).upper() + event.reason.upper()


def test_acceptance_makes_patient_circle_information_and_file_in_one_action(alice):
    row = named(alice)
    file = actions.accept(alice.desk, request=row, referent=alice.role)
    row.refresh_from_db()
    assert file.request_id == row.pk and row.patient_id == file.patient_id and row.state == "to_answer"
    assert Consent.objects.filter(circle_id=file.patient_id, flow="information").exists()
    actions.answer(alice.desk, request=row, how="phone", text="Un dossier est ouvert.")
    row.refresh_from_db()
    assert row.state == "closed" and row.closed_at and row.outcome == "file"


def test_nothing_is_kept_of_an_acceptance_that_fails(alice):
    row = named(alice)
    stranger = make.role(organization=make.organization("Autre"))
    with pytest.raises(Refused):
        actions.accept(alice.desk, request=row, referent=stranger)
    assert not Patient.objects.exists() and not CoordinationFile.objects.exists()


@pytest.mark.parametrize("end", ["close_advice", "refuse", "cancel"])
def test_no_request_ends_without_an_answer(alice, end):
    row = asked(alice)
    words = {"advice": "Conseil."} if end == "close_advice" else {"reason": "Hors territoire."}
    row = getattr(actions, end)(alice.desk, request=row, **words)
    assert row.state == "to_answer"
    with pytest.raises(IntegrityError), transaction.atomic():
        OrientationRequest.objects.filter(pk=row.pk).update(state="closed", closed_at=timezone.now())
    row = actions.cannot_answer(alice.desk, request=row, reason="Numéro jamais laissé.")
    assert row.state == "closed" and row.no_answer_reason


def test_an_answer_given_early_lets_the_decision_close(alice):
    row = actions.answer(alice.desk, request=asked(alice), how="phone", text="Nous appelons la famille.")
    assert row.state == "received" and row.first_contact_at
    assert actions.close_advice(alice.desk, request=row, advice="Fait.").state == "closed"


def test_of_two_who_close_the_second_is_told_and_nothing_is_lost(alice):
    row = actions.close_advice(alice.desk, request=asked(alice), advice="Conseil.")
    erwan = made.coordinator(alice.desk.organization, "Erwan", "Kerdreux")
    version = row.version
    actions.answer(alice.desk, request=row, how="phone", text="La première réponse.", version=version)
    with pytest.raises(actions.Overtaken) as told:
        actions.answer(erwan.desk, request=row, how="mail", text="La seconde.", version=version)
    assert alice.desk.actor_name in str(told.value.message)
    row.refresh_from_db()
    assert row.answer_text == "La première réponse."


def test_a_step_is_never_rewritten_and_always_has_an_author(alice):
    step = asked(alice).steps.get()
    with pytest.raises(IntegrityError), transaction.atomic():
        Step.objects.filter(pk=step.pk).update(text="autre")
    with pytest.raises(IntegrityError), transaction.atomic():
        Step.objects.create(request=step.request, kind="note", to_state="received", at=timezone.now(), author_name="")


def test_one_form_sent_twice_is_one_request(alice):
    ref = uuid4()
    assert asked(alice, client_ref=ref).pk == asked(alice, client_ref=ref).pk


def test_another_structure_cannot_touch_it(alice):
    row = asked(alice)
    zoe = made.coordinator(made.dac("DAC du Trégor"), "Zoé", "Guéguen")
    with pytest.raises(OrientationRequest.DoesNotExist):
        actions.take(zoe.desk, request=row)


@pytest.fixture
def erwan(alice):
    return made.coordinator(alice.desk.organization, "Erwan", "Kerdreux")


def away(who, *, cover=None, days=3):
    today = timezone.localdate()
    return agenda.be_away(
        who.desk, kind="leave", starts_on=today, ends_on=today + timedelta(days=days), cover=cover and cover.role
    )


def territory(who, team, code="29003"):
    Commune.objects.get_or_create(code=code, kind="COM", defaults={"name": "Audierne"})
    directory.give_territory(who.desk, team=team, communes=[code])


def test_a_request_goes_to_the_team_of_its_commune_and_to_the_least_loaded_of_it(alice, erwan):
    team = make.team(alice.desk.organization, alice.role, erwan.role)
    territory(alice, team)
    assert asked(alice, commune_code="29003").team_id == team.pk
    assert asked(alice, commune_code="29170").team_id is None
    first = actions.assign(alice.desk, request=asked(alice, commune_code="29003"))
    second = actions.assign(alice.desk, request=asked(alice, commune_code="29003"))
    assert {first.assigned_role_id, second.assigned_role_id} == {alice.role.pk, erwan.role.pk}


def test_whoever_is_away_is_given_nothing_and_her_cover_is_given_what_is_hers(alice, erwan):
    team = make.team(alice.desk.organization, alice.role, erwan.role)
    territory(alice, team)
    absence = away(erwan, cover=alice)
    assert actions.assign(alice.desk, request=asked(alice), role=erwan.role).assigned_role_id == alice.role.pk
    for _n in range(2):
        row = actions.assign(alice.desk, request=asked(alice, commune_code="29003"))
        assert row.assigned_role_id == alice.role.pk
    agenda.come_back(erwan.desk, absence=absence)
    assert actions.assign(alice.desk, request=asked(alice), role=erwan.role).assigned_role_id == erwan.role.pk


def test_when_a_whole_team_is_away_whoever_covers_it_is_asked(alice, erwan):
    team = make.team(alice.desk.organization, erwan.role)
    territory(alice, team)
    away(erwan, cover=alice)
    row = actions.assign(alice.desk, request=asked(alice, commune_code="29003"))
    assert row.assigned_role_id == alice.role.pk
    away(alice, cover=erwan)  # they cover each other: nobody is there
    with pytest.raises(Refused):
        actions.assign(alice.desk, request=asked(alice, commune_code="29003"))


def test_a_team_that_is_covered_leaves_its_requests_to_the_other(alice, erwan):
    north = make.team(alice.desk.organization, erwan.role, name="Nord")
    south = make.team(alice.desk.organization, alice.role, name="Sud")
    territory(alice, north)
    row = asked(alice, commune_code="29003")
    today = timezone.localdate()
    directory.cover_team(alice.desk, team=north, covered_by=south, from_on=today, until_on=today)
    assert asked(alice, commune_code="29003").team_id == south.pk
    assert actions.assign(alice.desk, request=row).assigned_role_id == alice.role.pk


def test_a_resource_is_asked_and_its_reply_recorded(alice):
    row = asked(alice)
    made_one = actions.solicit(alice.desk, request=row, what="Accueil de jour", resource_name="Les Bruyères")
    actions.record_reply(alice.desk, solicitation=made_one, state="accepted", answer="Dès lundi.")
    made_one.refresh_from_db()
    row.refresh_from_db()
    assert row.state == "orientation" and made_one.answered_at
    assert actions.close_oriented(alice.desk, request=row, text="Accueil de jour trouvé.").state == "to_answer"


def test_a_reopened_request_owes_an_answer_again(alice):
    row = actions.close_advice(alice.desk, request=asked(alice), advice="Conseil.")
    row = actions.answer(alice.desk, request=row, how="phone", text="Voilà.")
    row = actions.reopen(alice.desk, request=row, reason="Elle rappelle.")
    assert row.state == "pre_assessment" and row.answered_at is None and row.outcome == ""


def test_support_asked_from_a_circle_reaches_the_desk(alice):
    bruno = make.circle(make.viewer(make.role("Bruno", "Hascoët")))
    row = actions.ask_support(
        bruno, organization=alice.desk.organization, reason="carer", reason_text="Épouse épuisée.", urgency=1,
        informed_on=date(2026, 1, 5),
    )  # fmt: skip
    assert row.patient_id == bruno.circle_id and row.channel == "circle" and row.organization == alice.desk.organization


# --- Into a file: nothing typed twice; anonymity -------------------------------------------------------------------------


@pytest.mark.parametrize("finished", [True, False])
def test_the_pre_assessment_follows_the_request_into_the_circle(alice, finished):
    library.load(["pre-evaluation"])
    row = named(alice)
    response = questionnaires.start(alice.desk, slug="pre-evaluation", subject_ref=row.pk)
    response.data = response.data | {
        "item": [{"linkId": "chutes", "text": "Combien de chutes ?", "answer": [{"valueInteger": 2}]}]
    }
    if finished:
        response.status, response.finished_at, response.version = "completed", timezone.now(), 1
    response.save()
    file = actions.accept(alice.desk, request=row, referent=alice.role)
    response.refresh_from_db()
    assert response.circle_id == file.patient_id and file.entry_text == row.reason_text
    inside = reach(alice.viewer, file.patient_id)
    assert Response.objects.visible_to(inside).get() == response
    row.refresh_from_db()
    assert ("Chutes, 3 mois", "2") in queries.detail(alice.desk, row)["pairs"]
    moved = AuditEvent.objects.get(action="questionnaires.moved")
    assert moved.circle_id == file.patient_id


def test_once_in_the_circle_the_pre_assessment_is_read_by_its_members_only(alice):
    library.load(["pre-evaluation"])
    row = named(alice)
    questionnaires.start(alice.desk, slug="pre-evaluation", subject_ref=row.pk)
    erwan = made.coordinator(alice.desk.organization, "Erwan", "Kerdreux")
    assert queries.detail(erwan.desk, row)["response"]
    actions.accept(alice.desk, request=row, referent=alice.role)
    row.refresh_from_db()
    assert queries.detail(alice.desk, row)["response"] and not queries.detail(erwan.desk, row)["response"]


SECRETS = ("CORNEC", "JEAN-YVES", "1946")


def everything(row) -> str:
    """All that the desk keeps and sends about a request: trace, steps, the row itself, letters, notices, the figures' lists."""
    events = AuditEvent.objects.filter(target_id=row.pk)
    steps = [(s.text, s.data, s.author_name) for s in row.steps.all()]
    letters_typed = []
    render = letters.pdf.render
    try:
        letters.pdf.render = lambda template, data: letters_typed.append(data) or b""
        desk = made.coordinator(row.organization, "Gaëlle", "Morvan").desk
        for model in letters.MODELS:
            letters.render(row, desk, model)
    finally:
        letters.pdf.render = render
    fields = [str(v) for v in OrientationRequest.objects.filter(pk=row.pk).values_list()[0]]
    traced = [(e.details, e.reason, e.actor_name) for e in events]
    return " ".join(map(str, (traced, steps, letters_typed, fields))).upper()


def test_what_is_asked_anonymously_stays_so_everywhere(alice):
    row = asked(alice, commune_label="Audierne", person={"person_sex": "M"})
    row = actions.close_advice(alice.desk, request=row, advice="Appeler le CCAS.", how="phone")
    said = everything(row)
    assert not any(word in said for word in SECRETS) and "ANONYME" in said
    assert row.is_anonymous and not Patient.objects.exists() and row.title == "Demande anonyme"


@pytest.mark.parametrize(
    "half", [{"person_given": "Jean-Yves"}, {"person_birth_date": "1946-05-02"}, {"person_phone": "0298000000"}]
)
def test_half_an_identity_is_refused_rather_than_kept(alice, half):
    with pytest.raises(Refused):
        asked(alice, person=half)
    assert not OrientationRequest.objects.exists()


def test_becoming_named_says_who_was_told_and_when_and_the_trace_still_says_no_name(alice):
    row = asked(alice)
    row = actions.name_person(
        alice.desk,
        request=row,
        family="CORNEC",
        given="Jean-Yves",
        birth_date="1946-05-02",
        sex="M",
        informed_on=date(2026, 1, 5),
    )
    step = row.steps.get(kind="named")
    assert step.author_name == alice.desk.actor_name and step.data == {"informed_on": "2026-01-05"}
    assert timezone.localdate(row.person_informed_at) == date(2026, 1, 5)
    traced = [(e.details, e.reason) for e in AuditEvent.objects.filter(target_id=row.pk)]
    steps = [(s.text, s.data) for s in row.steps.all()]
    assert not any(word in str((traced, steps)).upper() for word in SECRETS)
    with pytest.raises(Refused):  # told in the future: not told
        actions.name_person(
            alice.desk, request=row, family="CORNEC", given="Jean-Yves", birth_date="1946-05-02", sex="M",
            informed_on=timezone.localdate() + timedelta(days=1),
        )  # fmt: skip
