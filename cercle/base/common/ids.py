"""uuidv7 made here, for rows whose key must be known before the insert (bulk loads, demo)."""

import os
import time
import uuid


def uuid7(ms: int | None = None) -> uuid.UUID:
    """RFC 9562 version 7. `ms`: Unix milliseconds, to date a row of the past; default now."""
    stamp = (time.time_ns() // 1_000_000 if ms is None else ms) & 0xFFFF_FFFF_FFFF
    tail = int.from_bytes(os.urandom(10), "big")
    value = stamp << 80 | 0x7 << 76 | (tail >> 68) << 64 | 0b10 << 62 | (tail & ((1 << 62) - 1))
    return uuid.UUID(int=value)
