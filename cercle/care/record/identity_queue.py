"""« Identitovigilance »: pairs of files that may be one person, decided by a person, each decision undone as easily.

Strict traits and words of resemblance only: no circle, no note, no coordinates are read here.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from cercle.base.audit.record import Kind, record
from cercle.base.common import dates
from cercle.base.common.errors import Refused
from cercle.people.circles import actions as circles
from cercle.people.circles.access import Viewer, enter_identity_queue
from cercle.people.patients import actions as patients
from cercle.people.patients import duplicates
from cercle.people.patients.forms import DecisionForm
from cercle.people.patients.models import Identity, MergeDecision, Patient, PotentialDuplicate
from cercle.people.patients.names import squeeze

from .identity_forms import SurvivorForm

LISTED = 60
ASIDE = "identity_aside"  # pairs put off, in this session: at the end of the list
RANK = {Identity.Status.PROV: 0, Identity.Status.VALI: 1, Identity.Status.RECUP: 2, Identity.Status.QUAL: 3}


def waiting():
    """Open pairs of two files that still stand for themselves."""
    return PotentialDuplicate.objects.open().filter(first__merged_into=None, second__merged_into=None)


def waiting_count(request: HttpRequest) -> int:
    return waiting().count()


@dataclass(slots=True)
class Line:
    label: str
    first: str
    second: str
    same: bool


@dataclass(slots=True)
class Entry:
    pair: PotentialDuplicate
    names: tuple[str, str]
    percent: int
    aside: bool = False


# --- Screens ---------------------------------------------------------------------------------------------------------
@require_safe
def queue(request: HttpRequest) -> HttpResponse:
    """The list, on its first pair."""
    viewer = enter_identity_queue(request)
    level = request.GET.get("level", "")
    entries = _entries(request, level)
    record(viewer, "record.identity_queue_listed", kind=Kind.READ, shown=_ids(e.pair for e in entries))
    return _page(request, viewer, entries, level, entries[0].pair if entries else None)


@require_safe
def pair(request: HttpRequest, pair_id: UUID) -> HttpResponse:
    viewer = enter_identity_queue(request)
    level = request.GET.get("level", "")
    return _page(request, viewer, _entries(request, level), level, _pair(pair_id))


@require_POST
def merge(request: HttpRequest, pair_id: UUID) -> HttpResponse:
    viewer = enter_identity_queue(request)
    chosen, form = _pair(pair_id), SurvivorForm(request.POST)
    if form.is_valid():
        both = {chosen.first_id: chosen.first, chosen.second_id: chosen.second}
        survivor = both.pop(form.cleaned_data["survivor"], None)
        if survivor is None:
            raise Http404
        merged = next(iter(both.values()))
        try:
            circles.merge_files(viewer, survivor=survivor, merged=merged, reason=form.cleaned_data["reason"])
        except Refused as refused:
            form.add_error(None, str(refused.message))
        else:
            messages.success(request, _("Les deux fiches sont réunies. Leurs cercles examinent qui rejoint qui."))
            return redirect("record:identities")
    return _page(request, viewer, _entries(request, ""), "", chosen, form=form, status=422)


@require_POST
def apart(request: HttpRequest, pair_id: UUID) -> HttpResponse:
    viewer = enter_identity_queue(request)
    chosen, form = _pair(pair_id), DecisionForm(request.POST)
    if form.is_valid():
        try:
            patients.set_apart(viewer, duplicate=chosen, reason=form.cleaned_data["reason"])
        except Refused as refused:
            form.add_error(None, str(refused.message))
        else:
            messages.success(request, _("Ce sont deux personnes : la paire ne sera plus proposée."))
            return redirect("record:identities")
    return _page(request, viewer, _entries(request, ""), "", chosen, form=form, status=422)


@require_POST
def later(request: HttpRequest, pair_id: UUID) -> HttpResponse:
    """Put off: at the end of the list until the session ends. Nothing is decided."""
    enter_identity_queue(request)
    kept = [i for i in request.session.get(ASIDE, []) if i != str(pair_id)]
    request.session[ASIDE] = [*kept, str(pair_id)][-500:]
    return redirect("record:identities")


@require_safe
def decisions(request: HttpRequest) -> HttpResponse:
    """What was decided, newest first, each with its way back."""
    viewer = enter_identity_queue(request)
    together = MergeDecision.objects.all()
    distinct = PotentialDuplicate.objects.filter(state=PotentialDuplicate.State.DISTINCT)
    start, apart_start = _start(request, "from"), _start(request, "apart")
    merges = together.select_related("survivor__identity", "merged__identity").order_by("-id")
    kept_apart = distinct.select_related("first__identity", "second__identity").order_by("-decided_at", "-id")
    merges, kept_apart = list(merges[start : start + LISTED]), list(kept_apart[apart_start : apart_start + LISTED])
    totals = together.count(), distinct.count()
    shown = {p.pk for m in merges for p in (m.survivor, m.merged)} | set(_ids(kept_apart))
    record(viewer, "record.identity_decisions_listed", kind=Kind.READ, shown=sorted(shown))
    context = {
        "merges": [(m, _named(m.merged), _named(m.survivor)) for m in merges],
        "apart": [(d, _named(d.first), _named(d.second)) for d in kept_apart],
        "counts": _counts(),
        "merges_total": totals[0],
        "apart_total": totals[1],
        # Each list turns its own pages; the other one stays where it was.
        "merges_pages": _pages(start, totals[0], lambda n: {"from": n, "apart": apart_start}),
        "apart_pages": _pages(apart_start, totals[1], lambda n: {"from": start, "apart": n}),
    }
    return render(request, "record/identity_decisions.html", context)


@require_POST
def undo(request: HttpRequest, decision_id: UUID) -> HttpResponse:
    viewer = enter_identity_queue(request)
    decision = MergeDecision.objects.filter(pk=decision_id).first()
    if decision is None:
        raise Http404
    try:
        circles.unmerge_files(viewer, decision=decision)
    except Refused as refused:
        messages.error(request, refused.message)
    else:
        messages.success(request, _("Les deux fiches sont de nouveau séparées."))
    return redirect("record:identity_decisions")


# --- Inside ----------------------------------------------------------------------------------------------------------
def _start(request: HttpRequest, name: str) -> int:
    asked = request.GET.get(name, "")
    return int(asked) if asked.isascii() and asked.isdecimal() and len(asked) < 8 else 0


def _pages(start: int, total: int, query) -> dict:
    """Addresses of the newer and of the older page; empty where there is none."""
    newer = urlencode(query(max(start - LISTED, 0))) if start else ""
    return {"newer": newer, "older": urlencode(query(start + LISTED)) if start + LISTED < total else ""}


def _entries(request: HttpRequest, level: str) -> list[Entry]:
    """Very likely pairs first, then by score; those put off last."""
    rows = waiting().select_related("first__identity", "second__identity")
    if level in PotentialDuplicate.Level.values:
        rows = rows.filter(level=level)
    aside = set(request.session.get(ASIDE, []))
    found = [
        Entry(p, (_named(p.first), _named(p.second)), percent(p.score), str(p.pk) in aside)
        for p in rows.order_by("level", "-score", "id")[: LISTED + len(aside)]
    ]
    return sorted(found, key=lambda e: e.aside)[:LISTED]


def percent(score: float) -> int:
    """A probability as people read it; 100 is kept for certainty, which a score is not."""
    return min(99, max(1, round(score * 100)))


def _named(patient: Patient) -> str:
    """By the strict traits, as the identity documents say."""
    identity = patient.identity
    return f"{identity.birth_family} {identity.birth_given}, {dates.short(identity.birth)}"


def _pair(pair_id: UUID) -> PotentialDuplicate:
    found = waiting().filter(pk=pair_id).select_related("first__identity", "second__identity").first()
    if found is None:
        raise Http404
    return found


def _ids(pairs: Iterable[PotentialDuplicate]) -> list[UUID]:
    return [pk for p in pairs for pk in (p.first_id, p.second_id)]


def _counts() -> dict:
    by_level = dict.fromkeys(PotentialDuplicate.Level.values, 0)
    for level in waiting().values_list("level", flat=True):
        by_level[level] += 1
    return by_level | {"all": sum(by_level.values())}


def _page(request, viewer: Viewer, entries, level: str, chosen, *, form=None, status: int = 200) -> HttpResponse:
    context: dict = {"entries": entries, "level": level, "counts": _counts(), "chosen": chosen, "form": form}
    if chosen is not None:
        # In both journals: those of the circle see that the identity queue compared their file.
        for patient in (chosen.first, chosen.second):
            record(viewer, "record.identity_pair_read", kind=Kind.READ, circle_id=patient.pk, shown=[patient.pk])
        survivor = _survivor(chosen)
        context |= {
            "lines": _lines(chosen.first.identity, chosen.second.identity),
            "why": sorted(duplicates.explain(chosen), key=lambda e: -abs(e["weight"])),
            "percent": percent(chosen.score),
            "files": [(p, letter, p.pk == survivor) for p, letter in ((chosen.first, "A"), (chosen.second, "B"))],
            "preselect": chosen.level == PotentialDuplicate.Level.AUTO,
        }
    return render(request, "record/identity_queue.html", context, status=status)


def _survivor(chosen: PotentialDuplicate) -> UUID:
    """The file to propose: the one that holds the INS, else the better checked, else the older."""
    best = max(
        (chosen.first, chosen.second),
        key=lambda p: (bool(p.identity.ins_value), RANK[Identity.Status(p.identity.status)], -p.created_at.timestamp()),
    )
    return best.pk


def _lines(a: Identity, b: Identity) -> list[Line]:
    told = [
        (_("Nom de naissance"), a.birth_family, b.birth_family),
        (_("Premier prénom"), a.birth_given, b.birth_given),
        (_("Prénoms de naissance"), a.birth_givens, b.birth_givens),
        (_("Sexe"), a.get_sex_display(), b.get_sex_display()),
        (_("Date de naissance"), dates.short(a.birth), dates.short(b.birth)),
        (_("Lieu de naissance"), _place(a), _place(b)),
    ]
    lines = [Line(label, x, y, squeeze(x) == squeeze(y)) for label, x, y in told]
    lines.append(Line(_("Statut"), a.get_status_display(), b.get_status_display(), True))
    lines.append(Line(_("Porte un INS"), _yes_no(a.ins_value), _yes_no(b.ins_value), True))
    return lines


def _yes_no(value: str) -> str:
    return _("oui") if value else _("non")


def _place(identity: Identity) -> str:
    return f"{identity.birth_place_label} {identity.birth_place_code}".strip()
