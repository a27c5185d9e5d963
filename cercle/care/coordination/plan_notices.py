"""« Yvonne LE GALL : une action du plan vous est confiée »: only for whoever may read it now."""

from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _

from cercle.base.notifications.renderers import Line
from cercle.people.circles.notices import may_see

from .models import Action, CarePlan, Goal, Meeting
from .plan_tasks import sees_goal, sees_meeting, sees_plan


def lines(user, notices) -> dict[UUID, Line]:
    seen = may_see(user, [n.circle_id for n in notices])
    ids = [n.target_id for n in notices]
    plans = {p.pk: p for p in CarePlan.objects.filter(pk__in=ids)}
    goals = {g.pk: g for g in Goal.objects.filter(pk__in=ids).select_related("plan")}
    actions = {a.pk: a for a in Action.objects.filter(pk__in=ids).select_related("goal__plan")}
    meetings = {m.pk: m for m in Meeting.objects.filter(pk__in=ids)}
    said = {
        "proposed": _("%(patient)s : le plan est proposé au cercle"),
        "agreed": _("%(patient)s : la personne a donné son accord au plan"),
        "refused": _("%(patient)s : la personne n’est pas d’accord avec le plan"),
        "signed": _("%(patient)s : le plan est signé"),
        "revised": _("%(patient)s : une révision du plan est ouverte"),
        "review": _("%(patient)s : le plan est à revoir"),
        "asked": _("%(patient)s : une action du plan vous est confiée"),
        "withdrawn": _("%(patient)s : une action du plan qui vous était confiée est annulée"),
        "answered": _("%(patient)s : réponse pour une action du plan"),
        "late": _("%(patient)s : une action du plan est en retard"),
        "commented": _("%(patient)s : un mot sur un objectif du plan"),
        "called": _("%(patient)s : vous êtes invité à une réunion"),
        "invited": _("%(patient)s : vous êtes invité à une réunion"),
        "moved": _("%(patient)s : une réunion change de date"),
        "cancelled": _("%(patient)s : une réunion est annulée"),
        "tomorrow": _("%(patient)s : réunion demain"),
    }
    found = {}
    for n in notices:
        acting = seen.get(n.circle_id)
        if acting is None or n.params.get("what") not in said:
            continue
        if plan := plans.get(n.target_id):
            shown, url = sees_plan(acting, plan), reverse("coordination:plan", args=[n.circle_id, plan.pk])
        elif goal := (goals.get(n.target_id) or getattr(actions.get(n.target_id), "goal", None)):
            shown = sees_goal(acting, goal) and sees_plan(acting, goal.plan)
            url = f"{reverse('coordination:plan', args=[n.circle_id, goal.plan_id])}?goal={goal.pk}"
        elif meeting := meetings.get(n.target_id):
            shown, url = sees_meeting(acting, meeting), reverse("coordination:meeting", args=[n.circle_id, meeting.pk])
        else:
            continue
        if shown:
            found[n.pk] = Line(said[n.params["what"]] % {"patient": acting.patient.identity.full_name}, url)
    return found
