"""The forms shipped with Cercle: `load()` publishes the files of this folder. What is there already is left alone."""

import json
from pathlib import Path
from typing import Any

from django.db import transaction
from django.utils import timezone

from cercle.base.common.errors import Refused
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

    A region that has retired or replaced a shipped form keeps its choice: the new version is a draft, for it to decide.
    """
    from ..instruments.registry import by_url
    from ..models import Licence, Questionnaire
    from ..shape import faults, unsupported

    files = {path.stem: path for path in sorted(FOLDER.glob("*.json"))}
    if unknown := set(names or ()) - set(files):
        raise Refused(
            f"formulaire inconnu : {', '.join(sorted(unknown))} ; fournis : {', '.join(files)}", "unknown_form"
        )
    done = {"published": 0, "drafts": 0, "kept": 0}
    for name in names or files:
        data: dict[str, Any] = json.loads(files[name].read_text(encoding="utf-8"))
        url, version = data["url"], str(data.get("version") or "1")
        with transaction.atomic():
            known = list(Questionnaire.objects.select_for_update().filter(url=url).defer("data"))
            if any(row.version == version for row in known):
                done["kept"] += 1
                continue
            assert not faults(data), (name, faults(data))
            ours = [row for row in known if row.is_active and row.author_user_id is None]
            taken = Questionnaire.objects.active().filter(slug=name).exclude(url=url).exists()
            publish = (not known or bool(ours)) and not taken
            now = timezone.now()
            if publish:
                Questionnaire.objects.filter(pk__in=[row.pk for row in ours]).update(
                    status=Questionnaire.Status.RETIRED, retired_at=now
                )
            instrument = by_url(url)
            Questionnaire.objects.create(
                url=url, version=version, slug=name, data=data, published_at=now if publish else None,
                status=Questionnaire.Status.ACTIVE if publish else Questionnaire.Status.DRAFT,
                title=str(instrument.title) if instrument else data.get("title") or name,
                category=CATEGORIES.get(name, Category.SOCIAL),
                source=str(instrument.source) if instrument else data.get("publisher", ""),
                licence=str(instrument.licence) if instrument else data.get("copyright", ""),
                licence_state=str(instrument.rights) if instrument else Licence.TO_CONFIRM,
                approved_by=instrument.approved_by if instrument else "", unsupported=unsupported(data),
            )  # fmt: skip
        done["published" if publish else "drafts"] += 1
    return done


def load_and_say(names: list[str] | None = None) -> str:
    done = load(names)
    words = f"formulaires publiés : {done['published']} ; déjà là : {done['kept']}"
    return f"{words} ; à décider par la région : {done['drafts']}" if done["drafts"] else words
