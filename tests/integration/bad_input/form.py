"""Values that are no message: too large, no text, no JWS, no JSON, not the fields of one."""

from __future__ import annotations

from dataclasses import replace

from schemas.codec import MAX_VALUE_BYTES, Record
from schemas.topics import (
    AUTHENTICATION_RESULTS,
    AUTHN_REQUESTS,
    MANDATE_QUERIES,
    SIGNATURE_ANSWERS,
)
from tests.integration.bad_input import stops
from tests.integration.bad_input.rows import (
    TAKEN,
    UNHARMED,
    Layer,
    Row,
    dead,
)
from tests.support.forge import DROP, Place

TWO_MEGABYTES = 2_000_000


def with_value(place: Place, value: bytes) -> Record:
    return replace(place.good, value=value)


ROWS = (
    Row(
        "a value that is no JWS",
        AUTHN_REQUESTS,
        lambda p: with_value(p, b"good morning"),
        dead("not_jws"),
        (
            Layer((stops.FORM,), dead("signature_invalid")),
            Layer((stops.SIGNATURE,), dead("claims_malformed")),
        ),
    ),
    Row(
        "an empty value",
        AUTHENTICATION_RESULTS,
        lambda p: with_value(p, b""),
        dead("not_jws"),
        (Layer((stops.FORM,), dead("typ_refused")),),
    ),
    Row(
        "a value that is not UTF-8, on a signed topic",
        AUTHN_REQUESTS,
        lambda p: with_value(p, p.good.value[:50] + b"\xff" + p.good.value[50:]),
        dead("not_utf8"),
        (Layer((stops.UTF8,), UNHARMED),),
    ),
    Row(
        "a value that is not UTF-8, on a user's topic",
        SIGNATURE_ANSWERS,
        lambda p: with_value(p, p.good.value[:50] + b"\xff" + p.good.value[50:]),
        dead("not_utf8"),
        (Layer((stops.UTF8,), UNHARMED),),
    ),
    Row(
        "a JWS without its last ten characters",
        AUTHN_REQUESTS,
        lambda p: with_value(p, p.good.value[:-10]),
        dead("signature_invalid"),
        (Layer((stops.SIGNATURE,), UNHARMED),),
    ),
    Row(
        "a JWS cut in the middle",
        MANDATE_QUERIES,
        lambda p: with_value(p, p.good.value[: len(p.good.value) // 2]),
        dead("not_jws"),
        (Layer((stops.FORM,), dead("signature_invalid")),),
    ),
    Row(
        "a value one byte over the codec's limit",
        SIGNATURE_ANSWERS,
        lambda p: with_value(p, p.good.value.ljust(MAX_VALUE_BYTES + 1)),
        dead("too_large"),
        (Layer((stops.SIZE,), TAKEN),),
    ),
    Row(
        "a value of 2 MB, on a signed topic",
        AUTHN_REQUESTS,
        lambda p: with_value(p, p.good.value.ljust(TWO_MEGABYTES, b"A")),
        dead("too_large"),
        (
            Layer((stops.SIZE,), dead("signature_invalid")),
            Layer((stops.SIGNATURE,), dead("handler_failed")),
        ),
    ),
    Row(
        "a value of 2 MB, on a user's topic",
        SIGNATURE_ANSWERS,
        lambda p: with_value(p, p.good.value.ljust(TWO_MEGABYTES)),
        dead("too_large"),
        (Layer((stops.SIZE,), TAKEN),),
    ),
    Row(
        "a JWS that is too long to be evidence",
        AUTHN_REQUESTS,
        lambda p: p.signed(claims={"aud": [p.world.entity("polder")] * 1_000}),
        dead("too_large"),
        (Layer((stops.SIZE,), dead("handler_failed")),),
    ),
    Row(
        "a value that is not JSON, from a user",
        SIGNATURE_ANSWERS,
        lambda p: with_value(p, b"{nonce: 1}"),
        dead("not_json"),
        (Layer((stops.JSON,), dead("message_malformed")),),
    ),
    Row(
        "a JSON list, from a user",
        SIGNATURE_ANSWERS,
        lambda p: with_value(p, b"[1, 2]"),
        dead("not_json"),
        (Layer((stops.JSON,), dead("message_malformed")),),
    ),
    Row(
        "JSON 15,000 levels deep, from a user",
        SIGNATURE_ANSWERS,
        lambda p: with_value(p, b"[" * 15_000 + b"]" * 15_000),
        dead("not_json"),
        (Layer((stops.JSON,), dead("message_malformed")),),
    ),
    Row(
        "an unknown field, from a user",
        SIGNATURE_ANSWERS,
        lambda p: p.written(colour="blue"),
        dead("message_malformed"),
        (Layer((stops.CONTENT,), TAKEN),),
    ),
    Row(
        "a field that is missing, from a user",
        SIGNATURE_ANSWERS,
        lambda p: p.written(nonce=DROP),
        dead("message_malformed"),
        (Layer((stops.CONTENT,), dead("handler_failed")),),
    ),
    Row(
        "a secret in the clear, from a user",
        SIGNATURE_ANSWERS,
        lambda p: p.written(secret="zeven-zeilen-op-zondag"),
        dead("message_malformed"),
        (Layer((stops.CONTENT,), dead("not_jwe")),),
    ),
    Row(
        "an answer without a request ID",
        SIGNATURE_ANSWERS,
        lambda p: p.written(request_id=DROP),
        dead("message_malformed"),
        (Layer((stops.CONTENT,), dead("key_refused")),),
    ),
)
