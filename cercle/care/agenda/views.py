"""Enter, form, action, render. Addresses of an appointment pass gates.enter_appointment."""

from datetime import UTC, datetime, time, timedelta
from uuid import UUID

from django.contrib import messages
from django.db.models import F
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from cercle.base.audit.record import Kind as Trace
from cercle.base.audit.record import record
from cercle.base.common.errors import Refused
from cercle.base.web import french, limits
from cercle.base.web.errors import too_many
from cercle.base.web.middleware import view_with_own_sign_in
from cercle.people.circles.access import Acting, enter, viewer_of
from cercle.people.circles.models import Member
from cercle.people.circles.vocabulary import Permission
from cercle.people.directory.models import PracticeRole

from . import actions, forms, gates, ics, outcomes, queries, recurrence, screen, sight
from .models import Absence, Calendar, Feed
from .vocabulary import Kind, Scope

FORM_METHODS = require_http_methods(["GET", "HEAD", "POST"])
MOST_CIRCLES = 500


# --- My agenda ----------------------------------------------------------------------------------------------------------
@require_safe
def mine(request: HttpRequest) -> HttpResponse:
    viewer = gates.at_agenda(request)
    view = request.GET.get("vue", "semaine")
    view = view if view in screen.VIEWS else "semaine"
    day = screen.read_day(request.GET.get("date", ""))
    chosen = screen.side(viewer, request.session.get("agenda"))
    first, number = {
        "jour": (day, 1), "semaine": (day - timedelta(days=day.weekday()), 7), "liste": (day, 30),
        "mois": (screen.month_of(day)[0][0], 7 * len(screen.month_of(day))),
    }[view]  # fmt: skip
    found = screen.days(viewer, chosen, first, number, month=day.month if view == "mois" else 0)
    today = next((d for d in found if d.day == day), found[0])
    tour = screen.tour(today)
    week = found
    if view == "semaine":
        # Saturday and Sunday when something is in them, or when one stands there.
        found = [d for d in found if not d.is_weekend or d.shown or d.lanes or d.day == day]
        if found[-1].day.weekday() == 6 and len(found) == 6:
            found = week
    hours = screen.grid(found) if view in ("jour", "semaine") else []
    record(
        viewer, "agenda.read", kind=Trace.READ, shown=[s.pk for d in week for s in d.shown if not s.busy],
        details={"view": view},
    )  # fmt: skip
    context = {
        "view": view, "views": screen.VIEWS.items(), "day": day, "today": french.now().date(), "days": found, "hours": hours,
        "side": chosen, "to_place": queries.to_place(viewer), "tour": tour, "tour_day": today,
        "strip": [day - timedelta(days=day.weekday()) + timedelta(days=n) for n in range(7)],
        "title": _title(view, day, found), "week_number": day.isocalendar().week if view == "semaine" else None,
        "before": screen.step(view, day, -1), "after": screen.step(view, day, 1),
        "month": screen.month_of(day), "month_title": screen.month_title(day),
        "month_before": screen.step("mois", day, -1), "month_after": screen.step("mois", day, 1),
        "listed": screen.by_day(found), "weeks": [found[i : i + 7] for i in range(0, len(found), 7)] if view == "mois" else [],
        "first_hour": hours[0] if hours else 0, "kinds": Kind.choices, "last_day": found[-1].day, "first_day": found[0].day,
    }  # fmt: skip
    part = "#body" if request.headers.get("HX-Request") and request.headers.get("HX-Target") == "agenda-body" else ""
    return render(request, f"agenda/mine.html{part}", context)


def _title(view: str, day, found) -> str:
    if view == "mois":
        return screen.month_title(day)
    if view == "jour":
        return french.day(day)
    return screen.span_title(found[0].day, found[-1].day)


@require_POST
def choose(request: HttpRequest) -> HttpResponse:
    """Which agendas are shown, for this session."""
    gates.at_agenda(request)
    request.session["agenda"] = [k for k in request.POST.getlist("agenda") if len(k) < 40][:60]
    return redirect(_back(request))


def _back(request: HttpRequest) -> str:
    """Where the sheet was opened from; only an agenda of ours."""
    asked = request.POST.get("back", "")
    return asked if asked.startswith("/agenda/?") or asked == "/agenda/" else reverse("agenda:mine")


