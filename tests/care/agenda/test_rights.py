"""Who reads what: the person's name only inside the circle, private time never, refusals above all."""

import re
from datetime import UTC

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from cercle.care.agenda import actions, queries
from cercle.care.agenda.models import Absence, Appointment, Calendar, Feed
from cercle.people.accounts.models import User
from cercle.people.circles import actions as circles
from tests import factories as make

from .conftest import at

pytestmark = pytest.mark.django_db


def seen_by(viewer, *acting):
    calendars = list(Calendar.objects.filter(practice_role_id__in=[a.practice_role_id for a in acting]))
    own = [c.pk for c in queries.mine(viewer)]
    return queries.between(viewer, at(0, 0), at(7, 0), calendars=calendars, own=own)


@pytest.fixture
def visit(alice):
    return actions.place(alice, kind="visit", starts_at=at(1, 10), minutes=60, title="Bilan", note="mot gardé")


def test_a_colleague_outside_the_circle_sees_a_block_of_time(alice, thomas, visit):
    (one,) = seen_by(thomas, alice)
    assert one.busy and one.title == "Occupé" and not one.detail and not one.who


def test_private_time_says_personal_and_no_more(alice, thomas):
    actions.place(alice.viewer, kind="private", title="Dentiste", starts_at=at(1, 10), minutes=60)
    (hers,) = seen_by(alice.viewer, alice)
    (his,) = seen_by(thomas, alice)
    assert hers.title == "Dentiste" and his.title == "Personnel" and his.busy and his.css == "private"


def test_a_meeting_is_read_by_colleagues_a_call_is_not(alice, thomas):
    actions.place(alice.viewer, kind="meeting", title="Réunion d’équipe", starts_at=at(1, 9), minutes=60)
    actions.place(alice.viewer, kind="call", title="Famille Mahé", starts_at=at(1, 11), minutes=15)
    meeting, call = seen_by(thomas, alice)
    assert meeting.title == "Réunion d’équipe" and not meeting.may_move and call.busy


def test_opposition_wins_over_being_invited(alice, bruno):
    actions.place(
        alice,
        kind="visit",
        starts_at=at(1, 10),
        minutes=60,
        roles=[alice.practice_role, bruno.practice_role],
        title="Bilan",
    )
    circles.oppose(alice, practitioner=bruno.practice_role.practitioner)
    (one,) = seen_by(bruno.viewer, bruno)
    assert one.busy and one.title == "Occupé"


@pytest.mark.parametrize("name", ["show", "change", "move", "cancel", "done"])
def test_an_appointment_is_404_to_outsiders_before_any_form(client, alice, thomas, zoe, visit, name):
    address = reverse(f"agenda:{name}", args=[visit.pk])
    for person in (thomas.user, zoe.user, make.user(kind="relative"), make.user(kind="support")):
        client.force_login(person)
        for answer in (client.get(address), client.post(address, data=b"\xff", content_type="multipart/form-data")):
            assert answer.status_code in (404, 405), (name, answer.status_code)
    client.force_login(zoe.user)
    assert client.post(address, {"on": "2030-01-01"}).status_code in (404, 405)


def test_screens_answer_and_say_the_name_to_the_circle_only(client, alice, thomas, visit):
    item = actions.keep_to_place(alice, kind="call", minutes=20)
    client.force_login(alice.user)
    name = alice.patient.identity.full_name
    day = at(1, 0).date().isoformat()
    for view in ("semaine", "jour", "mois", "liste", "n’importe"):
        page = client.get("/agenda/", {"vue": view, "date": day})
        assert page.status_code == 200 and name in page.content.decode(), view
    assert client.get("/agenda/", {"date": "hier"}).status_code == 200
    for path in (
        reverse("agenda:show", args=[visit.pk]), reverse("agenda:change", args=[visit.pk]), reverse("agenda:move", args=[visit.pk]),
        reverse("agenda:cancel", args=[visit.pk]), reverse("agenda:new"), reverse("agenda:new_for", args=[alice.circle_id]),
        reverse("agenda:keep_to_place"), reverse("agenda:place_item", args=[item.pk]), reverse("agenda:absences"),
        reverse("agenda:feeds"), reverse("record:tab", args=[alice.circle_id, "agenda"]),
    ):  # fmt: skip
        for headers in ({}, {"HX-Request": "true"}):
            assert client.get(path, headers=headers).status_code == 200, path
    client.force_login(thomas.user)
    client.post(reverse("agenda:choose"), {"agenda": ["moi", f"p{alice.practice_role_id}"]})
    page = client.get("/agenda/", {"date": day}).content.decode()
    assert name not in page and "Occupé" in page and "mot gardé" not in page


