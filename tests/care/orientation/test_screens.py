"""Screens: the desk, its dialogs, the public forms, the status page."""

import re
import time
from unittest import mock
from uuid import uuid4

import pytest
from django.core import mail, signing
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from cercle.base.audit.models import AuditEvent
from cercle.base.notifications.models import Notification
from cercle.base.web import limits
from cercle.base.web.templatetags import web
from cercle.care.agenda import actions as agenda
from cercle.care.orientation import actions, public, tasks
from cercle.care.orientation.models import OrientationRequest, SavedFilter, Solicitation, Step
from cercle.people.patients.models import Patient
from tests import factories as make
from tests.factories import coordination as made
from tests.factories.orientation import asked

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def one_factor(settings):
    settings.MFA_REQUIRED = False


@pytest.fixture
def alice():
    return made.coordinator(made.dac())


@pytest.fixture
def desk(client, alice):
    return make.sign_in(client, alice.user)


def test_the_desk_shows_queue_board_and_drawer(desk, alice):
    row = asked(alice)
    for url in ("/guichet/", "/guichet/?vue=liste", "/guichet/?vue=calendrier", f"/guichet/{row.pk}/"):
        page = desk.get(url)
        assert page.status_code == 200 and "Demande anonyme" in page.content.decode()
    assert "Deux chutes." in page.content.decode()


def test_the_number_of_statements_does_not_grow(desk, alice):
    def shapes() -> list[str]:
        web._frames.clear()  # the frame is kept for a minute: it counts each time
        with CaptureQueriesContext(connection) as said:
            for url in (
                "/guichet/",
                "/guichet/?vue=liste&qui=moi",
                "/guichet/?vue=calendrier",
                f"/guichet/{first.pk}/",
            ):
                assert desk.get(url).status_code == 200
        # The rights matrix is read again when its minute in memory is over.
        return sorted(q["sql"][:120] for q in said if "rightsmatrix" not in q["sql"])

    first = asked(alice)
    for _ in range(3):
        actions.take(alice.desk, request=asked(alice))
    shapes()
    few = shapes()
    for _ in range(12):
        actions.take(alice.desk, request=asked(alice))
    many = shapes()
    assert len(many) <= len(few), [sql for sql in many if sql not in few]


@pytest.mark.parametrize("way", ["", "repondre/", "dossier/", "pre-evaluation/", "courrier/accuse/"])
def test_another_structures_request_does_not_exist(client, alice, way):
    row = asked(alice)
    zoe = made.coordinator(made.dac("DAC du Trégor"), "Zoé", "Guéguen")
    make.sign_in(client, zoe.user)
    assert client.get(f"/guichet/{row.pk}/{way}").status_code == 404
    assert client.post(f"/guichet/{row.pk}/{way}").status_code in (404, 405)


def test_a_nurse_has_no_desk(client):
    nurse = make.role()
    make.sign_in(client, make.user(nurse))
    assert client.get("/guichet/").status_code == 404


def test_a_request_by_phone_becomes_a_file_and_is_answered(desk, alice):
    page = desk.get("/guichet/nouvelle/")
    ref = re.search(r'name="ref" value="([^"]+)"', page.content.decode())[1]
    typed = {
        "ref": ref, "channel": "phone", "asker_kind": "professional", "asker_name": "Dre Hélène Quéré", "reason": "home",
        "kind": "support", "reason_text": "Deux chutes.", "urgency": "0", "level": "2", "person_family": "CORNEC", "person_given": "Jean-Yves",
        "person_birth_date": "02/05/1946", "person_sex": "M", "person_informed_on": str(timezone.localdate()),
    }  # fmt: skip
    assert desk.post("/guichet/nouvelle/brouillon/", typed).json()["kept"]
    assert "Deux chutes." in desk.get("/guichet/nouvelle/").content.decode()
    url = desk.post("/guichet/nouvelle/", typed).headers["Location"]
    assert desk.post(f"{url}faire/commencer/").status_code == 302
    for dialog in (
        "repondre",
        "nommer",
        "confier",
        "solliciter",
        "medecin",
        "dossier",
        "conseil",
        "oriente",
        "refuser",
        "retirer",
        "attente",
        "injoignable",
        "rouvrir",
        "noter",
    ):
        assert desk.get(f"{url}{dialog}/", headers={"HX-Request": "true"}).status_code == 200, dialog
    got = desk.post(
        f"{url}dossier/", {"referent": alice.role.pk, "level": "2", "informed_on": str(timezone.localdate())}
    )
    assert got.status_code == 302, got.content.decode()
    row = OrientationRequest.objects.get()
    assert row.outcome == "file" and row.patient_id
    desk.post(f"{url}repondre/", {"how": "phone", "text": "Dossier ouvert.", "version": row.version})
    row.refresh_from_db()
    assert row.state == "closed"
    assert desk.get(f"{url}courrier/reponse/").content[:5] == b"%PDF-"


