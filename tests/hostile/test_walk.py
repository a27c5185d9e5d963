"""Every address that names a circle, walked by an outsider, by a neighbour, by an insider, and by someone who types nonsense."""

from uuid import uuid4

import pytest

from cercle.base.audit.models import AuditEvent
from cercle.base.web import limits
from cercle.people.circles.access import reach
from tests import factories as make
from tests.hostile import routes

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_second_factor")]

METHODS = ("get", "head", "post", "put", "delete", "options")


def answer(client, method: str, url: str):
    got = getattr(client, method)(url)
    return got.status_code, got.headers.get("Allow"), got.content


@pytest.mark.parametrize("route", routes.of_a_circle(), ids=lambda r: r.name)
def test_an_outsider_gets_the_same_answer_as_for_a_file_that_does_not_exist(client, zoe, alices_rows, route):
    make.sign_in(client, zoe.user)
    for method in METHODS:
        limits.forget("export/60", f"user {zoe.user_id}")
        real = answer(client, method, route.url(**alices_rows))
        unknown = answer(client, method, route.url())
        assert real == unknown, method
        assert real[0] in (404, 405) or method == "options", method


@pytest.mark.parametrize("route", [r for r in routes.of_a_circle() if len(r.parameters) > 1], ids=lambda r: r.name)
def test_a_row_of_another_circle_is_like_a_row_that_does_not_exist(client, zoe, alices_rows, route):
    make.sign_in(client, zoe.user)
    mine = alices_rows | {"circle_id": zoe.circle_id}
    made_up = {"circle_id": zoe.circle_id} | {n: uuid4() for n in alices_rows if n != "circle_id"}
    for method in ("get", "head", "post"):
        theirs, none = (getattr(client, method)(route.url(**ids)) for ids in (mine, made_up))
        assert theirs.status_code == none.status_code, method
        if {"note_id", "document_id", "member_id", "stay_id", "essential_id", "contact_id"} & set(route.parameters):
            assert theirs.status_code in (404, 405), method


@pytest.mark.parametrize("route", routes.of_a_circle(), ids=lambda r: r.name)
def test_no_page_about_a_patient_is_read_without_a_trace(client, alice, alices_rows, route):
    make.sign_in(client, alice.user)
    url = route.url(**alices_rows)
    client.get(url)  # what is written once only (marks, receipts)
    before = AuditEvent.objects.filter(circle_id=alice.circle_id).count()
    got = client.get(url, headers={"HX-Request": "true"})
    if got.status_code < 400:
        b"".join(got.streaming_content) if got.streaming else None
        assert AuditEvent.objects.filter(circle_id=alice.circle_id).count() > before


NONSENSE = {
    name: ["\x00", "²", "9" * 40, "-1", "1e309", "\u202e" + "z\u0335\u0321" * 300 + "🤕", "' OR 1=1 --", "<script>", "{{7*7}}", "../../etc"]
    for name in (
        "text type urgency category hidden recipients documents asks_receipt client_ref m_weight m_bp based_on reason who ground role"
        " until flow given_by form given_on scope about said_by said_on accept answer verdict note keep token family given birth_date q"
        " from to only before day period profession kind level started_at ended_at organization label detail since code hidden phone"
        " email address what birth_family birth_given sex survivor circle digest_hour quiet_from context started_on started_time"
    ).split()
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("route", [r for r in routes.every() if "token" not in r.parameters], ids=lambda r: r.name)
def test_nonsense_is_never_a_failure_of_the_server(client, alice, alices_rows, route):
    """NUL, digits that are not, huge numbers, direction marks, zalgo, markup: refused in words, or taken as words."""
    if route.name == "account_logout":
        pytest.skip("it signs out, whatever is sent")
    make.sign_in(client, alice.user)
    url = route.url(**alices_rows)
    for turn in range(10):
        data = {name: values[turn] for name, values in NONSENSE.items()}
        for method in ("get", "post") if turn < 3 else ("post",):
            got = getattr(client, method)(url, data)
            assert got.status_code < 500, (method, turn)
            if got.status_code == 302 and "/connexion/" in got.headers["Location"]:
                make.sign_in(client, alice.user)
        if got.status_code == 405:
            break
        if reach(alice.viewer, alice.circle_id) is None:
            break  # it worked: she left, or took herself out


BODIES = [
    ("application/json", b'{"text": "bonjour"}'),
    ("application/x-www-form-urlencoded", b"text=\xff\xfe\x00&text=2&=&&&text"),
    ("application/x-www-form-urlencoded; charset=utf-16", "text=é".encode("utf-16")),
    ("application/x-www-form-urlencoded; charset=bogus", b"text=%E9"),
    ("application/x-www-form-urlencoded", b"&".join(b"recipients=%d" % n for n in range(10_000))),
    ("multipart/form-data", b"no boundary"),
    ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data; name=\"text\"\r\n\r\nabc"),
    ("multipart/form-data; boundary=x", b"".join(b'--x\r\nContent-Disposition: form-data; name="f%d"; filename="a"\r\n\r\n\r\n' % n for n in range(3000)) + b"--x--"),
    ("text/xml", b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'),
]  # fmt: skip


@pytest.mark.parametrize("kind, body", BODIES, ids=range(len(BODIES)))
def test_a_strange_body_is_refused_in_words(client, alice, kind, body):
    make.sign_in(client, alice.user)
    for name in (
        "notebook:add",
        "circles:add",
        "notebook:draft",
        "circles:oppose",
        "record:new_patient",
        "circles:emergency",
    ):
        route = next(r for r in routes.every() if r.name == name)
        got = client.generic("POST", route.url(circle_id=alice.circle_id), body, content_type=kind)
        assert got.status_code < 500, name