def test_placing_moving_and_cancelling_by_the_screens(client, alice, visit):
    client.force_login(alice.user)
    new = {
        "circle": alice.circle_id,
        "kind": "visit",
        "on": at(2, 0).date(),
        "at": "14:00",
        "minutes": 60,
        "title": "Suivi",
    }
    assert client.post(reverse("agenda:new"), new).status_code == 302
    assert client.post(reverse("agenda:new"), new | {"at": "14:30"}).status_code == 422
    assert client.post(reverse("agenda:new"), new | {"at": "14:30", "anyway": "1"}).status_code == 302
    repeated = new | {"repeat": "FREQ=WEEKLY", "at": "17:00"}
    assert client.post(reverse("agenda:new"), repeated).status_code == 422
    assert client.post(reverse("agenda:new"), repeated | {"until": at(40, 0).date()}).status_code == 302
    drawn = {"on": at(3, 0).date(), "at": "08:30", "minutes": 45}
    answer = client.post(reverse("agenda:move", args=[visit.pk]), drawn, headers={"X-Requested-With": "fetch"})
    visit.refresh_from_db()
    assert answer.status_code == 204 and visit.starts_at == at(3, 8, 30) and visit.minutes == 45
    assert client.post(reverse("agenda:cancel", args=[visit.pk]), {"reason": "Absente"}).status_code == 302
    assert client.get(reverse("agenda:show", args=[visit.pk])).status_code == 404


def test_a_feed_never_carries_a_name_and_dies_with_its_revocation(client, alice, visit):
    actions.place(alice.viewer, kind="call", title="Famille Mahé", starts_at=at(2, 9), minutes=15, note="secret")
    repeated = actions.place(
        alice, kind="visit", starts_at=at(3, 9), minutes=30, rrule="FREQ=WEEKLY;COUNT=4", title="Toilette"
    )
    actions.cancel(alice, appointment=repeated, occurrence_at=at(10, 9))
    actions.move(alice, appointment=repeated, occurrence_at=at(17, 9), starts_at=at(17, 11))
    client.force_login(alice.user)
    page = client.post(reverse("agenda:feeds"), {"label": "Téléphone"}).content.decode()
    address = re.search(r"/agenda/flux/[\w-]+\.ics", page).group()
    assert address.split("/")[-1][:-4] not in str(Feed.objects.values())  # only its hash is kept
    client.logout()
    answer = client.get(address)
    text = answer.content.decode()
    assert answer.status_code == 200 and text.count("BEGIN:VEVENT") == 4
    assert "RRULE" in text and "EXDATE" in text and "RECURRENCE-ID" in text and "TZID=Europe/Paris" in text
    traits = alice.patient.identity
    for word in (traits.family, traits.given, "Bilan", "Mahé", "secret", "Toilette", "mot gardé", "Alice", "Morvan"):
        assert word.lower() not in text.lower(), word
    client.force_login(alice.user)
    client.post(reverse("agenda:close_feed", args=[Feed.objects.get().pk]))
    client.logout()
    assert client.get(address).status_code == 404
    assert client.get("/agenda/flux/inventé.ics").status_code == 404


