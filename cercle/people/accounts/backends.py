"""Who is this, by e-mail address and password; and who is behind this session, in one statement."""

from django.contrib.auth.backends import BaseBackend

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
        users = User.objects.select_related("practitioner", "last_context__organization")
        return users.filter(pk=user_id, is_active=True).first()
