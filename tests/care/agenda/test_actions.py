from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import transaction
from django.utils import timezone

from cercle.base.audit.models import AuditEvent
from cercle.base.common.errors import Refused
from cercle.base.notifications.models import Notification
from cercle.care.agenda import actions, outcomes, queries, recurrence, screen, tasks
from cercle.care.agenda.models import Appointment, Change, Entry
from cercle.people.circles import actions as circles
from cercle.people.circles.access import make_viewer, reach
from cercle.people.directory.models import Commune
from cercle.people.patients.actions.around import change_coordinates
from tests import factories as make

from .conftest import PARIS, at
from .test_recurrence import last_sunday

pytestmark = pytest.mark.django_db


def week(viewer):
    mine = queries.mine(viewer)
    return queries.between(viewer, at(0, 0), at(7, 0), calendars=mine, own=[c.pk for c in mine])


def series(acting, rule="FREQ=DAILY;COUNT=5", **more):
    return actions.place(acting, kind="visit", starts_at=at(0, 9), minutes=60, rrule=rule, title="Insuline", **more)


def hours(viewer):
    return [(s.local.weekday(), s.local.hour) for s in week(viewer)]


def test_an_appointment_is_kept_with_its_entry_its_history_and_its_trace(alice, bruno):
    row = actions.place(
        alice,
        kind="visit",
        starts_at=at(1, 10),
        minutes=45,
        title="Bilan",
        roles=[alice.practice_role, bruno.practice_role],
    )
    assert {e.calendar.practice_role_id for e in Entry.objects.filter(appointment=row)} == {
        alice.practice_role_id, bruno.practice_role_id,
    }  # fmt: skip
    assert Change.objects.get(appointment=row).what == "placed"
    event = AuditEvent.objects.get(action="agenda.placed")
    assert event.target_id == row.pk and event.circle_id == alice.circle_id
    assert [s.who for s in week(bruno.viewer)] == [alice.patient.identity.full_name]


def test_nothing_is_kept_when_the_trace_fails(alice, monkeypatch):
    monkeypatch.setattr(actions, "record", lambda *a, **k: 1 / 0)
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        actions.place(alice, kind="visit", starts_at=at(1, 10), minutes=45)
    assert not Appointment.objects.exists() and not Entry.objects.exists()


def test_one_time_of_a_series_moves_alone(alice):
    row = series(alice)
    actions.move(alice, appointment=row, starts_at=at(2, 15), occurrence_at=at(2, 9))
    assert hours(alice.viewer) == [(0, 9), (1, 9), (2, 15), (3, 9), (4, 9)]
    with pytest.raises(Refused, match="changé"):
        actions.move(alice, appointment=row, starts_at=at(2, 16), occurrence_at=at(2, 9))


def test_this_time_and_those_after_move_together(alice):
    row = series(alice)
    actions.move(alice, appointment=row, starts_at=at(2, 15), occurrence_at=at(2, 9), scope="following")
    assert hours(alice.viewer) == [(0, 9), (1, 9), (2, 15), (3, 15), (4, 15)]


def test_all_times_move_and_what_was_changed_by_hand_stays(alice):
    row = series(alice)
    actions.move(alice, appointment=row, starts_at=at(2, 15), occurrence_at=at(2, 9))
    actions.move(alice, appointment=row, starts_at=at(1, 8), occurrence_at=at(1, 9), scope="all")
    assert hours(alice.viewer) == [(0, 8), (1, 8), (2, 15), (3, 8), (4, 8)]


