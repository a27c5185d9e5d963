"""Screens: the desk, its dialogs, the public forms, the status page."""

import re
from uuid import uuid4

import pytest
from django.core import mail, signing
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from cercle.base.web import limits
from cercle.care.orientation import actions, public, tasks
from cercle.care.orientation.models import OrientationRequest, Step
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
        with CaptureQueriesContext(connection) as said:
            assert desk.get("/guichet/").status_code == 200
        return sorted(q["sql"][:120] for q in said)

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
        "reason_text": "Deux chutes.", "urgency": "0", "level": "2", "person_family": "CORNEC", "person_given": "Jean-Yves",
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
        "refuser",
        "attente",
    ):
        assert desk.get(f"{url}{dialog}/", headers={"HX-Request": "true"}).status_code == 200, dialog
    got = desk.post(
        f"{url}dossier/", {"referent": alice.role.pk, "level": "2", "informed_on": str(timezone.localdate())}
    )
    assert got.status_code == 302, got.content.decode()
    row = OrientationRequest.objects.get()
    assert row.outcome == "file" and row.patient_id
    desk.post(f"{url}repondre/", {"how": "phone", "text": "Dossier ouvert.", "ref_version": row.version})
    row.refresh_from_db()
    assert row.state == "closed"
    assert desk.get(f"{url}courrier/reponse/").content[:5] == b"%PDF-"


def test_the_second_closer_keeps_what_she_typed(desk, alice):
    row = actions.close_advice(alice.desk, request=asked(alice), advice="Conseil.")
    version = row.version
    erwan = made.coordinator(alice.desk.organization, "Erwan", "Kerdreux")
    actions.answer(erwan.desk, request=row, how="phone", text="Première.")
    got = desk.post(
        f"/guichet/{row.pk}/repondre/", {"how": "mail", "text": "Ma longue réponse", "ref_version": version}
    )
    assert got.status_code == 409 and "Ma longue réponse" in got.content.decode() and "Erwan" in got.content.decode()


# --- Public ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def form(alice, monkeypatch):
    monkeypatch.setattr(public, "FASTEST", -1)
    monkeypatch.setattr(public, "_speed", lambda stamp: "ok" if stamp else "forged")
    limits.forget("public-request/60", "address 127.0.0.1")
    limits.forget("public-request/3600", "address 127.0.0.1")
    return f"/demande/{alice.desk.organization.pk}/patient/"


def typed(**more):
    given = {
        "ref": str(uuid4()), "stamp": "x", "site": "", "asker_kind": "relative", "asker_name": "Soazig", "asker_phone": "0298000000",
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
    assert "Demande reçue" in client.post(form, typed(site="http://x")).content.decode()
    assert not OrientationRequest.objects.exists()


def test_one_form_is_one_request_and_too_many_are_refused(client, form):
    same = typed()
    client.post(form, same)
    client.post(form, same)
    assert OrientationRequest.objects.count() == 1
    assert [client.post(form, typed()).status_code for _n in range(8)][-1] == 429


def test_too_fast_late_or_forged_is_asked_again(alice):
    assert public._speed(signing.dumps("", salt=public.SALT)) == "fast"
    assert public._speed("forged") == "forged"


def test_a_late_request_is_told_once_and_becomes_a_step(alice):
    row = asked(alice)
    actions.take(alice.desk, request=row)
    OrientationRequest.objects.filter(pk=row.pk).update(due_at=timezone.now())
    tasks.watch_deadlines()
    tasks.watch_deadlines()
    assert Step.objects.filter(request=row, kind="escalated").count() == 1
