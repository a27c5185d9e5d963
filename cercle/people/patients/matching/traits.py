"""What a person is compared by, and how each text becomes something that can be compared.

Nothing here knows of the database: a `Traits` is filled from an Identity, a feed's message or a line of a file.
Every parser accepts what is really typed (`1939`, `28/05/1939`, `de la  Tour-d'Auvergne`, `+33 6…`) and never raises:
what cannot be read is missing.
"""

import re
import unicodedata
from dataclasses import dataclass, fields
from functools import lru_cache


@dataclass(frozen=True, slots=True)
class Traits:
    """All optional, all text as typed; `birth_givens` is the list of given names separated by spaces or commas."""

    birth_family: str = ""
    used_family: str = ""
    birth_givens: str = ""
    first_given: str = ""
    used_given: str = ""
    sex: str = ""
    birth_date: str = ""
    birth_place: str = ""
    ins: str = ""
    nss: str = ""
    phone: str = ""
    email: str = ""
    address: str = ""
    postcode: str = ""
    commune: str = ""


FIELDS = tuple(f.name for f in fields(Traits))

_LIGATURES = str.maketrans(
    {"œ": "oe", "Œ": "OE", "æ": "ae", "Æ": "AE", "ß": "ss", "ø": "o", "Ø": "O", "đ": "d", "Đ": "D", "ł": "l", "Ł": "L"}
)
_NOT_WORD = re.compile(r"[^A-Z0-9]+")


@lru_cache(maxsize=1 << 16)
def fold(text: str) -> str:
    """Capitals without accents, anything else than letters and digits a single space."""
    if not text.isascii():
        if "Ã" in text or "Â" in text:  # UTF-8 once read as Latin-1
            try:
                text = text.encode("cp1252").decode("utf-8")
            except UnicodeError:
                pass
        text = unicodedata.normalize("NFKD", text.translate(_LIGATURES))
        ascii_only = text.encode("ascii", "ignore").decode()
        # A name in another script keeps its own letters: equal or not is all we can say of it.
        text = ascii_only if _NOT_WORD.sub("", ascii_only.upper()) else "".join(text.casefold().split())
        if not text.isascii():
            return text
    return _NOT_WORD.sub(" ", text.upper()).strip()


# --- Names -----------------------------------------------------------------------------------------------------------
PARTICLES = frozenset("LE LA LES L DE DU DES D DA DAS DO DOS DI DEL DELLA VAN VON DER DEN EL AL BEN ABD".split())
_SAINTS = {"ST": "SAINT", "STE": "SAINTE"}
_NO_NAME = frozenset(
    {"", "X", "XX", "XXX", "INCONNU", "INCONNUE", "NON RENSEIGNE", "NR", "NC", "SANS", "SP", "NULL", "NONE", "NAN"}
)


@lru_cache(maxsize=1 << 17)
def family(text: str) -> tuple[str, str, tuple[str, ...]]:
    """(joined, core without particles, parts): the parts of « LE GALL-PENVERN » are GALL and PENVERN."""
    folded = fold(text)
    if folded in _NO_NAME:
        return "", "", ()
    words = [_SAINTS.get(w, w) for w in folded.split()]
    joined = "".join(words)
    parts = tuple(w for w in words if w not in PARTICLES) or tuple(words)
    return joined, "".join(parts), parts[:3] if len(parts) > 1 else ()


_GIVEN_SEPARATORS = re.compile(r"[\s,;/]+")


@lru_cache(maxsize=1 << 17)
def givens(text: str) -> tuple[str, ...]:
    """The list of given names, hyphenated ones in one piece: « Jean-Claude, Pierre » is (JEANCLAUDE, PIERRE)."""
    tokens = (fold(t).replace(" ", "") for t in _GIVEN_SEPARATORS.split(text.strip()))
    return tuple(t for t in tokens if t and t not in _NO_NAME)


