"""A line of the log is one JSON document, whatever is in it."""

from __future__ import annotations

import json

import pytest

from pipeline.logs import _json


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("één", "één"),
        ("\ud800", "\ud800"),
        (b"aa.bb", "aa.bb"),
        (b"\xff", "b'\\xff'"),
        (ValueError, "<class 'ValueError'>"),
    ],
)
def test_whatever_is_logged_is_json(value: object, shown: str) -> None:
    line = _json({"event": "handled", "value": value}, default=repr)
    assert json.loads(line) == {"event": "handled", "value": shown}
    assert "\n" not in line