# --- Placing ------------------------------------------------------------------------------------------------------------
@FORM_METHODS
def new(request: HttpRequest) -> HttpResponse:
    """In one's own agenda; about a person when one of her circles is chosen."""
    viewer = gates.at_agenda(request)
    circles = _circles(viewer) if request.method != "POST" else None
    if circles:
        record(viewer, "agenda.people_listed", kind=Trace.READ, shown=[c for c, _name in circles])
    acting = viewer
    asked = request.POST.get("circle", "")
    if asked:
        acting = enter(request, _uuid(asked), Permission.WRITE_AGENDA)
    if circles is None:
        circles = _circles(viewer)
    return _place(request, acting, circles=circles, page="agenda")


@FORM_METHODS
def new_for(request: HttpRequest, circle_id: UUID) -> HttpResponse:
    acting = enter(request, circle_id, Permission.WRITE_AGENDA)
    record(acting, "agenda.read", kind=Trace.READ, details={"view": "form"})
    return _place(request, acting, circles=None, page="circle")


def _place(request, acting, *, circles, page: str, item=None) -> HttpResponse:
    people = _people(acting)
    rooms = queries.rooms(acting.viewer.organization_id if isinstance(acting, Acting) else acting.organization_id)
    form = forms.AppointmentForm(
        request.POST if request.method == "POST" else None,
        initial=_initial(request, item),
        circles=circles,
        people=[(str(r.pk), r.practitioner.display_name) for r in people],
        rooms=[(str(r.pk), r.name) for r in rooms],
    )
    taken = None
    if request.method == "POST" and form.is_valid():
        asked = set(form.cleaned_data.get("who", ()))
        room = next((r for r in rooms if str(r.pk) == form.cleaned_data.get("room")), None)
        try:
            row = actions.place(
                acting, roles=[acting.practice_role, *(r for r in people if str(r.pk) in asked)],
                rooms=[room] if room else [], item=item, **form.values(),
            )  # fmt: skip
        except actions.Taken as refusal:
            form.add_error(None, refusal.message)
            taken = not refusal.rooms
        except Refused as refusal:
            form.add_error(None, refusal.message)
        else:
            return _done(request, _day_address(row.starts_at) if page == "agenda" else _tab(acting.circle_id))
    context = {
        "form": form, "taken": taken, "which": "place", "title": _("Poser un rendez-vous"),
        "verb": _("Poser quand même") if taken else _("Poser le rendez-vous"), "item": item,
    }  # fmt: skip
    return _sheet(request, context)


def _initial(request, item) -> dict:
    """From the slot that was pressed or drawn (`?debut=2026-03-05T10:30&minutes=45`), else the next round half hour."""
    now = french.now()
    start = (now + timedelta(minutes=30 - now.minute % 30)).replace(second=0, microsecond=0)
    try:
        start = datetime.fromisoformat(request.GET.get("debut", ""))
    except ValueError:
        if request.GET.get("date"):
            start = datetime.combine(screen.read_day(request.GET["date"]), time(9))
    asked = request.GET.get("minutes", "")
    found = {
        "on": start.date(),
        "at": start.time(),
        "minutes": int(asked) if asked.isdigit() and len(asked) < 5 else 60,
    }
    if request.GET.get("kind") in Kind.values:
        found["kind"] = request.GET["kind"]
    if item is not None:
        found |= {"kind": item.kind, "title": item.title, "minutes": item.minutes}
        if not asked and not request.GET.get("debut") and item.due_at and item.due_at < timezone.now():
            found["on"] = now.date()
    return found


def _circles(viewer) -> list[tuple[str, str]]:
    seen = sight.of(viewer, sight.my_circles(viewer)[:MOST_CIRCLES])
    found = [(str(s.circle_id), s.name) for s in seen.values() if s.reads and Permission.WRITE_AGENDA in s.permissions]
    return sorted(found, key=lambda c: c[1].split(" ", 1)[-1])


def _people(acting) -> list[PracticeRole]:
    """Colleagues, and the professionals of the circle."""
    viewer = acting.viewer if isinstance(acting, Acting) else acting
    found = {r.pk: r for r in queries.colleagues(viewer)}
    if isinstance(acting, Acting):
        members = Member.objects.filter(
            circle=acting.circle, ended_at=None, practice_role__isnull=False
        ).select_related("practice_role__practitioner")
        found |= {m.practice_role_id: m.practice_role for m in members if m.practice_role_id != viewer.practice_role_id}
    return list(found.values())


