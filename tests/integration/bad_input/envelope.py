"""Keys and headers that do not say what the message says."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

from schemas.topics import (
    AUTHENTICATION_REQUESTS,
    AUTHENTICATION_RESULTS,
    AUTHN_REQUESTS,
    CHALLENGES,
    MANDATE_DECISIONS,
    SIGNATURE_ANSWERS,
)
from tests.integration.bad_input import stops
from tests.integration.bad_input.rows import (
    UNHARMED,
    Layer,
    Row,
    dead,
)
from tests.support.forge import with_headers

ROWS = (
    Row(
        "`ce_type` of another message",
        AUTHN_REQUESTS,
        lambda p: with_headers(p.good, ce_type="nl.herken.cancellation.v1"),
        dead("type_refused"),
        (Layer((stops.CE_TYPE,), UNHARMED),),
    ),
    Row(
        "`ce_type` of a second version",
        AUTHENTICATION_REQUESTS,
        lambda p: with_headers(p.good, ce_type="nl.herken.authentication-request.v2"),
        dead("type_refused"),
        (Layer((stops.CE_TYPE,), UNHARMED),),
    ),
    Row(
        "`ce_type` that is not UTF-8",
        AUTHN_REQUESTS,
        lambda p: replace(p.good, headers=(*p.good.headers[:3], ("ce_type", b"\xff"))),
        dead("type_refused"),
        (Layer((stops.CE_TYPE,), UNHARMED),),
        on_kafka=False,
    ),
    Row(
        "no headers at all",
        AUTHN_REQUESTS,
        lambda p: replace(p.good, headers=()),
        dead("type_refused"),
        (
            Layer((stops.CE_TYPE,), dead("headers_refused")),
            Layer((stops.CE_HEADERS,), UNHARMED),
        ),
    ),
    Row(
        "no headers at all, from a user",
        SIGNATURE_ANSWERS,
        lambda p: replace(p.good, headers=()),
        dead("type_refused"),
        (Layer((stops.CE_TYPE,), UNHARMED),),
    ),
    Row(
        "`ce_id` that is not the signed ID",
        AUTHN_REQUESTS,
        lambda p: with_headers(p.good, ce_id=uuid4()),
        dead("headers_refused"),
        (Layer((stops.CE_HEADERS,), UNHARMED),),
    ),
    Row(
        "`ce_source` that is not the signed issuer",
        AUTHENTICATION_RESULTS,
        lambda p: with_headers(p.good, ce_source=p.world.entity("dijk")),
        dead("headers_refused"),
        (Layer((stops.CE_HEADERS,), UNHARMED),),
    ),
    Row(
        "a key that is not the request ID",
        AUTHN_REQUESTS,
        lambda p: replace(p.good, key=str(uuid4()).encode()),
        dead("key_refused"),
        (Layer((stops.KEY,), UNHARMED),),
    ),
    Row(
        "an empty key",
        MANDATE_DECISIONS,
        lambda p: replace(p.good, key=b""),
        dead("key_refused"),
        (Layer((stops.KEY,), UNHARMED),),
    ),
    Row(
        "a key that is not UTF-8, from a user",
        SIGNATURE_ANSWERS,
        lambda p: replace(p.good, key=b"\xff\xfe"),
        dead("key_refused"),
        (Layer((stops.KEY,), UNHARMED),),
    ),
    Row(
        "the key of another login, from a user",
        SIGNATURE_ANSWERS,
        lambda p: replace(p.good, key=p.other.record(CHALLENGES).key),
        dead("key_refused"),
        (Layer((stops.KEY,), UNHARMED),),
        on_kafka=False,
    ),
)
