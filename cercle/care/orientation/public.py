"""Forms without an account, and the asker's status page. Nothing personal in an address nor in an e-mail.

Anti-abuse without a third party: limits per address, a field that only machines fill, a minimum time (signed). A machine is
told the same as a person, and nothing is kept.
"""

import hmac
import secrets
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
from cercle.base.web.limits import HOUR, limited, spend
from cercle.people.accounts import links
from cercle.people.circles.desks import DAC
from cercle.people.directory.models import Organization

from . import actions, forms
from .models import OrientationRequest
from .tasks import PURPOSE

ASKER = Machine(actor_name="Demandeur (formulaire public)", ground="public_form", source="web")
SALT = "cercle.orientation.public"
FASTEST, LONGEST = 4, 6 * HOUR  # seconds between the page and its sending
GUESSES = 20  # codes tried for one number in an hour, whether that number exists or not
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
        context |= {"form": form_class(initial={"ref": uuid4()}), "stamp": signing.dumps("", salt=SALT)}
        return render(request, "orientation/public.html", context)
    if request.POST.get("site", ""):
        # Only a machine fills what nobody sees: it is shown the receipt of a request that was never kept.
        number = f"{timezone.localdate().year}-{secrets.randbelow(10**4):04}"
        return _receipt(request, context, number, _code())
    form = form_class(request.POST)
    stamp = request.POST.get("stamp", "")[:200]
    speed = speed_of(stamp)
    context |= {"form": form, "stamp": stamp}
    if speed in ("late", "forged"):
        context["stamp"] = signing.dumps("", salt=SALT)
        form.add_error(
            None, _("Cette page est restée ouverte longtemps. Ce que vous avez écrit est gardé : envoyez de nouveau dans quelques secondes.")
        )  # fmt: skip
    elif speed == "fast":
        form.add_error(None, _("C’était très rapide. Relisez, puis envoyez de nouveau dans quelques secondes."))
    if not form.is_valid():
        return render(request, "orientation/public.html", context, status=422)
    data = form.cleaned_data
    if OrientationRequest.objects.filter(client_ref=data["ref"]).exists():
        return _receipt(request, context, "", "", repeated=True)
    code = _code()
    told = data.get("told") or data.get("asker_kind") == "person"
    try:
        row = actions.receive_request(
            ASKER, organization=organization, channel=channel, asker_kind=data.get("asker_kind", "professional"), asker_name=data["asker_name"],
            asker_detail=data.get("asker_detail", ""), asker_phone=data["asker_phone"], asker_email=data["asker_email"], reason=data["reason"],
            reason_text=data["reason_text"], urgency=data.get("urgency") or 0, person=form.person(), commune_code=data["commune_code"],
            commune_label=data["commune_label"], doctor_informed=data.get("doctor_informed", ""), client_ref=data["ref"],
            person_informed_at=timezone.now() if told and data["person_family"] else None, code=code,
        )  # fmt: skip
    except Refused as refusal:
        form.add_error(None, str(refusal.message))
        return render(request, "orientation/public.html", context, status=422)
    return _receipt(request, context, row.number, code)


def _receipt(request, context: dict, number: str, code: str, *, repeated: bool = False):
    return render(
        request, "orientation/public.html",
        context | {"form": None, "receipt": True, "number": number, "code": code, "repeated": repeated},
    )  # fmt: skip


def _code() -> str:
    return f"{secrets.randbelow(10**8):08}"


def speed_of(stamp: str) -> str:
    """How long ago the page was given: fast, ok, late; forged when we did not give it."""
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


# --- Status --------------------------------------------------------------------------------------------------------------


@limited("public-status", per_minute=10, per_hour=60, methods=("POST",))
@require_http_methods(["GET", "HEAD", "POST"])
def follow(request):
    """By number and code, both on the receipt. A wrong code and an unknown number look the same, and cost the same."""
    context: dict = {"by_number": True}
    if request.method == "POST":
        number = request.POST.get("number", "")[:12].replace("\x00", "").strip()
        code = request.POST.get("code", "")[:12]
        if wait := spend("public-status-number", number, limit=GUESSES, seconds=HOUR):
            return too_many(request, wait)
        # Each structure counts its own: one number may be several requests, the code says which.
        rows = OrientationRequest.objects.filter(number=number).exclude(code_hash="").select_related("organization")
        if row := next((r for r in rows[:100] if fits(r, code)), None):
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
        if fits(row, request.POST.get("code", "")[:12]):
            try:
                links.use(link)
                return _status(request, row)
            except Refused:
                context["gone"] = True
        else:
            actions.wrong_code(link)
            context["problem"] = _("Ce code n’est pas celui de votre accusé de réception.")
    status = 404 if context["gone"] else 422 if "problem" in context else 200
    answer = render(request, "orientation/follow.html", context, status=status)
    answer["Referrer-Policy"] = "no-referrer"
    return answer


def fits(row: OrientationRequest, code: str) -> bool:
    return hmac.compare_digest(row.code_hash, actions.code_hash(row.pk, code))


def _status(request, row: OrientationRequest):
    request.session[SEEN] = str(row.pk)
    if not request.user.is_authenticated:
        request.session.set_expiry(1800)
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
    return render(request, "orientation/follow.html", context, status=422 if form.errors else 200)