def test_the_second_closer_keeps_what_she_typed_reads_what_happened_and_may_go_on(desk, alice):
    row = asked(alice)
    erwan = made.coordinator(alice.desk.organization, "Erwan", "Kerdreux")
    version = row.version
    actions.add_note(erwan.desk, request=row, text="La fille a rappelé.")
    typed = {"text": "Ma longue réponse", "how": "mail", "version": version}
    got = desk.post(f"/guichet/{row.pk}/conseil/", typed)
    page = got.content.decode()
    assert got.status_code == 409 and "Ma longue réponse" in page and "Erwan" in page and "La fille a rappelé." in page
    again = {**typed, "version": re.search(r'name="version" value="(\d+)"', page)[1]}
    assert desk.post(f"/guichet/{row.pk}/conseil/", again).status_code == 302
    row.refresh_from_db()
    assert row.state == "closed" and row.answer_text == "Ma longue réponse"


def test_what_was_typed_while_a_colleague_closed_is_kept_as_a_note(desk, alice):
    row = actions.close_advice(alice.desk, request=asked(alice), advice="Conseil.")
    erwan = made.coordinator(alice.desk.organization, "Erwan", "Kerdreux")
    version = row.version
    actions.answer(erwan.desk, request=row, how="phone", text="Première.")
    got = desk.post(f"/guichet/{row.pk}/repondre/", {"how": "mail", "text": "La mienne", "version": version})
    assert got.status_code == 409 and "Garder ce texte comme note" in got.content.decode()
    assert desk.post(f"/guichet/{row.pk}/noter/", {"text": "La mienne"}).status_code == 302
    row.refresh_from_db()
    assert row.answer_text == "Première." and row.steps.filter(kind="note", text="La mienne").exists()


# --- Filters, allocation, settings ---------------------------------------------------------------------------------------


def test_filters_are_kept_from_one_screen_to_the_next_and_under_a_name(desk, alice):
    row = asked(alice)
    team = make.team(alice.desk.organization, alice.role)
    page = desk.get(f"/guichet/?vue=liste&equipe={team.pk}").content.decode()
    assert "Aucune demande ouverte ne répond à ces filtres." in page and f"/guichet/{row.pk}/" not in page
    page = desk.get("/guichet/?vue=liste&equipe=aucune").content.decode()
    assert f"/guichet/{row.pk}/?vue=liste&amp;equipe=aucune" in page
    got = desk.post("/guichet/filtres/?vue=liste&equipe=aucune", {"name": "Hors secteur"})
    assert got.headers["Location"] == "/guichet/?vue=liste&equipe=aucune"
    assert "Hors secteur" in desk.get("/guichet/").content.decode()
    saved = SavedFilter.objects.get()
    zoe = made.coordinator(alice.desk.organization, "Zoé", "Guéguen")
    other = make.sign_in(Client(), zoe.user)
    assert other.post(f"/guichet/filtres/{saved.pk}/retirer/").status_code == 404
    desk.post(f"/guichet/filtres/{saved.pk}/retirer/")
    assert not SavedFilter.objects.exists()