@pytest.mark.parametrize("month", [3, 10])
@pytest.mark.parametrize("zone", ["Europe/Paris", "Indian/Reunion"])
def test_one_time_moves_alone_on_the_day_the_clocks_change(alice, zone, month):
    place = ZoneInfo(zone)
    change = last_sunday(timezone.localdate().year + 1, month)
    first = recurrence.on_clock(datetime.combine(change - timedelta(days=2), time(9)), place)
    row = actions.place(alice, kind="visit", starts_at=first, minutes=60, rrule="FREQ=DAILY;COUNT=5", zone=zone)

    def hours_there():
        begin = recurrence.on_clock(datetime.combine(change - timedelta(days=3), time(0)), place)
        found = queries.of_circle(alice, begin, begin + timedelta(days=9), limit=20)
        return [(recurrence.wall(c.at, place).day, recurrence.wall(c.at, place).hour) for c in found]

    days = [(change + timedelta(days=n)).day for n in range(-2, 3)]
    sunday = recurrence.on_clock(datetime.combine(change, time(9)), place)
    actions.move(
        alice,
        appointment=row,
        occurrence_at=sunday,
        starts_at=recurrence.on_clock(datetime.combine(change, time(14)), place),
    )
    assert hours_there() == list(zip(days, [9, 9, 14, 9, 9], strict=True))
    monday = recurrence.on_clock(datetime.combine(change + timedelta(days=1), time(9)), place)
    noon = recurrence.on_clock(datetime.combine(change + timedelta(days=1), time(12)), place)
    actions.move(alice, appointment=row, occurrence_at=monday, starts_at=noon, scope="all")
    assert hours_there() == list(zip(days, [12, 12, 14, 12, 12], strict=True))


def test_words_change_for_one_time_the_following_or_all(alice):
    row = series(alice)
    actions.change(alice, appointment=row, occurrence_at=at(1, 9), scope="one", title="Avec sa fille")
    actions.change(alice, appointment=row, occurrence_at=at(3, 9), scope="following", title="Relais")
    said = [s.appointment.title for s in week(alice.viewer)]
    assert said == ["Insuline", "Avec sa fille", "Insuline", "Relais", "Relais"]
    actions.change(alice, appointment=row, scope="all", title="Soins")
    assert [s.appointment.title for s in week(alice.viewer)][:3] == ["Soins", "Avec sa fille", "Soins"]
    assert hours(alice.viewer) == [(0, 9), (1, 9), (2, 9), (3, 9), (4, 9)]


def test_people_come_and_leave_and_a_room_is_taken_afterwards(alice, bruno, thomas, dac):
    room = actions.open_room(alice.viewer, organization=dac, name="Salle du Steïr")
    row = actions.place(
        alice, kind="meeting", starts_at=at(1, 10), minutes=60, roles=[alice.practice_role, bruno.practice_role]
    )
    actions.change(alice, appointment=row, join=[thomas.practice_role], leave=[bruno.practice_role], rooms=[room])
    assert set(queries.participants([row.pk])[row.pk]) == {"Alice Morvan", "Thomas Bozec", "Salle du Steïr"}
    tasks.tell(
        appointment_id=str(row.pk),
        what="placed",
        by=str(alice.user_id),
        only=[str(actions.calendar_of(thomas.practice_role).pk)],
    )
    assert [n.user_id for n in Notification.objects.filter(kind="appointment")] == [thomas.user_id]
    other = actions.place(thomas, kind="call", title="CH", starts_at=at(1, 10, 30), minutes=15, anyway=True)
    with pytest.raises(actions.Taken, match="Steïr"):
        actions.change(thomas, appointment=other, rooms=[room], anyway=True)
    with pytest.raises(Refused, match="agenda"):
        actions.change(alice, appointment=row, leave=[alice.practice_role, thomas.practice_role])
    actions.change(alice, appointment=row, rooms=[])
    actions.change(thomas, appointment=other, rooms=[room], anyway=True)


def test_a_team_s_appointment_is_its_members_and_they_are_told(alice, thomas, dac):
    team = make.team(dac, alice.practice_role, thomas.practice_role, name="Quimper")
    row = actions.place(alice.viewer, kind="meeting", title="Réunion", starts_at=at(0, 9), minutes=60, teams=[team])
    assert [s.title for s in week(thomas)] == ["Réunion"] and week(thomas)[0].may_move
    tasks.tell(appointment_id=str(row.pk), what="placed", by=str(alice.user_id))
    assert [n.user_id for n in Notification.objects.filter(kind="appointment")] == [thomas.user_id]


