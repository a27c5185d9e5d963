"""Movements in any order, corrected, cancelled; who is shown them."""

import itertools

import pytest

from cercle.care.stays.models import Stay
from cercle.doors.hl7v2 import actions, tasks
from cercle.doors.hl7v2.models import Message, Movement, Visit
from cercle.people.circles import actions as circles
from cercle.people.circles.access import reach
from cercle.people.circles.models import Member
from tests import factories as make

from .conftest import changed, circle_of, holder, sample

WHO = "A28-01-create-qualified.hl7"
DAY = {"A01": "A01-01-admit.hl7", "A02": "A02-01-transfer.hl7", "A03": "A03-01-discharge.hl7"}


def told(visit=None):
    visit = visit or Visit.objects.get()
    stay = Stay.objects.kept().filter(pk=visit.stay_id).first()
    return (
        visit.state, visit.started_at and visit.started_at.isoformat(), visit.ended_at and visit.ended_at.isoformat(), visit.ward,
        visit.end_kind, stay and (stay.started_at.isoformat(), stay.ended_at and stay.ended_at.isoformat(), stay.end_kind),
    )  # fmt: skip


@pytest.fixture
def followed(wire):
    wire.samples(WHO)
    return circle_of(holder("IPP-000777"))


@pytest.mark.parametrize("order", list(itertools.permutations(DAY)))
def test_the_order_of_arrival_changes_nothing(wire, followed, order):
    for event in order:
        assert wire.samples(DAY[event]).code == "AA"
    expected = ("ended", "2026-01-11T08:00:00+00:00", "2026-01-15T10:00:00+00:00", "CARDIOLOGIE", "home")
    visit = Visit.objects.get()
    assert told()[:5] == expected
    # A stay that ended long ago is not announced to a circle as if it were news; one that was shown is brought to its end.
    assert visit.stay_id is None or told()[5] == (expected[1], expected[2], "home")


@pytest.mark.parametrize("order", list(itertools.permutations(["A01", "A13", "A03"])))
def test_a_cancelled_discharge_leaves_the_stay_open_whatever_came_first(wire, followed, order):
    names = DAY | {"A13": "A13-01-cancel-discharge.hl7"}
    for event in order:
        assert wire.samples(names[event]).code == "AA"
    assert told()[:3] == ("open", "2026-01-11T08:00:00+00:00", None)
    assert Stay.objects.open().count() == 1


def test_an_older_word_does_not_undo_a_newer_one(wire, followed):
    wire.samples("Z99-01-update-movement.hl7", "A01-01-admit.hl7")
    assert Visit.objects.get().started_at.isoformat() == "2026-01-11T07:30:00+00:00"


def test_a_repeated_movement_number_is_a_correction(wire, followed):
    wire.samples("A01-01-admit.hl7")
    later = changed(
        sample("A01-01-admit.hl7"), "|20260111090000||INSERT", "|20260111093000||INSERT", "MSG0101", "MSG0199"
    )
    ack = wire.send(later)
    assert (ack.code, Movement.objects.count()) == ("AA", 1)
    assert Stay.objects.get().started_at.isoformat() == "2026-01-11T08:30:00+00:00"


def test_a_consultation_is_no_stay(wire, followed):
    raw = changed(sample("A01-01-admit.hl7"), "ADT^A01^ADT_A01", "ADT^A04^ADT_A01", "PV1||I|", "PV1||O|")
    assert wire.send(raw).code == "AA"
    assert Visit.objects.get().patient_class == "O" and not Stay.objects.exists()
    becomes = changed(sample("A02-01-transfer.hl7"), "ADT^A02^ADT_A02", "ADT^A06^ADT_A06")
    assert wire.send(becomes).code == "AA"
    assert Stay.objects.open().count() == 1
    back = changed(
        becomes, "ADT^A06", "ADT^A07", "PV1||I|", "PV1||O|", "MVT-002", "MVT-004", "20260112140000", "20260113140000"
    )
    assert wire.send(back).code == "AA"
    assert not Stay.objects.open().exists()


