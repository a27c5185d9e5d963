"""The verbs of forms and of their answers. Gates are passed by the caller: an `Acting` of the circle, or a `Desk` for a request."""

from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext as _

from cercle.base.audit.record import Kind, record
from cercle.base.common.errors import Refused
from cercle.base.realtime.push import push
from cercle.care.documents import actions as documents
from cercle.care.documents.models import Document

from . import conditions, forms, population, shape
from .answers import Typed, read_items, typed_of
from .models import Questionnaire, Response, ResponseVersion


class TwoWriters(Refused):
    """Someone else has saved since this page was opened; what could not be saved is set aside, and shown."""

    def __init__(self, response: Response, reader: str = ""):
        who = response.writer_name or response.author_name or _("Quelqu’un")
        if who == reader:
            words = _("Vous avez aussi écrit dans cette grille depuis une autre page. Les deux versions sont gardées : comparez, puis choisissez.")  # fmt: skip
        else:
            words = _(
                "%(who)s a aussi écrit dans cette grille. Vos réponses sont gardées à côté des siennes : comparez, puis choisissez."
            ) % {"who": who}
        super().__init__(words, "two_writers")
        self.response = response


# --- Answers ---------------------------------------------------------------------------------------------------------
def start(acting, *, slug: str, subject_ref: UUID | None = None, hidden: int = 0) -> Response:
    """A new answer in progress, filled with what is known; the one her author has already begun is taken up again."""
    questionnaire = Questionnaire.objects.current(slug)
    if questionnaire is None:
        raise Refused(_("Ce formulaire n’est plus proposé. Ses anciennes réponses restent lisibles."), "retired")
    circle_id = acting.circle_id
    if circle_id is None and subject_ref is None:
        raise Refused(_("Ce formulaire doit porter sur quelqu’un."), "subject")
    if circle_id is not None and questionnaire.category not in acting.writable:
        raise Refused(_("Votre profil ne permet pas de remplir ce formulaire."), "category")
    begun = Response.objects.filter(
        questionnaire=questionnaire, circle_id=circle_id, subject_ref=subject_ref, status=Response.Status.IN_PROGRESS,
        author_user_id=acting.user_id,
    ).first()  # fmt: skip
    if begun is not None and acting.user_id is not None:
        return begun
    form = shape.read(questionnaire.data)
    typed = population.initial(form, population.known(acting))
    with transaction.atomic():
        response = Response.objects.create(
            questionnaire=questionnaire, circle_id=circle_id, subject_ref=subject_ref, category=questionnaire.category,
            hidden=hidden, typed=typed, author_user_id=acting.user_id, author_role_id=acting.practice_role_id,
            author_name=(acting.actor_name or "")[:200], data=_json(questionnaire, read_items(form, typed, {}), acting),
        )  # fmt: skip
        record(acting, "questionnaires.started", on=response, kind=Kind.CREATE, circle_id=circle_id, hidden=hidden)
    return response


def keep_draft(acting, *, response: Response, post, writer: str = "", revision: int = 0) -> Response:
    """What stands in the page, right or wrong. Raises `TwoWriters` when another page has written since."""
    conflict = False
    with transaction.atomic():
        row = _locked(response)
        if not row.is_open and not writer:
            raise Refused(_("Cette grille est terminée."), "finished")
        typed = typed_of(post)
        try:
            _one_writer(acting, row, typed, writer, revision)
        except TwoWriters:
            conflict = True  # raised after the commit: what was set aside stays
        else:
            form = shape.read(row.questionnaire.data)
            row.typed = typed
            extra = population.about(acting, row.questionnaire)
            if row.is_open:
                items = read_items(form, typed, {}, off=conditions.disabled(form, typed, extra))
                row.data = _json(row.questionnaire, items, acting)
            _take(acting, row, writer)
            row.save(update_fields=["typed", "data", "writer", "writer_name", "revision", "saved_at"])
    if conflict:
        raise TwoWriters(row, acting.actor_name)
    return row


def finish(
    acting, *, response: Response, post, writer: str = "", revision: int = 0, reason: str = "", take_over: bool = False
) -> Response:
    """Sign the answers: scores are computed, the version is kept. On a finished one: a correction, with its reason.

    Raises `Invalid` with the errors by field (the typed text is kept), or `TwoWriters`.
    """
    questionnaire = response.questionnaire
    items, errors = forms.parse(questionnaire, post, extra=population.about(acting, questionnaire))
    typed = typed_of(post)
    with transaction.atomic():
        row = _locked(response)
        conflict = False
        try:
            _one_writer(acting, row, typed, writer, revision, take_over=take_over)
        except TwoWriters:
            conflict = True
        if not conflict:
            _take(acting, row, writer)
            row.typed = typed
            if errors:
                row.save(update_fields=["typed", "writer", "writer_name", "revision", "saved_at"])
            else:
                _sign(acting, row, items, reason)
    if conflict:  # after the commit: what was set aside stays
        raise TwoWriters(row, acting.actor_name)
    if errors:
        raise Invalid(errors)
    return row


