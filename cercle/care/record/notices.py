"""Notifications as the person sees them: the list, the bell's figure, and what she chooses about being told."""

from datetime import time
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from cercle.base.audit.record import Kind, record
from cercle.base.common.errors import Refused
from cercle.base.notifications import actions, renderers, rules
from cercle.base.notifications.models import (
    Channel,
    Choice,
    Mute,
    Notification,
    NotificationPreference,
    Schedule,
    Urgency,
)
from cercle.base.notifications.rules import Relation, Way
from cercle.base.web import french
from cercle.people.circles.access import viewer_of

from . import lists

PAGE = 40
ICONS = {
    "note": "notebook-pen", "reply": "reply", "acknowledgement_asked": "check-check", "document": "file-text",
    "stay": "hospital", "invitation": "mail", "member_joined": "user-plus", "member_left": "user-minus",
    "join_asked": "user-check", "opposition": "ban", "break_glass": "lock-open", "identity_to_review": "fingerprint-pattern",
    "directory_correction": "contact", "security": "shield-alert",
}  # fmt: skip


def unread(request: HttpRequest) -> int:
    """The bell's figure."""
    return renderers.unread_count(request.user) if request.user.is_authenticated else 0


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Newest first, by day; what may not be seen any more is not listed, and no longer counts."""
    viewer = viewer_of(request)
    only = "unread" if request.GET.get("only") == "unread" else ""
    rows = Notification.objects.of(request.user.pk)
    if only:
        rows = rows.unread()
    notices = list(rows.latest_first(_uuid(request.GET.get("before")))[:PAGE])
    lines = renderers.render(request.user, notices)
    seen = {n.pk for n, _line in lines}
    if lost := [n.pk for n in notices if n.pk not in seen and n.read_at is None]:
        actions.mark_read(request.user.pk, ids=lost)
    record(
        viewer, "record.notices_listed", kind=Kind.READ, shown=[n.target_id for n, _line in lines if n.target_id],
        details={"circles": sorted({str(n.circle_id) for n, _line in lines if n.circle_id})},
    )  # fmt: skip
    days: list[dict] = []
    for notice, line in lines:
        day = timezone.localtime(notice.created_at).date()
        if not days or days[-1]["date"] != day:
            days.append({"date": day, "rows": []})
        days[-1]["rows"].append(
            {"notice": notice, "line": line, "icon": ICONS.get(notice.kind, "bell"), "urgent": notice.urgency == Urgency.URGENT}
        )  # fmt: skip
    context = {
        "days": days,
        "only": only,
        "unread": unread(request),
        "more": notices[-1].pk if len(notices) == PAGE else "",
        "said_day": request.GET.get("day", ""),
        "last_day": days[-1]["date"].isoformat() if days else "",
    }
    fragment = "#rows" if request.headers.get("HX-Request") == "true" else ""
    return render(request, f"record/notifications.html{fragment}", context)


@require_safe
def follow(request: HttpRequest, notice_id: UUID) -> HttpResponse:
    """To what the notice is about; it is read by then."""
    notice = Notification.objects.of(request.user.pk).filter(pk=notice_id).first()
    found = renderers.render(request.user, [notice]) if notice else []
    if not found:
        raise Http404
    if notice.read_at is None:
        actions.mark_read(request.user.pk, ids=[notice.pk])
    return redirect(found[0][1].url or "record:notifications")


@require_POST
def all_read(request: HttpRequest) -> HttpResponse:
    actions.mark_read(request.user.pk)
    return redirect("record:notifications")


# --- Settings ----------------------------------------------------------------------------------------------------------

CHOICES = [
    ("", gettext_lazy("Comme conseillé")),
    (Choice.NOW, gettext_lazy("Tout de suite")),
    (Choice.DIGEST, gettext_lazy("Dans le résumé du jour")),
    (Choice.NONE, gettext_lazy("Dans Cercle seulement")),
]
WAYS = {
    Way.NOW: gettext_lazy("tout de suite"),
    Way.DIGEST: gettext_lazy("dans le résumé du jour"),
    Way.IN_APP: gettext_lazy("dans Cercle"),
    Way.NONE: gettext_lazy("pas prévenu"),
}


class ScheduleForm(forms.Form):
    quiet_from = forms.TimeField(
        label=gettext_lazy("Début des heures calmes"), required=False, widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
    )  # fmt: skip
    quiet_to = forms.TimeField(
        label=gettext_lazy("Fin des heures calmes"), required=False, widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
    )  # fmt: skip
    digest_hour = forms.TypedChoiceField(
        label=gettext_lazy("Heure du résumé du jour"),
        coerce=int,
        choices=lambda: [(h, french.hour(timezone.make_aware(timezone.datetime(2026, 1, 1, h)))) for h in range(24)],
    )


def kinds_for(user) -> list[str]:
    """What may happen to this person: the kinds for which some cell of hers says something."""
    return [
        kind for kind in rules.RULES if any(rules.RULES[kind][r] != (Way.NONE, Way.NONE) for r in relations_of(user))
    ]


def relations_of(user) -> list[Relation]:
    if user.kind in ("professional", "operator", "support"):
        return [Relation.NAMED, Relation.MEMBER, Relation.LEAD, Relation.PARENT_AUTHOR]
    return [Relation.NAMED, Relation.PERSON, Relation.PARENT_AUTHOR]


def advice(kind: str, user) -> str:
    """« dans Cercle ; tout de suite si c’est urgent, ou pour vous » : the rule table's row in a sentence."""
    cells = rules.RULES[kind]
    named, usual = cells[Relation.NAMED], cells[relations_of(user)[1]]
    if usual == (Way.NONE, Way.NONE):
        usual = named
    words = [str(WAYS[usual[0]])]
    if usual[0] < usual[1] == named[0]:
        words.append(_("%(way)s si c’est urgent ou s’adresse à vous") % {"way": WAYS[named[0]]})
    else:
        if usual[1] > usual[0]:
            words.append(_("%(way)s si c’est urgent") % {"way": WAYS[usual[1]]})
        if named[0] > usual[0]:
            words.append(_("%(way)s si cela s’adresse à vous") % {"way": WAYS[named[0]]})
    return _(" ; ").join(words)