def test_a_leave_and_a_return_are_told(wire, followed):
    wire.samples("A01-01-admit.hl7")
    for event, ref, day in (("A21", "MVT-005", "20260113140000"), ("A22", "MVT-006", "20260114140000")):
        raw = changed(sample("A02-01-transfer.hl7"), "ADT^A02^ADT_A02", f"ADT^{event}^ADT_A21", "MVT-002", ref, "20260112140000", day, "SSR GERIATRIE", "CARDIOLOGIE",
                      "7100^203^2", "6268^101^1")  # fmt: skip
        assert wire.send(raw).code == "AA"
    texts = [m.text for m in Stay.objects.get().movements.order_by("id")]
    assert texts[1:] == ["Sortie en permission.", "Retour de permission."]
    assert Visit.objects.get().state == "open"


def test_an_expected_discharge_is_announced_and_put_off(wire, followed):
    from datetime import timedelta

    from django.utils import timezone

    now = timezone.localtime()

    def stamp(days: int) -> str:
        return (now + timedelta(days=days)).strftime("%Y%m%d100000")

    raw = changed(sample("A01-01-admit.hl7"), "|20260111090000||INSERT", f"|{stamp(-2)}||INSERT")
    assert wire.send(raw.replace(b"\rZBE", f"\rPV2|||||||||{stamp(3)}\rZBE".encode())).code == "AA"
    assert Stay.objects.get().expected_end.strftime("%Y%m%d") == stamp(3)[:8]
    later = changed(
        raw,
        "ADT^A01^ADT_A01",
        "ADT^A16^ADT_A16",
        "MVT-001",
        "MVT-016",
        "EVN||20260111090000||",
        f"EVN||20260111090000|{stamp(5)}|",
    )
    assert wire.send(later).code == "AA"
    assert Stay.objects.get().expected_end.strftime("%Y%m%d") == stamp(5)[:8]
    off = changed(later, "ADT^A16^ADT_A16", "ADT^A25^ADT_A21", "|INSERT|N||", "|CANCEL|N|A16|")
    assert wire.send(off).code == "AA"
    assert Stay.objects.get().expected_end.strftime("%Y%m%d") == stamp(3)[:8]  # back to what the admission said


def test_a_changed_doctor_and_a_tracked_patient_change_no_stay(wire, followed):
    wire.samples("A01-01-admit.hl7")
    for event in ("A54", "A55"):
        raw = changed(sample("A02-01-transfer.hl7"), "ADT^A02^ADT_A02", f"ADT^{event}^ADT_{'A54' if event == 'A54' else 'A52'}", "SSR GERIATRIE", "CARDIOLOGIE",
                      "7100^203^2", "6268^101^1")  # fmt: skip
        assert wire.send(raw).code == "AA"
    assert Stay.objects.get().movements.count() == 1


def test_a_cancelled_pre_admission_is_cancelled(wire, followed):
    wire.samples("A05-01-preadmit.hl7")
    raw = changed(sample("A05-01-preadmit.hl7"), "ADT^A05^ADT_A05", "ADT^A38^ADT_A38", "|INSERT|N||", "|CANCEL|N|A05|")
    assert wire.send(raw).code == "AA"
    assert Visit.objects.get().state == "cancelled"


def test_deviations_of_a_movement_warn(wire, followed):
    for n, (old, new) in enumerate([
        ("|INSERT|", "||"), ("|INSERT|", "|AJOUT|"), ("20260111090000||INSERT", "||INSERT"), ("2026000101^^^CHU-TEST&1.2.250.1.213.99.3&ISO^VN", ""),
    ]):  # fmt: skip
        raw = changed(sample("A01-01-admit.hl7"), old, new, "MSG0101", f"MSG02{n}", "MVT-001", f"MVT-1{n}")
        assert wire.send(raw).code == "AA", old
        assert Message.objects.order_by("-id").first().state == "warned"
    assert wire.send(changed(sample("A01-01-admit.hl7"), "MVT-001^CHU-TEST^1.2.250.1.213.99.4^ISO", "")).code == "AE"


