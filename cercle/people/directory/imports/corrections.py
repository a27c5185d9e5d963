"""What was corrected here outlives imports until the source itself changes what it says.

A correction keeps our value and the source's value of that day. The source still says the same: ours stays.
It says something else: it has been told, theirs is taken and the correction is forgotten.
"""

import json
from typing import Any

from django.db import connection, models


class Corrections:
    """Corrections of one table and source, read once a run (they are few)."""

    def __init__(self, model: type[models.Model], source: str):
        rows = model._default_manager.filter(source=source).exclude(corrections={})
        self.by_key: dict[str, dict[str, dict[str, Any]]] = dict(rows.values_list("source_key", "corrections"))
        self.table, self.source = model._meta.db_table, source
        self.dropped: dict[str, dict] = {}

    def apply(self, key: str, row: dict[str, Any]) -> None:
        """Put our values in `row`, which holds what the source says of `key`."""
        kept = self.by_key.get(key)
        if not kept:
            return
        for field, correction in list(kept.items()):
            if field not in row:
                continue
            if row[field] == correction["source"]:
                row[field] = correction["value"]
            else:
                del kept[field]
                self.dropped[key] = kept

    def save(self) -> None:
        with connection.cursor() as cursor:
            for key, kept in self.dropped.items():
                cursor.execute(
                    f"UPDATE {self.table} SET corrections = %s::jsonb WHERE source = %s AND source_key = %s",
                    [json.dumps(kept, ensure_ascii=False), self.source, key],
                )
        self.dropped = {}