def test_several_requests_are_given_at_once(desk, alice):
    rows = [asked(alice) for _n in range(3)]
    erwan = made.coordinator(alice.desk.organization, "Erwan", "Kerdreux")
    ids = [str(r.pk) for r in rows[:2]]
    desk.post("/guichet/repartir/", {"ids": [*ids, "x", str(uuid4())], "to": f"role:{erwan.role.pk}"})
    assert set(OrientationRequest.objects.filter(assigned_role=erwan.role).values_list("pk", flat=True)) == {
        r.pk for r in rows[:2]
    }
    desk.post("/guichet/repartir/", {"ids": [str(r.pk) for r in rows]})
    assert not OrientationRequest.objects.filter(assigned_role=None).exists()


def test_my_requests_are_those_of_the_colleague_i_cover_too(desk, alice):
    erwan = made.coordinator(alice.desk.organization, "Erwan", "Kerdreux")
    row = actions.assign(alice.desk, request=asked(alice), role=erwan.role)
    assert str(row.pk) not in desk.get("/guichet/?qui=moi").content.decode()
    today = timezone.localdate()
    agenda.be_away(erwan.desk, kind="leave", starts_on=today, ends_on=today, cover=alice.role)
    assert str(row.pk) in desk.get("/guichet/?qui=moi").content.decode()


def test_the_settings_say_hours_closures_and_whether_the_public_forms_are_open(desk, alice):
    assert desk.get("/guichet/reglages/").status_code == 200
    good = {"normal": "8", "soon": "4", "urgent": "2", "closed_days": "24/12/2026 au 26/12/2026\n02/01/2027"}
    assert desk.post("/guichet/reglages/", good).status_code == 302
    setting = actions.settings_of(alice.desk.organization)
    assert setting.hours["2"] == 2 and len(setting.closed_days) == 4 and not setting.public_form
    assert "24/12/2026 au 26/12/2026" in desk.get("/guichet/reglages/").content.decode()
    assert desk.get(f"/demande/{alice.desk.organization.pk}/patient/").status_code == 404
    for wrong in ("24/12/26/1", "demain", "26/12/2026 au 24/12/2026", "01/01/2026 au 31/12/2026", "31/02/2026"):
        got = desk.post("/guichet/reglages/", good | {"closed_days": wrong})
        assert got.status_code == 422 and wrong in got.content.decode()


def test_a_closed_request_is_found_again_by_number_asker_or_person_and_words_stay_out_of_addresses(desk, alice):
    row = actions.close_advice(alice.desk, request=asked(alice), advice="Conseil.", how="phone")
    assert row.state == "closed" and str(row.pk) not in desk.get("/guichet/").content.decode()
    for words in (row.number, "quere", "HÉLÈNE quéré", ""):
        assert f"/guichet/{row.pk}/" in desk.post("/guichet/demandes/", {"q": words}).content.decode(), words
    assert str(row.pk) not in desk.post("/guichet/demandes/", {"q": "Cornec"}).content.decode()


def test_calls_without_a_file_are_counted(desk, alice):
    typed = {"asker_kind": "relative", "topic_code": "rights", "minutes": "5", "text": "Où demander l’APA ?"}
    assert desk.post("/guichet/appels/", typed).status_code == 302
    assert "Où demander l’APA" in desk.get("/guichet/appels/").content.decode()
    assert desk.post("/guichet/appels/", typed | {"minutes": "0"}).status_code == 422


# --- Resources asked, files that resemble --------------------------------------------------------------------------------


def test_a_resource_of_the_directory_is_asked_chased_and_written_to(desk, alice):
    row = asked(alice)
    place = make.organization("Accueil de jour Les Bruyères", city="Pont-Croix")
    found = desk.post("/guichet/ressources/", {"resource_name": "Accueil de jour Les Br"}).content.decode()
    assert f"organization:{place.pk}" in found
    typed = {"what": "Un jour par semaine", "resource_name": "Les Bruy", "pick": f"organization:{place.pk}"}
    assert desk.post(f"/guichet/{row.pk}/solliciter/", typed).status_code == 302
    asked_one = Solicitation.objects.get()
    assert asked_one.organization == place and asked_one.resource_name == place.name
    url = f"/guichet/{row.pk}/ressource/{asked_one.pk}/"
    assert "Relancer" in desk.get(f"/guichet/{row.pk}/").content.decode()
    assert desk.post(f"{url}relancer/", {"text": "Messagerie laissée."}).status_code == 302
    asked_one.refresh_from_db()
    assert asked_one.chased_at and row.steps.filter(kind="chased").count() == 1
    assert desk.get(f"{url}courrier/").content[:5] == b"%PDF-"
    desk.post(url, {"state": "accepted", "answer": "Dès lundi."})
    got = desk.post(f"{url}relancer/", {"text": ""})
    assert "a déjà répondu" in got.content.decode()


