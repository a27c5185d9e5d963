"""« Annuaire »: search, a page per person and per structure, reports of errors, teams."""

from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from cercle.base.audit.models import Kind
from cercle.base.audit.record import record
from cercle.base.common.errors import Refused
from cercle.people.directory import actions, gate, nomenclature
from cercle.people.directory.forms import AnswerForm, ReportForm, SearchForm, TeamForm
from cercle.people.directory.models import (
    Code,
    Commune,
    DirectoryReport,
    Organization,
    PracticeRole,
    Practitioner,
    Team,
    TeamMember,
)

LIMIT = 40


def search(request: HttpRequest) -> HttpResponse:
    """The form is posted: a name never stands in an address. Filters alone may come as a link."""
    skills = (
        Code.objects.filter(set__name="JDV_J107", code__startswith="SM").order_by("label").values_list("code", "label")
    )
    # The official labels end with « (SM) »: of use to nobody here.
    specialties = [(code, label.removesuffix(" (SM)")) for code, label in skills]
    data = request.POST if request.method == "POST" else request.GET
    form = SearchForm(data, specialties=specialties)
    context: dict = {"form": form, "limit": LIMIT, "is_operator": gate.is_operator(request)}
    if form.is_valid():
        context |= _results(request, form.cleaned_data)
    fragment = "#results" if request.headers.get("HX-Request") else ""
    return render(request, f"directory/search.html{fragment}", context)


def _results(request: HttpRequest, asked: dict) -> dict:
    asked_for = [k for k in ("q", "profession", "specialty", "kind", "commune") if asked.get(k)]
    context: dict = {"what": asked["what"], "asked": asked_for, "km": asked["km"]}
    if not asked_for:
        return context
    where: dict = {}
    if asked["commune"]:
        communes = Commune.objects.find(asked["commune"])
        context["communes"] = communes
        if not communes:
            return context | {"unknown_commune": True, "found": []}
        home = communes[0]
        if asked["km"] and home.lat is not None:
            where = {"near": (home.lat, home.lon), "km": asked["km"]}
        else:
            where = {"commune": home.code}
    if asked["what"] == "structures":
        found = Organization.objects.search(asked["q"], kind=asked["kind"], limit=LIMIT, **where)
    else:
        found = PracticeRole.objects.search(
            asked["q"], profession=asked["profession"], specialty=asked["specialty"], limit=LIMIT, **where
        )
    # What was typed is not kept: the criteria used and what was shown say enough.
    record(
        gate.acting_of(request), "directory.searched", kind=Kind.SEARCH, shown=[row.pk for row in found],
        details={"what": asked["what"], "criteria": asked_for},
    )  # fmt: skip
    return context | {"found": found if asked["what"] == "structures" else _people(found)}


def _people(roles: list[PracticeRole]) -> list[dict]:
    """One entry a person, in the order found, with her situations."""
    people: dict[UUID, dict] = {}
    for role in roles:
        entry = people.setdefault(role.practitioner_id, {"person": role.practitioner, "role": role, "others": 0})
        entry["others"] += role is not entry["role"]
    return list(people.values())


def person(request: HttpRequest, practitioner_id: UUID) -> HttpResponse:
    practitioner = get_object_or_404(Practitioner, pk=practitioner_id)
    roles = list(practitioner.roles.select_related("organization").order_by("ended_at", "-mode", "id"))
    for role in roles:
        role.practitioner = practitioner
    roles.sort(key=lambda r: r.ended_at is not None)
    memberships = (
        TeamMember.objects.filter(practice_role__practitioner=practitioner, ended_at=None, team__closed_at=None)
        .select_related("team__organization")
        .order_by("team__name")
    )
    record(gate.acting_of(request), "directory.person_seen", on=practitioner, kind=Kind.READ)
    return render(
        request,
        "directory/person.html",
        {
            "person": practitioner,
            "open_roles": [r for r in roles if r.ended_at is None],
            "ended_roles": [r for r in roles if r.ended_at is not None],
            "memberships": memberships,
        },
    )


def structure(request: HttpRequest, organization_id: UUID) -> HttpResponse:
    organization = get_object_or_404(Organization.objects.select_related("parent"), pk=organization_id)
    people = list(
        organization.roles.open().select_related("practitioner").order_by("practitioner__sort", "id")[: LIMIT * 5 + 1]
    )
    teams = list(organization.teams.open().order_by("name").prefetch_related("members__practice_role__practitioner"))
    for team in teams:
        team.current = [m for m in team.members.all() if m.ended_at is None]
    sites = []
    if organization.is_legal_entity:
        sites = list(organization.children.filter(closed_on=None).order_by("sort")[:100])
    record(gate.acting_of(request), "directory.structure_seen", on=organization, kind=Kind.READ)
    return render(
        request,
        "directory/structure.html",
        {
            "organization": organization,
            "kind_label": nomenclature.KIND_LABELS.get(organization.kind, ""),
            "people": people[: LIMIT * 5],
            "more_people": len(people) > LIMIT * 5,
            "teams": teams,
            "sites": sites,
            "may_manage": gate.may_manage(request, organization),
            "team_form": TeamForm(),
        },
    )


# --- « Signaler une erreur » ---------------------------------------------------------------------------------------------

ENTRIES = {"personnes": Practitioner, "situations": PracticeRole, "structures": Organization}


