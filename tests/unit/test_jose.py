"""Signatures and encryption: published vectors, and nothing accepted but the one algorithm."""

from __future__ import annotations

import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable
from functools import cache
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwe, jws
from joserfc.jwk import ECKey, OctKey

from schemas import jose
from schemas.jose import JoseFault, PrivateKey

# RFC 7515, A.3: ES256 over the payload of A.1, with the header {"alg":"ES256"}
A3_X = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
A3_Y = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
A3_D = "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"
A3 = (
    "eyJhbGciOiJFUzI1NiJ9"
    ".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"
    "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
    ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSA"
    "pmWQxfKTUJqPP3-Kg6NU1Q"
)
A3_PAYLOAD = b'{"iss":"joe",\r\n "exp":1300819380,\r\n "http://example.com/is_root":true}'

# RFC 9449, 4.2 and 6.1: a key on P-256 and its thumbprint (RFC 7638 itself shows an RSA key only)
DPOP_JWK = {
    "kty": "EC",
    "crv": "P-256",
    "x": "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs",
    "y": "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA",
}
DPOP_THUMBPRINT = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"

HEADER = {"alg": "ES256", "typ": "nl.herken.test+jwt", "kid": "k" * 43}
NESTED = jose.base64url(b"[" * 20_000)


@cache
def key() -> PrivateKey:
    return jose.new_key()


@cache
def other_key() -> PrivateKey:
    return jose.new_key()


def public() -> tuple[str, str]:
    jwk = jose.public_jwk(key())
    return jwk["x"], jwk["y"]


def part(value: Any) -> str:
    return jose.base64url(json.dumps(value).encode())


def code_of(call: Callable[..., object], *given: Any) -> str:
    with pytest.raises(JoseFault) as raised:
        call(*given)
    return raised.value.code


# --- signatures


def test_signature_holds_when_it_is_that_of_the_rfc() -> None:
    assert jose.verified_payload(A3, A3_X, A3_Y) == A3_PAYLOAD


def test_header_is_refused_when_it_is_that_of_the_rfc_with_neither_typ_nor_kid() -> None:
    assert code_of(jose.header_of, A3) == "header_refused"


def test_private_key_signs_what_its_public_half_verifies() -> None:
    jwk = {"kty": "EC", "crv": "P-256", "x": A3_X, "y": A3_Y, "d": A3_D}
    signed = jose.sign(A3_PAYLOAD, "t", jose.private_key(jwk))
    assert jose.verified_payload(signed, A3_X, A3_Y) == A3_PAYLOAD


@pytest.mark.parametrize("place", range(len(A3)))
def test_signature_fails_when_one_character_is_another(place: int) -> None:
    other = "A" if A3[place] != "A" else "B"
    forged = A3[:place] + other + A3[place + 1 :]
    assert code_of(jose.verified_payload, forged, A3_X, A3_Y) == "signature_invalid"


@pytest.mark.parametrize("signature", ["", "AA", "A" * 86, "A" * 128, "é", "=", "\n"])
def test_signature_fails_when_it_is_none(signature: str) -> None:
    forged = A3.rsplit(".", 1)[0] + "." + signature
    assert code_of(jose.verified_payload, forged, A3_X, A3_Y) == "signature_invalid"


def test_signature_fails_under_another_key() -> None:
    assert code_of(jose.verified_payload, A3, *public()) == "signature_invalid"
    assert code_of(jose.verified_payload, A3, A3_X, A3_X) == "signature_invalid"  # no such point


def test_what_is_signed_comes_back_with_its_header() -> None:
    signed = jose.sign(b"payload", "a-typ", key())
    assert jose.header_of(signed) == jose.Header("a-typ", key().kid)
    assert jose.verified_payload(signed, *public()) == b"payload"
    assert jose.signature_of(signed) == signed.split(".")[2]


def test_a_library_verifies_what_we_sign_and_we_what_it_signs() -> None:
    ours = jose.sign(b"payload", "a-typ", key())
    assert jws.deserialize_compact(ours, key().key, ["ES256"]).payload == b"payload"
    theirs = jws.serialize_compact(HEADER, b"payload", key().key, ["ES256"])
    assert jose.verified_payload(theirs, *public()) == b"payload"