def test_a_feed_holds_the_team_s_hours_and_not_what_one_has_left(client, alice, thomas, dac):
    team = make.team(dac, alice.practice_role, thomas.practice_role, name="Quimper")
    actions.place(
        alice.viewer,
        kind="meeting",
        title="Réunion Quimper",
        starts_at=at(0, 9),
        minutes=60,
        teams=[team],
        place="chez Mme Mahé",
    )
    both = [alice.practice_role, thomas.practice_role]
    row = actions.place(
        alice.viewer,
        kind="other",
        title="Relecture",
        starts_at=at(1, 9),
        minutes=60,
        rrule="FREQ=DAILY;COUNT=3",
        roles=both,
    )
    actions.change(alice.viewer, appointment=row, occurrence_at=at(2, 9), scope="one", leave=[thomas.practice_role])
    _feed, token = actions.open_feed(thomas)
    text = client.get(reverse("agenda:feed", args=[token])).content.decode()
    assert (
        text.count("BEGIN:VEVENT") == 2
        and text.count("EXDATE") == 1
        and f"EXDATE;TZID=Europe/Paris:{at(2, 9):%Y%m%dT%H%M%S}" in text
    )
    assert not any(word in text for word in ("Quimper", "Mahé", "Relecture", "Alice", "Thomas"))


def test_a_feed_closes_with_the_post_or_the_account_of_its_person(client, alice):
    feed, token = actions.open_feed(alice.viewer)
    address = reverse("agenda:feed", args=[token])
    assert client.get(address).status_code == 200
    User.objects.filter(pk=alice.user_id).update(is_active=False, deactivated_at=timezone.now())
    assert client.get(address).status_code == 404
    User.objects.filter(pk=alice.user_id).update(is_active=True, deactivated_at=None)
    assert client.get(address).status_code == 200
    alice.practice_role.ended_at = timezone.now()
    alice.practice_role.save()
    assert client.get(address).status_code == 404


def test_the_desk_notes_a_colleague_s_absence_and_nobody_reads_why(client, alice, thomas, zoe):
    client.force_login(thomas.user)
    day = at(0, 0).date()
    noted = {
        "who": str(alice.practice_role_id),
        "kind": "sick",
        "starts_on": day,
        "ends_on": day,
        "cover": str(thomas.practice_role_id),
    }
    assert client.post(reverse("agenda:absences"), noted).status_code == 302
    assert client.post(reverse("agenda:absences"), noted).status_code == 422
    page = client.get(reverse("agenda:absences")).content.decode()
    assert (
        "Alice Morvan" in page and "Thomas Bozec répond" in page and page.count("Arrêt") == 1
    )  # the choice of the form
    row = Absence.objects.get()
    assert row.practice_role == alice.practice_role and row.author_user == thomas.user
    client.force_login(zoe.user)
    assert client.post(reverse("agenda:absences"), noted).status_code == 422  # her form has no colleague
    assert client.post(reverse("agenda:come_back", args=[row.pk])).status_code == 404
    client.force_login(thomas.user)
    assert client.post(reverse("agenda:come_back", args=[row.pk])).status_code == 302
    assert queries.absent([alice.practice_role_id], day) == {}


def test_a_change_says_this_time_or_all_and_a_conflict_is_confirmed(client, alice, thomas):
    row = actions.place(
        alice, kind="visit", starts_at=at(0, 9), minutes=30, rrule="FREQ=DAILY;COUNT=5", title="Insuline"
    )
    actions.place(thomas, kind="call", title="CH", starts_at=at(1, 9), minutes=30)
    client.force_login(alice.user)
    address = reverse("agenda:change", args=[row.pk]) + f"?fois={at(1, 9).astimezone(UTC):%Y%m%dT%H%MZ}"
    page = client.get(address).content.decode()
    assert "Cette fois seulement" in page and "Thomas Bozec" in page
    asked = {"kind": "visit", "title": "Insuline", "scope": "one", "who": [str(thomas.practice_role_id)]}
    refused = client.post(address, asked)
    assert (
        refused.status_code == 422
        and "Déjà pris" in refused.content.decode()
        and "Enregistrer quand même" in refused.content.decode()
    )
    assert client.post(address, asked | {"anyway": "1"}).status_code == 302
    apart = Appointment.objects.get(series=row)
    assert apart.starts_at == at(1, 9) and "Thomas Bozec" in queries.participants([apart.pk])[apart.pk]
    assert "Thomas Bozec, de 9\u00a0h" in client.get(reverse("agenda:show", args=[apart.pk])).content.decode()


