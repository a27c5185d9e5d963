"""The verbs of « L’essentiel » and what the page shows of it."""

from dataclasses import dataclass, field

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cercle.base.audit.record import record
from cercle.base.common import dates
from cercle.base.common.errors import Refused
from cercle.base.common.text import name_key
from cercle.base.realtime.push import push
from cercle.people.circles.access import Acting
from cercle.people.circles.models import Circle
from cercle.people.circles.vocabulary import Category, Permission
from cercle.people.directory.models import Code

from .models import Essential

Kind = Essential.Kind


@dataclass(frozen=True, slots=True)
class About:
    """How one kind is told. `none`: the explicit « aucune », for kinds where it is an answer."""

    category: str
    icon: str
    add: object
    unknown: object
    none: object = ""
    code_set: str = ""


# The table of categories: home access is `nursing`, so that home care reads it (people/circles/rights/v1.json).
ABOUT = {
    Kind.ALLERGY: About(
        Category.MEDICAL, "triangle-alert", gettext_lazy("Noter une allergie"),
        gettext_lazy("Pas renseigné : demandez avant de donner un médicament."),
        gettext_lazy("Aucune allergie connue"),
    ),
    Kind.TREATMENT: About(
        Category.MEDICAL, "pill", gettext_lazy("Noter un traitement"), gettext_lazy("Pas renseigné."),
        gettext_lazy("Aucun traitement en cours"),
    ),
    Kind.PROBLEM: About(
        Category.MEDICAL, "activity", gettext_lazy("Noter un problème de santé"), gettext_lazy("Pas renseigné."),
        gettext_lazy("Aucun problème de santé connu"), "CIM10",
    ),
    Kind.DIRECTIVE: About(
        Category.MEDICAL, "signature", gettext_lazy("Noter des directives anticipées"), gettext_lazy("Pas renseigné."),
        gettext_lazy("N’en a pas rédigé"),
    ),
    Kind.HOME: About(
        Category.NURSING, "key-round", gettext_lazy("Noter un accès (code, clé, chien…)"),
        gettext_lazy("Pas renseigné."),
    ),
}  # fmt: skip


@dataclass(slots=True)
class Group:
    kind: str
    label: object
    about: About
    rows: list[Essential] = field(default_factory=list)
    none: Essential | None = None
    may_write: bool = False


# --- Reading ---------------------------------------------------------------------------------------------------------
def groups(acting: Acting) -> list[Group]:
    """What this person may read, kind by kind; a kind of a category she does not read is not even named."""
    if not acting.may(Permission.READ_ESSENTIALS):
        return []
    shown = {k: Group(k, k.label, a, may_write=may_write(acting, k)) for k, a in ABOUT.items()
             if a.category in acting.readable}  # fmt: skip
    for row in Essential.objects.visible_to(acting).current().order_by("kind", "id"):
        if group := shown.get(Kind(row.kind)):
            if row.is_none:
                group.none = row
            else:
                group.rows.append(row)
    for group in shown.values():
        if group.rows:  # two files in one: an « aucune » of the other one does not stand beside a row
            group.none = None
    return list(shown.values())


def history(acting: Acting, kind: str) -> list[Essential]:
    """Every version, newest first."""
    rows = Essential.objects.visible_to(acting).filter(kind=kind, category__in=acting.readable)
    return list(rows.select_related("replaced_by").order_by("-id")[:200])


def may_write(acting: Acting, kind: str) -> bool:
    return acting.may(Permission.WRITE_ESSENTIALS) and ABOUT[Kind(kind)].category in acting.writable


def is_coded(kind: str) -> bool:
    """Is the table of codes of this kind loaded here?"""
    name = ABOUT[Kind(kind)].code_set
    return bool(name) and Code.objects.filter(set__name=name).exists()


def codes(kind: str, text: str, limit: int = 8) -> list[Code]:
    """Codes of the table that goes with this kind, when it is loaded."""
    name, key = ABOUT[Kind(kind)].code_set, name_key(text)
    if not name or len(key) < 2:
        return []
    wanted = Q()
    for word in key.split():
        wanted &= Q(key__contains=word)
    return list(
        Code.objects.filter(wanted, set__name=name, ended_on=None).select_related("set").order_by("code")[:limit]
    )


# --- Writing ---------------------------------------------------------------------------------------------------------
def add(acting: Acting, *, kind: str, label: str, detail: str = "", since: str = "", code: str = "") -> Essential:
    """One more allergy, treatment… An « aucune » said before ends."""
    values = _checked(acting, kind, label=label, detail=detail, since=since, code=code)
    with transaction.atomic():
        _lock(acting)
        _end(acting, _current(acting, kind).filter(is_none=True), _("une information a été ajoutée"))
        row = _insert(acting, kind, acting.circle_id, **values)
        record(acting, "record.essential_added", on=row, hidden=row.hidden, details={"kind": kind})
        push(f"circle:{acting.circle_id}")
    return row


