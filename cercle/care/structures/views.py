"""Enter, form, action, render: the structure's own pages, and the region's."""

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from cercle.base.audit.record import Kind, record
from cercle.base.common.errors import Refused
from cercle.care.agenda import actions as agenda
from cercle.care.agenda.models import Calendar
from cercle.care.agenda.queries import rooms
from cercle.care.documents.views import send
from cercle.people.accounts import rights
from cercle.people.accounts.acting import person_acting
from cercle.people.accounts.context import current_role
from cercle.people.directory import actions as directory
from cercle.people.directory.models import TeamCover
from cercle.people.directory.queries import logo_of

from . import actions, queries
from .forms import (
    CommunesForm,
    CoverForm,
    DocumentForm,
    InfoForm,
    LogoForm,
    OpenStructureForm,
    PartnerForm,
    RoomForm,
    TeamForm,
)
from .gates import House, enter_house
from .models import Partner, StructureDocument


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """« Ma structure ». An administrator who does not work in it goes to the accounts she answers for."""
    role = current_role(request)
    if (role is None or role.organization is None) and rights.structures_of(request.user).exists():
        return redirect("accounts:structures")
    return _home(request, enter_house(request))


def _home(request: HttpRequest, house: House, **forms) -> HttpResponse:
    organization = house.organization
    info = queries.info_of(organization)
    record(house.acting, "structures.read", kind=Kind.READ, on=organization)
    typed = {"presentation": info.presentation, "hours_note": info.hours_note} | {
        f"day{day}": ", ".join(f"{a}-{b}" for a, b in info.hours.get(str(day), [])) for day in range(7)
    }
    shown = {
        "info": InfoForm(initial=typed), "room": RoomForm(), "partner": PartnerForm(), "document": DocumentForm(),
        "logo": LogoForm(), "team": TeamForm(),
    }  # fmt: skip
    return render(
        request, "structures/home.html",
        {
            "house": house, "organization": organization, "info": info, "week": queries.week(info),
            "teams": queries.teams_of(organization), "rooms": rooms(organization.pk),
            "partners": Partner.objects.filter(organization=organization, ended_at=None).order_by("kind", "name"),
            "documents": StructureDocument.objects.filter(organization=organization, withdrawn_at=None).order_by("-id")[:100],
            "people": organization.roles.open().count(), "logo": logo_of(organization.pk), "today": timezone.localdate(),
            "forms": shown | forms, "here": "home", "works_here": current_role(request) is not None,
        },
        status=422 if forms else 200,
    )  # fmt: skip


@require_POST
def change(request: HttpRequest, what: str) -> HttpResponse:
    """One verb of the page. What is wrong comes back beside what was typed."""
    house = enter_house(request, edit=True)
    acting, organization = house.acting, house.organization
    try:
        match what:
            case "informations":
                form = InfoForm(request.POST)
                if not form.is_valid():
                    return _home(request, house, info=form)
                data = form.cleaned_data
                actions.describe(
                    acting, organization=organization, presentation=data["presentation"], hours_note=data["hours_note"],
                    hours={day: data[f"day{day}"] for day in range(7)},
                )  # fmt: skip
            case "logo":
                form = LogoForm(request.POST, request.FILES)
                if not form.is_valid():
                    return _home(request, house, logo=form)
                actions.set_logo(acting, organization=organization, file=form.cleaned_data["logo"])
            case "salles":
                form = RoomForm(request.POST)
                if not form.is_valid():
                    return _home(request, house, room=form)
                agenda.open_room(acting, organization=organization, **form.cleaned_data)
            case "partenaires":
                form = PartnerForm(request.POST)
                if not form.is_valid():
                    return _home(request, house, partner=form)
                actions.add_partner(acting, organization=organization, **form.cleaned_data)
            case "documents":
                form = DocumentForm(request.POST, request.FILES)
                if not form.is_valid():
                    return _home(request, house, document=form)
                actions.add_document(acting, organization=organization, **form.cleaned_data)
            case "equipes":
                form = TeamForm(request.POST)
                if not form.is_valid():
                    return _home(request, house, team=form)
                directory.create_team(acting, organization=organization, **form.cleaned_data)
            case "fermer-salle":
                left = agenda.close_room(acting, room=own(Calendar, house, request))
                if left:
                    said = ngettext(
                        "La salle est retirée. %(n)s rendez-vous y reste posé : prévenez ceux qui comptaient dessus.",
                        "La salle est retirée. %(n)s rendez-vous y restent posés : prévenez ceux qui comptaient dessus.",
                        left,
                    )
                    messages.warning(request, said % {"n": left})
                    return redirect("structures:home")
            case "fin-partenaire":
                actions.end_partner(acting, partner=own(Partner, house, request))
            case "retirer-document":
                actions.withdraw_document(acting, document=own(StructureDocument, house, request))
            case _:
                raise Http404
    except Refused as refused:
        if what in ("informations", "salles", "partenaires", "documents", "logo", "equipes"):
            form.add_error(None, str(refused.message))
            names = {"informations": "info", "salles": "room", "partenaires": "partner", "documents": "document", "equipes": "team"}  # fmt: skip
            return _home(request, house, **{names.get(what, what): form})
        messages.error(request, str(refused.message))
    else:
        messages.success(request, _("C’est enregistré."))
    return redirect("structures:home")


