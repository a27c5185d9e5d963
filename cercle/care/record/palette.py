"""Ctrl K: my patients, people and structures of the directory, places. Lines only; palette.js does the keyboard."""

from dataclasses import dataclass
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from cercle.base.audit.record import Kind, record
from cercle.base.common.text import name_key
from cercle.base.web import places
from cercle.people.circles.access import viewer_of
from cercle.people.directory import nomenclature
from cercle.people.directory.models import Organization, PracticeRole
from cercle.people.directory.queries import named

from . import lists
from .live import marks_of

MOST = 8
FIRST = 6  # patients offered before anything is typed
SHORTEST = 2  # letters before the directory is asked


@dataclass(slots=True)
class Option:
    url: str
    title: str
    detail: str = ""
    icon: str = ""
    initials: str = ""
    tint: str = ""
    line: lists.Line | None = None


@require_http_methods(["GET", "HEAD", "POST"])
def options(request: HttpRequest) -> HttpResponse:
    viewer = viewer_of(request)
    text = (request.POST if request.method == "POST" else request.GET).get("q", "").replace("\x00", "").strip()[:80]
    key = name_key(text)
    if key:
        circles = lists.search(viewer, text, limit=MOST)
    else:
        marks = sorted(marks_of(request), key=lambda m: (not m.urgent, not m.unread, not m.hospitalised, m.sort))
        circles = [m.circle_id for m in marks[:FIRST]]
    patients = _patients(viewer, circles)
    going = _places(request, key)
    people: list[Option] = []
    structures: list[Option] = []
    if len(key) >= SHORTEST:
        # Exact beginnings first: they are quick. Misspelt names are looked for when nothing else answers.
        close = not patients and not going
        people, structures = _people(key, close), _structures(key, close)
        record(
            viewer, "record.palette_searched", kind=Kind.SEARCH, shown=circles,
            details={"people": len(people), "structures": len(structures)},
        )  # fmt: skip
    elif patients:
        record(viewer, "record.palette_searched", kind=Kind.SEARCH, shown=circles)
    groups = [
        ("patients", _("Patients") if key else _("À lire d’abord"), patients),
        ("people", _("Professionnels"), people),
        ("structures", _("Structures"), structures),
        ("places", _("Aller à"), going),
    ]
    groups = [group for group in groups if group[2]]
    return render(request, "record/palette.html", {"groups": groups, "text": text, "fallback": _places(request, "")})


def _patients(viewer, circles: list[UUID]) -> list[Option]:
    lines = lists.lines(viewer, circles)
    return [
        Option(reverse("record:patient", args=[c]), f"{lines[c].given} {lines[c].family.upper()}", line=lines[c])
        for c in circles
        if c in lines
    ]


def _people(key: str, close: bool) -> list[Option]:
    if key.isdigit():
        found = PracticeRole.objects.search(key, limit=MOST) if len(key) in (9, 11) else []
    else:
        found = list(named(PracticeRole.objects.open().with_names(), "practitioner__sort", key)[:MOST])
        if not found and close:
            found = PracticeRole.objects.search(key, limit=MOST)
    once: dict[UUID, Option] = {}
    for role in found:
        place = role.organization.display_name if role.organization_id else role.city
        once.setdefault(
            role.practitioner_id,
            Option(
                reverse("directory:person", args=[role.practitioner_id]), role.practitioner.display_name,
                " · ".join(p for p in (role.short_label, place) if p), initials=role.practitioner.initials, tint=role.tint,
            ),
        )  # fmt: skip
    return list(once.values())


def _structures(key: str, close: bool) -> list[Option]:
    number = key.replace(" ", "")
    if len(number) in (9, 14) and number[2:].isdigit():
        found = Organization.objects.search(key, limit=MOST)
    else:
        found = list(named(Organization.objects.open(), "sort", key)[:MOST])
        if not found and close:
            found = Organization.objects.search(key, limit=MOST)
    return [
        Option(
            reverse("directory:structure", args=[o.pk]), o.display_name,
            " · ".join(str(p) for p in (nomenclature.KIND_LABELS.get(o.kind), o.city) if p), icon="building-2",
        )
        for o in found
    ]  # fmt: skip


def _places(request: HttpRequest, key: str) -> list[Option]:
    """Places of the rail and things to add whose words begin so; all of them before anything is typed."""
    found = [Option(p.url, str(p.label), icon=p.icon) for p in places.of(request)]
    found += [Option(t["url"], str(t["label"]), icon=t["icon"]) for t in places.new_things(request)]
    found += [
        Option(reverse("record:notifications"), _("Notifications"), icon="bell"),
        Option(reverse("record:help"), _("Aide"), icon="circle-help"),
    ]
    if key:
        words = key.split()
        found = [o for o in found if all(any(part.startswith(w) for part in name_key(o.title).split()) for w in words)]
    return found[:MOST]
