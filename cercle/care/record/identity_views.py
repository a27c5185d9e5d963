"""What the « Dossier » lets one change: traits and status, coordinates, people around, doctor, numbers, death."""

from collections.abc import Callable
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from cercle.base.audit.record import Kind, record
from cercle.base.common import dates
from cercle.base.common.errors import Refused
from cercle.base.realtime.push import push
from cercle.people.circles.access import Acting, enter
from cercle.people.circles.vocabulary import Permission
from cercle.people.directory.models import PracticeRole
from cercle.people.patients import actions, forms, insi, status
from cercle.people.patients.models import Contact, Coordinates, Identity, PatientIdentifier, TreatingDoctor
from cercle.people.patients.relationships import Relationship
from cercle.people.patients.traits import CivilTraits

from .dossier import back, sheet
from .identity_forms import ChangeForm, CoordinatesForm, EndForm


def _edit(
    request: HttpRequest,
    acting: Acting,
    form,
    act: Callable[[dict], object],
    said: str,
    context: dict,
    on_error: dict | None = None,
) -> HttpResponse:
    """Enter, form, action, render: `act` gets the cleaned data; `on_error` names the field of a refusal's code."""
    if request.method == "POST" and form.is_valid():
        try:
            act(form.cleaned_data)
        except Refused as refused:
            form.add_error((on_error or {}).get(refused.code), str(refused.message))
            context |= {"refused": refused.code}
        else:
            push(f"circle:{acting.circle_id}")
            return back(request, acting, said)
    return sheet(request, acting, context.pop("which", "form"), {"form": form, "action": request.path} | context)


def _post(request: HttpRequest):
    return request.POST if request.method == "POST" else None


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, circle_id: UUID, what: str) -> HttpResponse:
    acting = enter(request, circle_id, Permission.EDIT_IDENTITY)
    view = EDITS.get(what)
    if view is None:
        raise Http404
    return view(request, acting)


# --- Identity --------------------------------------------------------------------------------------------------------
def _traits(request: HttpRequest, acting: Acting) -> HttpResponse:
    identity = acting.patient.identity
    form = ChangeForm(request.POST) if request.method == "POST" else ChangeForm.of(identity)

    form.initial.update(document="", reason="")  # those of the former decision are not this one's

    def act(data):
        actions.update_identity(
            acting, patient=acting.patient, traits=form.traits, origin=status.Origin(data["origin"]),
            document=data["document"] if data["origin"] == status.Origin.DOCUMENT else "", reason=data["reason"],
            accept_lower=data["accept_lower"],
        )  # fmt: skip

    context = {"title": _("Corriger l’identité"), "verb": _("Enregistrer"), "which": "traits"}
    fields = {"lesser_source": "accept_lower", "document_missing": "document", "reason_missing": "reason"}
    return _edit(
        request, acting, form, act, _("L’identité est corrigée. L’ancienne reste dans l’historique."), context, fields
    )


def _document(request: HttpRequest, acting: Acting) -> HttpResponse:
    identity = acting.patient.identity
    form = forms.DocumentForm(_post(request))
    qualifies = identity.status == status.RECUP
    context = {
        "title": _("Qualifier sur pièce d’identité") if qualifies else _("Valider sur pièce d’identité"),
        "verb": _("J’ai vu cette pièce, les traits sont les mêmes"),
        "lead": _("Comparez mot à mot la pièce avec ce qui est écrit ici."),
        "traits": _told(identity),
    }

    def act(data):
        actions.validate_identity(acting, patient=acting.patient, **data)

    return _edit(
        request, acting, form, act, _("L’identité est contrôlée."), context, {"document_not_qualifying": "document"}
    )


def _ins(request: HttpRequest, acting: Acting) -> HttpResponse:
    """Ask INSi. The network comes first, outside any transaction; the screen says no more than the answer allows."""
    identity = acting.patient.identity
    service = insi.service()
    context = {
        "title": _("Récupérer l’INS"), "verb": _("Interroger le téléservice INSi"), "action": request.path,
        "traits": _told(identity), "connected": service.is_connected,
        "lead": _("Ces traits sont envoyés au téléservice national, qui rend le matricule de la personne."),
    }  # fmt: skip
    if request.method == "POST":
        try:
            answer = service.by_traits(CivilTraits.of(identity))
            outcome = actions.recover_ins(acting, patient=acting.patient, answer=answer)
        except Refused as refused:
            return sheet(request, acting, "ask", context | {"problem": refused.message}, status=422)
        said = {
            actions.InsOutcome.ATTACHED: _("L’INS est récupéré."),
            actions.InsOutcome.VERIFIED: _("L’INS est toujours le bon."),
            actions.InsOutcome.HELD: _("La demande est transmise à l’identitovigilance, qui vous répondra."),
        }[outcome]
        push(f"circle:{acting.circle_id}")
        return back(request, acting, said)
    return sheet(request, acting, "ask", context)


