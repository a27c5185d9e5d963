"""Who is this, by e-mail address and password; and who is behind this session, in one statement."""

from functools import cache

from django.contrib.auth.backends import BaseBackend

from cercle.base.common import fast
from cercle.base.common.prepared import prepared
from cercle.people.directory.models import Organization, PracticeRole, Practitioner

from .models import User, clean_email


class AccountBackend(BaseBackend):
    def authenticate(self, request, email: str | None = None, password: str | None = None, **other) -> User | None:
        """None when either is wrong. Takes as long for an address without account: the hash is computed all the same.

        A deactivated account is given back (allauth then says it is closed, to who knows the password only).
        """
        if not email or password is None:
            return None
        user = User.objects.filter(email=clean_email(email)).first()
        if user is None:
            User().set_password(password)  # the time of a hash
            return None
        return user if user.check_password(password) else None

    def get_user(self, user_id) -> User | None:
        """With what every page needs: the professional, the last context and its structure. Deactivated: nobody."""
        with prepared() as cursor:
            cursor.execute(_behind(), [user_id])
            row = cursor.fetchone()
        if row is None:
            return None
        user, practitioner, role, organization = (fast.take(model, row, at) for model, at in _places())
        if practitioner is not None:
            user.practitioner = practitioner
        if role is not None:
            role.organization, user.last_context = organization, role
        return user


@cache
def _places() -> list[tuple]:
    models, at, found = (User, Practitioner, PracticeRole, Organization), 0, []
    for model in models:
        found.append((model, at))
        at += fast.width(model)
    return found


@cache
def _behind() -> str:
    """One hand-written join: every request asks it (base/common/fast.py)."""
    return (
        f"SELECT {fast.columns(User, 'u')}, {fast.columns(Practitioner, 'p')}, {fast.columns(PracticeRole, 'r')},"
        f" {fast.columns(Organization, 'o')} FROM accounts_user u LEFT JOIN directory_practitioner p ON p.id = u.practitioner_id"
        " LEFT JOIN directory_practicerole r ON r.id = u.last_context_id LEFT JOIN directory_organization o ON o.id = r.organization_id"
        " WHERE u.id = %s AND u.is_active"
    )