def test_what_passes_midnight_is_in_both_days(alice):
    actions.place(alice, kind="visit", starts_at=at(1, 22), minutes=8 * 60, title="Garde")
    chosen = screen.side(alice.viewer, None)
    found = screen.days(alice.viewer, chosen, at(0, 0).date(), 7)
    assert [len(d.shown) for d in found] == [0, 1, 1, 0, 0, 0, 0]
    hours_drawn = screen.grid(found)
    assert hours_drawn[0] == 0 and hours_drawn[-1] == 23
    assert [(b.top, b.rows, b.goes_on) for d in found for b in d.blocks] == [(264, 24, False), (0, 72, True)]
    assert [len(d.shown) for d in screen.days(alice.viewer, chosen, at(2, 0).date(), 1)] == [1]


def test_the_way_is_counted_in_one_s_own_round_only(alice, thomas, settings):
    for code, name, lat, lon in (("29232", "Quimper", 47.996, -4.1024), ("29019", "Brest", 48.3904, -4.4861)):
        Commune.objects.get_or_create(
            code=code, kind="COM", defaults={"name": name, "lat": lat, "lon": lon, "department": "29"}
        )
    actions.place(alice, kind="visit", starts_at=at(1, 9), minutes=30, commune_code="29232")
    actions.place(thomas, kind="visit", title="Visite", starts_at=at(1, 10), minutes=30, commune_code="29019")
    actions.place(alice, kind="visit", starts_at=at(1, 11), minutes=30, commune_code="29232")
    actions.place(alice, kind="visit", starts_at=at(1, 12), minutes=30, commune_code="29019")
    chosen = screen.side(alice.viewer, ["moi", f"p{thomas.practice_role_id}"])
    (day,) = screen.days(alice.viewer, chosen, at(1, 0).date(), 1)
    assert [bool(s.travel) for s in day.shown] == [False, False, False, True]
    assert day.shown[3].travel.is_short and day.shown[3].travel.free == 30
    round_ = screen.tour(day, chosen.own)
    assert round_.visits == 3 and round_.km > 60


def test_a_person_s_agenda_is_read_by_windows(alice):
    for n in range(6):
        actions.place(alice, kind="visit", starts_at=at(n, 9), minutes=30, anyway=True)
    actions.place(alice, kind="call", starts_at=at(0, 10), minutes=15, rrule="FREQ=DAILY;COUNT=30", anyway=True)
    found = queries.of_circle(alice, at(0, 0), at(90, 0), limit=5)
    assert [c.at for c in found] == [at(0, 9), at(0, 10), at(1, 9), at(1, 10), at(2, 9)]
    last = queries.of_circle(alice, at(0, 0), at(6, 0), limit=3, latest=True)
    assert [c.at for c in last] == [at(4, 10), at(5, 9), at(5, 10)]


def test_the_map_is_given_the_home_s_address_for_a_visit_only(alice):
    change_coordinates(alice, patient=alice.patient, address="6 venelle du Lavoir", commune_label="Loctudy")
    visit = actions.place(alice, kind="visit", starts_at=at(1, 9), minutes=30)
    actions.place(alice, kind="call", starts_at=at(1, 11), minutes=30)
    links = [s.map_link for s in week(alice.viewer)]
    assert links[0].startswith("geo:0,0?q=") and links[1] == "" and " " not in links[0]
    actions.change(alice, appointment=visit, place="chez sa fille, 3 rue du Port, Douarnenez")
    assert "Douarnenez" in week(alice.viewer)[0].map_link


def test_cancelling_one_the_following_or_all(alice):
    row = series(alice)
    actions.cancel(alice, appointment=row, occurrence_at=at(1, 9))
    assert hours(alice.viewer) == [(0, 9), (2, 9), (3, 9), (4, 9)]
    actions.cancel(alice, appointment=row, occurrence_at=at(3, 9), scope="following")
    assert hours(alice.viewer) == [(0, 9), (2, 9)]
    row.refresh_from_db()
    actions.cancel(alice, appointment=row, scope="all", reason="Hospitalisée")
    assert hours(alice.viewer) == [] and Appointment.objects.count() == 2  # they stay in the history


