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
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from benchmarks import arrivals
from benchmarks.peers import saml
from benchmarks.peers.saml import Party, Refused

_INPUT = re.compile(r'name="(SAMLResponse|RelayState)"[^>]*value="([^"]*)"')
_STATUS_LENGTH = 200


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
        s = self.settings
        request, id_ = saml.authn_request(s.dienstverlener, s.sso, s.answer_at)
        form = {"SAMLRequest": request, "RelayState": "state"}
        async with self.session.post(s.sso, data=form, allow_redirects=False) as answer:
            location, cookie = answer.headers.get("Location", ""), _cookie(answer)
            if not location:
                raise Refused(f"{answer.status}: {(await answer.text())[:_STATUS_LENGTH]}")
        saml.require_answer(s.dienstverlener, await self._proved(location, cookie), id_)

    async def _proved(self, location: str, cookie: str) -> str:
        """The broker's response, once the provider's has reached it."""
        s = self.settings
        query = urlsplit(location).query
        asked = saml.requested(s.provider, query)
        state = dict(pair.split("=", 1) for pair in query.split("&")).get("RelayState", "")
        proof = saml.response(s.provider, asked, s.acs, s.broker, "1234567890")
        form = {"SAMLResponse": proof, "RelayState": state}
        async with self.session.post(s.acs, data=form, headers={"Cookie": cookie}) as answer:
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
        await arrivals.serve(Browser(session, read(path)).login)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