def test_while_one_types_what_the_desk_has_already_is_said_and_nothing_of_what_it_may_not_open(desk, alice):
    typed = {
        "person_family": "Quéméneur",
        "person_given": "Yvonne",
        "person_birth_date": "12/04/1941",
        "person_sex": "F",
    }
    ask = lambda: desk.post("/guichet/nouvelle/ressemblances/", typed).content.decode()  # noqa: E731
    assert "notice" not in ask()
    stranger = make.circle(make.viewer(make.role("Bruno", "Hascoët")))
    page = ask()
    assert "Un dossier ressemblant existe" in page and "QUÉMÉNEUR" not in page.upper()
    made.followed(alice, circle=stranger)
    assert "Vous suivez déjà" in ask()
    row = asked(alice)
    actions.name_person(
        alice.desk,
        request=row,
        family="QUÉMENEUR",
        given="Yvonne",
        birth_date="1941-04-12",
        sex="F",
        informed_on=timezone.localdate(),
    )
    assert row.number in ask()
    assert desk.get("/guichet/nouvelle/ressemblances/", typed).status_code == 405  # a name never stands in an address
    searched = AuditEvent.objects.filter(action="record.lookalikes_searched")
    assert searched.count() == 4 and not any("QUÉM" in str(e.details).upper() for e in searched)


def test_the_acceptance_offers_the_file_that_the_desk_holds(desk, alice):
    circle = made.followed(alice)
    row = actions.name_person(
        alice.desk, request=asked(alice), family="Quéméneur", given="Yvonne", birth_date="1941-04-12", sex="F",
        informed_on=timezone.localdate(),
    )  # fmt: skip
    assert str(circle.patient_id) in desk.get(f"/guichet/{row.pk}/dossier/").content.decode()


# --- From a circle -------------------------------------------------------------------------------------------------------


def test_support_is_asked_from_the_patients_page_and_the_answer_is_read_there(client, alice):
    bruno = make.circle(make.viewer(make.role("Bruno", "Hascoët")))
    theirs = make.sign_in(client, bruno.viewer.user)
    menu = theirs.get(f"/patients/{bruno.circle_id}/").content.decode()
    ask = f"/patients/{bruno.circle_id}/appui/demander/"
    assert ask in menu and theirs.get(ask).status_code == 200
    typed = {
        "ref": str(uuid4()), "organization": alice.desk.organization.pk, "reason": "carer", "reason_text": "Son épouse s’épuise.",
        "urgency": "1", "informed_on": str(timezone.localdate()),
    }  # fmt: skip
    assert theirs.post(ask, typed | {"organization": uuid4()}).status_code == 200
    assert theirs.post(ask, typed).headers["Location"] == f"/patients/{bruno.circle_id}/appui/demandes/"
    row = OrientationRequest.objects.get()
    assert row.channel == "circle" and row.patient_id == bruno.circle_id
    actions.close_advice(alice.desk, request=row, advice="La plateforme de répit l’appelle demain.", how="web")
    tasks.tell_the_circle_asker(str(row.pk))
    assert Notification.objects.filter(user=bruno.viewer.user, kind="desk_answer").count() == 1
    assert row.number in theirs.get("/notifications/").content.decode()
    mine = theirs.get(f"/patients/{bruno.circle_id}/appui/demandes/").content.decode()
    assert "La plateforme de répit l’appelle demain." in mine
    theirs.post(f"/patients/{bruno.circle_id}/appui/demandes/", {"request": row.pk, "mark": "4", "text": ""})
    row.refresh_from_db()
    assert row.satisfaction == 4


