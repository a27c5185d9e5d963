"""Enter, read, trace, render. Nothing is written here but the trace."""

from datetime import date
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from cercle.base.audit.record import Kind, record
from cercle.base.web.limits import limited
from cercle.care.coordination.gates import opposed_files
from cercle.care.coordination.models import CoordinationFile
from cercle.people.circles.desks import DAC, opposed_circles
from cercle.people.directory.models import Commune, Organization, TeamTerritory
from cercle.people.patients.models import Patient

from . import dashboard, engine, exports, frozen, report, secrecy, sources
from . import words as named
from .forms import FiltersForm, SharedForm, said
from .gates import Reader, enter_figures
from .indicator import Indicator, registry

LISTED = 200


def look(request: HttpRequest, reader: Reader) -> tuple[dashboard.View, FiltersForm | SharedForm]:
    """The filters, as a scope, a period and what it is compared with."""
    touched = frozen.account()  # what the law had deleted since is counted before anything is told
    structures = []
    if reader.is_region:
        structures = [
            (str(o.pk), o.display_name)
            for o in Organization.objects.filter(category=DAC, coordination_files__isnull=False).distinct().order_by("sort")[:200]
        ]  # fmt: skip
    teams, communes = [], []
    if reader.organization and not reader.is_region:
        teams = [(str(t.pk), t.name) for t in reader.organization.teams.open().order_by("name")]
        codes = TeamTerritory.objects.filter(organization=reader.organization, until_on=None).values("commune_code")
        communes = list(
            Commune.objects.filter(kind="COM", code__in=codes).order_by("key").values_list("code", "name")[:1000]
        )
    shielded = reader.is_region or request.GET.get("partage") == "1"
    form: FiltersForm | SharedForm
    if shielded:
        form, scope = SharedForm(request.GET, structures=structures), engine.Scope(reader.organizations)
    else:
        form = FiltersForm(request.GET, teams=teams, communes=communes)
        team, level = form.chosen("equipe"), form.chosen("niveau")
        scope = engine.Scope(
            reader.organizations, UUID(team) if team else None, int(level) if level else None, form.chosen("commune")
        )
    query = {k: str(v) for k, v in request.GET.items() if k in form.fields and v}
    view = dashboard.View(
        scope,
        form.period(),
        form.compared(),
        shielded,
        query,
        touched=touched,
        alone=reader.is_region and bool(reader.organization),
    )
    return view, form


def common(request: HttpRequest, reader: Reader, view: dashboard.View, form: FiltersForm | SharedForm) -> dict:
    return {
        "reader": reader, "view": view, "form": form, "period": said(view.period), "compared": said(view.compared),
        "query": request.GET.urlencode(), "known_on": view.period.known_on, "at": timezone.now(), "least": secrecy.threshold(),
    }  # fmt: skip


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    reader = enter_figures(request)
    view, form = look(request, reader)
    known = registry()
    first, by = (known["demandes_recues"], "level") if "demandes_recues" in known else (known["actes"], "act")
    second = known.get("delai_premiere_reponse") or known["entrees"]
    place, where = (
        (known["demandes_recues"], "commune") if "demandes_recues" in known else (known["dossiers_suivis"], "home")
    )
    # Charts before cards: a card takes what a chart has read.
    curve = dashboard.trend_line(second, view)
    more: dict = {"curve": curve}
    if not view.alone:
        drawn, communes = dashboard.bubbles(place, where, view)
        bars = dashboard.crossed(first, by, view, listed=reader.may_list)
        more |= {
            "bars": bars,
            "map": drawn,
            "communes": communes,
            "caseload": dashboard.caseload(view) if reader.organization else None,
        }
    record(reader.acting, "steering.read", kind=Kind.READ, on=reader.organization)
    return render(
        request, "steering/home.html",
        {
            **common(request, reader, view, form), "cards": [dashboard.card(i, view) for i in dashboard.first_choice()],
            "first": first, "second": second, "as_table": request.GET.get("vue") == "tableau", "place": place,
            "year": report.years(timezone.localdate())[0], **more,
        },
    )  # fmt: skip


def found(what: str) -> Indicator:
    indicator = registry().get(what)
    if indicator is None:
        raise Http404
    return indicator


@require_safe
def every(request: HttpRequest) -> HttpResponse:
    """All the indicators, each beside the compared period."""
    reader = enter_figures(request)
    view, form = look(request, reader)
    record(reader.acting, "steering.read", kind=Kind.READ, on=reader.organization)
    cards = [dashboard.card(i, view) for i in registry().values()]
    return render(request, "steering/every.html", {**common(request, reader, view, form), "cards": cards})


@require_safe
def one(request: HttpRequest, what: str) -> HttpResponse:
    """One indicator: its curve, its parts, its definition."""
    reader = enter_figures(request)
    indicator = found(what)
    view, form = look(request, reader)
    record(reader.acting, "steering.read", kind=Kind.READ, on=reader.organization, details={"indicator": what})
    tables = [
        (sources.DIMENSIONS[by].label, dashboard.parts(indicator, by, view, listed=reader.may_list))
        for by in (() if view.alone else indicator.dimensions)
        if (by != "organization" or reader.organization is None) and not (view.shielded and by in exports.NAMES_PEOPLE)
    ]
    return render(
        request, "steering/one.html",
        {
            **common(request, reader, view, form), "indicator": indicator, "card": dashboard.card(indicator, view),
            "curve": dashboard.trend_line(indicator, view), "tables": tables, "as_table": request.GET.get("vue") == "tableau",
        },
    )  # fmt: skip