def test_people_are_told_of_a_conflict_and_may_go_on_a_room_never_holds_two(alice, thomas, dac):
    room = actions.open_room(alice.viewer, organization=dac, name="Salle du Steïr")
    actions.place(alice.viewer, kind="meeting", title="Réunion", starts_at=at(0, 9), minutes=60, rooms=[room])
    with pytest.raises(actions.Taken, match="Déjà pris") as told:
        actions.place(alice.viewer, kind="call", title="CH", starts_at=at(0, 9, 30), minutes=15)
    assert not told.value.rooms
    actions.place(alice.viewer, kind="call", title="CH", starts_at=at(0, 9, 30), minutes=15, anyway=True)
    assert all(s.conflict for s in week(alice.viewer))
    with pytest.raises(actions.Taken, match="Steïr") as refused:
        actions.place(
            thomas, kind="meeting", title="Cas", starts_at=at(-7, 9, 30), minutes=30, rooms=[room], anyway=True,
            rrule="FREQ=WEEKLY;COUNT=3",
        )  # fmt: skip
    assert refused.value.rooms


def test_only_members_and_colleagues_are_invited(alice, zoe):
    with pytest.raises(Refused, match="invite"):
        actions.place(
            alice, kind="visit", starts_at=at(0, 9), minutes=30, roles=[alice.practice_role, zoe.practice_role]
        )


def test_what_cannot_be_is_refused_in_words(alice):
    for wrong in (
        {"minutes": 2}, {"minutes": 2000}, {"starts_at": at(3000, 9)}, {"starts_at": at(-900, 9)}, {"kind": "x"},
        {"zone": "Mars/Olympus"}, {"kind": "private"}, {"rrule": "FREQ=DAILY"},
    ):  # fmt: skip
        with pytest.raises(Refused):
            actions.place(alice, **{"kind": "visit", "starts_at": at(0, 9), "minutes": 30} | wrong)
    with pytest.raises(Refused):
        actions.place(alice.viewer, kind="call", starts_at=at(0, 9), minutes=30)


def test_a_thing_to_place_leaves_the_list_once_placed(alice):
    item = actions.keep_to_place(alice, kind="visit", minutes=60, due_at=at(10, 12))
    assert [w.item.pk for w in queries.to_place(alice.viewer)] == [item.pk]
    actions.place(alice, kind="visit", starts_at=at(0, 9), minutes=60, item=item)
    assert queries.to_place(alice.viewer) == []
    with pytest.raises(Refused, match="placer"):
        actions.place(alice, kind="visit", starts_at=at(1, 9), minutes=60, item=item)


def test_a_visit_done_is_one_time_only_and_has_an_outcome(alice, monkeypatch):
    past = timezone.now() - timedelta(hours=3)
    row = actions.place(alice, kind="visit", starts_at=past, minutes=30, rrule="FREQ=DAILY;COUNT=3")
    done = actions.mark_done(alice, appointment=row)
    assert done.pk != row.pk and done.state == "done" and done.series_id == row.pk
    monkeypatch.setattr(outcomes, "_outcomes", [])
    outcomes.register("visit", "En faire une fiche", lambda a, when: f"/fiches/{a.pk}/")
    assert outcomes.of(done, done.starts_at) == [("En faire une fiche", f"/fiches/{done.pk}/")]
    with pytest.raises(Refused, match="pas encore"):
        actions.mark_done(alice, appointment=row, occurrence_at=row.starts_at + timedelta(days=2))


def test_who_is_absent_and_who_covers(alice, thomas):
    day = at(0, 9).date()
    row = actions.be_away(
        alice.viewer, kind="sick", starts_on=day, ends_on=day + timedelta(days=2), cover=thomas.practice_role
    )
    both = [alice.practice_role_id, thomas.practice_role_id]
    away = queries.absent(both, day + timedelta(days=2))
    assert list(away) == [alice.practice_role_id] and away[alice.practice_role_id].cover == thomas.practice_role
    assert queries.absent(both, day + timedelta(days=3)) == {} == queries.absent([], day)
    with pytest.raises(Refused, match="déjà notée"):
        actions.be_away(alice.viewer, kind="leave", starts_on=day - timedelta(days=3), ends_on=day)
    actions.come_back(alice.viewer, absence=row)
    assert queries.absent(both, day) == {}


