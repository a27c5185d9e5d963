"""The tree against the recursive definition of RFC 6962."""

from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from cercle.base.audit import merkle

leaves = st.lists(st.binary(max_size=20), max_size=70)


def by_definition(data: list[bytes]) -> bytes:
    if not data:
        return sha256(b"").digest()
    if len(data) == 1:
        return sha256(b"\x00" + data[0]).digest()
    k = 1
    while k * 2 < len(data):
        k *= 2
    return sha256(b"\x01" + by_definition(data[:k]) + by_definition(data[k:])).digest()


@given(leaves)
def test_the_streamed_root_is_the_one_of_the_definition(data):
    assert merkle.Tree(data).root() == by_definition(data)


@given(leaves.filter(bool), st.data())
def test_every_leaf_can_be_proved_and_no_other_in_its_place(data, draw):
    index = draw.draw(st.integers(0, len(data) - 1))
    path, root = merkle.proof(data, index), merkle.Tree(data).root()
    assert merkle.root_from_proof(data[index], index, len(data), path) == root
    assert merkle.root_from_proof(data[index] + b"x", index, len(data), path) != root


@given(leaves.filter(bool), st.data())
def test_a_changed_removed_added_or_moved_leaf_changes_the_root(data, draw):
    root, i = merkle.Tree(data).root(), draw.draw(st.integers(0, len(data) - 1))
    assert merkle.Tree([*data[:i], data[i] + b"!", *data[i + 1 :]]).root() != root
    assert merkle.Tree([*data[:i], *data[i + 1 :]]).root() != root
    assert merkle.Tree([*data[:i], b"new", *data[i:]]).root() != root
    other = [*data[i:], *data[:i]]
    assert other == data or merkle.Tree(other).root() != root


def test_two_nodes_cannot_pass_for_a_leaf():
    a, b = merkle.leaf(b"a"), merkle.leaf(b"b")
    assert merkle.Tree([a + b]).root() != merkle.Tree([b"a", b"b"]).root()
