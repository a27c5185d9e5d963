"""Enter, form, action, render. Addresses of an appointment pass gates.enter_appointment."""

from datetime import UTC, datetime, time, timedelta
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
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
from cercle.people.directory.models import PracticeRole, Team

from . import actions, forms, gates, ics, outcomes, queries, recurrence, screen, sight
from .models import Absence, Calendar, Feed
from .vocabulary import CalendarKind, Kind, Scope, State

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
    found = screen.days(viewer, chosen, *screen.window(view, day), month=day.month if view == "mois" else 0)
    tour_day = next((d for d in found if d.day == day), found[0])
    week = found
    if view == "semaine":
        found = screen.working_week(found, day)
    hours = screen.grid(found) if view in ("jour", "semaine") else []
    record(
        viewer, "agenda.read", kind=Trace.READ, shown=list({s.pk for d in week for s in d.shown if not s.busy}),
        details={"view": view},
    )  # fmt: skip
    monday = day - timedelta(days=day.weekday())
    context = {
        "view": view, "views": list(screen.VIEWS.items()), "day": day, "today": french.now().date(), "days": found, "hours": hours,
        "side": chosen, "to_place": queries.to_place(viewer), "tour": screen.tour(tour_day, chosen.own), "tour_day": tour_day,
        "strip": [monday + timedelta(days=n) for n in range(7)], "short_days": french.SHORT_DAYS, "months": french.MONTHS, "weekdays": french.DAYS,
        "title": screen.title(view, day, found), "week_number": day.isocalendar().week if view == "semaine" else None,
        "before": screen.step(view, day, -1), "after": screen.step(view, day, 1),
        "week_before": day - timedelta(days=7), "week_after": day + timedelta(days=7),
        "month": screen.month_of(day), "month_title": screen.month_title(day),
        "month_before": screen.step("mois", day, -1), "month_after": screen.step("mois", day, 1),
        "listed": screen.by_day(found), "weeks": screen.weeks_of(found) if view == "mois" else [],
    }  # fmt: skip
    part = "#body" if request.headers.get("HX-Request") and request.headers.get("HX-Target") == "agenda-body" else ""
    return render(request, f"agenda/mine.html{part}", {"agenda": context})


