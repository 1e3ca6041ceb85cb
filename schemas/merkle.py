"""Merkle trees: one hash for many texts, and for each text the path that leads from it to there. A
leaf and a node are hashed apart, so that neither is ever taken for the other. Pure.

Source: RFC 9162 2.1, with SHA-256.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Final

HASH_BYTES: Final = 32
_LEAF, _NODE = b"\x00", b"\x01"


def root_and_paths(leaves: Sequence[bytes]) -> tuple[bytes, list[list[bytes]]]:
    """The root of a tree of at least one leaf, and the path of each leaf, lowest node first."""
    levels = [[_leaf(leaf) for leaf in leaves]]
    while len(levels[-1]) > 1:
        levels.append(_above(levels[-1]))
    return levels[-1][0], [_path(levels[:-1], index) for index in range(len(leaves))]


def root_by(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """The root to which a path leads from a leaf, which is number `index` (from 0) of `size`.

    Raises ValueError where the path is not as long as that demands. Source: RFC 9162 2.1.3.2.
    """
    if not 0 <= index < size:
        raise ValueError("no such leaf")
    found = _leaf(leaf)
    for is_left, beside in zip(_turns(index, size), path, strict=True):
        found = _node(beside, found) if is_left else _node(found, beside)
    return found


def _above(level: Sequence[bytes]) -> list[bytes]:
    """The next level: a node for each two; the last one of an odd number goes up as it is."""
    pairs = [_node(left, right) for left, right in zip(level[::2], level[1::2], strict=False)]
    return [*pairs, *level[2 * len(pairs) :]]


def _path(levels: Sequence[Sequence[bytes]], index: int) -> list[bytes]:
    """What stands beside a leaf, and beside the nodes above it."""
    beside = [(level, (index >> height) ^ 1) for height, level in enumerate(levels)]
    return [level[place] for level, place in beside if place < len(level)]


def _turns(index: int, size: int) -> Iterator[bool]:
    """On the way up from a leaf, where something stands beside it: whether that is on the left."""
    last = size - 1
    while last:
        if index & 1 or index < last:
            yield bool(index & 1)
        index, last = index >> 1, last >> 1


def _leaf(text: bytes) -> bytes:
    return sha256(_LEAF + text).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return sha256(_NODE + left + right).digest()