@pytest.mark.parametrize("junk", ["=", "==", "\n", " ", "!", "+", "."])
def test_signature_fails_when_something_is_added_to_it(junk: str) -> None:
    signed = jose.sign(b"payload", "a-typ", key())
    assert code_of(jose.verified_payload, signed + junk, *public()) == "signature_invalid"


def test_signature_fails_when_its_unused_bits_are_others() -> None:
    """Of several texts for the same bytes only one is taken: an ID is the hash of the text."""
    signed = jose.sign(b"payload", "a-typ", key())
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    last = letters[letters.index(signed[-1]) + 1]
    assert code_of(jose.verified_payload, signed[:-1] + last, *public()) == "signature_invalid"


def test_signature_fails_when_the_public_key_was_used_as_a_shared_secret() -> None:
    secret = OctKey.import_key(json.dumps(jose.public_jwk(key())).encode())
    forged = jws.serialize_compact({**HEADER, "alg": "HS256"}, b"x", secret, ["HS256"])
    assert code_of(jose.header_of, forged) == "alg_refused"
    assert code_of(jose.verified_payload, forged, *public()) == "signature_invalid"


ALGORITHMS = ["none", "None", "es256", "ES384", "RS256", "HS256", "EdDSA", "", None, ["ES256"], {}]


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_algorithm_is_refused_when_it_is_not_the_one(alg: object) -> None:
    assert code_of(jose.header_of, f"{part({**HEADER, 'alg': alg})}.e30.AA") == "alg_refused"
    assert code_of(jose.require_algorithm, {"alg": alg}) == "alg_refused"


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "ES256"},
        {"alg": "ES256", "typ": "t"},
        {"alg": "ES256", "kid": "k"},
        {**HEADER, "crit": ["b64"]},
        {**HEADER, "b64": False},
        {**HEADER, "jwk": DPOP_JWK},
        {**HEADER, "jku": "https://example.com/keys"},
        {**HEADER, "typ": 1},
        {**HEADER, "kid": None},
        {**HEADER, "kid": {}},
    ],
)
def test_header_is_refused_when_it_has_a_member_too_few_too_many_or_no_text(
    header: dict[str, object],
) -> None:
    assert code_of(jose.header_of, f"{part(header)}.e30.AA") == "header_refused"


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "..",
        "a.b",
        "a.b.c.d",
        f"{part(HEADER)}..AA",
        f".{part(HEADER)}.AA",
        f"{part([HEADER])}.e30.AA",
        f"{part('ES256')}.e30.AA",
        f"{jose.base64url(b'{')}.e30.AA",
        f"{jose.base64url(bytes([255, 254]))}.e30.AA",
        "é.e30.AA",
    ],
)
def test_token_is_refused_when_it_is_no_jws(token: str) -> None:
    assert code_of(jose.header_of, token) == "not_jws"


# --- keys


def independent_thumbprint(jwk: dict[str, Any]) -> str:
    """RFC 7638, 3: the required members, sorted, without white space."""
    required = {name: jwk[name] for name in ("crv", "kty", "x", "y")}
    return jose.base64url(sha256(json.dumps(required, separators=(",", ":")).encode()).digest())


def test_thumbprint_is_that_of_the_rfc() -> None:
    assert jose.thumbprint(DPOP_JWK) == independent_thumbprint(DPOP_JWK) == DPOP_THUMBPRINT


def test_kid_is_the_thumbprint_of_the_public_half() -> None:
    found = jose.public_jwk(key())
    assert key().kid == jose.thumbprint(found) == independent_thumbprint(found)
    assert set(found) == {"kty", "crv", "x", "y"}


def test_private_key_survives_its_own_json() -> None:
    again = jose.private_key(json.loads(json.dumps(jose.private_jwk(key()))))
    assert again.kid == key().kid
    assert jose.private_jwk(again) == jose.private_jwk(key())


