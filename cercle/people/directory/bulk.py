"""Many rows at once: COPY into a temporary table, then one UPDATE and one INSERT of what differs."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db import connection
from psycopg import sql


@dataclass(slots=True)
class Counts:
    created: int = 0
    changed: int = 0
    unchanged: int = 0

    def __iadd__(self, other: "Counts") -> "Counts":
        self.created += other.created
        self.changed += other.changed
        self.unchanged += other.unchanged
        return self


class Stage:
    """A temporary table filled by COPY, alive until the end of the transaction.

    `columns` maps a column to its SQL type, in the order of the values of each row.
    """

    def __init__(self, cursor, name: str, columns: dict[str, str]):
        self.cursor, self.name, self.columns = cursor, name, columns
        listed = sql.SQL(", ").join(sql.SQL("{} {}").format(sql.Identifier(c), sql.SQL(t)) for c, t in columns.items())
        self._run("DROP TABLE IF EXISTS pg_temp.{stage}")
        self._run("CREATE TEMP TABLE {stage} ({listed}) ON COMMIT DROP", listed=listed)

    def _run(self, text: str, params: Sequence = (), **parts) -> int:
        query = sql.SQL(text).format(stage=sql.Identifier(self.name), **parts)
        self.cursor.execute(query.as_string(self.cursor.connection), list(params) or None)
        return self.cursor.rowcount

    def fill(self, rows: Iterable[Sequence]) -> int:
        listed = sql.SQL(", ").join(map(sql.Identifier, self.columns))
        query = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(self.name), listed)
        total = 0
        with self.cursor.copy(query.as_string(self.cursor.connection)) as copy:
            for row in rows:
                copy.write_row(row)
                total += 1
        # The planner must know that a batch is small beside the table it meets.
        self._run("ANALYZE {stage}")
        return total

    def merge_into(
        self,
        table: str,
        on: Sequence[str],
        columns: Sequence[str],
        *,
        fixed: dict[str, object] | None = None,
        initial: dict[str, object] | None = None,
        stamp: bool = True,
        where_insert: str = "true",
    ) -> Counts:
        """Make `table` say what the stage says. `on`: columns that identify a row (with those of `fixed`).

        `fixed` values are part of the identity and set on new rows, `initial` ones are only set on new rows.
        `stamp`: the table has `updated_at`.
        `where_insert`: SQL condition on the stage row `s` for it to become a new row.
        """
        fixed, initial = fixed or {}, initial or {}
        target = sql.Identifier(table)
        matches = sql.SQL(" AND ").join(
            [sql.SQL("t.{0} = s.{0}").format(sql.Identifier(c)) for c in on]
            + [sql.SQL("t.{} = {}").format(sql.Identifier(c), sql.Literal(v)) for c, v in fixed.items()]
            # The unique index on (source, source_key) is partial: say what it needs, or each batch reads the table.
            + [sql.SQL("t.source_key <> ''")] * ("source_key" in on)
        )
        ours, theirs = (
            sql.SQL(", ").join(sql.SQL(side + ".{}").format(sql.Identifier(c)) for c in columns) for side in "ts"
        )
        assign = sql.SQL(", ").join(sql.SQL("{0} = s.{0}").format(sql.Identifier(c)) for c in columns)
        stamped = sql.SQL(", updated_at = now()") if stamp else sql.SQL("")
        changed = self._run(
            "UPDATE {target} t SET {assign}{stamped} FROM {stage} s"
            " WHERE {matches} AND ({ours}) IS DISTINCT FROM ({theirs})",
            target=target, assign=assign, stamped=stamped, matches=matches,
            ours=sql.SQL("ROW({})").format(ours), theirs=sql.SQL("ROW({})").format(theirs),
        )  # fmt: skip
        names = [*on, *columns, *fixed, *initial]
        values = [sql.SQL("s.{}").format(sql.Identifier(c)) for c in (*on, *columns)]
        values += [sql.Literal(v) for v in (*fixed.values(), *initial.values())]
        created = self._run(
            "INSERT INTO {target} ({names}) SELECT {values} FROM {stage} s"
            " WHERE NOT EXISTS (SELECT 1 FROM {target} t WHERE {matches}) AND ({where_insert})",
            target=target, names=sql.SQL(", ").join(map(sql.Identifier, names)),
            values=sql.SQL(", ").join(values), matches=matches, where_insert=sql.SQL(where_insert),
        )  # fmt: skip
        self.cursor.execute(
            sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(self.name)).as_string(self.cursor.connection)
        )
        total = self.cursor.fetchone()[0]
        return Counts(created, changed, total - created - changed)

    def run(self, text: str, params: Sequence = ()) -> int:
        """Any other statement; `{stage}` stands for the table. Returns the number of rows."""
        return self._run(text, params)


def analyze(*tables: str) -> None:
    """Fresh statistics after a load, when we own the tables (the application role does not; autovacuum follows)."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE relname = %s", [tables[0]])
        owned = cursor.fetchone()
        if owned and owned[0]:
            for table in tables:
                cursor.execute(sql.SQL("ANALYZE {}").format(sql.Identifier(table)).as_string(cursor.connection))