@require_safe
def rows(request: HttpRequest, what: str) -> HttpResponse:
    """The list behind a figure: one's own structure only, and never who refused one."""
    reader = enter_figures(request)
    if not reader.may_list:
        raise Http404
    indicator = found(what)
    view, form = look(request, reader)
    by = request.GET.get("par", "")
    if by and by not in indicator.dimensions:
        raise Http404
    value = request.GET.get("valeur", "")
    pairs = engine.ids(indicator, view.scope, view.period, by=by, value=value, limit=LISTED + 1)
    lines, hidden = told(reader, indicator, pairs[:LISTED])
    record(
        reader.acting, "steering.list_read", kind=Kind.READ, on=reader.organization, shown=[line["id"] for line in lines],
        details={"indicator": what},
    )  # fmt: skip
    label = ""
    if by:
        dimension, part = sources.DIMENSIONS[by], sources.typed(by, value)
        label = f"{dimension.label} : {named.of(by, [part])[part]}"
    return render(
        request, "steering/rows.html",
        {
            **common(request, reader, view, form), "indicator": indicator, "lines": lines, "kept_back": hidden,
            "more": len(pairs) > LISTED, "part": label,
        },
    )  # fmt: skip


def told(reader: Reader, indicator: Indicator, pairs: list) -> tuple[list[dict], int]:
    """What is written of each row; how many are kept back because the person refused this reader."""
    desk = reader.desk
    if indicator.source == "sheets":
        files = CoordinationFile.objects.filter(pk__in={p for _id, p in pairs}, organization=reader.organization)
        seen = {f.pk: f for f in files.exclude(pk__in=opposed_files(desk)).select_related("patient__identity")}
        people = {pk: f.patient for pk, f in seen.items()}
        address = {pk: reverse("coordination:file", args=[pk]) for pk in seen}
    else:
        every = {p for _id, p in pairs if p}
        refused = set(opposed_circles(desk).filter(circle_id__in=every)) if every else set()
        refused |= set(
            CoordinationFile.objects.filter(pk__in=opposed_files(desk), patient_id__in=every).values_list("patient_id", flat=True)
        )  # fmt: skip
        people = {p.pk: p for p in Patient.objects.filter(pk__in=every - refused).select_related("identity")}
        held = CoordinationFile.objects.filter(organization=reader.organization, patient_id__in=people).order_by(
            "opened_at"
        )
        address = {f.patient_id: reverse("coordination:file", args=[f.pk]) for f in held}
    lines, hidden = [], 0
    for pk, person in pairs:
        if person is not None and person not in people:
            hidden += 1
            continue
        patient = people.get(person)
        url = address.get(person, "")
        if indicator.source == "requests":
            try:
                url = reverse("orientation:show", args=[pk])
            except NoReverseMatch:
                url = ""
        lines.append({"id": pk, "patient": patient, "url": url})
    return lines, hidden


@require_safe
def definitions(request: HttpRequest) -> HttpResponse:
    enter_figures(request)
    return render(
        request, "steering/definitions.html", {"indicators": registry().values(), "least": secrecy.threshold()}
    )


@require_safe
@limited("export", per_minute=6)
def export(request: HttpRequest, what: str) -> HttpResponse:
    """csv or xlsx. The region's, and what one marks « à partager », hide small cells and name nobody."""
    reader = enter_figures(request)
    if what not in ("csv", "xlsx"):
        raise Http404
    view, _form = look(request, reader)
    people = not view.shielded
    record(
        reader.acting,
        "steering.exported",
        kind=Kind.EXPORT,
        on=reader.organization,
        details={"format": what, "shared": view.shielded},
    )
    made = exports.as_csv(view, people=people) if what == "csv" else exports.as_xlsx(view, people=people)
    kind = {
        "csv": "text/csv; charset=utf-8",
        "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    }[what]
    name = f"pilotage-{view.period.start}-{view.period.end}.{what}"
    return HttpResponse(
        made,
        content_type=kind,
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
    )


@require_safe
@limited("export", per_minute=6)
def activity_report(request: HttpRequest) -> HttpResponse:
    reader = enter_figures(request)
    if reader.organization is None or reader.is_region:
        raise Http404  # the structure makes it, and gives it to whom it likes
    every = report.years(timezone.localdate())
    year = int(asked) if (asked := request.GET.get("annee", str(every[0]))).isdecimal() else 0
    if year not in every:
        raise Http404
    made = report.build(reader.organization, year)
    record(reader.acting, "steering.report_made", kind=Kind.EXPORT, on=reader.organization, details={"year": year})
    name = f"rapport-activite-{date(year, 1, 1).year}.pdf"
    return HttpResponse(
        made,
        content_type="application/pdf",
        headers={"Content-Disposition": f'inline; filename="{name}"', "Cache-Control": "no-store"},
    )
