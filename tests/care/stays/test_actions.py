"""Admission, movements, discharge: rows, trace, refusals, screens."""

import re
from datetime import timedelta

import pytest
from django.db import DatabaseError, IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from cercle.base.audit import reactions
from cercle.base.audit.models import AuditEvent
from cercle.base.common.errors import Refused
from cercle.care.stays import actions, words
from cercle.care.stays.models import Movement, Stay
from tests import factories as make

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture
def bruno():
    return make.circle(make.viewer(make.role("Bruno", "Le Roux", civility="M")))


@pytest.fixture
def volunteer(bruno):
    contact = make.contact(bruno.patient, is_carer=False)
    return make.join(bruno, contact=contact, person=make.user(kind="relative"), ground="wish")


def now():
    return timezone.now()


def admitted(acting, hours=48, **more) -> Stay:
    return actions.admit(
        acting,
        **{"label": "CH de Quimper", "started_at": now() - hours * HOUR, "ward": "Cardiologie", "room": "214", **more},
    )


def code(call, *args, **kwargs) -> str:
    with pytest.raises(Refused) as caught:
        call(*args, **kwargs)
    return caught.value.code


def test_an_admission_leaves_the_stay_its_movement_the_trace_and_the_fact(bruno):
    heard = []
    reactions.on("stays.admitted")(heard.append)
    try:
        stay = admitted(bruno, entry_mode="emergency", expected_end=now() + 24 * HOUR, text="Par le 15")
    finally:
        reactions.off(heard.append)
    assert Stay.objects.of(bruno.circle).open().get() == stay
    kinds = list(stay.movements.order_by("id").values_list("kind", "ward", "author_name"))
    assert kinds == [("admission", "Cardiologie", bruno.actor_name), ("announce", "Cardiologie", bruno.actor_name)]
    event = AuditEvent.objects.get(action="stays.admitted")
    assert (event.kind, event.target_id, event.circle_id) == ("create", stay.pk, bruno.circle_id)
    assert "ardio" not in str(event.details) and "15" not in event.reason
    assert [f.target_id for f in heard] == [stay.pk]


def test_nothing_is_kept_when_the_trace_fails(bruno, monkeypatch):
    def broken(*a, **k):
        raise RuntimeError

    monkeypatch.setattr(actions, "record", broken)
    with pytest.raises(RuntimeError):
        admitted(bruno)
    assert not Stay.objects.exists() and not Movement.objects.exists()


def test_one_open_stay_per_place(bruno):
    hospital = make.organization("CH de Quimper")
    admitted(bruno, organization=hospital)
    assert code(admitted, bruno, organization=hospital) == "already_open"
    admitted(bruno, label="Clinique de l’Océan")
    assert code(admitted, bruno, label="CLINIQUE DE L’OCÉAN") == "already_open"
    assert Stay.objects.open().count() == 2 and Movement.objects.count() == 2


def test_the_whole_life_of_a_stay(bruno):
    stay = admitted(bruno)
    actions.move(bruno, stay=stay, at=now() - 24 * HOUR, ward="Médecine", room="12")
    actions.announce_discharge(bruno, stay=stay, expected_end=now() + 30 * HOUR, has_time=True)
    stay.refresh_from_db()
    assert (stay.ward, stay.room, stay.expected_has_time) == ("Médecine", "12", True)
    actions.announce_discharge(bruno, stay=stay, expected_end=None)
    ended = actions.discharge(bruno, stay=stay, ended_at=now(), end_kind="home")
    assert ended.ended_at and not Stay.objects.open().exists()
    assert [m.kind for m in stay.movements.order_by("id")] == [
        "admission",
        "transfer",
        "announce",
        "announce",
        "discharge",
    ]
    assert code(actions.move, bruno, stay=stay, at=now(), ward="X") == "ended"
    assert code(actions.discharge, bruno, stay=stay, ended_at=now()) == "ended"
    admitted(bruno, hours=0)  # and she may come back


def test_dates_that_cannot_be_are_refused_in_words(bruno):
    assert code(admitted, bruno, started_at=now() + 2 * HOUR) == "future"
    assert code(admitted, bruno, started_at=now() - timedelta(days=366 * 30)) == "too_old"
    assert code(admitted, bruno, expected_end=now() - 60 * HOUR) == "dates"
    assert code(admitted, bruno, expected_end=now() + timedelta(days=1500)) == "too_far"
    assert code(admitted, bruno, label="  ") == "no_place"
    stay = admitted(bruno)
    assert code(actions.discharge, bruno, stay=stay, ended_at=now() - 49 * HOUR) == "dates"
    assert code(actions.discharge, bruno, stay=stay, ended_at=now() + 2 * HOUR) == "future"
    assert code(actions.discharge, bruno, stay=stay, ended_at=now(), end_kind="moon") == "end_kind"
    assert code(actions.move, bruno, stay=stay, at=now() - 50 * HOUR, ward="X") == "dates"
    assert code(actions.move, bruno, stay=stay, at=now()) == "no_ward"
    assert code(actions.announce_discharge, bruno, stay=stay, expected_end=now() - 25 * HOUR) == "past"


