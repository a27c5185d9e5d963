"""The forms shipped with Cercle: `load()` publishes the files of this folder. What is there already is left alone."""

import json
from pathlib import Path
from typing import Any

from django.db import transaction
from django.utils import timezone

from cercle.people.circles.vocabulary import Category

FOLDER = Path(__file__).parent
# Whose answers need which rights; the others are social (rights table, circles/rights).
CATEGORIES = {
    "douleur": Category.NURSING, "aggir-pa-ssiad": Category.NURSING, "situation-ssiad": Category.NURSING,
    "gds-15": Category.MEDICAL, "mini-gds": Category.MEDICAL, "mmse": Category.MEDICAL, "moca": Category.MEDICAL,
    "mna-sf": Category.MEDICAL,
}  # fmt: skip


def load(names: list[str] | None = None) -> dict[str, int]:
    """Publish each file whose (url, version) is not there; the version before it is retired. Safe to run again.

    A region that has retired or replaced a shipped version keeps its choice.
    """
    from ..instruments.registry import by_url
    from ..models import Licence, Questionnaire
    from ..shape import faults, unsupported

    done = {"published": 0, "kept": 0}
    for path in sorted(FOLDER.glob("*.json")):
        if names and path.stem not in names:
            continue
        data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        url, version = data["url"], str(data.get("version") or "1")
        if Questionnaire.objects.filter(url=url, version=version).exists():
            done["kept"] += 1
            continue
        assert not faults(data), (path.name, faults(data))
        instrument = by_url(url)
        now = timezone.now()
        with transaction.atomic():
            Questionnaire.objects.filter(url=url, status=Questionnaire.Status.ACTIVE).update(
                status=Questionnaire.Status.RETIRED, retired_at=now
            )
            Questionnaire.objects.create(
                url=url, version=version, slug=path.stem, data=data, status=Questionnaire.Status.ACTIVE, published_at=now,
                title=str(instrument.title) if instrument else data.get("title") or path.stem,
                category=CATEGORIES.get(path.stem, Category.SOCIAL),
                source=str(instrument.source) if instrument else data.get("publisher", ""),
                licence=str(instrument.licence) if instrument else data.get("copyright", ""),
                licence_state=str(instrument.rights) if instrument else Licence.TO_CONFIRM,
                approved_by=instrument.approved_by if instrument else "", unsupported=unsupported(data),
            )  # fmt: skip
        done["published"] += 1
    return done
