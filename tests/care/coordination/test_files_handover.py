"""A whole caseload passed on: co-referents, departures, people told one way or the other, what else was held, its return."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from cercle.base.audit.models import AuditEvent
from cercle.base.common.errors import Refused
from cercle.base.notifications.models import Notification
from cercle.base.notifications.renderers import render
from cercle.base.web.templatetags import web
from cercle.care.agenda import actions as agenda
from cercle.care.coordination import own_tasks, tasks
from cercle.care.coordination import queries_files as queries
from cercle.care.coordination.actions import files, handover
from cercle.care.coordination.models import CoReferent, HandoverLine
from cercle.people.circles import actions as circles
from cercle.people.circles.access import reach
from cercle.people.circles.models import Member
from cercle.people.directory.models import PracticeRole
from tests import factories as make
from tests.factories import coordination as made

pytestmark = pytest.mark.django_db


@pytest.fixture
def dac():
    return made.dac()


@pytest.fixture
def alice(dac):
    return made.coordinator(dac)


@pytest.fixture
def erwan(dac):
    return made.coordinator(dac, "Erwan", "Kerdreux")


@pytest.fixture
def lena(dac):
    return made.coordinator(dac, "Lenaïg", "Cosquer")


@pytest.fixture
def file(alice):
    return made.followed(alice)


@pytest.fixture
def beside(alice, lena):
    """A file of Lenaïg's where Alice is co-referent."""
    row = made.followed(lena, birth_family="Riou")
    files.add_co_referent(lena.desk, file=row, practice_role=alice.role)
    return row


def week():
    return timezone.localdate() + timedelta(days=7)


def who_is_beside(file):
    return set(
        CoReferent.objects.filter(file=file, ended_at=None).values_list("practice_role__practitioner__given", flat=True)
    )


def test_co_referents_files_are_of_the_caseload_and_come_back(alice, erwan, file, beside):
    row = handover.hand_over(alice.desk, from_role=alice.role, to_role=erwan.role, until=week())
    assert {x.file_id: x.as_co_referent for x in row.lines.all()} == {file.pk: False, beside.pk: True}
    assert who_is_beside(beside) == {"Nolwenn", "Erwan"}
    assert handover.end_handover(row, by=alice.desk) == 2
    assert who_is_beside(beside) == {"Nolwenn"}
    assert reach(erwan.viewer, beside.patient_id) is None
    assert {x.ended_as for x in row.lines.all()} == {"back"}


def test_when_the_replacement_is_the_referent_already_nothing_moves(alice, lena, file, beside):
    row = handover.hand_over(alice.desk, from_role=alice.role, to_role=lena.role, until=week())
    assert [x.file_id for x in row.lines.all()] == [file.pk]
    assert who_is_beside(beside) == {"Nolwenn"}


def test_a_departure_ends_every_place_and_every_part(alice, erwan, lena, file, beside):
    """Living files, files where she stood beside, closed ones, and circles joined without a file."""
    closed = made.followed(alice, birth_family="Cariou")
    files.close_file(alice.desk, file=closed, exit_reason="goals")
    joined = make.circle(make.viewer(make.role("Bruno", "Hascoët")), birth_family="Pennec")
    make.join(joined, alice.role)
    row = handover.hand_over(erwan.desk, from_role=alice.role, to_role=erwan.role)
    assert row.circles_left == 2
    assert not Member.objects.filter(practice_role=alice.role, ended_at=None).exists()
    assert who_is_beside(beside) == {"Erwan"}
    for one in (file, beside):
        assert reach(erwan.viewer, one.patient_id) is not None
    kinds = list(beside.events.order_by("id").values_list("kind", flat=True))
    assert kinds[-2:] == ["co_referent", "co_referent_ended"]


def test_nobody_is_left_alone_by_a_departure(alice, erwan, file):
    """The only professional of a circle stays in it until somebody else is there."""
    alone = make.circle(alice.viewer, birth_family="Salaün")
    row = handover.hand_over(alice.desk, from_role=alice.role, to_role=erwan.role)
    assert reach(alice.viewer, alone.circle_id) is not None and row.circles_left == 0