def test_private_key_is_not_shown() -> None:
    secret = jose.private_jwk(key())["d"]
    assert repr(key()) == f"PrivateKey(kid={key().kid!r})"
    assert secret not in f"{key()} {key()!r}"


def test_private_key_is_refused_when_it_is_on_another_curve() -> None:
    other = ECKey.generate_key("P-384").as_dict(private=True)
    with pytest.raises(ValueError, match="P-256"):
        jose.private_key(dict(other))


# --- encryption


def test_what_is_sealed_is_read_by_its_recipient_only() -> None:
    sealed = jose.seal(b"secret", *public(), key().kid)
    assert jose.unseal(sealed, {key().kid: key(), other_key().kid: other_key()}) == b"secret"
    assert code_of(jose.unseal, sealed, {other_key().kid: other_key()}) == "not_for_us"
    assert code_of(jose.unseal, sealed, {key().kid: other_key()}) == "seal_broken"


def test_a_library_reads_what_we_seal_and_we_what_it_seals() -> None:
    algorithms = ["ECDH-ES", "A256GCM"]
    ours = jose.seal(b"secret", *public(), key().kid)
    assert jwe.decrypt_compact(ours, key().key, algorithms).plaintext == b"secret"
    header = {"alg": "ECDH-ES", "enc": "A256GCM", "kid": key().kid}
    theirs = jwe.encrypt_compact(header, b"secret", key().key, algorithms)
    assert jose.unseal(theirs, {key().kid: key()}) == b"secret"


def test_agreement_serves_for_seconds_and_never_twice_the_same_seal() -> None:
    sealer, at = jose.Sealer(), 1000.0
    sealed = [sealer.seal(b"secret", *public(), key().kid, at) for at in (at, at + 9.9, at + 10.0)]
    headers = [each.split(".")[0] for each in sealed]
    assert headers[0] == headers[1] != headers[2]
    assert len(set(sealed)) == len({each.split(".")[2] for each in sealed}) == 3
    for each in sealed:
        assert jose.unseal(each, {key().kid: key()}) == b"secret"
        assert jwe.decrypt_compact(each, key().key, ["ECDH-ES", "A256GCM"]).plaintext == b"secret"


def test_agreement_is_made_anew_when_the_clock_goes_back() -> None:
    sealer = jose.Sealer()
    first, second = (sealer.seal(b"secret", *public(), key().kid, at) for at in (1000.0, 999.0))
    assert first.split(".")[0] != second.split(".")[0]


def test_agreement_is_with_one_recipient_only() -> None:
    sealer, jwk = jose.Sealer(), jose.public_jwk(other_key())
    mine = sealer.seal(b"secret", *public(), key().kid, 1.0)
    theirs = sealer.seal(b"secret", jwk["x"], jwk["y"], other_key().kid, 1.0)
    assert mine.split(".")[0] != theirs.split(".")[0]
    assert jose.unseal(theirs, {other_key().kid: other_key()}) == b"secret"
    assert code_of(jose.unseal, mine, {other_key().kid: other_key()}) == "not_for_us"


def test_seal_is_broken_when_a_part_is_of_another_of_the_same_agreement() -> None:
    sealer = jose.Sealer()
    one, two = (sealer.seal(t, *public(), key().kid, 1.0).split(".") for t in (b"one", b"two"))
    for place in (2, 3, 4):
        mixed = ".".join([*one[:place], two[place], *one[place + 1 :]])
        assert code_of(jose.unseal, mixed, {key().kid: key()}) == "seal_broken"


OFF_THE_CURVE = {"kty": "EC", "crv": "P-256", "x": A3_X, "y": A3_X}


@pytest.mark.parametrize(
    "epk",
    [
        None,
        "epk",
        {},
        OFF_THE_CURVE,
        {**DPOP_JWK, "crv": "P-384"},
        {**DPOP_JWK, "kty": "OKP"},
        {**DPOP_JWK, "d": A3_D},
        {**DPOP_JWK, "x": 1},
        {**DPOP_JWK, "x": DPOP_JWK["x"] + "="},
    ],
)
def test_seal_is_broken_when_its_ephemeral_key_is_none(epk: object) -> None:
    """A point off the curve would give the key away bit by bit. Source: RFC 8725 2.5."""
    _, *rest = jose.seal(b"secret", *public(), key().kid).split(".")
    header = {"alg": "ECDH-ES", "enc": "A256GCM", "kid": key().kid, "epk": epk}
    assert code_of(jose.unseal, ".".join([part(header), *rest]), {key().kid: key()}) == (
        "seal_broken"
    )


