"""Names as keys: the same folding in Python and in the database.

`sort_key("Émile  Le Gall-Œuvre") == "emile le gall-oeuvre"`; SQL `cercle_key(text)` gives the same.
"""

import re
import unicodedata

# What NFKD does not take apart but PostgreSQL's unaccent does.
_LIGATURES = str.maketrans(
    {"œ": "oe", "Œ": "oe", "æ": "ae", "Æ": "ae", "ß": "ss", "ø": "o", "Ø": "o", "đ": "d", "ł": "l", "’": "'"}
)
_SPACES = re.compile(r"\s+")


def sort_key(text: str) -> str:
    """Lower case, no accents, single spaces: what names are sorted and searched by."""
    folded = unicodedata.normalize("NFKD", (text or "").translate(_LIGATURES))
    folded = "".join(c for c in folded if not unicodedata.combining(c))
    return _SPACES.sub(" ", folded).strip().lower()


def name_key(text: str) -> str:
    """`sort_key` with hyphens and apostrophes as spaces: « Le Gall-D'Arc » finds « le gall d arc »."""
    return _SPACES.sub(" ", re.sub(r"[-'.,]", " ", sort_key(text))).strip()