def own(model, house: House, request: HttpRequest):
    """The row named by the form, if it is this structure's."""
    try:
        wanted = UUID(request.POST.get("row", ""))
    except ValueError:
        raise Http404 from None
    return get_object_or_404(model, pk=wanted, organization=house.organization)


@require_safe
def document(request: HttpRequest, pk: UUID) -> HttpResponse:
    house = enter_house(request)
    row = get_object_or_404(StructureDocument, pk=pk, organization=house.organization, withdrawn_at=None)
    record(house.acting, "structures.document_opened", kind=Kind.READ, on=row)
    return send(request, row.sha256, row.media_type, name=row.file_name, inline=False)


@require_safe
def logo(request: HttpRequest) -> HttpResponse:
    house = enter_house(request)
    row = logo_of(house.organization.pk)
    if row is None:
        raise Http404
    return send(request, row.sha256, row.media_type, name="logo", inline=True)


@require_safe
def staff(request: HttpRequest) -> HttpResponse:
    house = enter_house(request)
    record(house.acting, "structures.read", kind=Kind.READ, on=house.organization)
    return render(
        request, "structures/staff.html",
        {
            "house": house, "organization": house.organization, "people": queries.staff_of(house.organization),
            "left": queries.left(house.organization), "delegations": queries.delegations(house.organization), "here": "staff",
        },
    )  # fmt: skip


@require_http_methods(["GET", "HEAD", "POST"])
def territory(request: HttpRequest) -> HttpResponse:
    """Which team answers for which commune: the desk gives a request to whom this table says."""
    house = enter_house(request, edit=request.method == "POST")
    organization = house.organization
    verb = request.POST.get("verb", "")
    give = CommunesForm(request.POST if verb in ("give", "take") else None, organization=organization)
    cover = CoverForm(request.POST if verb == "cover" else None, organization=organization)
    if request.method == "POST":
        form = cover if verb == "cover" else give
        try:
            if verb == "end-cover":
                row = own_cover(house, request)
                directory.end_cover(house.acting, cover=row)
                return redirect("structures:territory")
            if verb not in ("give", "take", "cover"):
                raise Http404
            if form.is_valid():
                data = form.cleaned_data
                if verb == "cover":
                    directory.cover_team(house.acting, **data)
                else:
                    act = directory.give_territory if verb == "give" else directory.take_territory
                    act(house.acting, team=data["team"], communes=actions.communes_named(data["communes"]))
                messages.success(request, _("C’est enregistré."))
                return redirect("structures:territory")
        except Refused as refused:
            form.add_error(None, str(refused.message))
    teams = queries.teams_of(organization)
    today = timezone.localdate()
    return render(
        request, "structures/territory.html",
        {
            "house": house, "organization": organization, "teams": teams, "map": queries.territory_map(teams), "here": "territory",
            "give": give, "cover": cover,
            "covers": TeamCover.objects.filter(team__organization=organization, cancelled_at=None, until_on__gte=today)
            .select_related("team", "covered_by").order_by("from_on"),
        },
        status=422 if give.errors or cover.errors else 200,
    )  # fmt: skip


def own_cover(house: House, request: HttpRequest) -> TeamCover:
    try:
        wanted = UUID(request.POST.get("row", ""))
    except ValueError:
        raise Http404 from None
    return get_object_or_404(TeamCover, pk=wanted, team__organization=house.organization)


@require_safe
def region(request: HttpRequest) -> HttpResponse:
    operator_only(request)
    return render(request, "structures/region.html", {"structures": queries.region_structures()})


@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """A structure, its first team, its first administrator: one page."""
    operator_only(request)
    form = OpenStructureForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = actions.open_structure(person_acting(request), **form.cleaned_data)
        except Refused as refused:
            form.add_error(None, str(refused.message))
        else:
            messages.success(request, _("La structure est ouverte. L’invitation part par e-mail, valable sept jours."))
            return redirect("accounts:structure", made.pk)
    return render(request, "structures/new.html", {"form": form}, status=422 if form.errors else 200)


def operator_only(request: HttpRequest) -> None:
    if not request.user.is_authenticated or not rights.is_operator(request.user):
        raise Http404