def test_a_discharge_on_the_day_of_entry_needs_no_hour(bruno):
    stay = admitted(bruno, hours=0)
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    assert actions.discharge(bruno, stay=stay, ended_at=midnight, has_time=False).ended_at >= stay.started_at


def test_a_feed_that_repeats_itself_makes_one_stay(bruno):
    first = admitted(bruno, source="hl7v2", source_ref="CHU-X|897406", movement_ref="001")
    again = admitted(bruno, source="hl7v2", source_ref="CHU-X|897406", movement_ref="001")
    assert first.pk == again.pk and Movement.objects.count() == 1
    other = make.circle(
        make.viewer(make.role("Zoé", "Autre")),
        birth_given="Marcel",
        birth_family="Autre",
        sex="M",
        birth_date="1950-01-01",
    )
    assert code(admitted, other, source="hl7v2", source_ref="CHU-X|897406") == "ref"


def test_a_mistake_is_withdrawn_and_its_history_stays(bruno):
    stay = admitted(bruno)
    actions.correct(bruno, stay=stay, ward="Neurologie", text="erreur de service")
    actions.cancel(bruno, stay=stay, text="autre personne")
    stay.refresh_from_db()
    assert stay.cancelled_at and not Stay.objects.open().exists()
    assert [m.kind for m in stay.movements.order_by("id")] == ["admission", "correction", "cancel"]
    assert AuditEvent.objects.get(action="stays.cancelled").reason == "autre personne"
    actions.cancel(bruno, stay=stay)  # twice: nothing more
    assert stay.movements.count() == 3


def test_a_movement_is_never_rewritten(bruno):
    stay = admitted(bruno)
    with pytest.raises(DatabaseError, match="never changed"), transaction.atomic():
        stay.movements.update(text="autre chose")


@pytest.mark.parametrize(
    "wrong", [{"ended_at": "2020-01-01T00:00Z", "end_kind": "home"}, {"end_kind": "home"}, {"label": ""}]
)
def test_the_database_refuses_what_cannot_be(bruno, wrong):
    stay = admitted(bruno)
    with pytest.raises(IntegrityError), transaction.atomic():
        Stay.objects.filter(pk=stay.pk).update(**wrong)


def test_another_circle_cannot_be_named(bruno):
    stay = admitted(bruno)
    zoe = make.circle(
        make.viewer(make.role("Zoé", "Autre")),
        birth_given="Marcel",
        birth_family="Autre",
        sex="M",
        birth_date="1950-01-01",
    )
    with pytest.raises(Stay.DoesNotExist):
        actions.cancel(zoe, stay=stay)
    assert not Stay.objects.visible_to(zoe).exists()


def test_the_alert_tells_each_reader_what_they_may_know(bruno, volunteer):
    assert words.alert(bruno) is None
    admitted(bruno)
    alert = words.alert(bruno)
    assert alert.strong.startswith("Hospitalisée au CH de Quimper depuis") and "cardiologie" in alert.rest
    told = words.alert(volunteer)
    assert told.strong.startswith("Hospitalisée au CH") and "cardio" not in told.rest
    assert all(not e.text and "cardio" not in e.sentence for e in words.events(volunteer))


def test_events_come_newest_first_within_their_bounds(bruno):
    stay = admitted(bruno)
    actions.move(bruno, stay=stay, at=now() - 20 * HOUR, ward="Médecine")
    actions.discharge(bruno, stay=stay, ended_at=now() - HOUR)
    found = words.events(bruno)
    assert [e.kind for e in found] == ["discharge", "transfer", "admission"]
    assert found[0].by == f"annoncé par {bruno.actor_name}" and found[0].icon == "log-out"
    assert [e.kind for e in words.events(bruno, since=now() - 10 * HOUR)] == ["discharge"]
    assert [e.kind for e in words.events(bruno, until=now() - 10 * HOUR)] == ["transfer", "admission"]


# --- Screens ------------------------------------------------------------------------------------------------------------
def url(name, acting, *more):
    return reverse(f"stays:{name}", args=[acting.circle_id, *more])


@pytest.fixture
def desk(client, bruno):
    client.force_login(bruno.user)
    return client


def test_a_nurse_announces_an_admission_by_the_form(desk, bruno):
    assert desk.get(url("new", bruno)).status_code == 200
    today = timezone.localdate()
    answer = desk.post(url("new", bruno), {"kind": "hospital", "place": "CH de Quimper", "started_on": today.isoformat(), "started_time": "00:00",
                                           "entry_mode": "emergency", "ward": "Cardiologie", "room": "214"})  # fmt: skip
    stay = Stay.objects.get()
    assert answer.status_code == 302 and answer["Location"] == url("show", bruno, stay.pk)
    page = desk.get(answer["Location"]).content.decode()
    assert "Hospitalisée au CH de Quimper depuis aujourd’hui" in page and "cardiologie, chambre 214" in page
    bar = desk.get(url("alert", bruno)).content.decode()
    assert "alert-bar" in bar and "Voir le séjour" in bar
    assert AuditEvent.objects.filter(action="stays.shown").exists()