def _lower(request: HttpRequest, acting: Acting) -> HttpResponse:
    form = forms.LowerForm(_post(request), current=acting.patient.identity)
    if acting.patient.identity.status == status.PROV:
        raise PermissionDenied
    context = {"title": _("Retirer la confiance"), "verb": _("Retirer"), "withdraw": True,
               "lead": _("Quand un doute apparaît. L’historique garde ce qui a été contrôlé.")}  # fmt: skip

    def act(data):
        actions.lower_status(acting, patient=acting.patient, **data)

    return _edit(request, acting, form, act, _("Le statut de l’identité est abaissé."), context)


def _mark(request: HttpRequest, acting: Acting) -> HttpResponse:
    identity = acting.patient.identity
    form = forms.MarkForm(_post(request), initial={"on": True})
    form.fields["on"].label = _("Signaler (décochez pour lever le signalement)")
    lead = _("Une identité douteuse ou fictive redevient provisoire ; un homonyme ne peut plus être validé.")
    if identity.markers:
        lead += " " + _("Signalement en cours : %(what)s.") % {"what": ", ".join(_markers(identity))}
    context = {"title": _("Signaler l’identité"), "verb": _("Enregistrer"), "lead": lead}

    def act(data):
        actions.mark(acting, patient=acting.patient, **data)

    return _edit(request, acting, form, act, _("Le signalement est enregistré."), context)


def _markers(identity: Identity) -> list[str]:
    words = {"doubtful": _("identité douteuse"), "fictive": _("identité fictive"), "homonym": _("homonyme")}
    return [words[m] for m in identity.markers]


def _told(identity: Identity) -> list[tuple[str, str]]:
    return [
        (_("Nom de naissance"), identity.birth_family),
        (_("Prénoms de naissance"), identity.birth_givens or identity.birth_given),
        (_("Sexe"), identity.get_sex_display()),
        (_("Date de naissance"), dates.short(identity.birth)),
        (
            _("Lieu de naissance"),
            f"{identity.birth_place_label} {identity.birth_place_code}".strip() or _("non renseigné"),
        ),
    ]


# --- Around ----------------------------------------------------------------------------------------------------------
def _coordinates(request: HttpRequest, acting: Acting) -> HttpResponse:
    current = acting.patient.coordinates
    initial = {n: getattr(current, n) for n in CoordinatesForm.base_fields} if current else {}
    form = CoordinatesForm(_post(request), initial=initial)
    context = {"title": _("Coordonnées"), "verb": _("Enregistrer"), "which": "coordinates"}

    def act(data):
        values = form.coordinates
        values["country_code"] = current.country_code if current else ""
        actions.change_coordinates(acting, patient=acting.patient, **values)

    return _edit(request, acting, form, act, _("Les coordonnées sont à jour."), context)


def _add_contact(request: HttpRequest, acting: Acting) -> HttpResponse:
    form = forms.ContactForm(_post(request))
    context = {"title": _("Ajouter un proche"), "verb": _("Ajouter"), "which": "contact"}

    def act(data):
        actions.add_contact(acting, patient=acting.patient, **data)

    return _edit(
        request, acting, form, act, _("Le proche est ajouté au dossier."), context, {"trusted_exists": "is_trusted"}
    )


@require_http_methods(["GET", "HEAD", "POST"])
def contact(request: HttpRequest, circle_id: UUID, contact_id: UUID) -> HttpResponse:
    acting = enter(request, circle_id, Permission.EDIT_IDENTITY)
    row = _contact(acting, contact_id)
    form = forms.ContactForm(request.POST) if request.method == "POST" else forms.ContactForm.of(row)
    context = {"title": row.full_name, "verb": _("Enregistrer"), "which": "contact", "contact": row}

    def act(data):
        actions.change_contact(acting, contact=row, **data)

    return _edit(request, acting, form, act, _("Le proche est à jour."), context, {"trusted_exists": "is_trusted"})


