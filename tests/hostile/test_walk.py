"""The walk: every address that names a patient, or one of her rows, tried by an outsider, by a neighbour, by an insider, and by
someone who types nonsense.

Addresses come from the resolver, so a new route is walked on the day it is written; one whose argument has no row in
`alices_rows` fails until it is given one.
"""

from uuid import uuid4

import pytest
from django.test import Client

from cercle.base.audit.models import AuditEvent
from cercle.base.web import limits
from cercle.people.circles.access import reach
from cercle.people.circles.models import Member
from tests import factories as make
from tests.hostile import routes
from tests.hostile.conftest import SECRET

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_second_factor")]

METHODS = ("get", "head", "post", "put", "delete", "options")


def test_the_walk_knows_a_real_row_for_every_argument(alices_rows):
    unknown = {n for r in (*routes.of_a_circle(), *routes.of_a_row()) for n in r.parameters} - set(alices_rows)
    assert not unknown - set(routes.WORDS), f"give alices_rows a row for: {unknown - set(routes.WORDS)}"
    assert len(routes.of_a_circle()) > 50


# --- someone of no circle, someone of another one --------------------------------------------------------------------------


def answer(client, method: str, url: str):
    got = getattr(client, method)(url)
    return got.status_code, got.headers.get("Allow"), got.content


def unreadable(client, url: str, **headers):
    """GET, then a POST whose body cannot be read: a view that looks at the form before the gate answers 400."""
    yield client.get(url, **headers)
    yield client.post(url, data=b"\xff\xfe", content_type="multipart/form-data", **headers)


def body(got) -> bytes:
    return b"".join(got)


@pytest.mark.parametrize("route", routes.of_a_circle(), ids=lambda r: r.name)
def test_an_outsider_gets_the_same_answer_as_for_a_file_that_does_not_exist(client, zoe, alices_rows, route):
    make.sign_in(client, zoe.user)
    for method in METHODS:
        limits.forget("export/60", f"user {zoe.user_id}")
        for words in route.variants():
            real = answer(client, method, route.url(**alices_rows | words))
            unknown = answer(client, method, route.url(**words))
            assert real == unknown, method
            assert real[0] in (404, 405) or method == "options", method
            assert SECRET.encode() not in real[2]


@pytest.mark.parametrize("who", ["zoe", "support", "operator", "patient", "relative", "professional"])
def test_an_outsider_gets_404_everywhere_before_any_form_is_read(client, zoe, alices_rows, who):
    """A professional without any practice too; every refusal leaves its trace."""
    client.force_login(zoe.user if who == "zoe" else make.user(kind=who))
    refusals = AuditEvent.objects.filter(action="circles.refused", circle_id=alices_rows["circle_id"])
    leaks: list = []
    before, refused = refusals.count(), 0
    for route in routes.of_a_circle():
        for words in route.variants():
            url = route.url(**alices_rows | words)
            answers = list(unreadable(client, url))
            for got in answers:
                refused += got.status_code == 404
                # 405 says which verbs an address has, whoever the patient is.
                if got.status_code not in (404, 405) or SECRET.encode() in got.content:
                    leaks.append((got.request["REQUEST_METHOD"], url, got.status_code))
            if {a.status_code for a in answers} == {405}:
                leaks.append(("no verb at all", url))
    assert leaks == []
    assert refusals.count() - before == refused


@pytest.mark.parametrize(
    "headers", [{"HX-Request": "true"}, {"Accept": "application/json"}, {"X-Requested-With": "fetch"}]
)
def test_htmx_and_machines_get_the_same_404(client, zoe, alices_rows, headers):
    client.force_login(zoe.user)
    for route in routes.of_a_circle():
        for got in unreadable(client, route.url(**alices_rows), headers=headers):
            assert got.status_code in (404, 405, 429), (route.name, got.status_code)