def test_files_of_somebody_who_has_already_left_find_another_referent(client, settings, alice, erwan, file):
    settings.MFA_REQUIRED = False
    PracticeRole.objects.filter(pk=alice.role.pk).update(ended_at=timezone.now())
    make.sign_in(client, erwan.user)
    url = reverse("coordination:hand_over")
    assert f'value="{alice.role.pk}"' in client.get(url).content.decode()
    client.post(url, {"from_role": alice.role.pk, "to_role": erwan.role.pk, "kind": "departure"})
    file.refresh_from_db()
    assert file.referent == erwan.role


def test_a_closed_file_of_somebody_who_left_reopens_with_another_referent(client, settings, alice, erwan, file):
    settings.MFA_REQUIRED = False
    files.close_file(alice.desk, file=file, exit_reason="goals")
    PracticeRole.objects.filter(pk=alice.role.pk).update(ended_at=timezone.now())
    make.sign_in(client, erwan.user)
    url = reverse("coordination:change", args=[file.pk, "rouvrir"])
    answer = client.post(url, {"reason": "clos trop tôt", "new_episode": "0", "referent": erwan.role.pk})
    assert answer.status_code == 302
    file.refresh_from_db()
    assert (file.state, file.referent) == ("open", erwan.role)


def test_files_go_only_to_who_may_open_them(alice, dac, file):
    clerk = make.role("Anne", "Clech", system="JDV_J48", profession="999", organization=dac, mode="S")
    for verb in (
        lambda: handover.hand_over(alice.desk, from_role=alice.role, to_role=clerk),
        lambda: files.change_referent(alice.desk, file=file, referent=clerk),
    ):
        with pytest.raises(Refused) as refusal:
            verb()
        assert refusal.value.code == "referent"


# --- Its end -------------------------------------------------------------------------------------------------------------


def test_the_referent_comes_back_even_if_her_place_in_the_circle_had_ended(alice, erwan, file):
    row = handover.hand_over(alice.desk, from_role=alice.role, to_role=erwan.role, until=week())
    circles.end_member(reach(erwan.viewer, file.patient_id), member=Member.objects.get(practice_role=alice.role))
    handover.end_handover(row)
    assert reach(alice.viewer, file.patient_id) is not None


def test_who_leaves_for_good_during_her_leave_does_not_take_the_files_back(alice, erwan, file):
    row = handover.hand_over(alice.desk, from_role=alice.role, to_role=erwan.role, until=week())
    PracticeRole.objects.filter(pk=alice.role.pk).update(ended_at=timezone.now())
    assert handover.end_handover(row) == 0
    file.refresh_from_db()
    assert file.referent == erwan.role and row.lines.get().ended_as == "stayed"
    assert Member.objects.get(circle_id=file.patient_id, practice_role=erwan.role, ended_at=None).until is None


def test_a_third_persons_place_ends_too_when_the_first_comes_back(alice, erwan, lena, file):
    first = handover.hand_over(alice.desk, from_role=alice.role, to_role=erwan.role, until=week())
    handover.hand_over(erwan.desk, from_role=erwan.role, to_role=lena.role, until=week() + timedelta(days=7))
    handover.end_handover(first)
    assert reach(lena.viewer, file.patient_id) is None and reach(erwan.viewer, file.patient_id) is None


def test_a_replacement_who_keeps_a_file_keeps_her_place(alice, erwan, file):
    """« Confier le dossier » to the one who replaces: it does not go back, and her place has no end any more."""
    row = handover.hand_over(alice.desk, from_role=alice.role, to_role=erwan.role, until=week())
    files.change_referent(erwan.desk, file=file, referent=erwan.role)
    assert handover.end_handover(row) == 0
    file.refresh_from_db()
    assert file.referent == erwan.role and row.lines.get().ended_as == "given"
    assert Member.objects.get(circle_id=file.patient_id, practice_role=erwan.role, ended_at=None).until is None


