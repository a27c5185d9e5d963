"""The reference's server: ours (granian, bridge, threads), with one bare view and no middleware. Never in the product."""

import os

os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"

import django
from django.conf import settings

django.setup()
settings.MIDDLEWARE, settings.ROOT_URLCONF = [], "bench.bare_urls"

from config.asgi import application  # noqa: E402

__all__ = ["application"]
