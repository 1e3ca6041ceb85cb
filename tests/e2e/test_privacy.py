"""No identity and no secret of the scenario is readable on any topic, key, header or log line.

Everything is dumped with Kafka's own console consumer, a client of another make. Readable is what
anybody can decode: the parts of a JWS are, a JWE is not.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator

import pytest
from aiokafka import AIOKafkaProducer

from dienstverlener import Assertion
from sandbox import topology
from sandbox.kafka import console_consumer_argv
from sandbox.play import Played
from sandbox.pytest_plugin import RunningNetwork
from sandbox.topology import TopicPlan
from schemas.jose import base64url, decode_base64url

_TOKEN = re.compile(r"[\w-]{16,}")


def readable(text: str) -> Iterator[str]:
    """The text, and whatever in it is text in base64url, and so on inside."""
    yield text
    for token in _TOKEN.findall(text):
        try:
            inner = decode_base64url(token).decode()
        except (ValueError, UnicodeDecodeError):
            continue
        yield from readable(inner)


def secrets_in(text: str, secrets: set[str]) -> set[str]:
    """The secrets that are readable in a text, each as a word of its own."""
    words = {secret: re.compile(rf"(?<![\w.-]){re.escape(secret)}(?![\w-])") for secret in secrets}
    layers = list(readable(text))
    return {s for s, word in words.items() if any(word.search(layer) for layer in layers)}


async def dumped(kafka: str, topics: str = ".*") -> str:
    """Every record of these topics: headers, key and value."""
    argv = console_consumer_argv(kafka, topics, timeout_ms=3000)
    process = await asyncio.create_subprocess_exec(
        *argv, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    return out.decode(errors="replace")


def _scenario_secrets(network: RunningNetwork, played: list[Played]) -> set[str]:
    scenario, browser = network.network.scenario, network.player.browser
    found = {o.kvk for o in scenario.organisations} | {
        o.display_name for o in scenario.organisations
    }
    for wallet in browser.wallets.people:
        for held in wallet.means:
            found |= {held.username, held.password, held.totp_secret}
            found |= {(held.private_key or {}).get("d")}
    outcomes = [p.outcome for p in played if isinstance(p.outcome, Assertion)]
    found |= {outcome.acting_subject for outcome in outcomes}
    return {secret for secret in found | set(browser.answering.codes.given) if secret}


@pytest.fixture(scope="module")
async def played(herken_network: RunningNetwork) -> list[Played]:
    """Every login of the scenario, played."""
    logins = herken_network.network.scenario.logins
    return [await herken_network.player.play(login) for login in logins]


async def test_all_logins_of_the_scenario_go_as_expected(played: list[Played]) -> None:
    assert [p.login.name for p in played if not p.as_expected] == []
    assert len(played) == 8


async def test_nothing_personal_is_readable_on_any_topic(
    herken_network: RunningNetwork, played: list[Played]
) -> None:
    secrets = _scenario_secrets(herken_network, played)
    dump = await dumped(herken_network.network.servers.kafka)
    assert all(str(p.request_id) in dump for p in played)
    assert len(secrets) >= 15
    assert secrets_in(dump, secrets) == set()


async def test_nothing_personal_is_in_any_log(
    herken_network: RunningNetwork, played: list[Played]
) -> None:
    secrets = _scenario_secrets(herken_network, played)
    logs = list(herken_network.network.logs.glob("*.log"))
    logs += [p for p in herken_network.network.servers.folder.rglob("*.log") if p.is_file()]
    assert len(logs) >= 5
    text = "\n".join(path.read_text(errors="replace") for path in logs)
    assert secrets_in(text, secrets) == set()


async def test_a_planted_identity_is_found_when_it_is_published(
    herken_network: RunningNetwork,
) -> None:
    nested = base64url(json.dumps({"kvk": "90000103"}).encode())
    planted = {
        "90000101": "90000101",
        "90000102": json.dumps({"kvk": "90000102"}),
        "90000103": f"{base64url(b'{}')}.{nested}.AAAA",
        "90000104": base64url(f"x {base64url(b'the company is 90000104 here')}".encode()),
    }
    kafka = herken_network.network.servers.kafka
    await topology.create(kafka, [TopicPlan("planted", 1, 60_000)])
    async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
        for value in planted.values():
            await producer.send_and_wait("planted", value.encode(), b"key")
        await producer.send_and_wait("planted", b"-", b"90000105")
        await producer.send_and_wait("planted", b"-", headers=[("who", b"90000106")])
    dump = await dumped(kafka, "planted")
    wanted = {*planted, "90000105", "90000106"}
    assert secrets_in(dump, {*wanted, "90000107"}) == wanted