class Invalid(Refused):
    def __init__(self, errors: dict[str, str]):
        super().__init__(_("Il reste des réponses à corriger. Tout ce que vous avez saisi est gardé."), "invalid")
        self.errors = errors


def _sign(acting, row: Response, items: list[dict], reason: str) -> None:
    corrected = not row.is_open
    if corrected and not reason.strip():
        raise Refused(_("Dites en un mot pourquoi vous corrigez."), "reason")
    now = timezone.now()
    row.status = Response.Status.AMENDED if corrected else Response.Status.COMPLETED
    row.version += 1
    row.finished_at = row.finished_at or now
    row.data = _json(row.questionnaire, items, acting, status=row.status, at=now)
    row.scores = forms.score(row.questionnaire, row.data)
    row.typed = {}
    row.save()
    ResponseVersion.objects.create(
        response=row, number=row.version, data=row.data, scores=row.scores, reason=reason.strip()[:400],
        by_user_id=acting.user_id, by_name=(acting.actor_name or "")[:200],
    )  # fmt: skip
    _keep_files(acting, row, items)
    action = "questionnaires.amended" if corrected else "questionnaires.completed"
    details = {"form": row.questionnaire.slug, "version": row.version}
    record(
        acting,
        action,
        on=row,
        kind=Kind.UPDATE,
        circle_id=row.circle_id,
        hidden=row.hidden,
        reason=reason[:500],
        details=details,
    )
    if row.circle_id:
        push(f"circle:{row.circle_id}")


def discard(acting, *, response: Response) -> None:
    """Drop an answer in progress: by its author only; a signed one is never dropped."""
    with transaction.atomic():
        row = _locked(response)
        if not row.is_open:
            raise Refused(_("Une grille terminée ne s’efface pas : corrigez-la."), "finished")
        if row.author_user_id != acting.user_id:
            raise Refused(_("Seul son auteur peut abandonner cette grille."), "not_author")
        record(acting, "questionnaires.discarded", on=row, kind=Kind.DELETE, circle_id=row.circle_id, hidden=row.hidden)
        if not row.versions.exists():
            row.delete()


def move_to_circle(acting, *, response: Response) -> Response:
    """A desk's answer follows its request into the circle that was opened (accept → file): rights are those of the circle."""
    with transaction.atomic():
        row = _locked(response)
        if row.circle_id is None:
            row.circle_id = acting.circle_id
            row.save(update_fields=["circle"])
            record(
                acting, "questionnaires.moved", on=row, kind=Kind.UPDATE, circle_id=acting.circle_id, hidden=row.hidden
            )
    return row


def _locked(response: Response) -> Response:
    return Response.objects.select_for_update(of=("self",)).select_related("questionnaire").get(pk=response.pk)


def _one_writer(acting, row: Response, typed: Typed, writer: str, revision: int, take_over: bool = False) -> None:
    """A page saves if it was the last to save, or if it has seen the last state saved. Else its text is set aside."""
    if not writer or take_over or row.writer in ("", writer) or revision == row.revision or typed == row.typed:
        return
    form = shape.read(row.questionnaire.data)
    # What cannot be read as an answer is kept too, as typed.
    aside = _json(row.questionnaire, read_items(form, typed, {}), acting) | {"typed": typed}
    last = row.versions.filter(kind=ResponseVersion.Kind.SET_ASIDE, by_user_id=acting.user_id).order_by("-id").first()
    if last is None or last.data.get("typed") != typed:
        ResponseVersion.objects.create(
            response=row, kind=ResponseVersion.Kind.SET_ASIDE, number=row.version, data=aside,
            by_user_id=acting.user_id, by_name=(acting.actor_name or "")[:200],
        )  # fmt: skip
        if row.circle_id:
            push(f"circle:{row.circle_id}")
    raise TwoWriters(row, acting.actor_name)


def _take(acting, row: Response, writer: str) -> None:
    row.writer, row.writer_name = writer[:40], (acting.actor_name or "")[:200]
    row.revision += 1
    row.saved_at = timezone.now()