def test_a_visit_of_another_person_is_refused_and_waits(wire, followed):
    wire.samples("A01-01-admit.hl7")
    other = changed(sample("A28-02-create-provisional.hl7"), "PROV", "VALI")
    wire.send(other)
    raw = sample("A02-01-transfer.hl7")
    pid = next(line for line in other.split(b"\r") if line.startswith(b"PID"))
    raw = b"\r".join(pid if line.startswith(b"PID") else line for line in raw.split(b"\r"))
    assert wire.send(raw).code == "AE"
    assert Message.objects.order_by("-id").first().state == "quarantine"


# --- Who is shown it --------------------------------------------------------------------------------------------------
def test_without_a_circle_only_identity_and_visit_are_kept(wire):
    wire.samples("A01-01-admit.hl7")
    assert Visit.objects.get().state == "open"
    assert not Stay.objects.exists() and not Member.objects.exists()


def test_a_circle_that_opens_later_is_shown_who_is_in_hospital(wire):
    wire.samples("A01-01-admit.hl7")
    acting = circle_of(holder("IPP-000777"))
    tasks.show_visits(str(acting.circle_id))
    assert Stay.objects.get(circle=acting.circle).is_open


def test_a_person_who_opposed_the_hospital_is_not_told_of_there(wire, followed, sender):
    circles.oppose(followed, organization=sender.client.organization, reason="Je ne veux pas.")
    assert wire.samples("A01-01-admit.hl7").code == "AA"
    assert Visit.objects.exists() and not Stay.objects.exists()


def test_a_connector_whose_part_was_ended_does_not_come_back(wire, followed, sender):
    wire.samples("A01-01-admit.hl7")
    circles.end_member(followed, member=Member.objects.get(api_client=sender.client))
    wire.samples("A03-01-discharge.hl7")
    assert Visit.objects.get().state == "ended"
    assert Stay.objects.get().is_open  # the circle asked it to be silent


def test_a_sender_that_joins_no_circle_shows_nothing(wire, followed, sender):
    actions.change_sender(actions.MACHINE, sender=sender, joins_circles=False)
    wire.samples("A01-01-admit.hl7")
    assert not Stay.objects.exists()


def test_who_asked_her_hospital_for_discretion_is_not_announced(wire, followed):
    raw = sample("A01-01-admit.hl7").replace(b"\rPV1|", b"\rPD1||||||||||||Y\rPV1|")
    assert wire.send(raw).code == "AA"
    assert Visit.objects.exists() and not Stay.objects.exists()


def test_outsiders_see_nothing_of_it(wire, followed):
    wire.samples("A01-01-admit.hl7")
    zoe = make.viewer(make.role())
    assert reach(zoe, followed.circle_id) is None
    assert Stay.objects.visible_to(followed).count() == 1


def test_the_circle_is_told_of_entry_discharge_and_their_correction(wire, followed):
    from procrastinate.contrib.django.models import ProcrastinateJob

    wire.samples("A01-01-admit.hl7", "A03-01-discharge.hl7", "A13-01-cancel-discharge.hl7")
    jobs = ProcrastinateJob.objects.filter(task_name__endswith="stays.tasks.tell").order_by("id")
    assert [j.args["what"] for j in jobs] == ["admitted", "discharged", "reopened"]


def test_a_death_is_recorded_and_taken_back_with_its_discharge(wire, followed):
    died = changed(sample("A03-01-discharge.hl7"), "ZFM|8|8", "ZFM|8|9")
    assert wire.send(sample("A01-01-admit.hl7"), died).code == "AA"
    patient = holder("IPP-000777")
    assert (patient.deceased, Stay.objects.get().end_kind) == ("2026-01-15", "death")
    assert wire.samples("A13-01-cancel-discharge.hl7").code == "AA"
    assert holder("IPP-000777").deceased == ""


def test_the_notice_of_a_death_says_it_with_tact(wire, followed):
    from types import SimpleNamespace
    from uuid import uuid4

    from cercle.care.stays import notices

    wire.send(sample("A01-01-admit.hl7"), changed(sample("A03-01-discharge.hl7"), "ZFM|8|8", "ZFM|8|9"))
    notice = SimpleNamespace(
        pk=uuid4(), circle_id=followed.circle_id, target_id=Stay.objects.get().pk, params={"what": "discharged"}
    )
    line = notices.lines(followed.user, [notice])[notice.pk]
    assert "grave" in line.text and "sortie" not in line.text and "décès" not in line.text
