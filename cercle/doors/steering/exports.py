"""The same figures for a spreadsheet: CSV and XLSX. One line a figure, with the version that made it."""

import csv
import io
from collections.abc import Iterator

import xlsxwriter
from django.utils.translation import gettext as _

from . import dashboard, secrecy, sources, words
from .dashboard import View
from .indicator import registry

NAMES_PEOPLE = ("referent", "author")


def heads() -> list[str]:
    return [
        _("Indicateur"), _("Version"), _("Répartition"), _("Valeur"), _("Unité"), _("Chiffre"), _("Période comparée"), _("Du"), _("Au"),
        _("Connu le"),
    ]  # fmt: skip


def lines(view: View, *, people: bool) -> Iterator[list]:
    """`people`: also the parts that name professionals. A hidden figure is « * »."""
    period = view.period
    dates = [period.start.isoformat(), period.end.isoformat(), period.known_on.isoformat() if period.known_on else ""]
    for indicator in registry().values():
        empty = 0.0 if indicator.adds_up else None
        for by in ("", *(() if view.alone else indicator.dimensions)):
            if by in NAMES_PEOPLE and not people:
                continue
            both = [
                (view.figures(indicator, when, by=by), dashboard.hidden(indicator, view, when, by))
                for when in (period, view.compared)
            ]
            every = words.order(by, {part for found, _out in both for part in found.parts}) if by else [secrecy.TOTAL]
            names = words.of(by, every) if by else {}
            for part in every:
                row = []
                for found, out in both:
                    cell = found.total if part == secrecy.TOTAL else found.parts.get(part)
                    value = cell.value if cell else empty
                    row.append("*" if part in out else None if value is None else round(value, 2))
                label = str(sources.DIMENSIONS[by].label) if by else _("Ensemble")
                yield [
                    str(indicator.name), indicator.version, label, names.get(part, ""), str(indicator.unit), *row, *dates,
                ]  # fmt: skip


def safe(value):
    """A spreadsheet must not take a name for a formula."""
    return "'" + value if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value


def as_csv(view: View, *, people: bool) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";")
    writer.writerow(heads())
    for line in lines(view, people=people):
        writer.writerow([safe(v) if not isinstance(v, float) else str(v).replace(".", ",") for v in line])
    return out.getvalue().encode("utf-8-sig")  # what Excel needs to read accents


def as_xlsx(view: View, *, people: bool) -> bytes:
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    strong = book.add_format({"bold": True})
    sheet = book.add_worksheet(_("Chiffres"))
    sheet.write_row(0, 0, heads(), strong)
    for n, line in enumerate(lines(view, people=people), 1):
        for column, value in enumerate(line):
            if value is None:
                sheet.write_blank(n, column, None)
            elif isinstance(value, int | float):
                sheet.write_number(n, column, value)
            else:
                sheet.write_string(n, column, value)
    sheet.freeze_panes(1, 0)
    sheet.set_column(0, 0, 32)
    sheet.set_column(2, 4, 22)
    words_sheet = book.add_worksheet(_("Définitions"))
    words_sheet.write_row(0, 0, [_("Indicateur"), _("Version"), _("Définition")], strong)
    for n, indicator in enumerate(registry().values(), 1):
        words_sheet.write_row(n, 0, [str(indicator.name), indicator.version, str(indicator.definition)])
    words_sheet.set_column(0, 0, 32)
    words_sheet.set_column(2, 2, 100)
    book.close()
    return out.getvalue()