def test_another_member_of_the_circle_does_not_read_what_one_asked(client, alice):
    bruno = make.circle(make.viewer(make.role("Bruno", "Hascoët")))
    actions.ask_support(
        bruno, organization=alice.desk.organization, reason="carer", reason_text="Entre nous.", urgency=0,
        informed_on=timezone.localdate(),
    )  # fmt: skip
    role = make.role("Gwen", "Salaün")
    make.join(bruno, role)
    make.sign_in(client, make.user(role))
    got = client.get(f"/patients/{bruno.circle_id}/appui/demandes/")
    assert got.status_code == 200 and "Entre nous." not in got.content.decode()


# --- Public ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def form(alice):
    limits.forget("public-request/60", "address 127.0.0.1")
    limits.forget("public-request/3600", "address 127.0.0.1")
    return f"/demande/{alice.desk.organization.pk}/patient/"


def stamped(seconds_ago: int) -> str:
    """The stamp of a page that was given so long ago."""
    with mock.patch.object(signing.time, "time", return_value=time.time() - seconds_ago):
        return signing.dumps("", salt=public.SALT)


def typed(**more):
    given = {
        "ref": str(uuid4()), "stamp": stamped(60), "site": "", "asker_kind": "relative", "asker_name": "Soazig", "asker_phone": "0298000000",
        "asker_email": "soazig@exemple.fr", "reason": "carer", "reason_text": "Je n’en peux plus.",
    }  # fmt: skip
    return given | more


def sent(client, form, **more):
    page = client.post(form, typed(**more)).content.decode()
    return OrientationRequest.objects.get(), re.search(r"data-code>(\d{8})<", page)[1]


def test_a_relative_asks_without_an_account_and_reads_the_answer(client, form, alice):
    assert client.get(form).status_code == 200
    row, code = sent(client, form)
    assert not Patient.objects.exists() and row.channel == "web_public"
    assert code not in row.code_hash
    row = actions.close_advice(alice.desk, request=row, advice="Plateforme de répit.")
    actions.answer(alice.desk, request=row, how="web", text="Appelez la plateforme de répit.")
    got = client.post("/demande/suivi/", {"number": row.number, "code": code})
    assert "Appelez la plateforme de répit." in got.content.decode()
    assert client.post("/demande/suivi/avis/", {"mark": "4"}).status_code == 200
    row.refresh_from_db()
    assert row.satisfaction == 4


def test_a_wrong_code_and_an_unknown_number_look_the_same(client, form):
    row, _code = sent(client, form)
    wrong = client.post("/demande/suivi/", {"number": row.number, "code": "00000000"})
    unknown = client.post("/demande/suivi/", {"number": "2020-9999", "code": "00000000"})
    strip = lambda got: re.sub(rb'value="[A-Za-z0-9]{64}"|nonce-[^"]+|csrf[^>]+', b"", got.content)  # noqa: E731
    assert wrong.status_code == unknown.status_code == 422 and len(strip(wrong)) == len(strip(unknown))


def test_the_mailed_link_needs_the_code_and_serves_once(client, form):
    row, code = sent(client, form)
    tasks.send_status_link(str(row.pk))
    body = mail.outbox[-1].body
    assert "Soazig" not in body and code not in body and str(row.pk) not in body
    link = re.search(r"/demande/suivi/\S+", body)[0]
    assert client.get(link).status_code == 200 and client.get(link).status_code == 200  # a mail scanner opens it
    assert client.post(link, {"code": "00000000"}).status_code == 422
    assert "s’en occupe" in client.post(link, {"code": code}).content.decode()
    assert client.get(link).status_code == 404


def test_a_machine_is_told_the_same_and_nothing_is_kept(client, form):
    trapped = client.post(form, typed(site="http://x", stamp=stamped(0))).content.decode()
    assert not OrientationRequest.objects.exists()
    kept = client.post(form, typed()).content.decode()
    plain = lambda page: re.sub(r"\d{4}-\d{4}|>\d{8}<|nonce-\S+|[A-Za-z0-9]{64}", "", page)  # noqa: E731
    assert "Demande reçue" in trapped and plain(trapped) == plain(kept)


