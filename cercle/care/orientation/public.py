"""Forms without an account, and the asker's status page. Nothing personal in an address nor in an e-mail.

Anti-abuse without a third party: limits per address, a field that only machines fill, a minimum time (signed). A machine is
told the same as a person, and nothing is kept.
"""

import hmac
import secrets
from hashlib import sha256
from uuid import UUID, uuid4

from django.core import signing
from django.http import Http404
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from cercle.base.audit.record import Machine
from cercle.base.common.errors import Refused
from cercle.base.web.errors import too_many
from cercle.base.web.limits import limited, spend
from cercle.people.accounts import links
from cercle.people.circles.desks import DAC
from cercle.people.directory.models import Organization

from . import actions, forms, tasks
from .models import OrientationRequest

ASKER = Machine(actor_name="Demandeur (formulaire public)", ground="public_form", source="web")
PURPOSE = "orientation_status"
SALT = "cercle.orientation.public"
FASTEST, LONGEST = 4, 6 * 3600  # seconds between the page and its sending
SEEN = "orientation_seen"


@limited("public-request", per_minute=6, per_hour=30, methods=("POST",))
@require_http_methods(["GET", "HEAD", "POST"])
def patient(request, organization_id: UUID):
    return _form(
        request, organization_id, forms.PatientForm, "web_public", _("Demander de l’aide au dispositif d’appui")
    )


@limited("public-request", per_minute=6, per_hour=30, methods=("POST",))
@require_http_methods(["GET", "HEAD", "POST"])
def professional(request, organization_id: UUID):
    return _form(request, organization_id, forms.ProfessionalForm, "web_pro", _("Demander un appui à la coordination"))


def _form(request, organization_id: UUID, form_class, channel: str, title: str):
    organization = get_object_or_404(Organization, pk=organization_id, category=DAC, closed_on=None)
    if not actions.settings_of(organization).public_form:
        raise Http404
    context = {"organization": organization, "title": title, "for_professionals": channel == "web_pro"}
    if request.method != "POST":
        return render(
            request,
            "orientation/public.html",
            context | {"form": form_class(initial={"ref": uuid4()}), "stamp": signing.dumps("", salt=SALT)},
        )
    form = form_class(request.POST)
    context |= {"form": form, "stamp": request.POST.get("stamp", "")[:200]}
    speed = _speed(request.POST.get("stamp", ""))
    if request.POST.get("site", ""):
        # Only a machine fills what nobody sees: it is shown a receipt of nothing.
        return render(request, "orientation/public.html", context | {"receipt": True, "number": "", "code": ""})
    if speed == "late" or speed == "forged":
        context["stamp"] = signing.dumps("", salt=SALT)
        form.add_error(
            None, _("Cette page est restée ouverte longtemps. Ce que vous avez écrit est gardé : envoyez de nouveau.")
        )
    elif speed == "fast":
        form.add_error(None, _("C’était très rapide. Relisez, puis envoyez de nouveau dans quelques secondes."))
    if not form.is_valid():
        return render(request, "orientation/public.html", context, status=422)
    data = form.cleaned_data
    if OrientationRequest.objects.filter(client_ref=data["ref"]).exists():
        return render(
            request, "orientation/public.html", context | {"receipt": True, "number": "", "code": "", "repeated": True}
        )
    code = f"{secrets.randbelow(10**8):08}"
    try:
        row = actions.receive_request(
            ASKER, organization=organization, channel=channel, asker_kind=data.get("asker_kind", "professional"), asker_name=data["asker_name"],
            asker_detail=data.get("asker_detail", ""), asker_phone=data["asker_phone"], asker_email=data["asker_email"], reason=data["reason"],
            reason_text=data["reason_text"], urgency=data.get("urgency") or 0, person=form.person(), commune_code=data["commune_code"],
            commune_label=data["commune_label"], doctor_informed=data.get("doctor_informed", ""), client_ref=data["ref"],
            person_informed_at=timezone.now() if data.get("told") or data.get("asker_kind") == "person" else None, code=code,
        )  # fmt: skip
    except Refused as refusal:
        form.add_error(None, str(refusal.message))
        return render(request, "orientation/public.html", context, status=422)
    return render(
        request, "orientation/public.html", context | {"receipt": True, "number": row.number, "code": code, "row": row}
    )


