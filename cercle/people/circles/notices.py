"""The sentences of the circle's notices, made when they are shown, for whoever may still see the patient."""

from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _

from cercle.base.notifications.renderers import Line
from cercle.people.directory.models import PracticeRole

from .access import make_viewer, reach
from .models import BreakGlass, JoinRequest, Member


def may_see(user, circle_ids) -> dict:
    """{circle id: Acting} for those of these circles that this person may enter, in any of her contexts."""
    roles: list = [None]
    if user.practitioner_id:
        found = PracticeRole.objects.filter(practitioner=user.practitioner_id, ended_at=None).select_related(
            "practitioner", "organization"
        )
        roles = list(found) or [None]
    seen = {}
    for circle_id in set(circle_ids):
        for role in roles:
            if acting := reach(make_viewer(user, role), circle_id):
                seen[circle_id] = acting
                break
    return seen


def lines(user, notices) -> dict[UUID, Line]:
    seen = may_see(user, [n.circle_id for n in notices])
    members = {
        m.pk: m
        for m in Member.objects.filter(pk__in=[n.target_id for n in notices]).select_related(
            "practice_role__practitioner", "team", "contact"
        )
    }
    asked = {
        r.pk: r
        for r in JoinRequest.objects.filter(pk__in=[n.target_id for n in notices]).select_related(
            "practice_role__practitioner"
        )
    }
    opened = {
        b.pk: b
        for b in BreakGlass.objects.filter(pk__in=[n.target_id for n in notices]).select_related(
            "practice_role__practitioner"
        )
    }
    found = {}
    for n in notices:
        acting = seen.get(n.circle_id)
        if acting is None:
            continue
        patient = acting.patient.identity.full_name
        url = reverse("record:tab", args=[n.circle_id, "cercle"])
        who = _who(members.get(n.target_id))
        if n.kind == "invitation":
            text = _("Vous avez rejoint le cercle de %(patient)s") % {"patient": patient}
            url = reverse("record:patient", args=[n.circle_id])
        elif n.kind == "member_joined":
            text = _("%(who)s a rejoint le cercle de %(patient)s") % {"who": who, "patient": patient}
        elif n.kind == "member_left":
            text = _("%(who)s a quitté le cercle de %(patient)s") % {"who": who, "patient": patient}
        elif n.kind == "join_asked":
            row = asked.get(n.target_id)
            who = row.practice_role.practitioner.display_name if row else _("Quelqu’un")
            text = _("%(who)s demande à rejoindre le cercle de %(patient)s") % {"who": who, "patient": patient}
        elif n.kind == "break_glass":
            row = opened.get(n.target_id)
            who = row.practice_role.practitioner.display_name if row else _("Quelqu’un")
            text = _("%(who)s a ouvert en urgence le dossier de %(patient)s") % {"who": who, "patient": patient}
        else:
            text = _("Une opposition a été enregistrée pour %(patient)s") % {"patient": patient}
        found[n.pk] = Line(text, url)
    return found


def _who(member: Member | None) -> str:
    if member is None:
        return _("Quelqu’un")
    if member.practice_role_id:
        return member.practice_role.practitioner.display_name
    if member.team_id:
        return member.team.name
    return member.contact.full_name if member.contact_id else _("Quelqu’un")
