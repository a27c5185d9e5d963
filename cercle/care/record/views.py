"""Screens across patients, and the frame of one patient's page."""

from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from cercle.base.audit.record import Kind, record
from cercle.base.realtime import topics
from cercle.base.web import panels
from cercle.people.circles.access import enter, viewer_of
from cercle.people.circles.vocabulary import Permission

from . import create, explain, lists, live

PAGE = 50


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    return patients(request)


@require_http_methods(["GET", "HEAD", "POST"])
def patients(request: HttpRequest) -> HttpResponse:
    """« Mes patients »: to read first, then hospitalised, then the rest by name."""
    viewer = viewer_of(request)
    if viewer.user.kind in ("support", "operator") and not viewer.practice_role_id:
        return render(request, "record/no_patients.html", {"viewer": viewer})
    # What is typed is a name: it comes by POST, never in an address.
    asked = request.POST if request.method == "POST" else request.GET
    text, chosen = asked.get("q", "").replace("\x00", "").strip()[:80], asked.get("only", "")
    fragment = request.headers.get("HX-Request") == "true"
    chosen = chosen if chosen in lists.ONLY else ""
    start = int(asked.get("from", "0")) if asked.get("from", "0").isdecimal() and len(asked.get("from", "")) < 7 else 0
    within = lists.search(viewer, text) if text else None
    most = max(start + PAGE, topics.MOST)
    if fragment and within is not None:
        # Under what is typed only rows are shown again, no counts: a desk need not mark 2,000 circles to show ten.
        found = lists.ranked_among(viewer, among=within, only=chosen)
    else:
        found = lists.ranked(viewer, only=chosen, within=within, limit=most)
        live.remember_count(viewer, found.counts["unread"])
    shown = found.marks[start : start + PAGE]
    lines = lists.lines(viewer, [m.circle_id for m in shown])
    groups = {"first": [], "stays": [], "rest": []}
    for m in shown:
        if line := lines.get(m.circle_id):
            groups["first" if m.unread or m.urgent else "stays" if m.hospitalised else "rest"].append(line)
    record(viewer, "record.patients_listed", kind=Kind.SEARCH if text else Kind.READ, shown=list(lines))
    followed = _topics(viewer, found.marks)
    context = {
        "viewer": viewer, "groups": groups, "counts": found.counts | {"all": found.counts["every"]}, "q": text, "only": chosen,
        "found": found.counts["found"], "may_add": create.may_create(viewer), "add_url": reverse("record:new_patient"),
        "unread_notes": sum(line.unread for line in groups["first"]),
        "first_total": found.counts["first"], "stays_total": found.counts["stays"], "rest_total": found.counts["rest"],
        "more": start + PAGE if found.counts["found"] > start + PAGE else 0,
        "topics": topics.sign(followed, user_id=viewer.user_id, session_key=request.session.session_key),
        "live": " ".join(followed),
    }  # fmt: skip
    name = "record/patients.html#rows" if fragment else "record/patients.html"
    return render(request, name, context)


def _topics(viewer, marks) -> list[str]:
    """The circles one sees first follow live; a desk of 2,000 follows its own name (notices) for the others."""
    return [f"user:{viewer.user_id}", *(f"circle:{m.circle_id}" for m in marks[: topics.MOST - 1])]


@require_safe
def patient(request: HttpRequest, circle_id: UUID) -> HttpResponse:
    """The patient's page on its first tab."""
    acting = enter(request, circle_id, Permission.READ_NOTEBOOK)
    if acting.circle_id != circle_id:
        return redirect("record:patient", acting.circle_id)
    return panels.show(request, acting, "cahier")


@require_safe
def tab(request: HttpRequest, circle_id: UUID, slug: str) -> HttpResponse:
    panel = panels.get(slug)
    if panel is not None and panel.permission not in Permission.values:
        panel = None  # shown by its own views only
    acting = enter(request, circle_id, Permission(panel.permission) if panel else Permission.READ_CIRCLE)
    if panel is None:
        raise Http404
    return panels.show(request, acting, slug)


@require_safe
def why(request: HttpRequest, circle_id: UUID) -> HttpResponse:
    """« Pourquoi ai-je accès ? »"""
    acting = enter(request, circle_id, Permission.READ_CIRCLE)
    record(acting, "record.why_read", kind=Kind.READ)
    return render(request, "record/why.html", {"acting": acting, "circle_id": circle_id, "why": explain.access(acting)})