@pytest.mark.parametrize("more", [{"typ": "t"}, {"cty": "t"}, {"apu": "QQ"}])
def test_seal_is_broken_when_its_header_has_a_member_more(more: dict[str, object]) -> None:
    header = {"alg": "ECDH-ES", "enc": "A256GCM", "kid": key().kid, **more}
    sealed = jwe.encrypt_compact(header, b"secret", key().key, ["ECDH-ES", "A256GCM"])
    assert code_of(jose.unseal, sealed, {key().kid: key()}) == "seal_broken"


def test_what_is_sealed_twice_differs() -> None:
    once, again = (jose.seal(b"secret", *public(), key().kid) for _ in range(2))
    assert once != again


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_seal_is_broken_when_a_part_is_another(number: int) -> None:
    parts = jose.seal(b"a secret of some length", *public(), key().kid).split(".")
    parts[number] = "A" * max(len(parts[number]), 1)
    assert code_of(jose.unseal, ".".join(parts), {key().kid: key()}) == "seal_broken"


@pytest.mark.parametrize(
    ("alg", "enc"),
    [("ECDH-ES+A256KW", "A256GCM"), ("ECDH-ES", "A128GCM"), ("ECDH-ES", "A128CBC-HS256")],
)
def test_seal_is_refused_when_its_algorithms_are_others(alg: str, enc: str) -> None:
    header = {"alg": alg, "enc": enc, "kid": key().kid}
    sealed = jwe.encrypt_compact(header, b"x", key().key, [alg, enc])
    assert code_of(jose.unseal, sealed, {key().kid: key()}) == "seal_broken"


def test_seal_is_refused_when_it_is_compressed() -> None:
    """A small secret must not become a large one. Source: RFC 8725 3.6."""
    header = {"alg": "ECDH-ES", "enc": "A256GCM", "kid": key().kid, "zip": "DEF"}
    algorithms = ["ECDH-ES", "A256GCM", "DEF"]
    sealed = jwe.encrypt_compact(header, b"a" * 200_000, key().key, algorithms)
    assert code_of(jose.unseal, sealed, {key().kid: key()}) == "seal_broken"


@pytest.mark.parametrize("token", ["", "....", "é.b.c.d.e", f"{part([])}.b.c.d.e", "a.b.c.d.e"])
def test_seal_is_refused_when_it_is_no_jwe(token: str) -> None:
    assert code_of(jose.unseal, token, {}) == "not_jwe"


@pytest.mark.parametrize("kid", [None, 1, [], {}, "k"])
def test_seal_is_refused_when_it_names_no_key_of_ours(kid: object) -> None:
    token = part({"alg": "ECDH-ES", "kid": kid}) + ".b.c.d.e"
    assert code_of(jose.unseal, token, {key().kid: key()}) == "not_for_us"


# --- encoding


def test_digest_is_sha_256_in_base64url() -> None:
    """FIPS 180-2, B.1."""
    assert jose.digest(b"abc") == "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0"


@pytest.mark.parametrize("length", range(6))
def test_base64url_has_no_padding_and_comes_back(length: int) -> None:
    data = hmac.digest(b"", b"", "sha256")[:length]
    assert "=" not in jose.base64url(data)
    assert jose.decode_base64url(jose.base64url(data)) == data


@pytest.mark.parametrize(
    "text", ["é", "A", "AAAAA", "\udc80", "AA==", "A===", "++++", "//8", "AA\n"]
)
def test_base64url_is_refused_when_it_is_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"base64|surrogates|padding"):
        jose.decode_base64url(text)