def test_a_person_s_page_shows_her_days_weeks_and_months(client, alice, bruno):
    actions.place(
        alice,
        kind="visit",
        starts_at=at(1, 10),
        minutes=45,
        title="Bilan",
        roles=[alice.practice_role, bruno.practice_role],
    )
    actions.place(alice, kind="visit", starts_at=at(120, 10), minutes=45, title="Plus tard")
    client.force_login(bruno.user)
    tab = reverse("record:tab", args=[alice.circle_id, "agenda"])
    for view in ("jour", "semaine", "mois"):
        page = client.get(tab, {"vue": view, "date": at(1, 0).date().isoformat()}).content.decode()
        assert "Bilan" in page and "Alice Morvan" in page, view
    page = client.get(tab).content.decode()
    assert "Bilan" in page and "Plus tard" not in page and "?apres=6" in page
    assert "Plus tard" in client.get(tab, {"apres": "6"}).content.decode()
    for strange in ({"apres": "²"}, {"avant": "9" * 40}, {"vue": "x", "date": "x"}):
        assert client.get(tab, strange).status_code == 200


def test_a_relative_reads_the_week_and_opens_an_appointment_without_an_agenda_of_her_own(client, alice):
    person = make.user(kind="relative")
    make.join(alice, contact=make.contact(alice.patient), person=person, ground="wish")
    row = actions.place(alice, kind="visit", starts_at=at(1, 10), minutes=45, title="Bilan")
    client.force_login(person)
    tab = reverse("record:tab", args=[alice.circle_id, "agenda"])
    page = client.get(tab, {"vue": "semaine", "date": at(1, 0).date().isoformat()})
    assert page.status_code == 200 and "Bilan" in page.content.decode() and "data-move" not in page.content.decode()
    assert client.get(reverse("agenda:show", args=[row.pk])).status_code == 200
    assert client.post(reverse("agenda:cancel", args=[row.pk])).status_code == 403
    assert client.get(reverse("agenda:mine")).status_code == 404


def test_somebody_else_s_feed_absence_and_list_are_404(client, alice, zoe):
    feed, _token = actions.open_feed(alice.viewer)
    item = actions.keep_to_place(alice, kind="call")
    away = actions.be_away(alice.viewer, kind="leave", starts_on=at(0, 0).date(), ends_on=at(0, 0).date())
    client.force_login(zoe.user)
    for name, pk in (("close_feed", feed.pk), ("drop_item", item.pk), ("place_item", item.pk), ("come_back", away.pk)):
        assert client.post(reverse(f"agenda:{name}", args=[pk])).status_code == 404, name


def test_a_week_costs_the_same_whatever_is_in_it(client, alice, bruno):
    client.force_login(alice.user)

    def cost():
        with CaptureQueriesContext(
            connection,
        ) as seen:
            assert client.get("/agenda/", {"date": at(1, 0).date().isoformat()}).status_code == 200
        return len(seen)

    actions.place(alice, kind="visit", starts_at=at(0, 9), minutes=30, rrule="FREQ=DAILY;COUNT=3")
    actions.place(alice, kind="visit", starts_at=at(1, 14), minutes=30, commune_code="29232")
    cost()
    few = cost()
    for n in range(4):
        other = make.circle(alice.viewer, birth_family=f"Mahé{'abcd'[n]}")
        actions.place(other, kind="visit", starts_at=at(n, 11), minutes=30, rrule="FREQ=DAILY;COUNT=5", anyway=True)
        actions.place(other, kind="visit", starts_at=at(n, 16), minutes=30, anyway=True, commune_code="29232")
    assert cost() == few and few < 40
