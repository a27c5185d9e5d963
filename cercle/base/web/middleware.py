"""What every answer goes through: safe headers, sign-in by default, the wide limit, errors in words."""

import logging
from urllib.parse import quote

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.db import DataError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.multipartparser import MultiPartParserError
from django.shortcuts import redirect, resolve_url
from django.utils.cache import patch_vary_headers

from cercle.base.common.errors import Refused
from cercle.base.web import errors, limits
from cercle.base.web.open_routes import open_to_all

log = logging.getLogger(__name__)

CSP = "; ".join(
    [
        "default-src 'self'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "font-src 'self'",
        "connect-src 'self'",
        "worker-src 'self'",
        "manifest-src 'self'",
        "frame-src 'self'",
        "media-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    ]
)
PERMISSIONS = "camera=(self), microphone=(self), geolocation=(self), fullscreen=(self), payment=(), usb=()"


def asks_for_json(request: HttpRequest) -> bool:
    return request.path.startswith("/fhir/") or (
        "json" in request.headers.get("Accept", "") and "html" not in request.headers.get("Accept", "")
    )


class SafeHeaders:
    """CSP without any `unsafe-`, one origin only; a view that serves files may set a stricter CSP itself."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        headers = response.headers
        headers.setdefault("Content-Security-Policy", CSP)
        headers.setdefault("Permissions-Policy", PERMISSIONS)
        headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        if headers.get("Content-Type", "").startswith("text/html"):
            # Pages hold health data: no copy on a shared machine, and a fragment is never taken for its page.
            headers.setdefault("Cache-Control", "no-store")
            patch_vary_headers(response, ["HX-Request"])
        return response


class SignedInOnly:
    """Nothing answers to a stranger outside open_routes.py."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view, args, kwargs) -> HttpResponse | None:
        if open_to_all(request.path) or request.user.is_authenticated or getattr(view, "own_sign_in", False):
            return None
        return ask_to_sign_in(request)


def ask_to_sign_in(request: HttpRequest) -> HttpResponse:
    """Pages go to the sign-in and come back; htmx gets 401 (page.js keeps what was typed); machines get JSON."""
    sign_in = resolve_url(settings.LOGIN_URL)
    if request.headers.get("HX-Request"):
        here = request.headers.get("HX-Current-URL", "/")
        back = "/" + here.split("/", 3)[3] if here.count("/") >= 3 else "/"
        response = HttpResponse(status=401)
        response["HX-Redirect"] = f"{sign_in}?next={quote(back)}"
        return response
    if asks_for_json(request) or request.headers.get("X-Requested-With") == "fetch":
        return JsonResponse({"error": "sign in"}, status=401)
    back = request.get_full_path() if request.method in ("GET", "HEAD") else "/"
    return redirect(sign_in if back == "/" else f"{sign_in}?next={quote(back)}")


def view_with_own_sign_in(view):
    """For doors that authenticate by themselves (FHIR bearer tokens, one-time links): answers without a session."""
    view.own_sign_in = True
    return view


class ReadingLimit:
    """A wide limit per signed-in person, or per address, in this process: READS_PER_MINUTE (default 60,000)."""

    def __init__(self, get_response):
        self.get_response = get_response
        self.bucket = limits.InProcess(getattr(settings, "READS_PER_MINUTE", 60_000))

    def __call__(self, request: HttpRequest) -> HttpResponse:
        session = request.COOKIES.get(settings.SESSION_COOKIE_NAME)
        subject = session or request.headers.get("Authorization") or limits.client_address(request)
        if not self.bucket.spend(subject):
            return errors.too_many(request, 5)
        return self.get_response(request)


class Sentences:
    """An action's `Refused` that no view caught, and bodies we cannot read, become a page in words."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if isinstance(exception, Refused):
            return errors.refused(request, exception)
        if isinstance(exception, RequestDataTooBig):
            return errors.too_big(request)
        if isinstance(exception, MultiPartParserError):
            return errors.bad_request(request, exception)
        if isinstance(exception, DataError):
            # A character or a number that no column can hold (NUL, 10^30…): what was sent is wrong, not the server.
            log.warning("data error: %s %s", request.resolver_match and request.resolver_match.view_name, exception)
            return errors.bad_request(request, exception)
        return None