def say_none(acting: Acting, *, kind: str) -> Essential:
    """« Aucune allergie connue »: said by someone, on a day. Raises Refused when one is noted."""
    _may(acting, kind)
    if not ABOUT[Kind(kind)].none:
        raise Refused(_("Cette information ne se note pas ainsi."), "no_none")
    with transaction.atomic():
        _lock(acting)
        current = _current(acting, kind)
        if current.filter(is_none=False).exists():
            raise Refused(_("Retirez d’abord ce qui est noté."), "not_none")
        _end(acting, current, _("redit"))
        row = _insert(acting, kind, acting.circle_id, is_none=True)
        record(acting, "record.essential_none_said", on=row, details={"kind": kind})
        push(f"circle:{acting.circle_id}")
    return row


def change(
    acting: Acting, *, essential: Essential, label: str, detail: str = "", since: str = "", code: str = ""
) -> Essential:
    """A new row in its place; the former one stays in the history. Nothing changes, nothing is written."""
    values = _checked(acting, essential.kind, label=label, detail=detail, since=since, code=code)
    with transaction.atomic():
        _lock(acting)
        row = _open_row(acting, essential)
        if all(getattr(row, name) == value for name, value in values.items()):
            return row
        _end(acting, Essential.objects.filter(pk=row.pk), _("remplacé"))
        new = _insert(acting, row.kind, row.circle_id, replaces=row, hidden=row.hidden, **values)
        record(acting, "record.essential_changed", on=new, hidden=new.hidden, details={"kind": row.kind})
        push(f"circle:{acting.circle_id}")
    return new


def end(acting: Acting, *, essential: Essential, reason: str = "") -> None:
    """Stopped, healed, moved house: no longer shown, still in the history."""
    _may(acting, essential.kind)
    with transaction.atomic():
        _lock(acting)
        row = _open_row(acting, essential)
        _end(acting, Essential.objects.filter(pk=row.pk), reason)
        record(acting, "record.essential_ended", on=row, hidden=row.hidden, details={"kind": row.kind}, reason=reason)
        push(f"circle:{acting.circle_id}")


# --- Inside ----------------------------------------------------------------------------------------------------------
def _may(acting: Acting, kind: str) -> None:
    if kind not in Kind.values or not may_write(acting, kind):
        raise Refused(_("Votre profil ne permet pas d’écrire cette information."), "not_writable")


def _checked(acting: Acting, kind: str, *, label: str, detail: str, since: str, code: str) -> dict:
    _may(acting, kind)
    label = " ".join((label or "").replace("\x00", "").split())[:200]
    detail = (detail or "").replace("\x00", "").strip()[:1000]
    system = ""
    if code:
        found = (
            Code.objects.filter(set__name=ABOUT[Kind(kind)].code_set or "-", code=code).select_related("set").first()
        )
        if found is None:
            raise Refused(
                _("Ce code n’est pas dans la table. Écrivez avec vos mots, ou choisissez dans la liste."), "code"
            )
        system, label = found.system or found.set.oid or found.set.name, label or found.label[:200]
    if not label:
        raise Refused(_("Écrivez de quoi il s’agit."), "empty")
    return {
        "label": label, "detail": detail, "since": dates.parse(since).text if since.strip() else "",
        "code": code, "code_system": system[:80],
    }  # fmt: skip


def _lock(acting: Acting) -> None:
    Circle.objects.select_for_update(of=("self",)).get(pk=acting.circle_id)


def _current(acting: Acting, kind: str):
    return Essential.objects.current().filter(circle_id__in=acting.circles, kind=kind)


def _open_row(acting: Acting, essential: Essential) -> Essential:
    row = Essential.objects.visible_to(acting).filter(pk=essential.pk).first()
    if row is None or row.ended_at:
        raise Refused(_("Quelqu’un a changé cette ligne entre-temps. Rechargez la page pour la relire."), "changed")
    return row


def _end(acting: Acting, rows, reason: str) -> None:
    rows.update(ended_at=timezone.now(), ended_name=(acting.actor_name or "")[:200], end_reason=reason.strip()[:300])


def _insert(acting: Acting, kind: str, circle_id, **values) -> Essential:
    row = Essential(
        circle_id=circle_id, kind=kind, category=ABOUT[Kind(kind)].category, author_user_id=acting.user_id,
        author_role_id=acting.practice_role_id, author_name=(acting.actor_name or "")[:200],
        author_label=(acting.actor_role or "")[:200], **values,
    )  # fmt: skip
    row.save(force_insert=True)
    row.refresh_from_db(fields=["written_at"])
    return row
