"""The signed list of topics a page listens to (live.js)."""

from django.http import HttpRequest

from cercle.base.realtime import topics


def topics_for(request: HttpRequest, *names: str) -> str:
    """For the context variable `topics`: the person's own topic, and those of what a gate just showed.

    `topics_for(request, f"circle:{acting.circle_id}")`, behind `enter(…)`: signing is granting.
    """
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated or not request.session.session_key:
        return ""
    return topics.sign([f"user:{user.pk}", *names], user_id=user.pk, session_key=request.session.session_key)
