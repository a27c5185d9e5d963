"""What accounts put in the frame of every signed-in page: who acts, as what, and the way to one's own pages."""

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cercle.base.web import places

from . import rights
from .context import current_role, open_roles
from .models import Kind, StructureAdmin, User
from .sign_in import ADMINISTERS, CONTEXTS


def person(request: HttpRequest) -> places.Person | None:
    user = request.user
    if not user.is_authenticated:
        return None
    role = current_role(request)
    links = [
        ("circle-user", _("Mon compte"), reverse("accounts:home")),
        ("shield", _("Sécurité"), reverse("accounts:security")),
    ]
    return places.Person(
        name=str(user),
        initials=initials(user),
        tint=role.tint if role else "",
        detail=detail(role) if role else str(user.get_kind_display()),
        choices=choices(request, role),
        switch_url=reverse("accounts:context"),
        links=links,
        sign_out_url=reverse("account_logout"),
    )


def choices(request: HttpRequest, current) -> list[places.Choice]:
    """The contexts that can be taken. Sign-in noted how many there are: with one, nothing is read."""
    if request.user.practitioner_id is None or request.session.get(CONTEXTS, 2) < 2:
        return []
    return [
        places.Choice(str(role.pk), role.short_label, place_of(role), current is not None and role.pk == current.pk)
        for role in open_roles(request.user)
    ]


def detail(role) -> str:
    """« Infirmière libérale · Cabinet de la Madeleine »."""
    return " · ".join(part for part in (role.short_label, place_of(role)) if part)


def place_of(role) -> str:
    return role.organization.name if role.organization else role.city


def initials(user: User) -> str:
    return (user.first_name[:1] + user.last_name[:1]).upper() or user.email[:2].upper()


def administers(request: HttpRequest) -> bool:
    """Noted at sign-in: a rail entry is not a right, the views check again."""
    user = request.user
    if not user.is_authenticated or user.kind not in {Kind.PROFESSIONAL, Kind.OPERATOR}:
        return False
    if ADMINISTERS in request.session:
        return request.session[ADMINISTERS]
    return StructureAdmin.objects.open().filter(user=user).exists()


def register() -> None:
    places.register_person(person)
    places.register(
        places.Place(
            key="structure", label=gettext_lazy("Ma structure"), short=gettext_lazy("Structure"), icon="building-2",
            url_name="accounts:structures", order=80, allowed=administers,
        )
    )  # fmt: skip
    places.register(
        places.Place(
            key="region", label=gettext_lazy("Région"), icon="map-pin", url_name="accounts:region", order=85,
            allowed=lambda request: rights.is_operator(request.user) if request.user.is_authenticated else False,
        )
    )  # fmt: skip
    places.register(
        places.Place(
            key="support", label=gettext_lazy("Assistance"), icon="hand-heart", url_name="accounts:support", order=90,
            allowed=lambda request: request.user.is_authenticated and rights.is_support(request.user),
        )
    )  # fmt: skip
