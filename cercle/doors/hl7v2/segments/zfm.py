"""ZFM (PMSI): ways in and out. Table of the product's words in `end_kind`."""

from ..parse import Parsed

HOME, REHAB, RESIDENCE, TRANSFER, DEATH, OTHER = "home", "rehab", "residence", "transfer", "death", "other"


def read(message: Parsed) -> dict[str, str]:
    s = message.first("ZFM")
    return {
        n: s.text(i)[:3].upper()
        for i, n in enumerate(("entry", "exit", "origin", "destination", "urgent"), 1)
        if s.text(i)
    }


def end_kind(zfm: dict[str, str]) -> str:
    """Where the person went; "" when the message does not say."""
    out, to = zfm.get("exit", ""), zfm.get("destination", "")
    if out == "9":
        return DEATH
    if to == "7":
        return RESIDENCE
    if out == "8":
        return HOME
    if out in ("0", "6", "7"):
        return REHAB if to in ("2", "3") else TRANSFER
    return OTHER if out in ("4", "5") else ""


def entry_mode(zfm: dict[str, str]) -> str:
    """A Stay.Entry, or ""."""
    if zfm.get("urgent") or zfm.get("origin") in ("5", "U"):
        return "emergency"
    return "transfer" if zfm.get("entry") in ("0", "6", "7") else ""
