"""The folding of names that searches rely on, in the database and in Python."""

import re

from django.db import models
from django.db.models import Func

from cercle.base.common.text import sort_key


class Key(Func):
    """`cercle_key`: lower case, no accents, single spaces. IMMUTABLE, so it may be stored and indexed."""

    function = "cercle_key"
    output_field = models.TextField()


class Squeeze(Func):
    """Letters and digits only: « Le Gall », « LE-GALL » and « legall » are the same key."""

    template = "regexp_replace(cercle_key(%(expressions)s), '[^[:alnum:]]+', '', 'g')"
    output_field = models.TextField()


_NOT_ALNUM = re.compile(r"[\W_]+")


def squeeze(text: str) -> str:
    """Python twin of `Squeeze`."""
    return _NOT_ALNUM.sub("", sort_key(text))


def title(name: str) -> str:
    """« JEAN-PIERRE » as people read it: « Jean-Pierre ». A name that is not all capitals is left as it was typed."""
    if name != name.upper():
        return name
    return re.sub(r"[^\W\d_]+", lambda m: m[0].capitalize(), name)