@lru_cache(maxsize=1 << 17)
def one_given(text: str) -> str:
    """A single given name, whatever separates its halves: « JEAN FRANÇOIS » is JEANFRANCOIS."""
    folded = fold(text)
    return "" if folded in _NO_NAME else folded.replace(" ", "")


def given_list(first: str, listed: tuple[str, ...]) -> tuple[str, ...]:
    """The first given name, then the others in their order, each once, at most four."""
    if not first:
        return listed[:4]
    rest = listed
    for n in range(1, len(listed) + 1):  # « Jean François Rémy » typed without its hyphen
        joined = "".join(listed[:n])
        if joined == first:
            rest = listed[n:]
            break
        if not first.startswith(joined):
            break
    return (first, *(t for t in rest if t != first))[:4]


# --- Sex, date, place ------------------------------------------------------------------------------------------------
_SEXES = {
    **dict.fromkeys(("M", "1", "H", "MASCULIN", "HOMME", "MALE", "MR", "7"), 1),
    **dict.fromkeys(("F", "2", "FEMININ", "FEMME", "FEMALE", "MME", "8"), 2),
}


def sex(text: str) -> int:
    """1 man, 2 woman, 0 not known."""
    return _SEXES.get(fold(text), 0)


_DIGITS = re.compile(r"\d+")


@lru_cache(maxsize=1 << 16)
def birth_date(text: str) -> tuple[int, int, int]:
    """(year, month, day), 0 for what is not known: `1939`, `193900`, `1939-00-00`, `28/05/1939` are all real.

    A month beyond 12 with a day that could be one is a pair typed in the wrong order; other impossible values
    (the « lunar » dates of the registries) are unknown.
    """
    numbers = _DIGITS.findall(text.split("T")[0] if len(text) > 10 else text)
    y = m = d = 0
    if len(numbers) == 1:
        n = numbers[0]
        if len(n) == 8:
            if n[:2] in ("18", "19", "20") or n[4:6] not in ("18", "19", "20"):
                y, m, d = int(n[:4]), int(n[4:6]), int(n[6:])
            else:
                d, m, y = int(n[:2]), int(n[2:4]), int(n[4:])
        elif len(n) in (4, 5, 6, 7) and n[:2] in ("18", "19", "20"):
            y, m = int(n[:4]), int(n[4:6] or 0)
        elif len(n) == 6:
            m, y = int(n[:2]), int(n[2:])
    elif len(numbers) == 2:
        a, b = numbers
        if len(a) == 4:
            y, m = int(a), int(b)
        elif len(b) == 4:
            m, y = int(a), int(b)
    elif len(numbers) >= 3:
        a, b, c = numbers[:3]
        if len(a) == 4:
            y, m, d = int(a), int(b), int(c)
        elif len(c) == 4:
            d, m, y = int(a), int(b), int(c)
        elif len(c) == 2 and len(a) <= 2:
            d, m, y = int(a), int(b), 1900 + int(c)
    if not 1850 <= y <= 2100:
        y = 0
    if m > 12 and 1 <= d <= 12 and m <= 31:
        m, d = d, m
    if m > 12:
        m = 0
    if d > 31 or not m:
        d = 0
    return y, m, d


_COG = re.compile(r"\d{5}|2[AB]\d{3}")
UNKNOWN_PLACES = frozenset({"", "99", "99999", "99100", "00000", "99000"})
_MOTHER_TOWNS = {"751": "75056", "132": "13055", "6938": "69123"}


@lru_cache(maxsize=1 << 16)
def place(text: str) -> str:
    """The COG code as typed, or the folded name of the town; nothing when the value only says « unknown »."""
    code = text.strip().upper().replace(" ", "")
    if len(code) == 4 and code.isdigit():
        code = "0" + code  # a spreadsheet ate the zero
    if code in UNKNOWN_PLACES:
        return ""
    return code if _COG.fullmatch(code) else fold(text)


def town_of(code: str) -> str:
    """The town of a borough: Paris, Marseille and Lyon have one code each on old records, one per borough on others."""
    for prefix, town in _MOTHER_TOWNS.items():
        if code.startswith(prefix):
            return town
    return code