@given(st.binary(max_size=99))
def test_base64url_is_the_standard_librarys(data: bytes) -> None:
    assert jose.base64url(data) == urlsafe_b64encode(data).decode().rstrip("=")
    assert jose.decode_base64url(jose.base64url(data)) == data


@given(st.text(alphabet="AQgw-_+/=!\n é", max_size=12))
def test_base64url_has_one_text_for_its_bytes(text: str) -> None:
    try:
        data = jose.decode_base64url(text)
    except ValueError:
        return
    assert jose.base64url(data) == text


# --- one signature for several


TYPS = ("one+jwt", "two+jwt", "three+jwt")


def together(size: int = 3) -> list[str]:
    return jose.sign_all([(b"payload %d" % n, TYPS[n % 3]) for n in range(size)], key())


def tree_part(token: str) -> bytes:
    """Signature (64 bytes), index (4), size (4), path."""
    return jose.decode_base64url(jose.signature_of(token))


def with_part(token: str, part: bytes) -> str:
    return f"{token.rsplit('.', 1)[0]}.{jose.base64url(part)}"


@pytest.mark.parametrize("size", range(2, 21))
def test_each_of_several_stands_by_itself(size: int) -> None:
    signed = together(size)
    for n, token in enumerate(signed):
        assert jose.header_of(token) == jose.Header(TYPS[n % 3], key().kid)
        assert jose.verified_payload(token, *public()) == b"payload %d" % n
    parts = [tree_part(token) for token in signed]
    assert len({part[:64] for part in parts}) == 1
    assert [(part[64:68], part[68:72]) for part in parts] == [
        (n.to_bytes(4, "big"), size.to_bytes(4, "big")) for n in range(size)
    ]
    assert len({jose.signature_of(token) for token in signed}) == size


def test_one_alone_is_signed_as_ever_and_nothing_is_nothing() -> None:
    (alone,) = jose.sign_all([(b"payload", "a-typ")], key())
    assert jws.deserialize_compact(alone, key().key, ["ES256"]).payload == b"payload"
    assert jose.sign_all([], key()) == []


def test_very_many_are_signed_by_256() -> None:
    signed = together(2 * jose.MOST_LEAVES + 1)
    parts = [tree_part(token) for token in signed]
    assert [len({p[:64] for p in parts[at : at + 256]}) for at in (0, 256, 512)] == [1, 1, 1]
    assert len(parts[-1]) == 64
    for token in (signed[0], signed[255], signed[256], signed[-1]):
        assert jose.verified_payload(token, *public()).startswith(b"payload")
    longest = max(len(jose.signature_of(token)) for token in signed)
    assert longest == 438  # what `schemas.values.SignatureValue` allows


def test_root_is_verified_once_and_a_wrong_one_never_remembered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[int] = []
    real = jose._require_signed

    def counted(*given: Any) -> None:
        seen.append(1)
        real(*given)

    monkeypatch.setattr(jose, "_require_signed", counted)
    signed = together(20)
    for token in (*signed, *signed):
        jose.verified_payload(token, *public())
    assert len(seen) == 1
    jwk = jose.public_jwk(other_key())
    for _ in range(2):  # a remembered root is of one key only
        assert code_of(jose.verified_payload, signed[0], jwk["x"], jwk["y"]) == "signature_invalid"
    assert len(seen) == 3


def forged_parts(part: bytes) -> dict[str, bytes]:
    """A tree's signature part, of the second of three, altered in each of its regions."""
    signature, index, size, path = part[:64], part[64:68], part[68:72], part[72:]
    return {
        "another signature": bytes(reversed(signature)) + index + size + path,
        "no signature": bytes(64) + index + size + path,
        "the place of another": signature + bytes(4) + size + path,
        "the place after it": signature + b"\0\0\0\2" + size + path,
        "a place that is not there": signature + b"\0\0\0\3" + size + path,
        "a place far away": signature + b"\xff\xff\xff\xff" + size + path,
        "size 0": signature + index + bytes(4) + path,
        "size 1": signature + bytes(4) + b"\0\0\0\1" + path,
        "size 1, no path": signature + bytes(4) + b"\0\0\0\1",
        "size 2": signature + index + b"\0\0\0\2" + path,
        "size 4, of the same height": signature + index + b"\0\0\0\4" + path,
        "size 257": signature + index + b"\0\0\1\1" + path,
        "a size that is too large": signature + index + b"\xff\xff\xff\xff" + path,
        "a path that is too short": part[:-32],
        "no path": part[:72],
        "a path that is too long": part + bytes(32),
        "a path in another order": part[:72] + path[32:] + path[:32],
        "a byte more": part + b"\0",
        "a byte less": part[:-1],
        "no place": part[:64],
        "half a size": part[:70],
        "nothing": b"",
    }


