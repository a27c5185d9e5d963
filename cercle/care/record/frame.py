"""The patient's page: banner, alert, faces, tabs; the panel in it comes from the app that owns it."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from cercle.base.common.text import sort_key
from cercle.base.realtime import topics
from cercle.base.web import french, panels
from cercle.care.documents.models import Document
from cercle.care.stays import words as stays
from cercle.care.stays.models import DETAIL
from cercle.people.circles.access import Acting
from cercle.people.circles.faces import faces as circle_faces
from cercle.people.patients.models import Identity
from cercle.people.patients.names import title

from .live import forget_count

STATUS_KEYS = {"PROV": "provisoire", "RECUP": "recuperee", "VALI": "validee", "QUAL": "qualifiee"}


def show(request: HttpRequest, acting: Acting, panel: panels.Panel, *, status: int = 200, **extra) -> HttpResponse:
    inner = panel.context(request, acting, **extra)
    if getattr(inner.get("page"), "moves", False):
        forget_count(acting.viewer)  # something was read: the rail counts again
    people = inner.get("faces")
    if people is None:
        people = circle_faces(acting)
    identity = acting.patient.identity
    alert = _alert(acting, inner["open_stay"]) if "open_stay" in inner else stays.alert(acting)
    context = {
        "acting": acting,
        "circle_id": acting.circle_id,
        "patient": acting.patient,
        "identity": identity,
        "birth_family": title(identity.birth_family)
        if sort_key(identity.birth_family) != sort_key(identity.family)
        else "",
        "born_words": born(identity),
        "sex_word": {"F": _("Femme"), "M": _("Homme")}.get(identity.sex, _("Sexe non précisé")),
        "status_key": STATUS_KEYS[identity.status],
        "others": max(len(people) - 6, 0),
        "coordinates": acting.patient.coordinates,
        "faces": people,
        "stay_alert": alert,
        "panel": panel,
        "tabs": tabs(acting, panel, len(people), inner),
        "topics": topics.sign(
            [f"circle:{acting.circle_id}", f"user:{acting.user_id}"],
            user_id=acting.user_id,
            session_key=request.session.session_key,
        ),
    } | inner
    return render(request, "record/patient.html", context, status=status)


def born(identity: Identity) -> str:
    """« , née le 12/04/1941 », « , né en 1939 »"""
    shown = french.birth_date(identity.birth_date)
    feminine = identity.sex == "F"
    if len(shown) == 10:
        return (_(", née le %(date)s") if feminine else _(", né le %(date)s")) % {"date": shown}
    return (_(", née en %(date)s") if feminine else _(", né en %(date)s")) % {"date": shown}


def _alert(acting: Acting, stay):
    if stay is None:
        return None
    detailed = DETAIL in acting.readable
    rest = [stays.ward_words(stay.ward, stay.room) if detailed else "", stays.expected_words(stay)]
    return stays.Alert(
        stay=stay, strong=stays.headline(stay, acting.patient.identity.sex), rest=" · ".join(r for r in rest if r)
    )


def tabs(acting: Acting, here: panels.Panel, members: int, inner: dict) -> list[dict]:
    counts = {
        "members": members,
        "unread": inner["page"].new_count if "page" in inner and hasattr(inner["page"], "new_count") else 0,
    }
    known = inner.get("page")
    counts["documents"] = (
        known.documents
        if hasattr(known, "documents")
        else Document.objects.visible_to(acting).filter(state=Document.State.KEPT).count()
    )
    counts |= inner.get("counts") or {}
    shown = []
    for panel in panels.ordered():
        if not acting.may(panel.permission):
            continue
        url = (
            reverse("record:patient", args=[acting.circle_id])
            if panel.slug == "cahier"
            else reverse("record:tab", args=[acting.circle_id, panel.slug])
        )
        shown.append(
            {"label": panel.label, "url": url, "here": panel.slug == here.slug, "count": counts.get(panel.count) or ""}
        )
    return shown
