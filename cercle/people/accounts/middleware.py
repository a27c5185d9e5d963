"""First steps first: nobody goes on without the second factor and the terms of use that sign-in found owing."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from . import policy
from .sign_in import STEPS, TERMS_NUMBER

OPEN = ("/compte/", "/deconnexion/", "/connexion/", "/healthz", "/static/", "/i18n/", "/events", "/contexte/")


class FirstSteps:
    """Reads the session only; no statement, unless a step is owed."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if settings.SESSION_COOKIE_NAME in request.COOKIES and not request.path.startswith(OPEN):
            page = self.page_owed(request)
            if page is not None:
                return redirect(page)
        return self.get_response(request)

    def page_owed(self, request: HttpRequest) -> str | None:
        accepted = request.session.get(TERMS_NUMBER)
        newer = accepted is not None and policy.terms_number() > accepted
        if not (newer or request.session.get(STEPS)) or not request.user.is_authenticated:
            return None
        steps = policy.owed(request.user)
        request.session[STEPS] = steps
        request.session[TERMS_NUMBER] = policy.terms_number()
        if not steps:
            return None
        return reverse("accounts:first_factor" if steps[0] == policy.SECOND_FACTOR else "accounts:terms")