def report(request: HttpRequest, what: str, entry_id: UUID) -> HttpResponse:
    if what not in ENTRIES:
        raise Http404
    about = get_object_or_404(ENTRIES[what], pk=entry_id)
    form = ReportForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            actions.report_error(gate.acting_of(request), about=about, **form.cleaned_data)
        except Refused as refusal:
            form.add_error(None, str(refusal.message))
        else:
            messages.success(request, _("Merci. Vous serez prévenu de la suite donnée à votre signalement."))
            return redirect(address_of(about))
    return render(
        request, "directory/report.html", {"form": form, "about": about, "back": address_of(about), "what": what},
        status=422 if form.errors else 200,
    )  # fmt: skip


def address_of(entry: actions.Entry) -> str:
    if isinstance(entry, Organization):
        return reverse("directory:structure", args=[entry.pk])
    practitioner_id = entry.practitioner_id if isinstance(entry, PracticeRole) else entry.pk
    return reverse("directory:person", args=[practitioner_id])


def _with_targets(reports) -> list[DirectoryReport]:
    rows = reports.select_related(
        "practitioner", "practice_role__practitioner", "practice_role__organization", "organization"
    )
    found = list(rows[:200])
    for row in found:
        row.address = address_of(row.target)
    return found


def my_reports(request: HttpRequest) -> HttpResponse:
    mine = DirectoryReport.objects.filter(author_user_id=request.user.pk).order_by("-id")
    return render(request, "directory/my_reports.html", {"reports": _with_targets(mine)})


def reports(request: HttpRequest) -> HttpResponse:
    """The operator's queue: the oldest first among those to answer."""
    if not gate.is_operator(request):
        raise PermissionDenied
    shown = request.GET.get("etat", "open")
    if shown not in DirectoryReport.Status.values:
        shown = "open"
    counts = dict(DirectoryReport.objects.values_list("status").annotate(n=Count("id")))
    tabs = [(s.value, s.label, counts.get(s.value, 0)) for s in DirectoryReport.Status]
    rows = DirectoryReport.objects.filter(status=shown).order_by("id" if shown == "open" else "-id")
    return render(request, "directory/reports.html", {"reports": _with_targets(rows), "tabs": tabs, "shown": shown})


def answer(request: HttpRequest, report_id: UUID) -> HttpResponse:
    if not gate.is_operator(request):
        raise PermissionDenied
    row = get_object_or_404(DirectoryReport.objects.all(), pk=report_id)
    field = actions.FIELD_OF_REPORT.get(row.field)
    target = row.target
    correctable = bool(field) and field in actions.CORRECTABLE[type(target)]
    form = AnswerForm(request.POST or None, initial={"value": row.proposed})
    if not correctable:
        del form.fields["value"]
    if request.method == "POST" and form.is_valid():
        try:
            actions.answer_report(gate.acting_of(request), report=row, **form.cleaned_data)
        except Refused as refusal:
            form.add_error(None, str(refusal.message))
        else:
            messages.success(request, _("Réponse envoyée."))
            return redirect("directory:reports")
    context = {
        "report": row, "form": form, "target": target, "address": address_of(target),
        "current": getattr(target, field) if correctable else "",
    }  # fmt: skip
    return render(request, "directory/answer.html", context, status=422 if form.errors else 200)


# --- Teams ---------------------------------------------------------------------------------------------------------------


def _managed(request: HttpRequest, organization: Organization) -> Organization:
    if not gate.may_manage(request, organization):
        raise PermissionDenied
    return organization


@require_POST
def create_team(request: HttpRequest, organization_id: UUID) -> HttpResponse:
    organization = _managed(request, get_object_or_404(Organization, pk=organization_id))
    form = TeamForm(request.POST)
    try:
        if not form.is_valid():
            raise Refused(_("Donnez un nom à l’équipe."), "team_name")
        actions.create_team(gate.acting_of(request), organization=organization, name=form.cleaned_data["name"])
    except Refused as refusal:
        messages.error(request, str(refusal.message))
    return redirect("directory:structure", organization.pk)


@require_POST
def close_team(request: HttpRequest, team_id: UUID) -> HttpResponse:
    team = get_object_or_404(Team.objects.select_related("organization"), pk=team_id)
    _managed(request, team.organization)
    return _then_structure(request, team, lambda acting: actions.close_team(acting, team=team))


@require_POST
def add_member(request: HttpRequest, team_id: UUID) -> HttpResponse:
    team = get_object_or_404(Team.objects.select_related("organization"), pk=team_id)
    _managed(request, team.organization)
    try:
        role_id = UUID(request.POST.get("role", ""))
    except ValueError:
        raise Http404 from None
    role = get_object_or_404(PracticeRole.objects.with_names(), pk=role_id)
    return _then_structure(request, team, lambda acting: actions.add_member(acting, team=team, practice_role=role))


@require_POST
def end_member(request: HttpRequest, member_id: UUID) -> HttpResponse:
    member = get_object_or_404(TeamMember.objects.select_related("team__organization"), pk=member_id)
    _managed(request, member.team.organization)
    return _then_structure(request, member.team, lambda acting: actions.end_member(acting, member=member))


def _then_structure(request: HttpRequest, team: Team, act) -> HttpResponse:
    try:
        act(gate.acting_of(request))
    except Refused as refusal:
        messages.error(request, str(refusal.message))
    return redirect("directory:structure", team.organization_id)
