"""The walk: every address that names a patient, or one of her rows, is nothing to whoever is outside her circle.

Addresses come from the resolver, so a new route is walked on the day it is written; one whose argument has no row here
fails until it is given one.
"""

import io
import uuid
from dataclasses import dataclass
from datetime import date

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone
from PIL import Image

from cercle.base.audit.models import AuditEvent
from cercle.base.notifications.actions import notify
from cercle.base.notifications.models import Notification
from cercle.base.notifications.rules import Relation
from cercle.base.web import panels
from cercle.care.notebook import actions as notebook
from cercle.care.record import essentials
from cercle.care.stays import actions as stays
from cercle.people.circles import actions as circles
from cercle.people.circles.models import Member
from cercle.people.patients.models import PatientIdentifier, PotentialDuplicate
from tests import factories as make

pytestmark = pytest.mark.django_db
SECRET = "mot-que-seul-le-cercle-lit"
IN_CIRCLE = "patients/<uuid:circle_id>/"
# Arguments of other addresses that are rows of the directory or of one's own account: no patient behind them.
NO_PATIENT = {
    "practitioner_id", "organization_id", "entry_id", "report_id", "team_id", "what", "verb", "invitation_id", "account_id",
    "recovery_id", "token", "pk",
}  # fmt: skip


def routes(patterns=None, before: str = "") -> list[str]:
    """« patients/<uuid:circle_id>/notes/ », for every view of the site."""
    found = []
    for entry in get_resolver().url_patterns if patterns is None else patterns:
        route = before + str(entry.pattern)
        if isinstance(entry, URLResolver):
            found += routes(entry.url_patterns, route)
        elif isinstance(entry, URLPattern):
            found.append(route)
    return found


def names_in(route: str) -> list[str]:
    return [part.split(">")[0].split(":")[-1] for part in route.split("<")[1:]]


def filled(route: str, values: dict) -> str:
    for name in names_in(route):
        for kind in ("uuid", "str", "slug", "int", "path"):
            route = route.replace(f"<{kind}:{name}>", str(values[name]))
        route = route.replace(f"<{name}>", str(values[name]))
    return "/" + route


ROUTES = sorted(set(routes()))
CIRCLE_ROUTES = [r for r in ROUTES if "<uuid:circle_id>" in r]
OTHER_ROUTES = [r for r in ROUTES if names_in(r) and r not in CIRCLE_ROUTES and not set(names_in(r)) <= NO_PATIENT]
PLAIN_ROUTES = [r for r in ROUTES if not names_in(r) and "deconnexion" not in r]


@dataclass
class World:
    rows: dict  # argument of an address: a real row of Yvonne's
    zoe: Client  # nurse, in another circle
    own: uuid.UUID  # that circle
    bruno: Client  # the nurse of Yvonne's circle


def client(person) -> Client:
    opened = Client()
    opened.force_login(person)
    return opened


def notify_told(acting, person, note) -> Notification:
    notify("note", users={person.pk: Relation.NAMED}, circle_id=acting.circle_id, target=note, urgency="urgent")
    return Notification.objects.get(user=person, target_id=note.pk)