# --- Numbers ---------------------------------------------------------------------------------------------------------
_INS = re.compile(r"[1-478]\d{4}(?:\d{2}|2[AB])\d{6}(?:\d{2})?")


@lru_cache(maxsize=1 << 12)
def matricule(text: str) -> tuple[int, bool]:
    """(the 13 characters as a number, whether its two-digit key is right); (0, False) when it is not one at all.

    Corsica's letters become digits that no department uses (2A is 96, 2B is 97), so that numbers stay comparable.
    """
    kept = re.sub(r"[^0-9AB]", "", text.upper())
    if not _INS.fullmatch(kept):
        return 0, False
    body, key = kept[:13], kept[13:]
    number = int(
        body.replace("2A", "96", 1) if body[5:7] == "2A" else body.replace("2B", "97", 1) if body[5:7] == "2B" else body
    )
    checked = int(body[:5] + {"2A": "19", "2B": "18"}.get(body[5:7], body[5:7]) + body[7:])
    return number, bool(key) and 97 - checked % 97 == int(key)


def free_number(text: str) -> int:
    """Any other identifier (a social security number from elsewhere), as a number that two equal texts share."""
    kept = re.sub(r"[^0-9A-Z]", "", text.upper())
    if not kept or not kept.strip("0"):
        return 0
    return int(kept) if kept.isdigit() and len(kept) < 18 else int.from_bytes(kept[-7:].encode(), "big")


def phone(text: str) -> int:
    """National digits without the leading zero: +33 6…, 0033 6… and 06… are the same."""
    digits = "".join(_DIGITS.findall(text))
    if digits.startswith("00"):
        digits = digits[2:]
    if digits.startswith("33") and len(digits) in (11, 12):
        digits = digits[2:]
    digits = digits.lstrip("0")
    return int(digits) if 6 <= len(digits) <= 15 and len(set(digits)) > 1 else 0


def email(text: str) -> str:
    kept = text.strip().casefold()
    return kept if "@" in kept else ""


# --- Address ---------------------------------------------------------------------------------------------------------
_STREETS = {
    "R": "RUE", "AV": "AVENUE", "AVE": "AVENUE", "BD": "BOULEVARD", "BLD": "BOULEVARD",
    "BVD": "BOULEVARD", "BLVD": "BOULEVARD",
    "PL": "PLACE", "CHE": "CHEMIN", "CH": "CHEMIN", "CHEM": "CHEMIN", "IMP": "IMPASSE", "ALL": "ALLEE", "RTE": "ROUTE",
    "SQ": "SQUARE", "LD": "LIEU DIT", "LIEUDIT": "LIEU DIT", "ST": "SAINT", "STE": "SAINTE", "RES": "RESIDENCE",
    "BIS": "B", "TER": "T", "GAL": "GENERAL", "DR": "DOCTEUR", "CDT": "COMMANDANT",
}  # fmt: skip
_SMALL = frozenset("DE DU DES D L LA LE LES".split())
_NUMBER = re.compile(r"(\d{1,5})\s*(?:(BIS|TER|[A-D])\b)?\s*")


@lru_cache(maxsize=1 << 14)
def street(text: str) -> tuple[int, str]:
    """(number, street without small words): « 12 bis, av. de la République » is (12, AVENUE REPUBLIQUE)."""
    folded = fold(text)
    number, found = 0, _NUMBER.match(folded)
    if found:
        number, folded = int(found[1]), folded[found.end() :]
    return number, " ".join(_STREETS.get(w, w) for w in folded.split() if w not in _SMALL)


def postcode(text: str) -> int:
    digits = "".join(_DIGITS.findall(text))
    return int(digits) if 4 <= len(digits) <= 5 else 0


@lru_cache(maxsize=1 << 15)
def commune(text: str) -> str:
    """The town's name without CEDEX and small words."""
    words = [_SAINTS.get(w, w) for w in fold(text).split() if not w.isdigit() and w not in ("CEDEX", *_SMALL)]
    return "".join(words)