def _json(
    questionnaire: Questionnaire, items: list[dict], acting, *, status: str = "in-progress", at=None
) -> dict[str, Any]:
    found: dict[str, Any] = {
        "resourceType": "QuestionnaireResponse", "questionnaire": questionnaire.canonical, "status": status, "item": items,
        "author": {"display": acting.actor_name or ""},
    }  # fmt: skip
    if acting.circle_id:
        found["subject"] = {"reference": f"Patient/{acting.circle_id}"}
    if at:
        found["authored"] = at.isoformat(timespec="seconds")
    return found


def add_file(acting, *, response: Response, file, field: str) -> str:
    """Keep a file for this answer, its author's only until the answer is signed. What the field must send back."""
    document = documents.store_upload(
        acting, file=file, category=_documents_category(acting, response), hidden=response.hidden, draft=True
    )
    return f"{document.pk}|{document.media_type}|{document.size}|{document.name}"


def _documents_category(acting, response: Response) -> str:
    return response.category if response.category in acting.writable else "documents"


def _keep_files(acting, row: Response, items: list[dict]) -> None:
    """Drafts become files of the circle, with the masks of the answer. A file that is not of this circle is refused."""
    named = {UUID(a["url"].removeprefix("urn:uuid:")) for a in _attachments(items)}
    if not named:
        return
    if row.circle_id is None:
        raise Refused(_("Les fichiers se joignent une fois le dossier de la personne ouvert."), "attachment")
    held = set(
        Document.objects.filter(pk__in=named, circle_id=row.circle_id, holder_id=row.pk).values_list("pk", flat=True)
    )
    if fresh := named - held:
        documents.attach(
            acting, document_ids=fresh, holder_id=row.pk, category=_documents_category(acting, row), hidden=row.hidden
        )


def _attachments(items: list[dict]) -> list[dict]:
    found = []
    for row in items:
        for answer in row.get("answer") or []:
            if isinstance(answer.get("valueAttachment"), dict):
                found.append(answer["valueAttachment"])
            found += _attachments(answer.get("item") or [])
        found += _attachments(row.get("item") or [])
    return found


# --- Forms (the regional administrator) ------------------------------------------------------------------------------
def create_form(acting, *, title: str, category: str, data: dict | None = None) -> Questionnaire:
    """An empty draft, or one from a Questionnaire that came from elsewhere (`import_form`)."""
    title = title.strip()
    if not title:
        raise Refused(_("Donnez un titre au formulaire."), "title")
    slug = _free_slug(title)
    if data is None:
        data = {
            "resourceType": "Questionnaire", "url": f"urn:cercle:questionnaire:{slug}", "version": "1", "title": title,
            "status": "draft", "language": "fr", "subjectType": ["Patient"], "item": [],
        }  # fmt: skip
    with transaction.atomic():
        row = Questionnaire.objects.create(
            url=data["url"], version=data["version"], slug=slug, title=title[:300], data=data, category=category,
            licence_state="region", author_user_id=acting.user_id, unsupported=shape.unsupported(data),
        )  # fmt: skip
        record(acting, "questionnaires.form_created", on=row, kind=Kind.CREATE)
    return row


def import_form(acting, *, data: Any, category: str, name: str = "") -> Questionnaire:
    """A Questionnaire from elsewhere, kept whole as a draft; `unsupported` says what will not be applied.

    What forbids publishing it (a ring of conditions, an expression that does not read) does not forbid keeping it.
    """
    if problems := shape.broken(data):
        raise Refused(" ".join(problems), "faults")
    url = str(data.get("url") or f"urn:cercle:questionnaire:{slugify(data.get('title') or name)[:60] or 'importe'}")[
        :300
    ]
    version = str(data.get("version") or "1")[:60]
    with transaction.atomic():
        if Questionnaire.objects.filter(url=url, version=version).exists():
            raise Refused(
                _("La version %(version)s de ce formulaire est déjà ici : rien n’a été changé.") % {"version": version},
                "exists",
            )
        title = str(data.get("title") or data.get("name") or name or url)[:300]
        sibling = Questionnaire.objects.filter(url=url).first()
        row = Questionnaire.objects.create(
            url=url, version=version, slug=sibling.slug if sibling else _free_slug(title), title=title, data=data,
            category=category, source=str(data.get("publisher") or ""), licence=str(data.get("copyright") or ""),
            author_user_id=acting.user_id, unsupported=shape.unsupported(data),
        )  # fmt: skip
        record(acting, "questionnaires.form_imported", on=row, kind=Kind.CREATE)
    return row


