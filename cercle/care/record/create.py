"""« Ajouter un patient »: look for her first, then the file and its circle in one transaction.

To someone outside, the look-up says at most that a file resembles; the traits of that file are shown to nobody here.
"""

import hashlib
import json
from uuid import UUID, uuid4

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.html import format_html_join
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from cercle.base.audit.record import Kind, record
from cercle.base.common.errors import Refused
from cercle.base.web.limits import limited
from cercle.people.circles import actions as circles
from cercle.people.circles import rights
from cercle.people.circles.access import Viewer, reach, viewer_of
from cercle.people.circles.models import Circle, ClientRef
from cercle.people.circles.views import join_token
from cercle.people.circles.vocabulary import LegalGround, Permission
from cercle.people.directory.models import Commune
from cercle.people.patients import actions as patients
from cercle.people.patients import duplicates
from cercle.people.patients.models import Patient

from . import birthplaces
from .identity_forms import NewPatientForm

REF = "patient:%s"
TEST_DOUBLE = "cercle.people.patients.insi.OfficialTestIdentities"


def may_create(viewer: Viewer) -> bool:
    """A professional, in a situation of exercise whose profile keeps identities."""
    return bool(
        viewer.practice_role_id
        and viewer.profile
        and Permission.EDIT_IDENTITY in rights.current().profiles[viewer.profile].permissions
    )


def offered(request: HttpRequest) -> bool:
    return may_create(viewer_of(request))


# --- The act ---------------------------------------------------------------------------------------------------------
def register(viewer: Viewer, form: NewPatientForm) -> UUID:
    """Patient, circle, information of the person: all or nothing, once for one form. Gives the patient's id."""
    data = form.cleaned_data
    with transaction.atomic():
        # The lock makes the second click wait for the first.
        with connection.cursor() as cursor:
            name = f"{viewer.user_id}|{REF % data['ref']}"
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])
        if kept := _made_by(viewer, data["ref"]):
            return kept
        # A deployment whose INSi is the test double holds invented people only.
        created = patients.create_patient(
            viewer, traits=form.traits, coordinates=form.coordinates, identifiers=form.identifiers,
            is_test=settings.INSI_SERVICE == TEST_DOUBLE,
        )  # fmt: skip
        circles.open_circle(viewer, patient=created.patient, ground=LegalGround.RECOGNISED)
        acting = reach(viewer, created.patient.pk)
        assert acting is not None
        circles.record_consent(
            acting, flow="information", given_by=data["informed_by"], form=data["informed_form"],
            given_on=data["informed_on"],
        )  # fmt: skip
        ClientRef.objects.create(
            source=viewer.user_id, circle_ref=viewer.user_id, ref=REF % data["ref"], kind="patient",
            target_id=created.patient.pk,
        )  # fmt: skip
    return created.patient.pk


def _made_by(viewer: Viewer, ref: UUID) -> UUID | None:
    """The patient that this very form has made already."""
    rows = ClientRef.objects.filter(source=viewer.user_id, circle_ref=viewer.user_id, ref=REF % ref)
    return rows.values_list("target_id", flat=True).first()


# --- Who looks like her ----------------------------------------------------------------------------------------------
def lookalikes(viewer: Viewer, form: NewPatientForm) -> tuple[list[Patient], UUID | None]:
    """Files this person follows already, and one circle to ask to join: the likeliest among the others, never more."""
    nss = form.cleaned_data.get("nss", "")
    found = duplicates.resembling(duplicates.traits_of(form.traits, form.coordinates, nss=nss))
    mine, other = [], None
    for candidate in found[:20]:
        if reach(viewer, candidate.patient_id):
            mine.append(candidate.patient_id)
        elif other is None and Circle.objects.filter(pk=candidate.patient_id).exists():
            other = candidate.patient_id
    record(viewer, "record.lookalikes_searched", kind=Kind.SEARCH, shown=mine, details={"found": len(found)})
    if other:
        # In the journal of that file too: its people see that someone typed an identity like hers.
        record(viewer, "record.lookalike_told", kind=Kind.SEARCH, circle_id=other)
    known = Patient.objects.with_identity().in_bulk(mine)
    return [known[pk] for pk in mine if pk in known], other


def _seal(viewer: Viewer, form: NewPatientForm) -> str:
    """« It is someone else » holds for the identity that was compared, not for another one typed after."""
    compared = (
        {k: str(v) for k, v in form.traits.columns().items()} | form.coordinates | {"nss": form.cleaned_data["nss"]}
    )
    told = json.dumps(compared, sort_keys=True)
    return salted_hmac(
        "cercle.record.create", f"{viewer.user_id}{hashlib.sha256(told.encode()).hexdigest()}"
    ).hexdigest()


# --- Screens ---------------------------------------------------------------------------------------------------------
@limited("create-patient", per_minute=10, per_hour=60, methods=("POST",))
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    viewer = viewer_of(request)
    if not may_create(viewer):
        raise PermissionDenied
    context: dict = {"viewer": viewer}
    if request.method != "POST":
        form = NewPatientForm(initial={"ref": uuid4()})
        return render(request, "record/create.html", context | {"form": form})
    form = NewPatientForm(request.POST)
    if form.is_valid():
        if kept := _made_by(viewer, form.cleaned_data["ref"]):
            return redirect("record:tab", kept, "dossier")
        seal = _seal(viewer, form)
        confirmed = constant_time_compare(request.POST.get("someone_else", ""), seal)
        if not confirmed:
            mine, other = lookalikes(viewer, form)
            if mine or other:
                context |= {
                    "mine": mine, "seal": seal, "other": other is not None,
                    "token": join_token(other, viewer.user_id) if other else "",
                }  # fmt: skip
                return render(request, "record/create.html", context | {"form": form}, status=409)
        try:
            patient_id = register(viewer, form)
        except Refused as refused:
            form.add_error("nss" if refused.code.startswith("identifier") else None, str(refused.message))
        else:
            messages.success(
                request, _("Le dossier est créé. Ajoutez maintenant les personnes qui suivent ce patient.")
            )
            for warning in form.warnings:
                messages.warning(request, warning)
            return redirect("record:tab", patient_id, "dossier")
    return render(request, "record/create.html", context | {"form": form}, status=422)


@limited("places", per_minute=120)
@require_safe
def birth_places(request: HttpRequest) -> HttpResponse:
    return _options(
        birthplaces.shown(code, name) for code, name in birthplaces.find(request.GET.get("birth_place_label", "")[:80])
    )


@limited("places", per_minute=120)
@require_safe
def communes(request: HttpRequest) -> HttpResponse:
    """Names for the place of residence; with a postal code, its communes only."""
    postal, typed = request.GET.get("postal_code", "")[:5], request.GET.get("commune_label", "")[:80]
    found = Commune.objects.find(postal) if len(postal) == 5 else Commune.objects.find(typed)
    return _options(c.name for c in found)


def _options(values) -> HttpResponse:
    return HttpResponse(format_html_join("", '<option value="{}"></option>', ((v,) for v in values)))
