"""Answers that the clients of the benchmark's peers must refuse; prints which of them held.

PYTHON-OF-THE-CLIENTS -m tests.support.peers_clients
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from benchmarks.peers import oidc_logins, saml

_ACS, _REQUEST, _NONCE = "http://127.0.0.1/acs", "_asked", "nonce"
_KEY, _OTHER = (rsa.generate_private_key(65537, 2048) for _ in range(2))


def _certificate(key: rsa.RSAPrivateKey) -> str:
    called = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "party")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(called, called, key.public_key(), 1)
    builder = builder.not_valid_before(now - timedelta(hours=1))
    made = builder.not_valid_after(now + timedelta(hours=1)).sign(key, SHA256())
    return made.public_bytes(Encoding.PEM).decode()


_BROKER = saml.Party("broker", _KEY, _certificate(_KEY), "")
_STRANGER = saml.Party("broker", _OTHER, _certificate(_OTHER), "")
_ME = saml.Party("dienstverlener", _OTHER, "", _certificate(_KEY))


def _response(
    by: saml.Party = _BROKER, asked: str = _REQUEST, audience: str = "dienstverlener"
) -> str:
    return saml.response(by, asked, _ACS, audience, "1234567890")


def _changed(encoded: str, old: str, new: str) -> str:
    return base64.b64encode(base64.b64decode(encoded).replace(old.encode(), new.encode())).decode()


_RESPONSES: dict[str, Callable[[], str]] = {
    "whole": _response,
    "signed by somebody else": lambda: _response(by=_STRANGER),
    "to another request": lambda: _response(asked="_other"),
    "for somebody else": lambda: _response(audience="another"),
    "another person": lambda: _changed(_response(), "1234567890", "1234567891"),
    "no success": lambda: _changed(_response(), "status:Success", "status:Requester"),
}


def _id_token(key: rsa.RSAPrivateKey = _KEY, **changed: Any) -> str:
    claims = {"iss": "realm", "aud": "client", "nonce": _NONCE, "iat": int(time.time())} | changed
    parts = ({"alg": "RS256", "kid": "one"}, claims)
    text = ".".join(_encoded(json.dumps(part).encode()) for part in parts)
    return f"{text}.{_encoded(key.sign(text.encode(), padding.PKCS1v15(), SHA256()))}"


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


_TOKENS: dict[str, Callable[[], str]] = {
    "whole": _id_token,
    "none": lambda: "",
    "signed by somebody else": lambda: _id_token(_OTHER),
    "of another login": lambda: _id_token(nonce="other"),
    "for somebody else": lambda: _id_token(aud="another"),
}


def _holds(require: Callable[[], None]) -> bool:
    try:
        require()
    except Exception:  # whatever it is refused with
        return False
    return True


def _saml(encoded: str) -> None:
    saml.require_answer(_ME, encoded, _REQUEST)


def _oidc(token: str) -> None:
    settings = oidc_logins.Settings("realm", "client", "", "", [], "")
    oidc_logins.require(token, {"one": _KEY.public_key()}, settings, _NONCE)


if __name__ == "__main__":
    found = {
        "saml": {name: _holds(lambda m=made: _saml(m())) for name, made in _RESPONSES.items()},
        "oidc": {name: _holds(lambda m=made: _oidc(m())) for name, made in _TOKENS.items()},
    }
    print(json.dumps(found))  # noqa: T201 -- it is read by a test
