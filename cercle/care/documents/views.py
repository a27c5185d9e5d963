"""Files on screen and to take away. Each one through the gate, traced, and never as a page of ours."""

from uuid import UUID

from django.http import FileResponse, Http404, HttpResponse, HttpResponseNotModified
from django.shortcuts import render
from django.utils.cache import get_conditional_response
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from cercle.base.audit.record import Kind, record
from cercle.base.common import blobs
from cercle.people.circles.access import Acting, enter
from cercle.people.circles.vocabulary import Permission

from . import content
from .models import Document, StoredFile

# Even opened in a tab of its own, a file of ours runs nothing, loads nothing, and has no origin.
SANDBOX = "default-src 'none'; sandbox; frame-ancestors 'self'"
SHOWN = 200  # the latest; older ones are found from their note
PLACEHOLDER = (
    b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 320 240" width="320" height="240">'
    b'<rect width="320" height="240" fill="#e8ebe7"/><path d="M104 160l40-52 28 36 16-20 28 36z" fill="#b9c3bf"/>'
    b'<circle cx="196" cy="96" r="12" fill="#b9c3bf"/></svg>'
)


def panel(request, acting: Acting, **extra) -> dict:
    """The « Documents » tab; the frame has passed the gate."""
    visible = Document.objects.visible_to(acting).filter(state=Document.State.KEPT)
    documents = list(visible.order_by("-id")[:SHOWN])
    record(acting, "documents.listed", kind=Kind.READ, shown=[d.pk for d in documents])
    return {"documents": documents, **extra}


@require_safe
def show(request, circle_id: UUID, document_id: UUID):
    acting, document = _reach(request, circle_id, document_id)
    if document.held_back:
        return held_back(request, document)
    record(acting, "documents.shown", on=document, kind=Kind.READ, hidden=document.hidden, shown=[document.pk])
    return send(request, document.sha256, document.media_type, name=document.name, inline=document.is_picture)


@require_safe
def thumbnail(request, circle_id: UUID, document_id: UUID):
    acting, document = _reach(request, circle_id, document_id)
    if document.scan_state == Document.Scan.INFECTED or not document.is_picture:
        raise Http404
    if not document.thumbnail:
        answer = HttpResponse(PLACEHOLDER, content_type="image/svg+xml", headers={"Cache-Control": "no-store"})
        return _harden(answer)
    record(
        acting, "documents.thumbnail_shown", on=document, kind=Kind.READ, hidden=document.hidden, shown=[document.pk]
    )
    return send(request, document.thumbnail, "image/webp", name="vignette.webp", inline=True)


def _reach(request, circle_id: UUID, document_id: UUID) -> tuple[Acting, Document]:
    acting = enter(request, circle_id, Permission.READ_NOTEBOOK)
    document = Document.objects.visible_to(acting).filter(pk=document_id).first()
    if document is None:
        raise Http404
    return acting, document


def send(request, sha256: str, media_type: str, *, name: str, inline: bool, keep: int = 0):
    """`keep`: seconds a browser may show it again without asking; 0 asks each time: a lost right bites at once."""
    etag = f'"{sha256}"'
    answer = get_conditional_response(request, etag=etag)
    if not isinstance(answer, HttpResponseNotModified):
        try:
            file = blobs.open(sha256)
        except FileNotFoundError as e:
            raise Http404 from e
        declared = f"{media_type}; charset=utf-8" if media_type == content.TEXT else media_type
        answer = FileResponse(file, as_attachment=not inline, filename=name, content_type=declared)
    answer["ETag"] = etag
    answer["Cache-Control"] = f"private, max-age={keep}" if keep else "private, no-cache"
    return _harden(answer)


def _harden(answer):
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Content-Security-Policy"] = SANDBOX
    answer["Cross-Origin-Resource-Policy"] = "same-origin"
    answer["Referrer-Policy"] = "no-referrer"
    return answer


def held_back(request, document: StoredFile):
    if document.scan_state == Document.Scan.INFECTED:
        said = _(
            "Ce fichier contient un virus : il n’est pas donné. "
            "Demandez à son auteur de le renvoyer d’un autre appareil."
        )
        return render(request, "documents/held_back.html", {"message": said}, status=403)
    said = _("L’antivirus n’a pas encore vu ce fichier. Réessayez dans une minute.")
    return render(request, "documents/held_back.html", {"message": said}, status=409)