@require_http_methods(["GET", "HEAD", "POST"])
def contact_end(request: HttpRequest, circle_id: UUID, contact_id: UUID) -> HttpResponse:
    acting = enter(request, circle_id, Permission.EDIT_IDENTITY)
    row = _contact(acting, contact_id)
    lead = _("Cette personne ne sera plus montrée dans le dossier ; l’historique la garde.")
    return _ask(
        request, acting, _("Retirer %(who)s du dossier") % {"who": row.full_name}, _("Retirer"), lead,
        lambda reason: actions.end_contact(acting, contact=row, reason=reason), _("Le proche est retiré du dossier."),
    )  # fmt: skip


def _contact(acting: Acting, contact_id: UUID) -> Contact:
    row = Contact.objects.current().of(acting.circle_id).filter(pk=contact_id).first()
    if row is None:
        raise Http404
    return row


def _ask(
    request, acting: Acting, title: str, verb: str, lead: str, act, said: str, needs_reason: bool = False
) -> HttpResponse:
    form = EndForm(_post(request))
    form.fields["reason"].required = needs_reason
    context = {"title": title, "verb": verb, "lead": lead, "withdraw": True}
    return _edit(request, acting, form, lambda data: act(data["reason"]), said, context)


def _doctor(request: HttpRequest, acting: Acting) -> HttpResponse:
    form = forms.DoctorForm(_post(request))
    form.fields["since"].widget.input_type = "date"
    role = None
    if chosen := request.POST.get("practice_role"):
        try:
            role = PracticeRole.objects.select_related("practitioner").filter(pk=UUID(chosen)).first()
        except ValueError:
            role = None
    context = {"title": _("Médecin traitant"), "verb": _("Enregistrer"), "which": "doctor", "chosen": role}

    def act(data):
        actions.declare_treating_doctor(acting, patient=acting.patient, **data | {"practice_role": role})

    return _edit(request, acting, form, act, _("Le médecin traitant est noté."), context)


@require_safe
def doctors(request: HttpRequest, circle_id: UUID) -> HttpResponse:
    acting = enter(request, circle_id, Permission.EDIT_IDENTITY)
    text = request.GET.get("q", "").replace("\x00", "").strip()[:80]
    found = (
        [r for r in PracticeRole.objects.search(text, limit=30) if r.profession == "10"][:10] if len(text) > 1 else []
    )
    record(acting, "circles.directory_searched", kind=Kind.SEARCH, shown=[r.pk for r in found])
    return render(request, "record/dossier_sheets.html#doctors", {"roles": found, "q": text})


def _identifier(request: HttpRequest, acting: Acting) -> HttpResponse:
    form = forms.IdentifierForm(_post(request))
    form.fields["system"].help_text = _("Inutile pour un numéro de sécurité sociale.")
    context = {"title": _("Ajouter un identifiant"), "verb": _("Ajouter"),
               "lead": _("Le numéro qu’un établissement ou un organisme donne à la personne. L’INS ne se saisit jamais.")}  # fmt: skip

    def act(data):
        actions.add_identifier(acting, patient=acting.patient, **data)

    return _edit(request, acting, form, act, _("L’identifiant est ajouté."), context, {"identifier_held": "value"})


@require_http_methods(["GET", "HEAD", "POST"])
def identifier_end(request: HttpRequest, circle_id: UUID, identifier_id: UUID) -> HttpResponse:
    acting = enter(request, circle_id, Permission.EDIT_IDENTITY)
    row = PatientIdentifier.objects.current().of(acting.circle_id).filter(pk=identifier_id).first()
    if row is None:
        raise Http404
    return _ask(
        request, acting, _("Retirer cet identifiant"), _("Retirer"), _("Il reste dans l’historique."),
        lambda reason: actions.end_identifier(acting, identifier=row, reason=reason), _("L’identifiant est retiré."),
    )  # fmt: skip


def _death(request: HttpRequest, acting: Acting) -> HttpResponse:
    if acting.patient.is_deceased:
        return _ask(
            request, acting, _("Annuler l’enregistrement du décès"), _("Annuler l’enregistrement"),
            _("Si le décès a été enregistré par erreur. Le motif est gardé."),
            lambda reason: actions.cancel_death(acting, patient=acting.patient, reason=reason),
            _("L’enregistrement du décès est annulé."), needs_reason=True,
        )  # fmt: skip
    form = forms.DeathForm(_post(request))
    context = {
        "title": _("Enregistrer un décès"), "verb": _("Enregistrer"),
        "lead": _(
            "Le bandeau du dossier l’indiquera à ceux qui suivent la personne, sans alerte. "
            "Le cahier reste lisible, et ses proches membres du cercle peuvent toujours l’ouvrir."
        ),
    }  # fmt: skip

    def act(data):
        actions.record_death(acting, patient=acting.patient, **data)

    return _edit(request, acting, form, act, _("Le décès est enregistré."), context, {"death_before_birth": "on"})


