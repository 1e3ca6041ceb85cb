"""Messages that say that they are signed in a tree, as they are not."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

from schemas.codec import Record
from schemas.jose import MOST_LEAVES, TREE_ALGORITHM, PrivateKey, base64url, new_key
from schemas.topics import AUTHN_REQUESTS
from tests.integration.bad_input import stops
from tests.integration.bad_input.rows import UNHARMED, Layer, Row, dead
from tests.support.forge import Part, Place, Token, bytes_of, carrying, signed, tree

DIENSTVERLENER = "zuiveringsschap"
Change = Callable[[Part], bytes]


def _in_tree(
    place: Place,
    change: Change = bytes_of,
    size: int = 3,
    key: PrivateKey | None = None,
    algorithm: str = TREE_ALGORITHM,
) -> Record:
    """The good request, the last but one of a tree; `change` makes its signature part another."""
    tokens = [Token.read(place.signed().value.decode()) for _ in range(size)]
    found = tree(tokens, key or place.world.signing(DIENSTVERLENER), algorithm)
    text, part = found[max(size - 2, 0)]
    return carrying(place.good, f"{text}.{base64url(change(part))}")


def _alone_as_in_a_tree(place: Place) -> Record:
    """Its own signature, over the header of one in a tree."""
    token, key = Token.read(place.signed().value.decode()), place.world.signing(DIENSTVERLENER)
    header = {**token.header, "alg": TREE_ALGORITHM}
    return carrying(place.good, signed(header, json.dumps(token.claims).encode(), key))


def _row(name: str, change: Change, size: int = 3) -> Row:
    return _forged(name, lambda place: _in_tree(place, change, size))


def _forged(name: str, forge: Callable[[Place], Record]) -> Row:
    layers = (Layer((stops.SIGNATURE,), UNHARMED),)
    return Row(name, AUTHN_REQUESTS, forge, dead("signature_invalid"), layers)


ROWS = (
    _forged(
        "in a tree whose root another key signed", lambda place: _in_tree(place, key=new_key())
    ),
    _row(
        "in a tree whose root is signed as if it were a message",
        lambda part: bytes_of(replace(part, signature=part.bare)),
    ),
    _row("in a tree, with the path of another message", lambda part: bytes_of(part.beside)),
    _row("in a tree, without the path", lambda part: bytes_of(replace(part, path=()))),
    _row("in a tree, a path that is too short", lambda part: bytes_of(part)[:-32]),
    _row("in a tree, a path that is too long", lambda part: bytes_of(part) + bytes(32)),
    _row("in a tree, a byte left over", lambda part: bytes_of(part) + b"\0"),
    _row("in a tree, in another's place", lambda part: bytes_of(replace(part, index=0))),
    _row("in a tree, in a place that is not there", lambda part: bytes_of(replace(part, index=3))),
    _row("in a tree of another size", lambda part: bytes_of(replace(part, size=4))),
    _row("in a tree of nothing", lambda part: bytes_of(replace(part, size=0))),
    _row("in a tree of one, rightly signed", bytes_of, size=1),
    _row("in a tree of 257, rightly signed", bytes_of, size=MOST_LEAVES + 1),
    _row("in a tree, with nothing but its root's signature", lambda part: part.signature),
    _forged(
        "algorithm ES256, but signed in a tree", lambda place: _in_tree(place, algorithm="ES256")
    ),
    _forged("algorithm of a tree, but signed by itself", _alone_as_in_a_tree),
)
