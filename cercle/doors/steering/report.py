"""The DAC's yearly activity report, as data for `pdf/report.typ`. It goes to others: small cells are hidden."""

from datetime import date, timedelta
from pathlib import Path

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from cercle.base.common import blobs, pdf
from cercle.base.web import french
from cercle.people.directory.models import Organization
from cercle.people.directory.queries import logo_of

from . import dashboard, engine, frozen, sources, words
from .indicator import registry

TEMPLATE = Path(__file__).parent / "pdf" / "report.typ"
# Told in the report by these dimensions, when the indicator has them.
TOLD = (
    "level",
    "asker_kind",
    "reason",
    "entry_reason",
    "exit_reason",
    "age",
    "sex",
    "gir",
    "alone",
    "act",
    "category",
    "profession",
)


def years(today: date) -> list[int]:
    """Those that may be told: this one once a quarter of it has ended, then ten more."""
    first = today.year if today.month > 3 else today.year - 1
    return [*range(first, first - 11, -1)]


def build(organization: Organization, year: int) -> bytes:
    today = timezone.localdate()
    # Ended quarters only: what is told of a year that runs must not be subtracted from what is told later (`secrecy`).
    last = min(date(year, 12, 31), engine.first_day(today, "quarter") - timedelta(days=1))
    period = engine.Period(date(year, 1, 1), last)
    touched = frozen.account()
    view = dashboard.View(
        engine.Scope((organization.pk,)), period, period.year_before(), shielded=True, touched=touched
    )
    sections, definitions = [], []
    summary = []
    for indicator in registry().values():
        now = dashboard.told_total(indicator, view)
        was = dashboard.told_total(indicator, view, view.compared)
        text, _direction, _mood = dashboard.trend(indicator, now.value, was.value, view)
        summary.append(
            [str(indicator.name), *("*" if c.n == -1 else words.said(indicator, c.value) for c in (now, was)), text]
        )
        definitions.append([f"{indicator.name} ({_('version')} {indicator.version})", str(indicator.definition)])
        tables = []
        for by in indicator.dimensions:
            if by in TOLD:
                table = dashboard.parts(indicator, by, view, listed=False)
                if table.lines:
                    tables.append({
                        "head": [str(sources.DIMENSIONS[by].label), str(year), str(year - 1)],
                        "rows": [[line.name, line.total[0], line.cells[0][0]] for line in [*table.lines, table.foot]],
                    })  # fmt: skip
        if tables:
            sections.append({"title": str(indicator.name), "tables": tables})
    mark = logo_of(organization.pk)
    logo = None
    if mark is not None:
        try:
            with blobs.open(mark.sha256) as file:
                logo = file.read()
        except FileNotFoundError:
            logo = None
    return pdf.render(
        TEMPLATE,
        {
            "title": _("Rapport d’activité %d") % year, "region": settings.REGION_NAME if hasattr(settings, "REGION_NAME") else "Cercle",
            "kind": organization.display_name, "organization": organization.display_name, "logo": logo,
            "period": _("du %(a)s au %(b)s") % {"a": french.short_day(period.start), "b": french.short_day(period.end)},
            "made": _("le %s") % french.day(today), "summary": summary, "sections": sections, "definitions": definitions,
            "heads": [_("Indicateur"), str(year), str(year - 1), _("Évolution")],
            "note": _("Une étoile (*) remplace un chiffre qui porte sur moins de cinq personnes, ou qui permettrait de le retrouver."),
            "confidential": _("Chiffres d’activité : aucune personne n’est nommée."),
        },
    )  # fmt: skip
