"""Logs in with a password at an OpenID provider, as a browser and its relying party would.

    python -m benchmarks.peers.oidc_logins SETTINGS.json    driven through stdin

Page, credentials, code, token; the ID token is verified. Runs in the environment `clients`.
"""

from __future__ import annotations

import asyncio
import base64
import html
import itertools
import json
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import aiohttp
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers
from cryptography.hazmat.primitives.hashes import SHA256
from yarl import URL

from benchmarks import arrivals

_ACTION = re.compile(r'<form[^>]*id="kc-form-login"[^>]*action="([^"]+)"')
_SHOWN = 200


class Refused(Exception):
    """It did not come to a login."""


@dataclass(frozen=True)
class Settings:
    """realm: the provider's URL."""

    realm: str
    client: str
    secret: str
    redirect: str
    users: list[str]
    password: str

    def endpoint(self, name: str) -> str:
        return f"{self.realm}/protocol/openid-connect/{name}"


@dataclass(frozen=True)
class Logins:
    """Of users in turn, each with a browser of his own on shared connections."""

    settings: Settings
    connector: aiohttp.TCPConnector
    keys: Mapping[str, RSAPublicKey]
    users: Iterator[str]

    async def login(self) -> None:
        """One login, its ID token verified. Raises Refused."""
        s, nonce = self.settings, uuid4().hex
        jar = aiohttp.CookieJar(unsafe=True, treat_as_secure_origin=URL(s.realm).origin())
        async with aiohttp.ClientSession(
            connector=self.connector, connector_owner=False, cookie_jar=jar
        ) as browser:
            action = await self._page(browser, nonce)
            form = {"username": next(self.users), "password": s.password}
            async with browser.post(action, data=form, allow_redirects=False) as answer:
                query = parse_qs(urlsplit(answer.headers.get("Location", "")).query)
                if "code" not in query:
                    raise Refused(f"{answer.status}: no code")
            await self._exchange(browser, query["code"][0], nonce)

    async def _page(self, browser: aiohttp.ClientSession, nonce: str) -> URL:
        """The page that asks for name and password: where its form goes."""
        s = self.settings
        asked = {
            **{"client_id": s.client, "redirect_uri": s.redirect, "response_type": "code"},
            **{"scope": "openid", "state": uuid4().hex, "nonce": nonce},
        }
        async with browser.get(s.endpoint("auth"), params=asked) as answer:
            text = await answer.text()
        found = _ACTION.search(text)
        if found is None:
            raise Refused(f"{answer.status}: {text[:_SHOWN]}")
        return URL(html.unescape(found[1]), encoded=True)

    async def _exchange(self, browser: aiohttp.ClientSession, code: str, nonce: str) -> None:
        s = self.settings
        form = {
            **{"grant_type": "authorization_code", "code": code, "redirect_uri": s.redirect},
            **{"client_id": s.client, "client_secret": s.secret},
        }
        async with browser.post(s.endpoint("token"), data=form) as answer:
            tokens = await answer.json()
        require(tokens.get("id_token", ""), self.keys, s, nonce)


def require(token: str, keys: Mapping[str, RSAPublicKey], settings: Settings, nonce: str) -> None:
    """An ID token of this login. Raises Refused, InvalidSignature."""
    if token.count(".") != 2:
        raise Refused("no ID token")
    signed, _, signature = token.rpartition(".")
    header, claims = (json.loads(_decoded(part)) for part in signed.split("."))
    key = keys[header["kid"]]
    key.verify(_decoded(signature), signed.encode(), padding.PKCS1v15(), SHA256())
    said = (claims["iss"], claims["aud"], claims["nonce"])
    if said != (settings.realm, settings.client, nonce):
        raise Refused("an ID token of something else")


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _public(jwk: Mapping[str, Any]) -> RSAPublicKey:
    e, n = (int.from_bytes(_decoded(jwk[name]), "big") for name in ("e", "n"))
    return RSAPublicNumbers(e, n).public_key()


async def main(path: Path) -> None:
    settings = Settings(**json.loads(path.read_text()))
    async with aiohttp.TCPConnector(limit=200) as connector:
        async with (
            aiohttp.ClientSession(connector=connector, connector_owner=False) as session,
            session.get(settings.endpoint("certs")) as answer,
        ):
            jwks = (await answer.json())["keys"]
        keys = {jwk["kid"]: _public(jwk) for jwk in jwks if jwk.get("alg") == "RS256"}
        users = itertools.cycle(settings.users)
        await arrivals.serve(Logins(settings, connector, keys, users).login)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