EDITS = {
    "identite": _traits,
    "piece": _document,
    "ins": _ins,
    "statut": _lower,
    "signalement": _mark,
    "coordonnees": _coordinates,
    "proche": _add_contact,
    "medecin": _doctor,
    "identifiant": _identifier,
    "deces": _death,
}


# --- History ---------------------------------------------------------------------------------------------------------
@require_safe
def history(request: HttpRequest, circle_id: UUID, what: str) -> HttpResponse:
    """Every dated row of one thing, newest first: (when, words, detail, by whom and why)."""
    acting = enter(request, circle_id, Permission.READ_IDENTITY)
    if not (acting.may(Permission.EDIT_IDENTITY) or acting.profile.code in ("person", "legal_rep")):
        raise PermissionDenied
    found = HISTORIES.get(what)
    if found is None:
        raise Http404
    title, tell = found
    entries = tell(acting.circle_id)
    record(acting, "record.identity_history_read", kind=Kind.READ, details={"what": what, "count": len(entries)})
    return sheet(request, acting, "history", {"title": title, "entries": entries})


def _by(row) -> str:
    said = [row.decided_name, _("« %(reason)s »") % {"reason": row.reason} if row.reason else ""]
    return ", ".join(s for s in said if s)


def _identities(patient_id) -> list[tuple]:
    found = []
    for row in Identity.objects.history_of(patient_id)[:100]:
        how = row.get_status_display()
        if row.document:
            how += " · " + row.get_document_display()
        how += " · " + row.get_method_display()
        if row.markers:
            how += " · " + ", ".join(_markers(row))
        traits = f"{row.birth_family} {row.birth_givens or row.birth_given}, {row.get_sex_display().lower()}, "
        traits += f"{dates.short(row.birth)}, {row.birth_place_label} {row.birth_place_code}".strip(" ,")
        found.append((row.decided_at, traits, how, _by(row), row.superseded_at is None))
    return found


def _addresses(patient_id) -> list[tuple]:
    rows = Coordinates.objects.filter(patient_id=patient_id).order_by("-id")[:100]
    return [
        (r.decided_at, ", ".join(x for x in (r.address, r.address_extra, f"{r.postal_code} {r.commune_label}".strip()) if x) or "-",
         ", ".join(x for x in (r.phone, r.phone_other, r.email) if x), _by(r), r.superseded_at is None)
        for r in rows
    ]  # fmt: skip


def _contacts(patient_id) -> list[tuple]:
    rows = Contact.objects.of(patient_id).order_by("-id")[:100]
    return [
        (r.decided_at, r.full_name, ", ".join(x for x in (_link(r), r.phone, r.note) if x), _by(r), r.until is None)
        for r in rows
    ]


def _link(row: Contact) -> str:
    return str(Relationship(row.relationship).label) if row.relationship in Relationship.values else ""


def _doctors(patient_id) -> list[tuple]:
    rows = TreatingDoctor.objects.of(patient_id).select_related("practice_role__practitioner").order_by("-id")[:100]
    return [(r.decided_at, doctor_name(r), r.external_place, _by(r), r.until is None) for r in rows]


def doctor_name(row: TreatingDoctor) -> str:
    if row.is_none:
        return _("Pas de médecin traitant")
    return row.practice_role.practitioner.display_name if row.practice_role_id else row.external_name


def _numbers(patient_id) -> list[tuple]:
    rows = PatientIdentifier.objects.of(patient_id).order_by("-id")[:100]
    return [(r.since, f"{r.get_kind_display()} : {r.value}", r.system, "", r.until is None) for r in rows]


HISTORIES: dict[str, tuple] = {
    "identite": (gettext_lazy("Historique de l’identité"), _identities),
    "coordonnees": (gettext_lazy("Coordonnées précédentes"), _addresses),
    "proches": (gettext_lazy("Historique des proches"), _contacts),
    "medecin": (gettext_lazy("Médecins traitants successifs"), _doctors),
    "identifiants": (gettext_lazy("Historique des identifiants"), _numbers),
}