@pytest.fixture
def world(settings, tmp_path) -> World:
    settings.MFA_REQUIRED = False
    settings.FILES_ROOT = tmp_path / "files"
    bruno = make.circle(make.viewer(make.role("Bruno", "Le Bris", civility="M")), used_family=SECRET)
    erwan = make.role("Erwan", "Kervella", profession="10", civility="M")
    person = make.user(erwan)
    member = circles.add_member(bruno, practice_role=erwan, ground="recognised")
    contact = make.contact(bruno.patient)
    picture = io.BytesIO()
    Image.new("RGB", (40, 30)).save(picture, "JPEG")
    note = notebook.add_note(
        bruno, text=f"Chute. {SECRET}", urgency=2, files=[SimpleUploadedFile("plaie.jpg", picture.getvalue())]
    )
    notebook.keep_draft(bruno, slot="note", data={"text": SECRET})
    consent = circles.record_consent(
        bruno, flow="information", given_by="person", form="oral", given_on=date(2026, 1, 5)
    )
    opposed = make.role("Paul", "Refusé", profession="21", civility="M")
    opposition = circles.oppose(bruno, practitioner=opposed.practitioner, category="medical")
    asking = make.viewer(make.role("Iris", "Demande"))
    circles.ask_to_join(asking, circle_id=bruno.circle_id)
    opened = circles.break_glass(
        make.viewer(make.role("Nora", "Garde", profession="10")),
        circle_id=bruno.circle_id,
        reason="Malaise au domicile, voisine injoignable.",
    )
    twin = make.circle(make.viewer(make.role("Gwen", "Autre")), birth_given="Yvonne Marie")
    decision = circles.merge_files(bruno.viewer, survivor=bruno.patient, merged=twin.patient, reason="même personne")
    pair = PotentialDuplicate.objects.filter(second=twin.patient).first() or PotentialDuplicate.objects.create(
        first=bruno.patient, second=twin.patient, score=9, level="review"
    )
    notice = notify_told(bruno, person, note)
    own = make.circle(make.viewer(make.role("Zoé", "Dehors")), birth_family="Gouzien", birth_given="René", sex="M")
    rows = {
        "circle_id": bruno.circle_id,
        "note_id": note.pk,
        "document_id": bruno.circle.documents.get().pk,
        "stay_id": stays.admit(bruno, started_at=timezone.now(), label="CH de Quimper").pk,
        "member_id": member.pk,
        "consent_id": consent.pk,
        "target_id": note.pk,
        "opposition_id": opposition.pk,
        "request_id": bruno.circle.join_requests.get().pk,
        "opened_id": opened.pk,
        "absorbed_id": twin.circle_id,
        "contact_id": contact.pk,
        "identifier_id": PatientIdentifier.objects.create(
            patient=bruno.patient, kind="LOCAL", system="https://exemple.fr/ipp", value=SECRET
        ).pk,
        "essential_id": essentials.add(bruno, kind="allergy", label="Pénicilline").pk,
        "pair_id": pair.pk,
        "decision_id": decision.pk,
        "notice_id": notice.pk,
        "slot": "note",
        "kind": "allergy",
        "slug": "cahier",
        "what": "traits",
    }
    return World(rows, client(own.user), own.circle_id, client(bruno.user))


def variants(route: str) -> list[dict]:
    """The words that an address takes: each tab of the patient's page, a real one for the rest."""
    if route == IN_CIRCLE + "<slug:slug>/":
        return [{"slug": panel.slug} for panel in panels.ordered()]
    return [{}]


def both(browser: Client, path: str, **given):
    """GET, then a POST whose body cannot be read: a view that looks at the form before the gate answers 400."""
    unreadable = {"data": b"\xff\xfe", "content_type": "multipart/form-data"}
    return browser.get(path, **given), browser.post(path, **unreadable, **given)


def test_the_walk_knows_a_real_row_for_every_argument(world):
    unknown = {name for route in (*CIRCLE_ROUTES, *OTHER_ROUTES) for name in names_in(route)} - set(world.rows)
    assert not unknown, f"give the walk a row for: {unknown}"
    assert len(CIRCLE_ROUTES) > 50


@pytest.mark.parametrize("who", ["zoe", "support", "operator", "patient", "relative", "without practice"])
def test_an_outsider_gets_404_everywhere_before_any_form_is_read(world, who):
    kinds = {"support": "support", "operator": "operator", "patient": "patient", "relative": "relative"}
    browser = world.zoe if who == "zoe" else client(make.user(kind=kinds.get(who, "professional")))
    leaks: list = []
    for route in CIRCLE_ROUTES:
        for words in variants(route):
            path = filled(route, world.rows | words)
            answers = both(browser, path)
            for answer in answers:
                # 405 says which verbs an address has, whoever the patient is (tests/hostile compares word for word).
                if answer.status_code not in (404, 405) or SECRET.encode() in answer.content:
                    leaks.append((answer.request["REQUEST_METHOD"], path, answer.status_code))
            if {a.status_code for a in answers} == {405}:
                leaks.append(("no verb at all", path))
    assert leaks == []


def test_htmx_and_machines_get_the_same_404(world):
    for headers in ({"HX-Request": "true"}, {"Accept": "application/json"}, {"X-Requested-With": "fetch"}):
        for route in CIRCLE_ROUTES:
            for answer in both(world.zoe, filled(route, world.rows), headers=headers):
                assert answer.status_code in (404, 405, 429), (route, headers, answer.status_code)


