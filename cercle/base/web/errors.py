"""Errors in words: what happened, what is kept, what to do. Used by config/urls.py as handlers.

The pages need neither the database nor the session: they also answer when those fail.
"""

from urllib.parse import quote

from django.core.exceptions import RequestDataTooBig, TooManyFilesSent
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from cercle.base.common.errors import Refused


def page(request: HttpRequest, status: int, title: str, lines: list[str], *, again: bool = False) -> HttpResponse:
    """The error page; for htmx the sentence alone in the header X-Message, which page.js shows above what was typed."""
    sentence = " ".join(str(line) for line in [title + ("" if title[-1] in ".!?" else "."), *lines[:1]])
    accept = request.headers.get("Accept", "")
    if "json" in accept and "html" not in accept:
        return JsonResponse({"error": str(title), "detail": " ".join(map(str, lines))}, status=status)
    if request.headers.get("HX-Request"):
        response = HttpResponse(status=status)
    else:
        html = render_to_string("web/error.html", {"title": title, "lines": lines, "again": again})
        response = HttpResponse(html, status=status)
    response["X-Message"] = quote(sentence)
    return response


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    if isinstance(exception, RequestDataTooBig | TooManyFilesSent):
        return too_big(request)
    return page(
        request, 400, _("La demande n’a pas été comprise"),
        [_("Rien n’a été changé."),
         _("Revenez à la page précédente : ce que vous aviez saisi y est encore. Puis réessayez.")],
    )  # fmt: skip


def refused(request: HttpRequest, error: Refused) -> HttpResponse:
    return page(
        request, 409, str(error.message),
        [_("Rien n’a été changé."), _("Revenez à la page précédente : ce que vous aviez saisi y est encore.")],
    )  # fmt: skip


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return page(
        request, 403, _("Cette action n’est pas permise"),
        [_("Votre rôle dans ce cercle ne la comprend pas. Rien n’a été changé."),
         _("Si vous en avez besoin, demandez à la personne qui coordonne le cercle.")],
    )  # fmt: skip


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return page(
        request, 403, _("La page était ouverte depuis trop longtemps"),
        [_("Par sécurité, rien n’a été envoyé."),
         _("Revenez à la page précédente, copiez ce que vous aviez écrit, rechargez-la et réessayez.")],
    )  # fmt: skip


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return page(
        request, 404, _("Cette page n’existe pas, ou pas pour vous"),
        [_("Le lien est peut-être incomplet, ou votre accès a pris fin."),
         _("Si vous suivez ce patient, demandez à rejoindre son cercle.")],
    )  # fmt: skip


def too_big(request: HttpRequest) -> HttpResponse:
    return page(
        request, 413, _("C’est trop gros pour être reçu"),
        [_("Rien n’a été envoyé. Revenez à la page précédente : votre texte y est encore."),
         _("Reprenez la photo en plus petit, ou envoyez le texte seul.")],
    )  # fmt: skip


def too_many(request: HttpRequest, seconds: int = 60) -> HttpResponse:
    response = page(
        request, 429, _("Trop de demandes en peu de temps"),
        [_("Rien n’est perdu. Réessayez dans %(n)s secondes.") % {"n": seconds} if seconds < 90
         else _("Rien n’est perdu. Réessayez dans %(n)s minutes.") % {"n": -(-seconds // 60)},
         _("Cette limite protège les données des patients.")],
    )  # fmt: skip
    response["Retry-After"] = str(seconds)
    return response


def server_error(request: HttpRequest) -> HttpResponse:
    return page(
        request, 500, _("Quelque chose n’a pas marché de notre côté"),
        [_("Ce qui était enregistré l’est toujours. Les brouillons sont gardés."),
         _("Réessayez dans un instant. Si cela continue, dites à l’assistance l’heure et ce que vous faisiez.")],
        again=True,
    )  # fmt: skip
