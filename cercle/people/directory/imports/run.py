"""What all imports share: taking up a run again, counting, refusing with a reason, progress, the final report."""

import csv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from psycopg import sql
from tqdm import tqdm

from cercle.base.audit.record import SYSTEM, record
from cercle.base.common.errors import Refused
from cercle.people.directory.bulk import Counts
from cercle.people.directory.imports.source import Source
from cercle.people.directory.models import ImportIssue, ImportRun, ImportSeen

KEPT_ISSUES = 100_000  # beyond, refusals are counted but not detailed: the file is of no use anyway
LOCK = 0x0CE1C1E  # one import at a time
MUCH = 0.20  # a full file that would end more than this is probably cut

MESSAGES = {
    "line_too_long": "Ligne trop longue",
    "nul": "Caractère interdit (NUL)",
    "encoding": "Caractères illisibles dans l’encodage du fichier",
    "columns": "Nombre de colonnes différent de l’en-tête",
    "id_type": "Type d’identifiant inconnu",
    "id_missing": "Identifiant absent",
    "rpps_key": "RPPS mal formé ou clé fausse",
    "adeli_shape": "Numéro ADELI mal formé",
    "national_id": "Identification nationale qui ne correspond pas à l’identifiant",
    "name_missing": "Nom absent",
    "profession": "Code profession inconnu",
    "too_long": "Valeur trop longue",
    "identity_conflict": "Même identifiant que plus haut pour une autre personne",
    "finess_key": "Numéro FINESS mal formé ou clé fausse (ligne gardée sans lui)",
    "siret_key": "SIRET mal formé ou clé fausse (ligne gardée sans lui)",
    "finess_refused": "Numéro FINESS mal formé ou clé fausse",
    "finess_missing": "Numéro FINESS absent",
    "duplicate": "Numéro déjà vu dans ce fichier",
    "unknown_person": "Personne absente de l’annuaire",
    "unknown_structure": "Structure absente de l’annuaire",
    "coordinates": "Coordonnées géographiques illisibles (gardé sans elles)",
    "date": "Date illisible (gardé sans elle)",
    "shape": "Objet d’une forme inattendue",
}
WARNINGS = {"finess_key", "siret_key", "coordinates", "date"}


class Run:
    """One passage of one file. Use `with begin(…) as run`."""

    def __init__(self, row: ImportRun, source: Source, bar: tqdm, *, resumed: bool, force: bool):
        self.row, self.source, self.bar, self.resumed, self.force = row, source, bar, resumed, force
        self.counts: dict[str, int] = dict(row.counts)
        self.issues: list[ImportIssue] = []
        self.ended_guard: Callable[[], None] | None = None

    # --- counting and refusing

    def add(self, what: str, counts: Counts) -> None:
        for key in ("created", "changed", "unchanged"):
            self.count(f"{what}.{key}", getattr(counts, key))

    def count(self, key: str, by: int = 1) -> None:
        if by:
            self.counts[key] = self.counts.get(key, 0) + by

    def refuse(self, line: int, code: str, column: str = "") -> None:
        """The line is left out (or kept without one value, for WARNINGS). Says which column, never what it held."""
        self.count("warnings" if code in WARNINGS else "refused")
        if self.counts.get("refused", 0) + self.counts.get("warnings", 0) <= KEPT_ISSUES:
            self.issues.append(
                ImportIssue(run=self.row, line=line, code=code, column=column[:80], message=MESSAGES.get(code, code))
            )

    # --- going on

    def commit(self, line: int, offset: int) -> None:
        """Inside the transaction of a batch: where we are, in the same transaction as what was written."""
        ImportIssue.objects.bulk_create(self.issues, batch_size=2000)
        self.issues = []
        ImportRun.objects.filter(pk=self.row.pk).update(line=line, offset=offset, counts=self.counts)
        self.row.line, self.row.offset = line, offset

    def progress(self) -> None:
        self.bar.n = min(self.source.done, self.source.size)
        self.bar.refresh()

    def seen(self, kind: str, keys: list[str]) -> set[str]:
        """Which of `keys` an earlier batch of this run has named."""
        return set(ImportSeen.objects.filter(run=self.row, kind=kind, key__in=keys).values_list("key", flat=True))

    def mark_seen(self, kind: str, keys: list[str]) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO directory_importseen (run_id, kind, key) SELECT %s, %s, unnest(%s::text[])"
                " ON CONFLICT DO NOTHING",
                [self.row.pk, kind, keys],
            )

    def end_unseen(self, what: str, table: str, source: str, kind: str, column: str, value: str) -> None:
        """A full file ends what it does not name: sets `column` on open rows of `source` whose key was not seen."""
        parts = {"table": sql.Identifier(table), "column": sql.Identifier(column), "value": sql.SQL(value)}
        unseen = "NOT EXISTS (SELECT 1 FROM directory_importseen s WHERE s.run_id = %s AND s.kind = %s AND s.key = t.source_key)"
        with connection.cursor() as cursor:
            query = sql.SQL(
                "SELECT count(*), count(*) FILTER (WHERE " + unseen + ") FROM {table} t"
                " WHERE t.source = %s AND t.{column} IS NULL"
            ).format(**parts)
            cursor.execute(query.as_string(cursor.connection), [self.row.pk, kind, source])
            total, gone = cursor.fetchone()
            if gone > MUCH * total and not self.force:
                raise Refused(
                    _(
                        "Ce fichier mettrait fin à %(gone)d lignes sur %(total)d (%(what)s), plus de 20 %%. Rien n’est"
                        " terminé ; relancez avec --force si c’est bien voulu."
                    )
                    % {"gone": gone, "total": total, "what": what},
                    "too_many_ended",
                )
            query = sql.SQL(
                "UPDATE {table} t SET {column} = {value}, updated_at = now() WHERE t.source = %s AND t.{column} IS NULL AND "
                + unseen
            ).format(**parts)
            cursor.execute(query.as_string(cursor.connection), [source, self.row.pk, kind])
            self.count(f"{what}.ended", cursor.rowcount)