@require_http_methods(["GET", "HEAD", "POST"])
def settings(request: HttpRequest) -> HttpResponse:
    viewer = viewer_of(request)
    user = request.user
    chosen = dict(NotificationPreference.objects.filter(user=user, channel=Channel.EMAIL).values_list("kind", "choice"))
    schedule = Schedule.objects.filter(user=user).first() or Schedule(user=user)
    form = ScheduleForm(
        request.POST if request.POST.get("what") == "schedule" else None,
        initial={"quiet_from": schedule.quiet_from, "quiet_to": schedule.quiet_to, "digest_hour": schedule.digest_hour},
    )
    status = 200
    if request.method == "POST":
        try:
            if _save(request, viewer, chosen, schedule, form):
                messages.success(request, _("Réglages enregistrés."))
                return redirect("record:notification_settings")
        except Refused as refused:
            if form.is_bound:
                form.add_error(None, str(refused.message))
            else:
                messages.error(request, str(refused.message))
        status = 422
    kinds = [
        {
            "kind": kind, "label": rules.LABELS[kind][0], "locked": kind in rules.LOCKED_KINDS,
            "advice": advice(kind, user), "choice": chosen.get(kind, ""),
        }
        for kind in kinds_for(user)
    ]  # fmt: skip
    muted = list(Mute.objects.filter(user=user).order_by("id"))
    names = lists.lines(viewer, [m.circle_id for m in muted])
    context = {
        "kinds": kinds, "choices": CHOICES, "form": form,
        "muted": [{"mute": m, "line": names[m.circle_id]} for m in muted if m.circle_id in names],
    }  # fmt: skip
    return render(request, "record/notification_settings.html", context, status=status)


def _save(request, viewer, chosen: dict, schedule: Schedule, form: ScheduleForm) -> bool:
    what = request.POST.get("what")
    if what == "choices":
        for kind in kinds_for(request.user):
            choice = request.POST.get(f"choice_{kind}")
            if choice is not None and kind not in rules.LOCKED_KINDS and choice != chosen.get(kind, ""):
                actions.choose(viewer, kind=kind, choice=choice or None)
        return True
    if what == "schedule":
        if not form.is_valid():
            return False
        values: dict[str, time | int | None] = form.cleaned_data
        actions.set_schedule(viewer, zone=schedule.zone, **values)
        return True
    if what == "unmute" and (circle_id := _uuid(request.POST.get("circle"))):
        actions.unmute(viewer, circle_id=circle_id)
        return True
    raise Refused(_("Ce réglage n’existe pas."), "unknown_setting")


def _uuid(text) -> UUID | None:
    try:
        return UUID(text or "")
    except ValueError:
        return None
