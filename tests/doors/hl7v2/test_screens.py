"""« Messages HL7 »: the operator reads, searches, replays and sets aside; nobody else enters; persons stay masked."""

import pytest

from cercle.base.audit.models import AuditEvent
from cercle.doors.hl7v2.models import Message, Sender
from tests import factories as make

from .conftest import changed, declare, sample

NAMES = ("PAT-TROIS", "DOMINIQUE", "LEGOFF", "0546442221", "279035121518989", "IPP-000777", "BRETEUIL", "19790328")


@pytest.fixture
def received(fresh_db, settings):
    from cercle.doors.hl7v2.receive import receive

    settings.MFA_REQUIRED = False
    declare()
    receive(sample("A28-01-create-qualified.hl7"))
    receive(sample("ERR-01-missing-pid32.hl7"))
    receive(changed(sample("A28-02-create-provisional.hl7"), "CHU-TEST|CERCLE", "CLINIQUE|CERCLE"))
    return {m.control_id: m for m in Message.objects.all()}


@pytest.fixture
def operator(received, client):
    return make.sign_in(client, make.user(kind="operator"))


def test_the_list_says_each_message_its_state_and_its_error(operator):
    page = operator.get("/messages-hl7/").content.decode()
    for said in (
        "MSG0001",
        "MSG0901",
        "MSG0002",
        "Pris en compte",
        "Refusé",
        "En quarantaine",
        "PID-32",
        "n’est pas déclaré",
    ):
        assert said in page
    assert not [n for n in NAMES if n in page]


@pytest.mark.parametrize(
    "query, found",
    [("q=MSG0901", {"MSG0901"}), ("etat=quarantine", {"MSG0002"}), ("etat=applied", {"MSG0001"}), ("q=rien", set())],
)
def test_search_by_number_and_state(operator, query, found):
    page = operator.get(f"/messages-hl7/?{query}").content.decode()
    assert {n for n in ("MSG0001", "MSG0901", "MSG0002") if f">{n}<" in page} == found


@pytest.mark.parametrize("query", ["avant=x", "q=%00", "etat=%27", "avant=%00", "q=" + "x" * 900])
def test_odd_searches_are_answered(operator, query):
    assert operator.get(f"/messages-hl7/?{query}").status_code == 200


def test_a_message_is_masked_until_asked_for_and_that_is_traced(operator, received):
    row = received["MSG0001"]
    page = operator.get(f"/messages-hl7/{row.pk}/").content.decode()
    assert "MSH|^~\\&amp;|GAM" in page and "VALI" in page
    assert not [n for n in NAMES if n in page]
    assert operator.get(f"/messages-hl7/{row.pk}/contenu/").status_code == 405
    page = operator.post(f"/messages-hl7/{row.pk}/contenu/").content.decode()
    assert "PAT-TROIS" in page and "279035121518989" in page
    trace = AuditEvent.objects.filter(action="hl7v2.message_raw_shown").get()
    assert trace.circle_id == row.patient_id


def test_a_declared_sender_lets_its_message_be_replayed(operator, received):
    answer = operator.post(
        "/messages-hl7/expediteurs/",
        {"application": "GAM", "facility": "CLINIQUE", "processing": "test", "is_active": "on"},
    )
    assert answer.status_code == 302
    assert Sender.objects.count() == 2
    row = received["MSG0002"]
    operator.post(f"/messages-hl7/{row.pk}/rejouer/")
    row.refresh_from_db()
    assert (row.state, row.code) == ("applied", "AA")
    assert "déjà pris en compte" in operator.post(f"/messages-hl7/{row.pk}/rejouer/", follow=True).content.decode()


def test_settings_of_a_sender_are_changed(operator):
    row = Sender.objects.get()
    assert operator.get(f"/messages-hl7/expediteurs/{row.pk}/").status_code == 200
    operator.post(f"/messages-hl7/expediteurs/{row.pk}/", {"processing": "production", "international": "on"})
    row.refresh_from_db()
    assert (row.processing, row.international, row.is_active) == ("production", True, False)
    assert AuditEvent.objects.filter(action="hl7v2.sender_changed").exists()


def test_an_unknown_finess_and_a_sender_twice_are_refused(operator):
    said = {"application": "GAM", "facility": "CHU-TEST", "processing": "test"}
    assert operator.post("/messages-hl7/expediteurs/", said).status_code == 422
    assert (
        operator.post("/messages-hl7/expediteurs/", said | {"facility": "X", "finess": "290000000"}).status_code == 422
    )


def test_a_refused_message_is_set_aside_with_a_reason(operator, received):
    row = received["MSG0901"]
    assert operator.post(f"/messages-hl7/{row.pk}/classer/", {"reason": " "}).status_code == 422
    operator.post(f"/messages-hl7/{row.pk}/classer/", {"reason": "essai de l’éditeur"})
    row.refresh_from_db()
    assert row.state == "aside"


@pytest.mark.parametrize("kind", ["professional", "support", "relative", "patient"])
def test_nobody_else_enters(received, client, kind):
    role = make.role() if kind == "professional" else None
    make.sign_in(client, make.user(role, kind=kind))
    row, sender = received["MSG0001"], Sender.objects.get()
    gets = [
        "/messages-hl7/",
        f"/messages-hl7/{row.pk}/",
        "/messages-hl7/expediteurs/",
        f"/messages-hl7/expediteurs/{sender.pk}/",
    ]
    posts = [f"/messages-hl7/{row.pk}/{verb}/" for verb in ("contenu", "rejouer", "classer")] + gets[2:]
    assert {client.get(url).status_code for url in gets} | {client.post(url).status_code for url in posts} <= {
        302,
        403,
        404,
    }
    assert Sender.objects.count() == 1
