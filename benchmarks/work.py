"""What a direct login with a signing key costs in cryptography, and nothing else of it.

    dienstverlener -1-> makelaar -2-> provider -3-> user -4-> provider -5-> makelaar
                   -6-> registry -7-> makelaar -8-> dienstverlener

Each message is as long as herken's, and holds the tokens that are verified and opened later: 8
signatures, 11 verifications, 4 JWE made and 4 read, each by itself, as most designs do it: what
herken saves by one signature a batch and one key agreement for some seconds, it saves against this.
A test plays a real login and counts the same operations over as many bytes. There are no rules
here, no messages to decode, and what herken keeps in Postgres is kept in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from schemas import jose
from schemas.jose import PrivateKey, public_jwk

LENGTHS = (865, 994, 828, 1128, 1835, 3425, 2738, 8188)
"""Of the messages 1 to 8, in bytes."""
HEADER_BYTES = 280
"""Of a record's headers, all of them together."""
DIENSTVERLENER, USER = "dienstverlener", "user"
MAKELAAR, PROVIDER, REGISTRY = "makelaar", "provider", "registry"
WORKERS = (MAKELAAR, PROVIDER, REGISTRY)
PARTIES = (DIENSTVERLENER, USER, *WORKERS)
_TYP = "nl.herken.authentication-result.v1+jwt"
_FILLER, _BETWEEN = ".", "\n"

Handler = Callable[[bytes, str], str]
"""A login's ID and a message, to the next message."""


class Jose:
    """herken's own cryptography. `size`: bytes that are signed or sealed. `tokens`: what is in
    them, and can be read again."""

    def __init__(self, keys: Mapping[str, PrivateKey]) -> None:
        self._keys = keys
        self._public = {name: public_jwk(key) for name, key in keys.items()}

    def sign(self, by: str, size: int, *tokens: str) -> str:
        return jose.sign(_filled(size, tokens).encode(), _TYP, self._keys[by])

    def verify(self, token: str, by: str) -> list[str]:
        """Raises JoseFault."""
        public = self._public[by]
        return _tokens(jose.verified_payload(token, public["x"], public["y"]).decode())

    def seal(self, size: int, recipient: str, *tokens: str) -> str:
        return jose.seal(_filled(size, tokens).encode(), *self._recipient(recipient))

    def _recipient(self, name: str) -> tuple[str, str, str]:
        return self._public[name]["x"], self._public[name]["y"], self._keys[name].kid

    def open(self, token: str, recipient: str) -> list[str]:
        """Raises JoseFault."""
        key = self._keys[recipient]
        return _tokens(jose.unseal(token, {key.kid: key}).decode())


def _filled(size: int, tokens: tuple[str, ...]) -> str:
    return _BETWEEN.join((*tokens, "")).ljust(size, _FILLER)


def _tokens(text: str) -> list[str]:
    return text.split(_BETWEEN)[:-1]


class Dienstverlener:
    """Asks, and verifies everything that it gets."""

    def __init__(self, crypto: Jose) -> None:
        self._crypto = crypto

    def requested(self) -> str:
        return self._crypto.sign(DIENSTVERLENER, 476)

    def answered(self, outcome: str) -> None:
        """Raises JoseFault."""
        crypto = self._crypto
        request, result, decision = crypto.verify(outcome, MAKELAAR)
        crypto.verify(request, DIENSTVERLENER)
        crypto.verify(result, PROVIDER)
        for sealed in crypto.verify(decision, REGISTRY):
            crypto.open(sealed, DIENSTVERLENER)


class User:
    """Signs a challenge. His browser trusts its provider's own site."""

    def __init__(self, crypto: Jose) -> None:
        self._crypto = crypto

    def challenged(self, _: bytes, challenge: str) -> str:
        signed = self._crypto.sign(USER, 155)
        return _filled(1128, (self._crypto.seal(515, PROVIDER, signed),))


class Makelaar:
    def __init__(self, crypto: Jose) -> None:
        self._crypto = crypto
        self._kept: dict[bytes, list[str]] = {}

    def requested(self, login: bytes, request: str) -> str:
        self._crypto.verify(request, DIENSTVERLENER)
        self._kept[login] = [request]
        return self._crypto.sign(MAKELAAR, 564)

    def authenticated(self, login: bytes, result: str) -> str:
        self._crypto.verify(result, PROVIDER)
        self._kept[login].append(result)
        return self._crypto.sign(MAKELAAR, 2396, result)

    def decided(self, login: bytes, decision: str) -> str:
        self._crypto.verify(decision, REGISTRY)
        return self._crypto.sign(MAKELAAR, 5974, *self._kept.pop(login), decision)


class Provider:
    def __init__(self, crypto: Jose) -> None:
        self._crypto = crypto

    def requested(self, _: bytes, request: str) -> str:
        self._crypto.verify(request, MAKELAAR)
        return self._crypto.sign(PROVIDER, 453)

    def proved(self, _: bytes, answer: str) -> str:
        (sealed,) = _tokens(answer)
        (signed,) = self._crypto.open(sealed, PROVIDER)
        self._crypto.verify(signed, USER)
        return self._crypto.sign(PROVIDER, 1196, self._crypto.seal(50, REGISTRY))


class Registry:
    def __init__(self, crypto: Jose) -> None:
        self._crypto = crypto

    def asked(self, _: bytes, query: str) -> str:
        crypto = self._crypto
        (result,) = crypto.verify(query, MAKELAAR)
        (acting,) = crypto.verify(result, PROVIDER)
        crypto.open(acting, REGISTRY)
        sealed = (crypto.seal(79, DIENSTVERLENER), crypto.seal(143, DIENSTVERLENER))
        return crypto.sign(REGISTRY, 1878, *sealed)


def roles(crypto: Jose) -> dict[str, dict[int, Handler]]:
    """What each role does with the messages that it reads (1 to 7): it makes the next one."""
    makelaar, provider = Makelaar(crypto), Provider(crypto)
    return {
        MAKELAAR: {1: makelaar.requested, 5: makelaar.authenticated, 7: makelaar.decided},
        PROVIDER: {2: provider.requested, 4: provider.proved},
        REGISTRY: {6: Registry(crypto).asked},
        USER: {3: User(crypto).challenged},
    }


def unsigned(length: int) -> Handler:
    """Makes a message of this length without any cryptography."""
    message = _FILLER * length
    return lambda login, received: message