@require_POST
def choose(request: HttpRequest) -> HttpResponse:
    """Which agendas are shown, for this session; `also`: one more than those (a room, from the structure's file)."""
    viewer = gates.at_agenda(request)
    wanted = request.POST.getlist("agenda")
    if also := request.POST.get("also"):
        shown = request.session.get("agenda")
        wanted = [*(screen.default(queries.teams(viewer)) if shown is None else shown), also]
    request.session["agenda"] = [k for k in dict.fromkeys(wanted) if len(k) < 40][:60]
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
    people, rooms = _people(acting), queries.rooms(_organization(acting))
    form = forms.AppointmentForm(
        request.POST if request.method == "POST" else None,
        initial=_initial(request, item),
        circles=circles,
        people=[(key, words) for key, (words, _thing) in people.items()],
        rooms=[(str(r.pk), _said(r)) for r in rooms],
    )
    taken = None
    if request.method == "POST" and form.is_valid():
        chosen = [people[key][1] for key in form.cleaned_data.get("who", ())]
        room = next((r for r in rooms if str(r.pk) == form.cleaned_data.get("room")), None)
        try:
            row = actions.place(
                acting, roles=[acting.practice_role, *(x for x in chosen if isinstance(x, PracticeRole))],
                teams=[x for x in chosen if isinstance(x, Team)], rooms=[room] if room else [], item=item, **form.values(),
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
        "must_choose": acting.practice_role_id is None,  # the person herself: in whose agenda?
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


def _organization(acting) -> UUID | None:
    return acting.viewer.organization_id if isinstance(acting, Acting) else acting.organization_id


def _said(room: Calendar) -> str:
    """« Salle du Steïr, 12 places »"""
    if not room.seats:
        return room.name
    return ngettext("%(room)s, %(n)s place", "%(room)s, %(n)s places", room.seats) % {
        "room": room.name,
        "n": room.seats,
    }


def _people(acting) -> dict[str, tuple[str, PracticeRole | Team]]:
    """Whom one may ask to come, {key: (name, who)}: one's teams, one's colleagues, the professionals of the circle."""
    viewer = acting.viewer if isinstance(acting, Acting) else acting
    found: dict[str, tuple[str, PracticeRole | Team]] = {f"e{t.pk}": (t.name, t) for t in queries.teams(viewer)}
    roles = queries.colleagues(viewer)
    if isinstance(acting, Acting):
        members = Member.objects.filter(
            circle=acting.circle, ended_at=None, practice_role__isnull=False
        ).select_related("practice_role__practitioner")
        roles += [m.practice_role for m in members if m.practice_role_id != viewer.practice_role_id]
    return found | {str(r.pk): (r.practitioner.display_name, r) for r in roles}


# --- One appointment ----------------------------------------------------------------------------------------------------
@require_safe
def show(request: HttpRequest, appointment_id: UUID) -> HttpResponse:
    acting, shown = gates.enter_appointment(request, appointment_id)
    row = shown.appointment
    record(acting, "agenda.shown", on=row, kind=Trace.READ, circle_id=row.circle_id, hidden=row.hidden, shown=[row.pk])
    series = row.series or row if row.series_id or row.rrule else None
    context = {
        "shown": shown, "row": row, "which": "show", "title": shown.title, "names": queries.participants([row.pk])[row.pk],
        "repeats": recurrence.said(series.rrule, series.starts_at, screen.ZoneInfo(series.zone))
        if series and series.rrule else "",
        "outcomes": outcomes.of(row, shown.at) if shown.may_move else [], "may_move": shown.may_move,
        "coordinates": shown.sight.coordinates if shown.who and shown.sight else None,
        "patient_url": reverse("record:patient", args=[row.circle_id]) if shown.who else "",
        "past": shown.at < timezone.now() + timedelta(hours=12), "clashes": _clashes(row, shown),
    }  # fmt: skip
    return _sheet(request, context)


def _clashes(row, shown) -> list[str]:
    """Who is already taken at that time, not for what."""
    calendars = [e.calendar for e in queries.entries_of(row)]
    found = queries.conflicts(calendars, [(shown.at, shown.ends)], leave_out=[row.pk])
    return [
        _("%(who)s, de %(a)s à %(b)s") % {"who": queries.name_of(c.calendar), "a": french.hour(c.at), "b": french.hour(c.ends)}
        for c in found[:4]
    ]  # fmt: skip


@FORM_METHODS
def change(request: HttpRequest, appointment_id: UUID) -> HttpResponse:
    acting, shown = gates.enter_appointment(request, appointment_id, write=True)
    row = shown.appointment
    people, rooms = _people(acting), queries.rooms(_organization(acting))
    calendars = [e.calendar for e in queries.entries_of(row)]
    here = {
        key
        for key, (_words, thing) in people.items()
        if any(thing.pk in (c.practice_role_id, c.team_id) for c in calendars)
    }
    taken_rooms = {c.pk for c in calendars if c.kind == CalendarKind.ROOM}
    if not taken_rooms <= {r.pk for r in rooms}:
        rooms = []  # another structure's: it stays
    initial = {
        "kind": row.kind, "title": row.title, "place": row.place, "reminder": row.reminder, "note": row.note,
        "proposed": row.state == State.PROPOSED, "who": list(here),
        "room": next((str(pk) for pk in taken_rooms), ""), "scope": Scope.ONE,
    }  # fmt: skip
    form = forms.ChangeForm(
        request.POST if request.method == "POST" else None, initial=initial, repeats=bool(row.rrule),
        people=[(key, words) for key, (words, _thing) in people.items()], rooms=[(str(r.pk), _said(r)) for r in rooms],
    )  # fmt: skip
    taken = False
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        asked, room = set(data.pop("who", ())), data.pop("room", "")
        try:
            actions.change(
                acting, appointment=row, occurrence_at=shown.at,
                join=[people[key][1] for key in asked - here], leave=[people[key][1] for key in here - asked],
                rooms=[r for r in rooms if str(r.pk) == room] if rooms else None, **{"scope": Scope.ALL} | data,
            )  # fmt: skip
            return _done(request, _back_to(request, acting, shown.at))
        except Refused as refusal:
            form.add_error(None, refusal.message)
            taken = isinstance(refusal, actions.Taken) and not refusal.rooms
    verb = _("Enregistrer quand même") if taken else _("Enregistrer")
    return _sheet(
        request, {"form": form, "which": "form", "title": _("Modifier le rendez-vous"), "verb": verb, "taken": taken}
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
            return HttpResponse(status=204) if drawn else _done(request, _back_to(request, acting, moved.starts_at))
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
            return _done(request, _back_to(request, acting, shown.at))
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
    try:
        actions.mark_done(acting, appointment=shown.appointment, occurrence_at=shown.at)
    except Refused as refusal:
        messages.error(request, refusal.message)
    return _done(request, _back_to(request, acting, shown.at))


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
    """Mine; those of my colleagues too for who keeps the desk or the structure, since the sick do not come to write it."""
    viewer = gates.at_agenda(request)
    people, for_others = queries.colleagues(viewer), gates.notes_absences(request)
    me = viewer.practice_role
    form = forms.AbsenceForm(
        request.POST if request.method == "POST" else None, me=(str(me.pk), me.practitioner.display_name),
        people=[(str(r.pk), r.practitioner.display_name) for r in people], for_others=for_others,
    )  # fmt: skip
    if request.method == "POST" and form.is_valid():
        data, known = form.cleaned_data, {str(r.pk): r for r in [me, *people]}
        try:
            actions.be_away(
                viewer, kind=data["kind"], starts_on=data["starts_on"], ends_on=data["ends_on"],
                cover=known.get(data["cover"]), role=known.get(data.get("who", "")),
            )  # fmt: skip
            messages.success(request, _("L’absence est notée."))
            return redirect("agenda:absences")
        except Refused as refusal:
            form.add_error(None, refusal.message)
    today = french.now().date()
    found = queries.absences([r.pk for r in [me, *people]], today, today + timedelta(days=730))
    mine = [a for a in found if a.practice_role_id == me.pk]
    context = {
        "form": form, "mine": [(a, _meets(a)) for a in mine], "theirs": [a for a in found if a.practice_role_id != me.pk],
        "for_others": for_others, "at_desk": gates.at_desk(request), "today": today,
    }  # fmt: skip
    return render(request, "agenda/absences.html", context, status=422 if request.method == "POST" else 200)


def _meets(absence: Absence) -> int:
    """How many appointments stand in these days."""
    last = screen.midnight(absence.ends_on + timedelta(days=1))
    return len(queries.placed(absence.practice_role_id, screen.midnight(absence.starts_on), last))


@require_POST
def come_back(request: HttpRequest, absence_id: UUID) -> HttpResponse:
    viewer = gates.at_agenda(request)
    theirs = [r.pk for r in queries.colleagues(viewer)] if gates.notes_absences(request) else []
    row = Absence.objects.filter(pk=absence_id, practice_role_id__in=[viewer.practice_role_id, *theirs]).first()
    if row is None:
        raise Http404
    actions.come_back(viewer, absence=row)
    messages.success(request, _("L’absence est retirée."))
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
MONTHS_MOST = 36


def panel(request: HttpRequest, acting: Acting, **extra) -> dict:
    """The person's appointments: those to come and those of the last months, or a day, a week, a month of them."""
    view = request.GET.get("vue", "liste")
    view = view if view in screen.VIEWS else "liste"
    context = {
        "circle_id": acting.circle_id, "may_write": acting.may(Permission.WRITE_AGENDA), "view": view,
       
        "views": list(screen.VIEWS.items()),
    } | (_listed(request, acting) if view == "liste" else _drawn(request, acting, view))  # fmt: skip
    record(acting, "agenda.read", kind=Trace.READ, shown=context.pop("read"))
    return context | extra


def _listed(request: HttpRequest, acting: Acting) -> dict:
    """Three months ahead and behind; « voir plus » goes three further."""
    now = timezone.now()
    ahead, behind = _months(request, "apres"), _months(request, "avant")
    coming = queries.of_circle(acting, now, now + timedelta(days=31 * ahead), limit=COMING_MOST)
    past = queries.of_circle(acting, now - timedelta(days=31 * behind), now, limit=COMING_MOST, latest=True)
    past = [c for c in past if c.ends <= now]  # under way: above
    people = queries.participants([c.appointment.pk for c in (*coming, *past)])
    with_people = [[(c, ", ".join(people[c.appointment.pk])) for c in found] for found in (coming, reversed(past))]
    return {
        "coming": with_people[0], "past": with_people[1], "ahead": ahead, "behind": behind, "day": french.now().date(),
        "more_ahead": min(ahead + 3, MONTHS_MOST) if ahead < MONTHS_MOST else 0,
        "more_behind": min(behind + 3, MONTHS_MOST) if behind < MONTHS_MOST else 0,
        "cut": len(coming) == COMING_MOST, "counts": {"appointments": len(coming)},
        "read": list({c.appointment.pk for c in (*coming, *past)}),
    }  # fmt: skip


COMING_MOST = 60


def _months(request: HttpRequest, name: str) -> int:
    asked = request.GET.get(name, "")
    return min(max(int(asked), 3), MONTHS_MOST) if asked.isdecimal() and len(asked) < 3 else 3


def _drawn(request: HttpRequest, acting: Acting, view: str) -> dict:
    day = screen.read_day(request.GET.get("date", ""))
    found = screen.days_of_patient(acting, *screen.window(view, day), month=day.month if view == "mois" else 0)
    read = list({s.pk for d in found for s in d.shown if not s.busy})
    if view == "semaine":
        found = screen.working_week(found, day)
    return {
        "day": day, "title": screen.title(view, day, found), "days": found, "weeks": screen.weeks_of(found) if view == "mois" else [],
        "hours": screen.grid(found) if view in ("jour", "semaine") else [], "before": screen.step(view, day, -1),
        "after": screen.step(view, day, 1), "listed": screen.by_day(found), "read": read,
    }  # fmt: skip


# --- Inside -------------------------------------------------------------------------------------------------------------
def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as e:
        raise Http404 from e


def _day_address(at: datetime) -> str:
    return f"{reverse('agenda:mine')}?date={french.as_day(at.astimezone(UTC)).isoformat()}"


def _back_to(request: HttpRequest, acting, at: datetime) -> str:
    """The person's page when the sheet was opened from there, or when one has no agenda of one's own."""
    circle_id = getattr(acting, "circle_id", None)
    if circle_id and (
        acting.practice_role_id is None or f"/patients/{circle_id}/" in request.headers.get("HX-Current-URL", "")
    ):
        return _tab(circle_id)
    return _day_address(at)


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