def test_the_place_is_tied_to_the_directory_when_its_name_is_known(desk, bruno):
    hospital = make.organization("CENTRE HOSPITALIER DE CORNOUAILLE")
    found = desk.get(url("places", bruno), {"place": "hospitalier de corn"}).content.decode()
    assert 'value="Centre Hospitalier de Cornouaille"' in found
    desk.post(
        url("new", bruno),
        {
            "kind": "hospital",
            "place": "Centre hospitalier de Cornouaille",
            "started_on": timezone.localdate().isoformat(),
        },
    )
    assert Stay.objects.get().organization == hospital


def test_what_was_typed_is_kept_when_it_is_refused(desk, bruno):
    later = (timezone.localdate() + timedelta(days=3)).isoformat()
    answer = desk.post(
        url("new", bruno), {"kind": "hospital", "place": "Clinique <b>", "started_on": later, "text": "mes mots"}
    )
    page = answer.content.decode()
    assert answer.status_code == 422 and "avenir" in page and "mes mots" in page and "Clinique &lt;b&gt;" in page
    sheet = desk.post(url("new", bruno), {"kind": "hospital", "place": ""}, headers={"HX-Request": "true"})
    assert sheet.status_code == 422 and b"<html" not in sheet.content


def test_discharge_and_announcement_by_sheets(desk, bruno):
    stay = admitted(bruno)
    tomorrow = (timezone.localdate() + timedelta(days=1)).isoformat()
    assert desk.get(url("announce", bruno, stay.pk), headers={"HX-Request": "true"}).status_code == 200
    done = desk.post(
        url("announce", bruno, stay.pk),
        {"expected_on": tomorrow, "expected_time": "14:00"},
        headers={"HX-Request": "true"},
    )
    assert done.status_code == 204 and done["HX-Redirect"] == url("show", bruno, stay.pk)
    assert "vers 14" in desk.get(url("alert", bruno)).content.decode()
    assert desk.get(url("move", bruno, stay.pk)).status_code == 200
    assert desk.get(url("cancel", bruno, stay.pk)).status_code == 200
    desk.post(url("discharge", bruno, stay.pk), {"ended_on": timezone.localdate().isoformat(), "end_kind": "rehab"})
    stay.refresh_from_db()
    assert stay.end_kind == "rehab" and desk.get(url("alert", bruno)).content.strip() == b""
    assert "Sortie" in desk.get(url("show", bruno, stay.pk)).content.decode()


def test_an_outsider_finds_nothing_before_any_form_is_read(client, bruno):
    stay = admitted(bruno)
    zoe = make.circle(
        make.viewer(make.role("Zoé", "Autre")),
        birth_given="Marcel",
        birth_family="Autre",
        sex="M",
        birth_date="1950-01-01",
    )
    client.force_login(zoe.user)
    for name in ("new", "places", "alert"):
        assert client.get(url(name, bruno)).status_code == 404
        assert client.post(url(name, bruno), {"x": "y"}).status_code in (404, 405)
    for name in ("show", "move", "announce", "discharge", "cancel"):
        assert client.get(url(name, bruno, stay.pk)).status_code == 404
        assert client.post(url(name, bruno, stay.pk), {}).status_code in (404, 405)
        assert client.get(url(name, zoe, stay.pk)).status_code == 404


def test_a_volunteer_reads_but_does_not_write(client, bruno, volunteer):
    stay = admitted(bruno)
    client.force_login(volunteer.user)
    page = client.get(url("show", bruno, stay.pk)).content.decode()
    assert "CH de Quimper" in page and "ardiologie" not in page and "Noter la sortie" not in page
    assert client.get(url("new", bruno)).status_code == 403
    assert client.post(url("discharge", bruno, stay.pk), {}).status_code == 403


def test_a_stay_that_ends_by_a_death_proposes_to_say_it_on_the_file_and_says_nothing_by_itself(client, bruno, settings):
    settings.MFA_REQUIRED = False
    stay = actions.discharge(bruno, stay=admitted(bruno), ended_at=now() - HOUR, end_kind=Stay.End.DEATH)
    client.force_login(bruno.user)
    page = reverse("stays:show", args=[bruno.circle_id, stay.pk])
    bruno.patient.refresh_from_db()
    assert not bruno.patient.is_deceased
    shown = client.get(page).content.decode()
    assert "Enregistrer le décès au dossier" in shown
    given = dict(re.findall(r'type="hidden" name="(on|reason)" value="([^"]*)"', shown))
    answer = client.post(reverse("record:identity_edit", args=[bruno.circle_id, "deces"]), given)
    assert answer.status_code == 302
    bruno.patient.refresh_from_db()
    assert bruno.patient.deceased == timezone.localdate(stay.ended_at).isoformat()
    assert "Enregistrer le décès au dossier" not in client.get(page).content.decode()