def _speed(stamp: str) -> str:
    try:
        signing.loads(stamp, salt=SALT, max_age=LONGEST)
    except signing.SignatureExpired:
        return "late"
    except signing.BadSignature:
        return "forged"
    try:
        signing.loads(stamp, salt=SALT, max_age=FASTEST)
    except signing.SignatureExpired:
        return "ok"
    return "fast"


def code_hash(request_id, code: str) -> str:
    return sha256(f"{request_id}:{code.strip()}".encode()).hexdigest()


# --- Status --------------------------------------------------------------------------------------------------------------


@limited("public-status", per_minute=10, per_hour=60, methods=("POST",))
@require_http_methods(["GET", "HEAD", "POST"])
def follow(request):
    """By number and code, both on the receipt. A wrong one and an unknown number look the same."""
    context: dict = {"by_number": True}
    if request.method == "POST":
        number, code = request.POST.get("number", "")[:12].strip(), request.POST.get("code", "")[:12]
        if wait := spend("public-status-number", number, limit=20, seconds=3600):
            return too_many(request, wait)
        rows = (
            OrientationRequest.objects.filter(number=number).exclude(code_hash="").select_related("organization")[:50]
        )
        row = next((r for r in rows if hmac.compare_digest(r.code_hash, code_hash(r.pk, code))), None)
        if row is not None:
            return _status(request, row)
        context["problem"] = _("Ce numéro et ce code ne vont pas ensemble. Vérifiez votre accusé de réception.")
    return render(request, "orientation/follow.html", context, status=422 if "problem" in context else 200)


@limited("public-status", per_minute=10, per_hour=60, methods=("POST",))
@require_http_methods(["GET", "HEAD", "POST"])
def follow_link(request, token: str):
    """Opening does nothing (mail scanners open links); the code of the receipt confirms, then the link is burnt."""
    link = links.find(PURPOSE, token)
    row = OrientationRequest.objects.select_related("organization").filter(pk=link.subject_id).first() if link else None
    context: dict = {"by_number": False, "gone": row is None}
    if row is not None and request.method == "POST":
        if hmac.compare_digest(row.code_hash, code_hash(row.pk, request.POST.get("code", "")[:12])):
            try:
                links.use(link)
                return _status(request, row)
            except Refused:
                context["gone"] = True
        else:
            links.miss(link) if hasattr(links, "miss") else tasks.count_wrong_code(link)
            context["problem"] = _("Ce code n’est pas celui de votre accusé de réception.")
    answer = render(
        request,
        "orientation/follow.html",
        context,
        status=404 if context["gone"] else 422 if "problem" in context else 200,
    )
    answer["Referrer-Policy"] = "no-referrer"
    return answer


def _status(request, row: OrientationRequest):
    request.session[SEEN] = str(row.pk)
    request.session.set_expiry(1800) if not request.user.is_authenticated else None
    return render(request, "orientation/follow.html", {"row": row, "form": forms.RateForm()})


@limited("public-status", per_minute=10, methods=("POST",))
@require_POST
def rate(request):
    row = OrientationRequest.objects.select_related("organization").filter(pk=request.session.get(SEEN)).first()
    if row is None:
        raise Http404
    form = forms.RateForm(request.POST)
    context: dict = {"row": row, "form": form}
    if form.is_valid():
        try:
            actions.rate(ASKER, request=row, mark=form.cleaned_data["mark"], text=form.cleaned_data["text"])
            row.refresh_from_db()
            context["thanks"] = True
        except Refused as refusal:
            form.add_error(None, str(refusal.message))
    return render(request, "orientation/follow.html", context)
