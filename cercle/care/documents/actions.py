"""The verbs of documents. Bytes first (they are durable before the row commits), then row, trace and jobs together."""

from collections.abc import Iterable
from datetime import datetime
from typing import BinaryIO
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from cercle.base.audit.record import Kind, record
from cercle.base.common import blobs
from cercle.base.common.errors import Refused
from cercle.people.circles.access import Acting
from cercle.people.circles.vocabulary import Category

from . import content, tasks
from .models import Document


def store_upload(
    acting: Acting,
    *,
    file: BinaryIO,
    category: str = Category.DOCUMENTS,
    hidden: int = 0,
    title: str = "",
    name: str = "",
    type_code: str | None = None,
    holder_id: UUID | None = None,
    draft: bool = False,
    answers: bool = False,
    created_at: datetime | None = None,
    author_role=None,
    author_name: str = "",
) -> Document:
    """Checks, cleans and keeps a file. Raises `Refused` (too large, wrong type, damaged…) before anything is stored.

    `file`: an upload, or any binary file. `holder_id`: the note it is joined to.
    `draft`: its author's only, until `attach`. `answers`: joined to an answer that the notebook has allowed.
    `author_role`, `author_name`: when a feed writes for a practitioner it names.
    """
    if category not in acting.writable and not answers:
        raise Refused(_("Votre profil ne permet pas d’ajouter un document de cette catégorie."), "category")
    checked = content.check(file, getattr(file, "size", None))
    blob = blobs.put(checked.stream)
    sent_name = name or getattr(file, "name", "") or ""
    with transaction.atomic():
        document = Document.objects.create(
            circle_id=acting.circle_id,
            holder_id=holder_id,
            sha256=blob.sha256,
            size=blob.size,
            media_type=checked.media_type,
            name=content.clean_name(sent_name, checked.media_type),
            title=title.strip()[:200],
            type_code=type_code or None,
            category=category,
            hidden=hidden,
            author_user_id=acting.user_id,
            author_role_id=author_role.pk if author_role else acting.practice_role_id,
            author_name=(author_name or acting.actor_name or "")[:200],
            created_at=created_at or timezone.now(),
            width=checked.width,
            height=checked.height,
            active_content=checked.active_content,
            state=Document.State.DRAFT if draft else Document.State.KEPT,
        )
        details = {"media_type": document.media_type, "size": document.size}
        record(acting, "documents.document_added", on=document, kind=Kind.CREATE, hidden=hidden, details=details)
        if document.is_picture:
            tasks.make_thumbnail.defer(document_id=document.pk)
        if tasks.antivirus.antivirus():
            tasks.scan.defer(document_id=document.pk)
    return document


def attach(
    acting: Acting, *, document_ids: Iterable[UUID], holder_id: UUID, category: str, hidden: int = 0
) -> list[Document]:
    """Joins the author's drafts to what she has just written; they take its category and masks."""
    wanted = list(document_ids)
    with transaction.atomic():
        rows = Document.objects.select_for_update().filter(
            pk__in=wanted, circle_id=acting.circle_id, author_user_id=acting.user_id, state=Document.State.DRAFT
        )
        found = {d.pk: d for d in rows}
        if len(found) != len(set(wanted)):
            raise Refused(
                _("Un des fichiers joints n’est plus là. Joignez-le de nouveau ; votre texte est gardé."), "attachment"
            )
        for document in found.values():
            document.holder_id, document.category, document.hidden = holder_id, category, hidden
            document.state = Document.State.KEPT
            document.save(update_fields=["holder_id", "category", "hidden", "state"])
            record(acting, "documents.document_attached", on=document, kind=Kind.UPDATE, hidden=hidden)
    return [found[pk] for pk in dict.fromkeys(wanted)]


def set_visibility(acting: Acting, *, documents: Iterable[Document], hidden: int, category: str | None = None) -> None:
    """Follows the note's own visibility, when its author changes it."""
    with transaction.atomic():
        for document in documents:
            document.hidden = hidden
            document.category = category or document.category
            document.save(update_fields=["hidden", "category"])
            record(acting, "documents.visibility_changed", on=document, kind=Kind.UPDATE, hidden=hidden)


def withdraw(acting: Acting, *, document: Document, reason: str = "") -> None:
    """Takes a file out of sight; row and bytes stay, for the history. By its author only."""
    if document.author_user_id is None or document.author_user_id != acting.user_id:
        raise Refused(_("Seul l’auteur d’un document peut le retirer."), "not_author")
    if document.state == Document.State.WITHDRAWN:
        return
    _withdraw(acting, document, reason)


def withdraw_held(acting: Acting, *, holder_id: UUID, reason: str = "") -> None:
    """The files of a note go out of sight with it; whoever withdrew the note had the right to."""
    for document in Document.objects.filter(holder_id=holder_id, state=Document.State.KEPT):
        _withdraw(acting, document, reason)


def _withdraw(acting: Acting, document: Document, reason: str) -> None:
    with transaction.atomic():
        document.state, document.withdrawn_at = Document.State.WITHDRAWN, timezone.now()
        document.save(update_fields=["state", "withdrawn_at"])
        record(
            acting,
            "documents.document_withdrawn",
            on=document,
            kind=Kind.DELETE,
            hidden=document.hidden,
            reason=reason[:500],
        )