# --- One appointment ----------------------------------------------------------------------------------------------------
@require_safe
def show(request: HttpRequest, appointment_id: UUID) -> HttpResponse:
    acting, shown = gates.enter_appointment(request, appointment_id)
    row = shown.appointment
    record(acting, "agenda.shown", on=row, kind=Trace.READ, circle_id=row.circle_id, hidden=row.hidden, shown=[row.pk])
    series = row.series or row if row.series_id or row.rrule else None
    context = {
        "shown": shown, "row": row, "which": "show", "title": shown.title, "names": queries.names_of(row),
        "repeats": recurrence.said(series.rrule, series.starts_at, screen.ZoneInfo(series.zone))
        if series and series.rrule else "",
        "outcomes": outcomes.of(row, shown.at) if shown.may_move else [], "may_move": shown.may_move,
        "coordinates": shown.sight.coordinates if shown.who and shown.sight else None,
        "patient_url": reverse("record:patient", args=[row.circle_id]) if shown.who else "",
        "past": shown.at < timezone.now() + timedelta(hours=12),
    }  # fmt: skip
    return _sheet(request, context)


@FORM_METHODS
def change(request: HttpRequest, appointment_id: UUID) -> HttpResponse:
    acting, shown = gates.enter_appointment(request, appointment_id, write=True)
    row = shown.appointment
    initial = {
        "kind": row.kind, "title": row.title, "place": row.place, "reminder": row.reminder, "note": row.note,
        "proposed": row.state == "proposed",
    }  # fmt: skip
    form = forms.ChangeForm(request.POST if request.method == "POST" else None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            actions.change(acting, appointment=row, **form.cleaned_data)
            return _done(request, _day_address(shown.at))
        except Refused as refusal:
            form.add_error(None, refusal.message)
    return _sheet(
        request, {"form": form, "which": "form", "title": _("Modifier le rendez-vous"), "verb": _("Enregistrer")}
    )


@FORM_METHODS
def move(request: HttpRequest, appointment_id: UUID) -> HttpResponse:
    """From the sheet, or from the grid (`X-Requested-With: fetch`: 204 once moved, 409 in words)."""
    acting, shown = gates.enter_appointment(request, appointment_id, write=True)
    row = shown.appointment
    initial = {"on": shown.local.date(), "at": shown.local.time(), "minutes": row.minutes, "scope": Scope.ONE}
    if request.method != "POST":
        initial |= {k: v for k, v in _initial(request, None).items() if request.GET.get("debut") and k in initial}
    form = forms.MoveForm(request.POST if request.method == "POST" else None, initial=initial, repeats=bool(row.rrule))
    drawn = request.headers.get("X-Requested-With") == "fetch"
    if request.method == "POST" and form.is_valid():
        try:
            moved = actions.move(
                acting, appointment=row, starts_at=form.starts_at(), minutes=form.cleaned_data["minutes"],
                occurrence_at=shown.at, scope=form.cleaned_data.get("scope") or Scope.ONE,
            )  # fmt: skip
        except Refused as refusal:
            if drawn:
                return HttpResponse(refusal.message, status=409, content_type="text/plain; charset=utf-8")
            form.add_error(None, refusal.message)
        else:
            return HttpResponse(status=204) if drawn else _done(request, _day_address(moved.starts_at))
    if drawn:
        return HttpResponse(_("Cette heure n’est pas comprise."), status=409, content_type="text/plain; charset=utf-8")
    return _sheet(
        request, {"form": form, "which": "form", "title": _("Déplacer le rendez-vous"), "verb": _("Déplacer")}
    )


@FORM_METHODS
def cancel(request: HttpRequest, appointment_id: UUID) -> HttpResponse:
    acting, shown = gates.enter_appointment(request, appointment_id, write=True)
    row = shown.appointment
    form = forms.CancelForm(request.POST if request.method == "POST" else None, repeats=bool(row.rrule))
    if request.method == "POST" and form.is_valid():
        try:
            actions.cancel(
                acting, appointment=row, occurrence_at=shown.at, scope=form.cleaned_data.get("scope") or Scope.ONE,
                reason=form.cleaned_data["reason"],
            )  # fmt: skip
            return _done(request, _day_address(shown.at))
        except Refused as refusal:
            form.add_error(None, refusal.message)
    return _sheet(
        request,
        {
            "form": form, "which": "form", "title": _("Annuler ce rendez-vous"), "verb": _("Annuler le rendez-vous"),
            "withdraws": True,
        },
    )  # fmt: skip


@require_POST
def done(request: HttpRequest, appointment_id: UUID) -> HttpResponse:
    acting, shown = gates.enter_appointment(request, appointment_id, write=True)
    actions.mark_done(acting, appointment=shown.appointment, occurrence_at=shown.at)
    return _done(request, _day_address(shown.at))


# --- Things to place ----------------------------------------------------------------------------------------------------
@FORM_METHODS
def keep_to_place(request: HttpRequest) -> HttpResponse:
    viewer = gates.at_agenda(request)
    asked = request.POST.get("circle", "")
    acting = enter(request, _uuid(asked), Permission.WRITE_AGENDA) if asked else viewer
    circles = _circles(viewer)
    record(viewer, "agenda.people_listed", kind=Trace.READ, shown=[c for c, _name in circles])
    form = forms.ToPlaceForm(request.POST if request.method == "POST" else None, circles=circles)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            actions.keep_to_place(
                acting, kind=data["kind"], minutes=data["minutes"], title=data["title"], due_at=form.due_at()
            )
            return _done(request, reverse("agenda:mine"))
        except Refused as refusal:
            form.add_error(None, refusal.message)
    return _sheet(request, {"form": form, "which": "form", "title": _("Ajouter à placer"), "verb": _("Ajouter")})


@FORM_METHODS
def place_item(request: HttpRequest, item_id: UUID) -> HttpResponse:
    """The sheet, filled in; dropped on the grid, it is sent at once."""
    viewer, waiting = gates.enter_to_place(request, item_id)
    item = waiting.item
    acting = enter(request, item.circle_id, Permission.WRITE_AGENDA) if item.circle_id else viewer
    if request.headers.get("X-Requested-With") == "fetch" and request.method == "POST":
        return _drop_on_grid(request, acting, item)
    return _place(request, acting, circles=None, page="agenda", item=item)


def _drop_on_grid(request, acting, item) -> HttpResponse:
    form = forms.When(request.POST)
    form.keep_length(item.minutes)
    try:
        if not form.is_valid():
            raise Refused(_("Cette heure n’est pas comprise."), "when")
        actions.place(
            acting, kind=item.kind, title=item.title, starts_at=form.starts_at(), minutes=form.cleaned_data["minutes"],
            anyway=True, item=item,
        )  # fmt: skip
    except Refused as refusal:
        return HttpResponse(refusal.message, status=409, content_type="text/plain; charset=utf-8")
    return HttpResponse(status=204)


@require_POST
def drop_item(request: HttpRequest, item_id: UUID) -> HttpResponse:
    viewer, waiting = gates.enter_to_place(request, item_id)
    actions.drop(viewer, item=waiting.item)
    return _done(request, reverse("agenda:mine"))


# --- Absences -----------------------------------------------------------------------------------------------------------
@FORM_METHODS
def absences(request: HttpRequest) -> HttpResponse:
    viewer = gates.at_agenda(request)
    people = queries.colleagues(viewer)
    form = forms.AbsenceForm(
        request.POST if request.method == "POST" else None,
        people=[(str(r.pk), r.practitioner.display_name) for r in people],
    )
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        cover = next((r for r in people if str(r.pk) == data["cover"]), None)
        try:
            actions.be_away(
                viewer, kind=data["kind"], starts_on=data["starts_on"], ends_on=data["ends_on"], cover=cover
            )
            return redirect("agenda:absences")
        except Refused as refusal:
            form.add_error(None, refusal.message)
    today = french.now().date()
    mine = queries.absences([viewer.practice_role_id], today, today + timedelta(days=730))
    theirs = queries.absences([r.pk for r in people], today, today + timedelta(days=60))
    return render(
        request, "agenda/absences.html", {"form": form, "mine": mine, "theirs": theirs},
        status=422 if request.method == "POST" else 200,
    )  # fmt: skip


@require_POST
def come_back(request: HttpRequest, absence_id: UUID) -> HttpResponse:
    viewer = gates.at_agenda(request)
    row = Absence.objects.filter(pk=absence_id, practice_role_id=viewer.practice_role_id).first()
    if row is None:
        raise Http404
    actions.come_back(viewer, absence=row)
    return redirect("agenda:absences")


# --- Feeds --------------------------------------------------------------------------------------------------------------
@FORM_METHODS
def feeds(request: HttpRequest) -> HttpResponse:
    viewer = gates.at_agenda(request)
    address = ""
    if request.method == "POST":
        try:
            _feed, token = actions.open_feed(viewer, label=request.POST.get("label", ""))
            address = request.build_absolute_uri(reverse("agenda:feed", args=[token]))
        except Refused as refusal:
            messages.error(request, refusal.message)
    rows = Feed.objects.filter(practice_role_id=viewer.practice_role_id, revoked_at=None).order_by("-created_at")
    answer = render(request, "agenda/feeds.html", {"feeds": rows, "address": address})
    answer["Cache-Control"] = "no-store"
    return answer


@require_POST
def close_feed(request: HttpRequest, feed_id: UUID) -> HttpResponse:
    viewer = gates.at_agenda(request)
    row = Feed.objects.filter(pk=feed_id, practice_role_id=viewer.practice_role_id).first()
    if row is None:
        raise Http404
    actions.close_feed(viewer, feed=row)
    return redirect("agenda:feeds")


@view_with_own_sign_in
@require_safe
def feed(request: HttpRequest, token: str) -> HttpResponse:
    """Read by calendars that do not sign in. One answer for a closed link and for one that never was."""
    secret = actions.hashed(token)
    if wait := limits.spend("feed/minute", limits.client_address(request), limit=60):
        return too_many(request, wait)
    row = (
        Feed.objects.filter(token_hash=secret, revoked_at=None, user__is_active=True, practice_role__ended_at=None)
        .select_related("practice_role")
        .first()
    )
    if row is None:
        raise Http404
    if wait := limits.spend("feed/hour", secret, limit=60, seconds=limits.HOUR):
        return too_many(request, wait)
    actions.feed_was_read(row)
    answer = HttpResponse(ics.feed(row.practice_role), content_type="text/calendar; charset=utf-8")
    answer["Cache-Control"] = "private, no-store"
    answer["X-Robots-Tag"] = "noindex"
    return answer


# --- The patient's page -------------------------------------------------------------------------------------------------
def panel(request: HttpRequest, acting: Acting, **extra) -> dict:
    """The person's appointments: those to come, then those of the last three months."""
    now = timezone.now()
    coming = queries.of_circle(acting, now, now + timedelta(days=366))
    past = [c for c in queries.of_circle(acting, now - timedelta(days=92), now) if c.ends <= now]  # under way: above
    people = _participants([c.appointment for c in (*coming[:60], *past)])
    record(acting, "agenda.read", kind=Trace.READ, shown=list({c.appointment.pk for c in (*coming, *past)}))
    coming, past = [[_with(c, people) for c in found] for found in (coming[:60], past)]
    return {
        "circle_id": acting.circle_id, "coming": coming, "past": list(reversed(past))[:30],
        "may_write": acting.may(Permission.WRITE_AGENDA), "counts": {"appointments": len(coming)},
    } | extra  # fmt: skip


def _participants(rows) -> dict:
    found: dict = {}
    entries = Calendar.objects.filter(entries__appointment__in={r.pk for r in rows}).select_related(
        "practice_role__practitioner", "team"
    )
    for calendar in entries.annotate(of=F("entries__appointment_id")):
        found.setdefault(calendar.of, []).append(queries._name(calendar))
    return found


def _with(coming: queries.Coming, people: dict) -> queries.Coming:
    return queries.Coming(coming.appointment, coming.at, ", ".join(people.get(coming.appointment.pk, ())))


# --- Inside -------------------------------------------------------------------------------------------------------------
def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as e:
        raise Http404 from e


def _day_address(at: datetime) -> str:
    return f"{reverse('agenda:mine')}?date={french.as_day(at.astimezone(UTC)).isoformat()}"


def _tab(circle_id) -> str:
    return reverse("record:tab", args=[circle_id, "agenda"])


def _sheet(request: HttpRequest, context: dict) -> HttpResponse:
    """A sheet when htmx asks, a page otherwise; 422 when there is something to correct."""
    status = 422 if request.method == "POST" else 200
    part = "#sheet" if request.headers.get("HX-Request") else ""
    return render(request, f"agenda/sheet.html{part}", context | {"viewer": viewer_of(request)}, status=status)


def _done(request: HttpRequest, address: str) -> HttpResponse:
    if request.headers.get("HX-Request"):
        return HttpResponse(status=204, headers={"HX-Redirect": address})
    return redirect(address)
