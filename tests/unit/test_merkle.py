"""Merkle trees: published vectors, the RFC's own definitions, and no path but the right one."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.merkle import root_and_paths, root_by

# The leaves and roots that implementations of Certificate Transparency are tested with.
LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
SIZES = range(1, 21)


def leaves(size: int) -> list[bytes]:
    return [b"leaf %d" % number for number in range(size)]


def defined_root(some: Sequence[bytes]) -> bytes:
    """RFC 9162 2.1.1, word for word."""
    if len(some) == 1:
        return sha256(b"\x00" + some[0]).digest()
    k = split(len(some))
    return sha256(b"\x01" + defined_root(some[:k]) + defined_root(some[k:])).digest()


def defined_path(m: int, some: Sequence[bytes]) -> list[bytes]:
    """RFC 9162 2.1.3.1, word for word."""
    if len(some) == 1:
        return []
    k = split(len(some))
    if m < k:
        return [*defined_path(m, some[:k]), defined_root(some[k:])]
    return [*defined_path(m - k, some[k:]), defined_root(some[:k])]


def split(n: int) -> int:
    """The largest power of two that is smaller than n."""
    return 1 << (n - 1).bit_length() - 1


@pytest.mark.parametrize("size", range(1, 9))
def test_root_is_the_published_one(size: int) -> None:
    assert root_and_paths(LEAVES[:size])[0].hex() == ROOTS[size - 1]


@pytest.mark.parametrize("size", SIZES)
def test_root_and_paths_are_those_of_the_rfc(size: int) -> None:
    some = leaves(size)
    paths = [defined_path(m, some) for m in range(size)]
    assert root_and_paths(some) == (defined_root(some), paths)


def test_paths_of_seven_leaves_are_the_example_of_the_rfc() -> None:
    """RFC 9162 2.1.5."""
    d = leaves(7)
    a, b, c, _, _, f, _ = (defined_root([each]) for each in d)
    g, h, i, j = (defined_root(d[start : start + 2]) for start in (0, 2, 4, 6))
    k, l_ = defined_root(d[:4]), defined_root(d[4:])
    paths = root_and_paths(d)[1]
    assert (paths[0], paths[3]) == ([b, h, l_], [c, g, l_])
    assert (paths[4], paths[6]) == ([f, j, k], [i, k])
    assert a not in (node for path in (paths[0], *paths[2:]) for node in path)


@pytest.mark.parametrize("size", SIZES)
def test_every_path_leads_to_the_root_from_its_own_leaf_and_place_only(size: int) -> None:
    some = leaves(size)
    root, paths = root_and_paths(some)
    for leaf, own in zip(some, range(size), strict=True):
        led = {at for at in range(size) if leads(leaf, at, size, paths[own], root)}
        assert led == {own}
        assert not any(leads(each, own, size, paths[own], root) for each in some if each != leaf)


def leads(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    try:
        return root_by(leaf, index, size, path) == root
    except ValueError:
        return False


@given(st.data())
def test_path_leads_elsewhere_when_one_bit_is_another(data: st.DataObject) -> None:
    size = data.draw(st.integers(2, 70))
    index = data.draw(st.integers(0, size - 1))
    some = leaves(size)
    root, paths = root_and_paths(some)
    assert root_by(some[index], index, size, paths[index]) == root
    path = b"".join(paths[index])
    bit = data.draw(st.integers(0, 8 * len(path) - 1))
    other = flipped(path, bit)
    nodes = [other[at : at + 32] for at in range(0, len(other), 32)]
    assert root_by(some[index], index, size, nodes) != root


def flipped(data: bytes, bit: int) -> bytes:
    number = int.from_bytes(data, "big") ^ 1 << bit
    return number.to_bytes(len(data), "big")


@pytest.mark.parametrize("size", SIZES)
def test_path_is_refused_when_it_is_too_short_or_too_long(size: int) -> None:
    some = leaves(size)
    _, paths = root_and_paths(some)
    for index, (leaf, path) in enumerate(zip(some, paths, strict=True)):
        for wrong in ([*path, bytes(32)], path[1:] if path else [bytes(32)]):
            with pytest.raises(ValueError, match="zip"):
                root_by(leaf, index, size, wrong)


@pytest.mark.parametrize(("index", "size"), [(0, 0), (1, 1), (5, 5), (-1, 5), (9, 5)])
def test_leaf_is_refused_when_there_is_no_such_one(index: int, size: int) -> None:
    with pytest.raises(ValueError, match="no such leaf"):
        root_by(b"leaf", index, size, [bytes(32)] * 3)


def test_node_is_not_taken_for_a_leaf() -> None:
    """Two hashes one after the other, given out as one message. Source: RFC 9162 2.1.1."""
    some = leaves(4)
    root, _ = root_and_paths(some)
    halves = defined_root(some[:2]) + defined_root(some[2:])
    assert root_by(halves, 0, 1, []) != root
    assert sha256(b"\x01" + halves).digest() == root