@pytest.mark.parametrize("what", forged_parts(bytes(136)))
def test_signature_fails_when_the_tree_is_altered(what: str) -> None:
    token = together()[1]
    part = tree_part(token)
    assert with_part(token, part) == token
    forged = with_part(token, forged_parts(part)[what])
    assert code_of(jose.verified_payload, forged, *public()) == "signature_invalid"


@pytest.mark.parametrize("size", [1, jose.MOST_LEAVES + 1])
def test_signature_fails_in_a_tree_of_one_or_of_too_many(size: int) -> None:
    """Though its root is rightly signed."""
    token = jose._sign_tree([(b"payload %d" % n, "a-typ") for n in range(size)], key())[0]
    assert code_of(jose.verified_payload, token, *public()) == "signature_invalid"


def test_signature_fails_when_any_one_bit_is_another() -> None:
    token = together(5)[3]
    part = tree_part(token)
    for bit in range(8 * len(part)):
        other = (int.from_bytes(part, "big") ^ 1 << bit).to_bytes(len(part), "big")
        forged = with_part(token, other)
        assert code_of(jose.verified_payload, forged, *public()) == "signature_invalid"


def test_signature_fails_when_one_character_of_one_in_a_tree_is_another() -> None:
    token = together()[2]
    for place, old in enumerate(token):
        forged = token[:place] + ("A" if old != "A" else "B") + token[place + 1 :]
        assert code_of(jose.verified_payload, forged, *public()) == "signature_invalid"


def test_signature_fails_with_the_path_of_another() -> None:
    one, two, _ = together()
    mixed = f"{one.rsplit('.', 1)[0]}.{jose.signature_of(two)}"
    assert code_of(jose.verified_payload, mixed, *public()) == "signature_invalid"


def test_signature_fails_under_the_other_algorithm() -> None:
    """Rightly made, but the header says otherwise: a header is a part of what is signed."""
    token, alone = together()[0], jose.sign(b"payload 0", TYPS[0], key())
    as_alone = f"{alone.rsplit('.', 1)[0]}.{jose.signature_of(token)}"
    as_tree = f"{token.rsplit('.', 1)[0]}.{jose.signature_of(alone)}"
    for forged in (as_alone, as_tree, with_part(token, tree_part(token)[:64])):
        assert code_of(jose.verified_payload, forged, *public()) == "signature_invalid"


def test_signature_of_a_text_is_not_taken_for_that_of_a_root() -> None:
    """Who is made to sign the bytes of a root as if they were a message signs no root: what is
    signed of a root says so, with characters that no signing input has."""
    head = jose._written(jose.TREE_ALGORITHM, "a-typ", key().kid)
    texts = [f"{head}.{jose.base64url(each)}".encode() for each in (b"one", b"two")]
    root, paths = jose.merkle.root_and_paths(texts)
    tail = b"\0\0\0\0\0\0\0\2" + paths[0][0]
    wrong, right = (
        jose._signature(prefix + b"\0\0\0\2" + root, key()) for prefix in (b"", jose._ROOT_CONTEXT)
    )
    forged = f"{texts[0].decode()}.{jose.base64url(wrong + tail)}"
    assert code_of(jose.verified_payload, forged, *public()) == "signature_invalid"
    whole = f"{texts[0].decode()}.{jose.base64url(right + tail)}"
    assert jose.verified_payload(whole, *public()) == b"one"
    letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."
    assert not set(jose._ROOT_CONTEXT) <= set(letters)