def test_every_refusal_leaves_a_trace(world):
    before = AuditEvent.objects.filter(action="circles.refused", circle_id=world.rows["circle_id"]).count()
    refused = sum(a.status_code == 404 for r in CIRCLE_ROUTES for a in both(world.zoe, filled(r, world.rows)))
    after = AuditEvent.objects.filter(action="circles.refused", circle_id=world.rows["circle_id"]).count()
    assert after - before == refused


def test_a_foreign_row_is_not_reached_through_ones_own_circle(world):
    leaks = []
    for route in CIRCLE_ROUTES:
        rows = [n for n in names_in(route) if n.endswith("_id") and n != "circle_id"]
        if not rows or "target_id" in rows:  # an opposition names a thing of any app, and only ever hides
            continue
        path = filled(route, world.rows | {"circle_id": world.own})
        for answer in (world.zoe.get(path), world.zoe.post(path, {"reason": "essai", "text": "essai"})):
            if answer.status_code not in (404, 405, 403) or SECRET.encode() in answer.content:
                leaks.append((answer.request["REQUEST_METHOD"], path, answer.status_code))
    assert leaks == []


def test_rows_outside_circles_answer_404_or_403_to_who_does_not_hold_them(world):
    """Notices of someone else, the identity queue."""
    for route in OTHER_ROUTES:
        path = filled(route, world.rows)
        for person in (world.zoe, client(make.user(kind="support")), client(make.user(kind="relative"))):
            for answer in both(person, path):
                assert answer.status_code in (403, 404, 405), (path, answer.status_code)
                assert SECRET.encode() not in answer.content


def test_ids_in_the_query_or_the_form_open_nothing(world):
    """Own pages, asked with another's ids under every name the site uses."""
    names = {n for r in ROUTES for n in names_in(r)} | {
        "circle", "patient", "patient_id", "note", "document", "before", "from", "q", "next", "who", "id", "target", "about",
        "survivor", "recipients", "absorbed", "member", "contact", "stay",
    }  # fmt: skip
    given = {n: str(world.rows.get(n, world.rows["circle_id"])) for n in names if n not in ("slug", "what", "kind")}
    given |= {"note": str(world.rows["note_id"]), "document": str(world.rows["document_id"])}
    given |= {"recipients": str(world.rows["member_id"]), "who": f"role:{world.rows['member_id']}"}
    leaks = []
    here = [filled(r, world.rows | {"circle_id": world.own} | w) for r in CIRCLE_ROUTES
            if not any(n.endswith("_id") and n != "circle_id" for n in names_in(r)) for w in variants(r)]  # fmt: skip
    for path in [*here, *(filled(r, {}) for r in PLAIN_ROUTES)]:
        for answer in (world.zoe.get(path, given), world.zoe.get(path, given, headers={"HX-Request": "true"})):
            if answer.status_code >= 500 or SECRET.encode() in b"".join(answer):
                leaks.append((path, answer.status_code))
    before = Member.objects.filter(circle_id=world.rows["circle_id"]).count()
    for path in here:
        answer = world.zoe.post(path, given | {"text": "essai", "reason": "essai"})
        if answer.status_code >= 500 or SECRET.encode() in b"".join(answer):
            leaks.append((path, answer.status_code))
    assert leaks == []
    assert Member.objects.filter(circle_id=world.rows["circle_id"]).count() == before


def test_nobody_gets_in_without_signing_in(world):
    stranger = Client()
    for route in (*CIRCLE_ROUTES, *OTHER_ROUTES):
        path = filled(route, world.rows)
        for answer in both(stranger, path):
            assert answer.status_code == 302 and answer["Location"].startswith("/connexion/"), (
                path,
                answer.status_code,
            )
        for answer in both(stranger, path, headers={"HX-Request": "true"}):
            assert answer.status_code == 401, path


def test_the_walk_would_see_a_leak(world):
    """The same addresses do answer to a member: the 404s above come from the gate, not from a wrong address."""
    answered = 0
    for route in CIRCLE_ROUTES:
        for words in variants(route):
            got = world.bruno.get(filled(route, world.rows | words))
            answered += got.status_code in (200, 302, 405)
    assert answered > len(CIRCLE_ROUTES) * 0.8