def test_whoever_is_away_is_not_taken_for_free(alice, thomas):
    day = at(2, 9).date()
    actions.be_away(thomas, kind="leave", starts_on=day, ends_on=day)
    both = {"roles": [alice.practice_role, thomas.practice_role], "kind": "visit", "minutes": 30}
    with pytest.raises(actions.Taken, match="Absence notée"):
        actions.place(alice, starts_at=at(2, 9), **both)
    with pytest.raises(actions.Taken, match="Thomas Bozec"):
        actions.place(alice, starts_at=at(0, 9), rrule="FREQ=DAILY;COUNT=5", **both)
    assert actions.place(alice, starts_at=at(3, 9), **both)
    assert actions.place(alice, starts_at=at(2, 9), anyway=True, **both)


def test_the_way_between_two_visits_is_a_straight_line_and_a_factor(db, settings):
    quimper = Commune(code="29232", kind="COM", name="Quimper", lat=47.9960, lon=-4.1024)
    brest = Commune(code="29019", kind="COM", name="Brest", lat=48.3904, lon=-4.4861)
    settings.AGENDA_ROAD_FACTOR, settings.AGENDA_ROAD_KMH = 1.0, 60
    km = queries.way(quimper, brest)
    assert 51 < km < 54 and queries.travel_minutes(km) == 55
    assert queries.way(quimper, Commune(code="x", name="?")) is None


def test_reminders_are_sent_once_and_say_nothing_of_the_person(alice):
    soon = timezone.now() + timedelta(minutes=40)
    actions.place(alice, kind="visit", starts_at=soon, minutes=30, reminder=60, title="Bilan secret")
    tasks.remind()
    tasks.remind()
    notice = Notification.objects.get(kind="appointment")
    assert notice.user_id == alice.user_id and "secret" not in str(notice.params)


def test_the_others_are_told_not_the_one_who_places(alice, bruno):
    row = actions.place(
        alice, kind="visit", starts_at=at(0, 9), minutes=30, roles=[alice.practice_role, bruno.practice_role]
    )
    tasks.tell(appointment_id=str(row.pk), what="placed", by=str(alice.user_id))
    assert [n.user_id for n in Notification.objects.filter(kind="appointment")] == [bruno.user_id]


def test_others_read_the_next_ones_and_when_a_role_is_taken(alice, bruno):
    actions.place(alice, kind="visit", starts_at=at(1, 10), minutes=45)
    assert [c.at for c in queries.upcoming(bruno)] == [at(1, 10)]
    assert queries.placed(alice.practice_role_id, at(0, 0), at(7, 0)) == [at(1, 10)]
    assert at(1, 10).tzinfo is PARIS


def test_the_sight_of_many_circles_is_that_of_the_gate(alice, bruno, thomas, zoe):
    from cercle.care.agenda import sight

    circles.oppose(alice, practitioner=bruno.practice_role.practitioner, category="appointments")
    for viewer in (alice.viewer, bruno.viewer, thomas, zoe.viewer):
        seen = sight.of(viewer, [alice.circle_id, zoe.circle_id])
        for circle_id in (alice.circle_id, zoe.circle_id):
            acting = reach(make_viewer(viewer.user, viewer.practice_role), circle_id)
            assert (acting is not None) == (seen[circle_id].member is not None and not seen[circle_id].refused)
            if acting:
                assert acting.readable == seen[circle_id].readable and acting.mask == seen[circle_id].mask


def test_a_relative_reads_her_mother_s_appointments(alice):
    contact = make.contact(alice.patient)
    person = make.user(kind="relative")
    daughter = make.join(alice, contact=contact, person=person, ground="wish")
    actions.place(alice, kind="visit", starts_at=at(1, 10), minutes=45)
    assert len(queries.upcoming(daughter)) == (1 if daughter.may("read_agenda") else 0)