def test_a_leave_that_lasts_longer(alice, erwan, file):
    row = handover.hand_over(alice.desk, from_role=alice.role, to_role=erwan.role, until=week())
    later = week() + timedelta(days=30)
    handover.prolong(alice.desk, handover=row, until=later)
    place = Member.objects.get(circle_id=file.patient_id, practice_role=erwan.role)
    assert timezone.localdate(place.until) == later + timedelta(days=1)
    with pytest.raises(Refused):
        handover.prolong(alice.desk, handover=row, until=timezone.localdate() - timedelta(days=1))


def test_one_handover_that_cannot_end_does_not_hold_the_others_up(alice, erwan, lena, file, monkeypatch):
    second = made.followed(lena, birth_family="Riou")
    rows = [
        handover.hand_over(who.desk, from_role=who.role, to_role=erwan.role, until=timezone.localdate())
        for who in (alice, lena)
    ]
    for row in rows:
        type(row).objects.filter(pk=row.pk).update(until=timezone.localdate() - timedelta(days=1))
    true = handover.end_handover

    def broken(row, **more):
        if row.pk == rows[0].pk:
            raise Refused("impossible", "broken")
        return true(row, **more)

    monkeypatch.setattr(handover, "end_handover", broken)
    tasks.end_handovers()
    second.refresh_from_db()
    assert second.referent == lena.role


# --- The person is told ----------------------------------------------------------------------------------------------------


def settle():
    """The jobs that the facts queued."""
    for line in HandoverLine.objects.all():
        tasks.tell_referent(str(line.file_id), "", str(line.handover_id))


def test_who_has_an_account_is_told_there_and_the_others_are_listed_with_their_letter(
    client, settings, alice, erwan, file
):
    settings.MFA_REQUIRED = False
    letter = made.followed(alice, birth_family="Riou")
    david = make.user(kind="patient")
    circles.add_member(reach(alice.viewer, file.patient_id), kind="patient", user=david, ground="own_file")
    row = handover.hand_over(alice.desk, from_role=alice.role, to_role=erwan.role, until=week())
    settle()
    assert Notification.objects.filter(user=david, kind="referent_changed").count() == 1
    assert not Notification.objects.filter(user=erwan.user, target_id=file.pk).exists(), (
        "one notice for all, not one a file"
    )
    line = row.lines.get(file=file)
    assert (line.informed_how, line.informed_on) == ("cercle", timezone.localdate())
    assert [x.file_id for x in queries.handover_lines(erwan.desk, row).to_tell] == [letter.pk]

    make.sign_in(client, erwan.user)
    assert "1 personne à prévenir" in client.get(reverse("coordination:tasks")).content.decode()
    page = client.get(reverse("coordination:handover", args=[row.pk])).content.decode()
    assert "1 lettre" in page and "prévenue dans Cercle" in page
    got = client.get(reverse("coordination:handover_letters", args=[row.pk]))
    assert got.content.startswith(b"%PDF-") and got["Cache-Control"] == "no-store"
    told = row.lines.get(file=letter)
    answer = client.post(
        reverse("coordination:informed", args=[row.pk]),
        {"lines": [told.pk], "how": "letter", "on": timezone.localdate().isoformat()},
    )
    assert answer.status_code == 302
    told.refresh_from_db()
    assert (told.informed_how, told.informed_by) == ("letter", "Erwan Kerdreux")
    assert AuditEvent.objects.filter(action="coordination.person_informed", circle_id=letter.patient_id).exists()
    assert client.get(reverse("coordination:handover_letters", args=[row.pk])).status_code == 404, (
        "nobody is left to tell"
    )