@pytest.mark.parametrize("route", [r for r in routes.of_a_circle() if len(r.parameters) > 1], ids=lambda r: r.name)
def test_a_row_of_another_circle_is_like_a_row_that_does_not_exist(client, zoe, alices_rows, route):
    make.sign_in(client, zoe.user)
    mine = alices_rows | {"circle_id": zoe.circle_id}
    made_up = {"circle_id": zoe.circle_id} | {n: uuid4() for n in alices_rows if n != "circle_id"}
    made_up |= {n: value for n, value in alices_rows.items() if isinstance(value, int)}  # a page number stays one
    for method in ("get", "head", "post"):
        theirs, none = (getattr(client, method)(route.url(**ids)) for ids in (mine, made_up))
        assert theirs.status_code == none.status_code, method
        if route.rows:
            assert theirs.status_code in (403, 404, 405), method
            assert SECRET.encode() not in body(theirs), method


def test_rows_outside_circles_answer_404_or_403_to_who_does_not_hold_them(client, zoe, alices_rows):
    """Notices of someone else, the identity queue, the desk of another DAC."""
    for person in (zoe.user, make.user(kind="support"), make.user(kind="relative")):
        client.force_login(person)
        for route in routes.of_a_row():
            for got in unreadable(client, route.url(**alices_rows)):
                assert got.status_code in (403, 404, 405), (route.name, got.status_code)
                assert SECRET.encode() not in got.content


def test_ids_in_the_query_or_the_form_open_nothing(client, zoe, alices_rows):
    """One's own pages, asked with another's ids under every name the site uses."""
    client.force_login(zoe.user)
    names = {n for r in routes.every() for n in r.parameters} | {
        "circle", "patient", "patient_id", "note", "document", "before", "from", "q", "next", "who", "id", "target", "about",
        "survivor", "recipients", "absorbed", "member", "contact", "stay",
    }  # fmt: skip
    given = {
        n: str(alices_rows.get(n, alices_rows["circle_id"])) for n in names if n not in routes.WORDS or n == "token"
    }
    given |= {"note": str(alices_rows["note_id"]), "document": str(alices_rows["document_id"])}
    given |= {"recipients": str(alices_rows["member_id"]), "who": f"role:{alices_rows['member_id']}"}
    here = [
        r.url(circle_id=zoe.circle_id, **words) for r in routes.of_a_circle() if not r.rows for words in r.variants()
    ]
    leaks = []
    for url in [*here, *(r.url() for r in routes.plain())]:
        for got in (client.get(url, given), client.get(url, given, headers={"HX-Request": "true"})):
            if got.status_code >= 500 or SECRET.encode() in body(got):
                leaks.append((url, got.status_code))
    before = Member.objects.filter(circle_id=alices_rows["circle_id"]).count()
    for url in here:
        got = client.post(url, given | {"text": "essai", "reason": "essai"})
        if got.status_code >= 500 or SECRET.encode() in body(got):
            leaks.append((url, got.status_code))
    assert leaks == []
    assert Member.objects.filter(circle_id=alices_rows["circle_id"]).count() == before


def test_nobody_gets_in_without_signing_in(alices_rows):
    stranger = Client()
    for route in (*routes.of_a_circle(), *routes.of_a_row()):
        url = route.url(**alices_rows)
        for got in unreadable(stranger, url):
            assert got.status_code == 302, (url, got.status_code)
            assert got["Location"].startswith("/connexion/"), url
        for got in unreadable(stranger, url, headers={"HX-Request": "true"}):
            assert got.status_code == 401, url


# --- someone of the circle -------------------------------------------------------------------------------------------------


def test_the_walk_would_see_a_leak(client, alice, alices_rows):
    """The same addresses do answer to a member: the 404s above come from the gate, not from a wrong address."""
    client.force_login(alice.user)
    pages = [r.url(**alices_rows | words) for r in routes.of_a_circle() for words in r.variants()]
    answered = sum(client.get(url).status_code in (200, 302, 405) for url in pages)
    assert answered > len(pages) * 0.8


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
