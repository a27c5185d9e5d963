"""The context of exercise: in which practice role the signed-in person acts, written in every trace."""

from django.http import HttpRequest

from cercle.people.directory.models import PracticeRole

SESSION_KEY = "context"


def current_role(request: HttpRequest) -> PracticeRole | None:
    """The session's choice, else the last one taken, else the first open one. None without any.

    At most one statement a request, none when the choice is also the last one taken (the backend fetched it with
    the user). Ended roles and roles of someone else are never given, whatever the session says.
    """
    try:
        return request._current_role
    except AttributeError:
        request._current_role = _find(request)
        return request._current_role


def open_roles(user) -> list[PracticeRole]:
    """Every context the person may take, oldest first, with their structures."""
    if user.practitioner_id is None:
        return []
    roles = PracticeRole.objects.open().filter(practitioner=user.practitioner_id).select_related("organization")
    found = list(roles.order_by("id"))
    for role in found:
        role.practitioner = user.practitioner
    return found


def take(request: HttpRequest, role: PracticeRole) -> None:
    """Act as `role` for the rest of this session (the verb is actions.change_context)."""
    request.session[SESSION_KEY] = str(role.pk)
    request._current_role = role


def _find(request: HttpRequest) -> PracticeRole | None:
    user = request.user
    if not user.is_authenticated or user.practitioner_id is None:
        return None
    wanted = request.session.get(SESSION_KEY)
    last = user.last_context
    if (
        last is not None
        and last.ended_at is None
        and last.practitioner_id == user.practitioner_id
        and (wanted is None or wanted == str(last.pk))
    ):
        last.practitioner = user.practitioner
        return last
    roles = open_roles(user)
    return next((r for r in roles if str(r.pk) == wanted), None) or next(
        (r for r in roles if last is not None and r.pk == last.pk), roles[0] if roles else None
    )
