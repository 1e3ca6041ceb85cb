"""Logs in through a broker that speaks SAML, as a browser between the two parties would.

    python -m benchmarks.peers.saml_logins SETTINGS.json    driven through stdin

Runs in the environment `clients`.
"""

from __future__ import annotations

import asyncio
import html
import json
import re
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import aiohttp
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from benchmarks import arrivals
from benchmarks.peers import saml
from benchmarks.peers.saml import Party, Refused

_INPUT = re.compile(r'name="(SAMLResponse|RelayState)"[^>]*value="([^"]*)"')
_STATUS_LENGTH = 200
_Hand = Callable[[str], str]


class Unfair(Exception):
    """What is measured does less than it should."""


@dataclass(frozen=True)
class Settings:
    """sso: where the broker takes requests; acs: where it takes responses; both are its URLs."""

    dienstverlener: Party
    provider: Party
    broker: str
    sso: str
    acs: str
    answer_at: str


def read(path: Path) -> Settings:
    content: dict[str, Any] = json.loads(path.read_text())
    parties: Any = {name: _party(content.pop(name)) for name in ("dienstverlener", "provider")}
    return Settings(**parties, **content)


def _party(content: dict[str, str]) -> Party:
    key: Any = load_pem_private_key(content["key"].encode(), None)  # slow: once
    return Party(**{**content, "key": key})


@dataclass(frozen=True)
class Browser:
    """Takes what one of them says to the other. Each login has a browser of its own."""

    session: aiohttp.ClientSession
    settings: Settings

    async def login(self) -> None:
        """One login, its answer verified. Raises Refused."""
        await self._log_in(lambda request: request, lambda proof: proof)

    async def require_strict(self) -> None:
        """A broker that looks at no signature would be cheap. Raises Unfair."""
        for spoiled in (saml.unsigned, lambda as_is: as_is), (lambda as_is: as_is, saml.unsigned):
            with suppress(Refused):
                await self._log_in(*spoiled)
                raise Unfair("it takes a request or a response without a signature")

    async def _log_in(self, sent: _Hand, proved: _Hand) -> None:
        """`sent`, `proved`: what becomes of the request and of the proof on their way."""
        s = self.settings
        request, id_ = saml.authn_request(s.dienstverlener, s.sso, s.answer_at)
        location, cookie = await self._ask(sent(request))
        answer = await self._answer(proved(self._proof(location)), location, cookie)
        saml.require_answer(s.dienstverlener, answer, id_)

    async def _ask(self, request: str) -> tuple[str, str]:
        """Where the broker sends the browser, and its state. Raises Refused."""
        form = {"SAMLRequest": request, "RelayState": "state"}
        sending = self.session.post(self.settings.sso, data=form, allow_redirects=False)
        async with sending as answer:
            location = answer.headers.get("Location", "")
            if not location:
                raise Refused(f"{answer.status}: {(await answer.text())[:_STATUS_LENGTH]}")
            return location, _cookie(answer)

    def _proof(self, location: str) -> str:
        """The provider's response to what the broker asks."""
        s = self.settings
        asked = saml.requested(s.provider, urlsplit(location).query)
        return saml.response(s.provider, asked, s.acs, s.broker, "1234567890")

    async def _answer(self, proof: str, location: str, cookie: str) -> str:
        """The broker's response, once the provider's has reached it. Raises Refused."""
        state = dict(parse_qsl(urlsplit(location).query)).get("RelayState", "")
        form = {"SAMLResponse": proof, "RelayState": state}
        headers = {"Cookie": cookie}
        async with self.session.post(self.settings.acs, data=form, headers=headers) as answer:
            text = await answer.text()
        fields = {name: html.unescape(value) for name, value in _INPUT.findall(text)}
        if "SAMLResponse" not in fields:
            raise Refused(f"{answer.status}: {text[:_STATUS_LENGTH]}")
        return fields["SAMLResponse"]


def _cookie(answer: aiohttp.ClientResponse) -> str:
    """Its state. A real browser would get it over TLS, which is left out for all alike."""
    return str(answer.headers.get("Set-Cookie", "")).split(";", 1)[0]


async def main(path: Path) -> None:
    connector = aiohttp.TCPConnector(limit=0)
    jar = aiohttp.DummyCookieJar()
    async with aiohttp.ClientSession(connector=connector, cookie_jar=jar) as session:
        browser = Browser(session, read(path))
        await browser.require_strict()
        await arrivals.serve(browser.login)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