def change_form(acting, *, form: Questionnaire, data: dict, based_on: dict | None = None, **fields) -> Questionnaire:
    """The draft's content. A published version is never changed: `new_version` first."""
    with transaction.atomic():
        row = Questionnaire.objects.select_for_update().get(pk=form.pk)
        if not row.is_draft:
            raise Refused(_("Une version publiée ne change plus. Préparez une nouvelle version."), "published")
        if based_on is not None and row.data != based_on:
            raise Refused(
                _("Ce formulaire a été changé ailleurs entre-temps. Rechargez la page, puis refaites ce changement."),
                "conflict",
            )
        row.data = data | {"url": row.url, "version": row.version, "title": fields.get("title", row.title)}
        row.unsupported = shape.unsupported(row.data)
        for name, value in fields.items():
            setattr(row, name, value)
        row.save()
        record(acting, "questionnaires.form_changed", on=row, kind=Kind.UPDATE)
    return row


def publish(acting, *, form: Questionnaire) -> Questionnaire:
    with transaction.atomic():
        row = Questionnaire.objects.select_for_update().get(pk=form.pk)
        if not row.is_draft:
            raise Refused(_("Cette version est déjà publiée."), "published")
        if problems := shape.faults(row.data):
            raise Refused(" ".join(problems), "faults")
        now = timezone.now()
        Questionnaire.objects.filter(url=row.url, status=Questionnaire.Status.ACTIVE).update(
            status=Questionnaire.Status.RETIRED, retired_at=now
        )
        row.data = row.data | {"status": "active", "date": now.isoformat(timespec="seconds")}
        row.status, row.published_at = Questionnaire.Status.ACTIVE, now
        row.approved_by, row.approved_at = (acting.actor_name or "")[:200], now
        row.save()
        record(acting, "questionnaires.form_published", on=row, kind=Kind.UPDATE, details={"version": row.version})
    return row


def approve(acting, *, form: Questionnaire) -> None:
    """The region says that this version may be used here."""
    with transaction.atomic():
        Questionnaire.objects.filter(pk=form.pk).update(
            approved_by=(acting.actor_name or "")[:200], approved_at=timezone.now()
        )
        record(acting, "questionnaires.form_approved", on=form, kind=Kind.UPDATE)


def retire(acting, *, form: Questionnaire) -> None:
    """No longer proposed; its answers, and those being filled in, stay."""
    with transaction.atomic():
        done = Questionnaire.objects.filter(pk=form.pk, status=Questionnaire.Status.ACTIVE).update(
            status=Questionnaire.Status.RETIRED, retired_at=timezone.now()
        )
        if not done:
            raise Refused(_("Seule une version publiée se retire."), "not_active")
        record(acting, "questionnaires.form_retired", on=form, kind=Kind.UPDATE)


def new_version(acting, *, form: Questionnaire) -> Questionnaire:
    """A draft to work on, from this version; the one that is already being prepared is given back."""
    with transaction.atomic():
        draft = Questionnaire.objects.filter(url=form.url, status=Questionnaire.Status.DRAFT).first()
        if draft is not None:
            return draft
        version = _next_version(form)
        row = Questionnaire.objects.create(
            url=form.url, version=version, slug=form.slug, title=form.title, data=form.data | {"version": version, "status": "draft"},
            category=form.category, source=form.source, licence=form.licence, licence_state=form.licence_state,
            unsupported=form.unsupported, author_user_id=acting.user_id,
        )  # fmt: skip
        record(acting, "questionnaires.form_created", on=row, kind=Kind.CREATE, details={"version": version})
    return row


def _next_version(form: Questionnaire) -> str:
    taken = set(Questionnaire.objects.filter(url=form.url).values_list("version", flat=True))
    stem, _dot, last = form.version.rpartition(".")
    n = int(last) if last.isdigit() and len(last) < 9 else None
    for step in range(1, 10_000):
        found = (
            f"{stem}.{n + step}"
            if stem and n is not None
            else str(n + step)
            if n is not None
            else f"{form.version}.{step}"
        )
        if found not in taken:
            return found[:60]
    raise Refused(_("Trop de versions."), "versions")


def _free_slug(title: str) -> str:
    stem = slugify(title)[:60] or "formulaire"
    taken = set(Questionnaire.objects.filter(slug__startswith=stem).values_list("slug", flat=True))
    return stem if stem not in taken else next(f"{stem}-{n}" for n in range(2, 10_000) if f"{stem}-{n}" not in taken)