@contextmanager
def begin(source: Source, kind: str, *, full: bool, force: bool, progress: bool | None) -> Iterator[Run]:
    """Take the lock, find where an earlier passage of this very file stopped, and close the run if all goes well.

    `progress`: None shows the bar on a terminal only.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK])
        if not cursor.fetchone()[0]:
            raise Refused(_("Un autre import est en cours."), "busy")
    bar = tqdm(
        total=source.size, unit="o", unit_scale=True, unit_divisor=1024, desc=source.path.name[:30],
        disable=None if progress is None else not progress, mininterval=0.5,
    )  # fmt: skip
    try:
        earlier = (
            ImportRun.objects.filter(sha256=source.sha256, kind=kind, full=full, finished_at=None)
            .order_by("-id")
            .first()
        )
        if earlier is None:
            row = ImportRun(kind=kind, file_name=source.path.name[:255], sha256=source.sha256, full=full)
            row.save(force_insert=True)
        else:
            row = earlier
        run = Run(row, source, bar, resumed=earlier is not None and earlier.line > 0, force=force)
        yield run
        with transaction.atomic():
            run.commit(run.row.line, run.row.offset)
            ImportSeen.objects.filter(run=row).delete()
            row.finished_at = timezone.now()
            ImportRun.objects.filter(pk=row.pk).update(finished_at=row.finished_at)
            record(SYSTEM, "directory.imported", on=row, details={"kind": kind, "counts": run.counts})
        run.progress()
    finally:
        bar.close()
        source.close()
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])


THINGS = {
    "practitioners": "Professionnels", "roles": "Situations d’exercice", "organizations": "Structures",
    "specialties": "Savoir-faire", "activities": "Activités", "places": "Positions",
}  # fmt: skip
STATES = ("created", "changed", "unchanged", "ended", "left_out")
HEADINGS = ("créés", "modifiés", "inchangés", "terminés", "laissés")


def summary(run: Run) -> str:
    """The report that the command prints."""
    counts = run.counts
    lines = [
        f"{run.row.file_name} : {counts.get('lines', 0)} lignes lues, {counts.get('refused', 0)} refusées,"
        f" {counts.get('warnings', 0)} avertissements" + (" (repris en cours de route)" if run.resumed else "")
    ]
    shown = [t for t in THINGS if any(k.startswith(t + ".") for k in counts)]
    if shown:
        lines.append(f"{'':22}" + "".join(f"{h:>11}" for h in HEADINGS))
        lines += [f"{THINGS[t]:22}" + "".join(f"{counts.get(f'{t}.{s}', 0):>11}" for s in STATES) for t in shown]
    reasons = ImportIssue.objects.filter(run=run.row).values_list("message").annotate(n=_count()).order_by("-n")[:12]
    lines += [f"  {n} × {message}" for message, n in reasons]
    return "\n".join(lines)


def _count():
    from django.db.models import Count

    return Count("id")


def write_report(run: Run, path: Path) -> None:
    """Every refusal and warning with its line, then the totals. No value of the file is copied into it."""
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(["line", "what", "code", "column", "message", "count"])
        for issue in ImportIssue.objects.filter(run=run.row).order_by("line", "id").iterator(2000):
            what = "warning" if issue.code in WARNINGS else "refused"
            out.writerow([issue.line, what, issue.code, issue.column, issue.message, 1])
        for key, value in sorted(run.counts.items()):
            out.writerow(["", "total", key, "", "", value])
