"""Reads YAML so that every value knows its line, and nothing is read in two ways.

Refused are: a field that stands twice, numbers and words that YAML readers do not agree about,
tags, control characters. No text of the file is repeated, because it may be a password.
"""

from __future__ import annotations

import re

_MAX_DEPTH = 20
_MAX_VALUES = 1_000_000
_KINDS = ("null", "bool", "int", "float", "str", "timestamp", "value", "merge", "map", "seq")
_BOOL, _NUMBER, _MERGE = "bool", ("int", "float"), "merge"
_PLAIN_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?")
_LEADING_ZERO = re.compile(r"[-+]?0[0-9]+")
_CONTROL = re.compile(
    "[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufffe\uffff]"
)
_FRACTION = 0.5
_TAB = (r"'\t'", "indent with spaces, not with a tab")
_SAID = (
    _TAB,
    (
        "mapping values are not allowed",
        "a second ':' on one line, or a line indented too far: "
        "quote a text with ': ' in it, and begin the fields of one thing in the same column",
    ),
    ("could not find expected ':'", "a ':' lacks: write each field as `name: value`"),
    (
        "expected <block end>",
        "this is indented differently from what it belongs to: begin the "
        "fields (or the '-') of one thing in the same column",
    ),
    (
        "sequence entries are not allowed",
        "a '-' cannot stand here: begin the list on a line of its own",
    ),
    ("expected ',' or '}'", "a { } is not closed, or a ',' lacks in it"),
    ("expected ',' or ']'", "a [ ] is not closed, or a ',' lacks in it"),
    ("found unexpected end of stream", "a quote is opened here and never closed"),
    ("found unexpected document separator", "a quote is opened here and never closed"),
    ("alias", "a text that begins with '*' or '&' must be in quotes"),
    ("anchor", "a text that begins with '*' or '&' must be in quotes, and an anchor stands once"),
    ("tag", "a text that begins with '!' must be in quotes"),
    (
        "unknown escape character",
        "after a \\ in a \"...\" text comes an escape: write \\\\, or use '...'",
    ),
    ("escape sequence", "after a \\ in a \"...\" text comes an escape: write \\\\, or use '...'"),
    ("cannot start any token", "a text cannot begin with this character: put it in quotes"),
    ("special characters", "there is a control character: remove it"),
    ("single document", "a file holds one scenario: remove the '---' and what follows"),
    ("but found another document", "a file holds one scenario: remove the '---' and what follows"),
)
