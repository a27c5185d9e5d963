"""Accessibility, legal notices, personal data: pages that a region fills in with a text file of `PAGES_DIR`.

`mentions-legales.txt`: paragraphs apart by an empty line, "# " before a heading. Read at each visit; never as HTML.
"""

from pathlib import Path

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

TITLES = {
    "accessibilite": _("Accessibilité"),
    "mentions-legales": _("Mentions légales"),
    "donnees-personnelles": _("Données personnelles"),
}
LONGEST = 200_000  # characters


@require_safe
def page(request: HttpRequest, slug: str) -> HttpResponse:
    context = {"slug": slug, "page_title": TITLES[slug], "blocks": own_words(slug), "region": settings.SITE_NAME}
    return render(request, "web/legal.html", context)


def own_words(slug: str) -> list[tuple[bool, str]]:
    """What the region wrote, as (is a heading, text); nothing when it wrote nothing."""
    if not settings.PAGES_DIR:
        return []
    try:
        with (Path(settings.PAGES_DIR) / f"{slug}.txt").open(encoding="utf-8", errors="replace") as file:
            text = file.read(LONGEST)
    except OSError:
        return []
    blocks = [block.strip() for block in text.replace("\r\n", "\n").split("\n\n")]
    return [(block.startswith("# "), block.removeprefix("# ")) for block in blocks if block]
