"""Model instances from one hand-joined statement, for the few reads that every request makes.

The ORM writes its SQL anew each time; on those reads that costs more than the database. Here the columns are listed once
and rows become ordinary instances by `Model.from_db`. JSON and generated columns are left out: deferred, read when asked for.
"""

from collections.abc import Sequence
from functools import cache
from typing import TypeVar

from django.db import models

M = TypeVar("M", bound=models.Model)


@cache
def _fields(model: type[models.Model]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    fields = [f for f in model._meta.concrete_fields if not isinstance(f, models.JSONField | models.GeneratedField)]
    return tuple(f.attname for f in fields), tuple(f.column for f in fields)


def columns(model: type[models.Model], alias: str) -> str:
    """`m."id", m."circle_id", …` in the order that `take` expects."""
    return ", ".join(f'{alias}."{column}"' for column in _fields(model)[1])


def width(model: type[models.Model]) -> int:
    return len(_fields(model)[0])


def take(model: type[M], row: Sequence, at: int = 0) -> M | None:
    """The instance whose columns start at `at`; None for a left join that found nothing."""
    names = _fields(model)[0]
    values = row[at : at + len(names)]
    pk = names.index(model._meta.pk.attname)
    return None if values[pk] is None else model.from_db("default", names, values)


def several(models_: Sequence[type[models.Model]], row: Sequence) -> list:
    """`take` of each, whose columns follow each other."""
    found, at = [], 0
    for model in models_:
        found.append(take(model, row, at))
        at += width(model)
    return found