def test_the_limits_say_nothing_of_which_numbers_exist(client, form):
    """Twenty codes an hour for one number, from any address: the same words, real number or not."""
    row, code = sent(client, form)
    told = {}
    for number in (row.number, "2020-9999"):
        said = []
        for n in range(public.GUESSES + 1):
            for scope in ("public-status/60", "public-status/3600"):
                limits.forget(scope, "address 127.0.0.1")
            said.append(client.post("/demande/suivi/", {"number": number, "code": f"{n:08}"}).status_code)
        told[number] = said
    assert told[row.number] == told["2020-9999"] == [422] * public.GUESSES + [429]
    limits.forget("public-status/60", "address 127.0.0.1")
    assert client.post("/demande/suivi/", {"number": row.number, "code": code}).status_code == 429


def test_five_wrong_codes_end_the_mailed_link(client, form):
    row, code = sent(client, form)
    tasks.send_status_link(str(row.pk))
    link = re.search(r"/demande/suivi/\S+", mail.outbox[-1].body)[0]
    assert [client.post(link, {"code": f"0000000{n}"}).status_code for n in range(5)] == [422] * 5
    assert client.post(link, {"code": code}).status_code == 404


def test_one_address_is_sent_few_receipts_and_no_mail_says_anything_of_anyone(client, form):
    for _n in range(tasks.RECEIPTS + 3):
        limits.forget("public-request/60", "address 127.0.0.1")
        client.post(form, typed(person_family="Cornec", person_given="Jean-Yves", person_birth_date="02/05/1946"))
    rows = OrientationRequest.objects.all()
    for row in rows:
        tasks.send_status_link(str(row.pk), news="received")
    assert len(mail.outbox) == tasks.RECEIPTS
    said = " ".join(m.subject + m.body for m in mail.outbox).lower()
    for word in ("soazig", "cornec", "jean-yves", "1946", "n’en peux plus", "épuisement", *(r.number for r in rows)):
        assert word not in said


def test_a_request_by_the_public_form_defers_its_receipt_and_a_call_does_not(client, form, alice, monkeypatch):
    deferred = []
    monkeypatch.setattr(tasks.send_status_link, "defer", lambda **ids: deferred.append(ids))
    row, _code = sent(client, form)
    asked(alice)
    assert [str(d["request_id"]) for d in deferred] == [str(row.pk)]


def test_one_form_is_one_request_and_too_many_are_refused(client, form):
    same = typed()
    client.post(form, same)
    client.post(form, same)
    assert OrientationRequest.objects.count() == 1
    assert [client.post(form, typed()).status_code for _n in range(8)][-1] == 429


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "très rapide"), (3, "très rapide"), (7 * 3600, "restée ouverte longtemps")]
)
def test_too_fast_or_too_late_is_asked_again_with_what_was_typed(client, form, seconds, words):
    got = client.post(form, typed(stamp=stamped(seconds)))
    assert got.status_code == 422 and words in got.content.decode() and "Je n’en peux plus." in got.content.decode()
    assert not OrientationRequest.objects.exists()


def test_a_stamp_we_did_not_give_is_refused_and_a_page_left_an_hour_is_not(client, form):
    assert client.post(form, typed(stamp="x:y:z")).status_code == 422
    assert not OrientationRequest.objects.exists()
    assert client.post(form, typed(stamp=stamped(3600))).status_code == 200
    assert OrientationRequest.objects.count() == 1


def test_the_page_gives_the_stamp_that_it_asks_for(client, form):
    stamp = re.search(r'name="stamp" value="([^"]+)"', client.get(form).content.decode())[1]
    with mock.patch.object(signing.time, "time", return_value=time.time() + public.FASTEST + 1):
        assert "Demande reçue" in client.post(form, typed(stamp=stamp)).content.decode()


def test_a_late_request_is_told_once_and_becomes_a_step(alice):
    row = asked(alice)
    actions.take(alice.desk, request=row)
    OrientationRequest.objects.filter(pk=row.pk).update(due_at=timezone.now())
    tasks.watch_deadlines()
    tasks.watch_deadlines()
    assert Step.objects.filter(request=row, kind="escalated").count() == 1
