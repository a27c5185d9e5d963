"""Merkle tree hash of RFC 6962, section 2.1: leaves and nodes hashed apart, so a node can never pass for a leaf."""

from collections.abc import Iterable, Sequence
from hashlib import sha256

EMPTY = sha256(b"").digest()


def leaf(data: bytes) -> bytes:
    return sha256(b"\x00" + data).digest()


def node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


class Tree:
    """The root of a stream of leaves, in memory that grows with the logarithm of their number."""

    __slots__ = ("_peaks", "size")

    def __init__(self, leaves: Iterable[bytes] = ()):
        self._peaks: list[bytes] = []  # roots of the perfect subtrees, one per set bit of size, largest first
        self.size = 0
        for one in leaves:
            self.add(one)

    def add(self, data: bytes) -> None:
        current = sha256(b"\x00" + data).digest()
        size, peaks = self.size, self._peaks
        while size & 1:
            current = sha256(b"\x01" + peaks.pop() + current).digest()
            size >>= 1
        peaks.append(current)
        self.size += 1

    def root(self) -> bytes:
        if not self._peaks:
            return EMPTY
        current = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            current = node(peak, current)
        return current


def proof(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """The audit path of one leaf (RFC 6962, 2.1.1), from the leaf up."""
    if len(leaves) <= 1:
        return []
    split = 1 << (len(leaves) - 1).bit_length() - 1
    if index < split:
        return [*proof(leaves[:split], index), Tree(leaves[split:]).root()]
    return [*proof(leaves[split:], index - split), Tree(leaves[:split]).root()]


def root_from_proof(data: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """What the root must be if this leaf is the `index`-th of `size`."""
    current, at, last = leaf(data), index, size - 1
    for sibling in path:
        if at & 1 or at == last:
            current = node(sibling, current)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            current = node(current, sibling)
        at, last = at >> 1, last >> 1
    return current
