"""How a French name sounds, roughly: names that are confused on the phone or by ear get the same code.

Deliberately coarse on what is written several ways (QUERE, KERE; THOMAS, TOMA; LEFEBVRE keeps its B) and nothing more:
the code is one half of every blocking key, so it must neither part the same name nor gather different ones.
"""

import re
from functools import lru_cache

_RULES = [
    (re.compile(p), r)
    for p, r in (
        (r"PH", "F"),
        (r"(?:SCH|SH|CH)", "1"),
        (r"GN", "N"),
        (r"GU(?=[EIY])", "G"),
        (r"G(?=[EIY])", "J"),
        (r"(?:QU|Q|CK|CQ)", "K"),
        (r"C(?=[EIY])", "S"),
        (r"C", "K"),
        (r"(?:EAU|AU)", "O"),
        (r"OU", "2"),
        (r"(?:AIN|EIN|IN|IM|YN|YM)(?=[^AEIOUY]|$)", "3"),
        (r"(?:AN|AM|EN|EM)(?=[^AEIOUY]|$)", "4"),
        (r"(?:AI|EI)", "E"),
        (r"OE", "E"),
        (r"Y", "I"),
        (r"W", "V"),
        (r"X", "KS"),
        (r"Z", "S"),
        (r"H", ""),
        (r"(.)\1+", r"\1"),
        (r"(?<=..)(?:[EDTSPX]|ES|TS|DS|LT|LD)$", ""),
        (r"(?<=..)E$", ""),
    )
]


@lru_cache(maxsize=1 << 17)
def sound(joined: str) -> str:
    """`sound("QUERE") == sound("KERE")`; takes a folded name without spaces."""
    code = joined
    for pattern, by in _RULES:
        code = pattern.sub(by, code)
    return code or joined