def test_the_two_colleagues_are_told_once_for_all_without_a_name(alice, erwan, file):
    made.followed(alice, birth_family="Riou")
    row = handover.hand_over(alice.desk, from_role=alice.role, to_role=erwan.role, until=week())
    tasks.tell_handover(str(row.pk), "given", str(alice.user.pk))
    handover.end_handover(row)
    tasks.tell_handover(str(row.pk), "back")
    mine = list(Notification.objects.filter(user=erwan.user, target_id=row.pk).order_by("created_at"))
    lines = [line.text for _n, line in render(erwan.user, mine)]
    assert lines[0].startswith("Nolwenn Le Bris vous confie 2 dossiers, jusqu’au ") and "rendu ses dossiers" in lines[1]
    assert not render(make.user(kind="relative"), mine), "nobody else reads them"
    assert [n.once for n in Notification.objects.filter(user=alice.user, target_id=row.pk)] == ["back"]


def test_another_structure_reaches_neither_the_page_nor_the_letters(client, settings, alice, erwan, file):
    settings.MFA_REQUIRED = False
    row = handover.hand_over(alice.desk, from_role=alice.role, to_role=erwan.role, until=week())
    yann = made.coordinator(made.dac("DAC du Léon"), "Yann", "Morvan")
    make.sign_in(client, yann.user)
    for name in ("handover", "handover_letters", "prolong", "informed"):
        url = reverse(f"coordination:{name}", args=[row.pk])
        assert client.get(url).status_code in (404, 405) and client.post(url, {"until": "2099-01-01"}).status_code in (
            404,
            405,
        )


# --- What else was held, and what it costs -----------------------------------------------------------------------------------


def test_visits_already_placed_are_listed_and_tasks_follow(client, settings, rf, alice, erwan, file):
    settings.MFA_REQUIRED = False
    file.review_on = timezone.localdate()
    file.save(update_fields=["review_on"])
    at = timezone.now() + timedelta(days=2)
    agenda.place(reach(alice.viewer, file.patient_id), kind="visit", starts_at=at, minutes=60, title="Première visite")
    row = handover.hand_over(alice.desk, from_role=alice.role, to_role=erwan.role, until=week())
    make.sign_in(client, erwan.user)
    assert "Première visite" in client.get(reverse("coordination:handover", args=[row.pk])).content.decode()
    assert "Situations à revoir" in client.get(reverse("coordination:tasks")).content.decode()
    client.logout()
    make.sign_in(client, alice.user)
    assert "Situations à revoir" not in client.get(reverse("coordination:tasks")).content.decode()


def test_a_handovers_page_costs_the_same_whatever_the_number_of_files(client, settings, alice, erwan, file):
    settings.MFA_REQUIRED = False
    circles.oppose(reach(alice.viewer, file.patient_id), practitioner=erwan.role.practitioner)
    make.sign_in(client, alice.user)
    counts = []
    for n in (2, 5):
        for k in range(n):
            made.followed(alice, birth_family=f"Riou{'abcdefgh'[k]}{'xy'[n == 5]}")
        row = handover.hand_over(alice.desk, from_role=alice.role, to_role=erwan.role, until=week())
        url = reverse("coordination:handover", args=[row.pk])
        client.get(url)
        with CaptureQueriesContext(connection) as asked:
            client.get(url)
        counts.append(len(asked))
        handover.end_handover(row)
    assert counts[0] == counts[1] <= 20


def test_my_tasks_cost_the_same_whatever_their_number(client, settings, alice):
    settings.MFA_REQUIRED = False
    make.sign_in(client, alice.user)
    counts = []
    for n in range(3):
        row = made.followed(alice, birth_family=f"Riou{'abc'[n]}")
        row.review_on = timezone.localdate()
        row.save(update_fields=["review_on"])
        client.get(reverse("coordination:tasks"))
        web._frames.clear()  # the frame is kept for a minute: it counts each time
        with CaptureQueriesContext(connection) as asked:
            client.get(reverse("coordination:tasks"))
        counts.append(len(asked))
    assert counts[1] == counts[2] <= 24


def test_every_group_of_tasks_is_silent_for_who_holds_no_file(rf):
    request = rf.get("/")
    request.user = make.user(kind="relative")
    for find in (
        own_tasks.late_actions,
        own_tasks.my_actions,
        own_tasks.reviews,
        own_tasks.deaths,
        own_tasks.to_tell,
        own_tasks.silent,
    ):
        assert find(request) == []
