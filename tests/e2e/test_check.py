"""`herken check` on what real networks left behind: nothing is wrong with it; and on copies of it
in which one thing is, that is found and named."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

import pytest

from pipeline.keys import Keys
from sandbox import cluster
from sandbox.kafka import JARS
from sandbox.network import Network
from sandbox.pytest_plugin import RunningNetwork
from schemas.codec import Signer
from schemas.jose import base64url
from tests.support.copying import Copy, copied
from tests.support.forge import Token

PATIENCE_SECONDS = 90


@dataclass(frozen=True)
class Checked:
    """How `herken check` ended, and what it printed."""

    code: int
    out: str
    err: str

    @property
    def report(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.out)
        return found

    def violations(self, request_id: str | None = None) -> set[int]:
        return {
            each["invariant"]
            for each in self.report["violations"]
            if request_id in (None, each["request_id"])
        }


async def check(network: RunningNetwork, *arguments: str, **environment: str) -> Checked:
    """`herken check` in a terminal of this network; an empty variable is not set."""
    return await check_network(network.network, *arguments, **environment)


async def check_network(network: Network, *arguments: str, **environment: str) -> Checked:
    given = {**os.environ, **network.environment, **environment}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "herken", "check", *arguments),
        env={name: value for name, value in given.items() if value},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(PATIENCE_SECONDS):
        out, err = await process.communicate()
    return Checked(process.returncode or 0, out.decode(), err.decode())


@pytest.fixture(scope="module")
async def played(herken_network: RunningNetwork) -> RunningNetwork:
    """The network, with every login of its scenario played."""
    for login in herken_network.network.scenario.logins:
        assert (await herken_network.player.play(login)).as_expected
    return herken_network


# --- a network that keeps its promise


@pytest.mark.timeout(240)
async def test_nothing_is_found_when_a_network_did_as_it_should(played: RunningNetwork) -> None:
    found = await check(played, "--json", "--logs", str(played.network.logs))
    assert (found.code, found.report["violations"]) == (0, []), found.err
    read, invariants = found.report["read"], found.report["invariants"]
    assert read["logins"] >= len(played.network.scenario.logins)
    assert all(all(each["judged"].values()) for each in invariants if each["number"] not in (9, 10))
    assert invariants[8]["judged"]["inputs"] > 5 * read["logins"]


@pytest.mark.timeout(240)
async def test_what_cannot_be_judged_is_named_when_somebody_has_the_topics_only(
    played: RunningNetwork,
) -> None:
    found = await check(played, HERKEN_SECRETS="", HERKEN_POSTGRES="")
    assert found.code == 0, found.err
    for number in (5, 8, 11, 12):
        assert f"\n{number:>2}  not judged: " in found.out


# --- a network that does not


@dataclass
class Faults:
    """What is wrong with a copy: whose login each fault is in."""

    altered: str = ""
    removed: str = ""
    doubled: str = ""


def assertions(records: Iterable[Copy]) -> list[Copy]:
    found = [each for each in records if each.topic.startswith("outcomes.")]
    return [
        each
        for each in found
        if Token.read(each.value.decode()).claims["data"]["result"]["status"] == "assertion"
    ]


def altered(record: Copy) -> Copy:
    """Signed as before, but about another level."""
    head, _, signature = record.value.decode().split(".")
    token = Token.read(record.value.decode())
    result = {**token.claims["data"]["result"], "level": "urn:etoegang:core:assurance-class:loa4"}
    payload = base64url(json.dumps(token.but(data={"result": result}).claims).encode())
    return record.but(f"{head}.{payload}.{signature}")


def doubled(record: Copy, makelaar: Signer) -> Copy:
    """A second outcome, another one, by the makelaar himself."""
    jti = str(uuid4())
    token = Token.read(record.value.decode())
    text = token.but(claims={"jti": jti}).signed(makelaar.key)
    headers = tuple((n, jti.encode() if n == "ce_id" else v) for n, v in record.headers)
    return replace(record, value=text.encode(), headers=headers)


def with_faults(faults: Faults, makelaar: Signer) -> Callable[[list[Copy]], list[Copy]]:
    def change(records: list[Copy]) -> list[Copy]:
        one, two, three = assertions(records)[:3]
        faults.altered, faults.removed, faults.doubled = (r.key.decode() for r in (one, two, three))
        written: list[Copy] = []
        for each in records:
            if each is one:
                written.append(altered(each))
            elif not (each.key == two.key and each.topic.startswith("authentication-results.")):
                written.append(each)
            if each is three:
                written.append(doubled(each, makelaar))
        return written

    return change


@pytest.fixture(scope="module")
async def spoilt(
    played: RunningNetwork, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[Checked, Faults]]:
    """A copy with one message altered, one removed and one outcome doubled, each of another login;
    what the checker says of it, and which they were."""
    network, faults = played.network, Faults()
    (makelaar,) = {each.name for each in network.directory.participants if each.role == "HM"}
    keys = Keys.load(network.folders.network, network.folders.secrets, makelaar)
    change = with_faults(faults, keys.signer(network.founded.directory.issued_at))
    folder = tmp_path_factory.mktemp("copy")
    async with AsyncExitStack() as stack:
        started = cluster.started(folder, jars=JARS, progress=lambda _: None, stack=stack)
        address = (await started).address
        await copied(network.servers.kafka, address, network.directory, change)
        yield await check(played, "--json", HERKEN_KAFKA=address), faults


@pytest.mark.timeout(300)
async def test_altered_message_is_found_and_named(spoilt: tuple[Checked, Faults]) -> None:
    found, faults = spoilt
    assert found.code == 1, found.err
    once_its_deadline_is_past = {1}
    assert found.violations(faults.altered) - once_its_deadline_is_past == {7, 10}


async def test_removed_message_is_found_and_named(spoilt: tuple[Checked, Faults]) -> None:
    found, faults = spoilt
    assert {3, 9, 10} == found.violations(faults.removed)


async def test_second_outcome_is_found_and_named(spoilt: tuple[Checked, Faults]) -> None:
    found, faults = spoilt
    assert 1 in found.violations(faults.doubled)


async def test_nobody_else_is_faulted_when_three_logins_are_spoilt(
    spoilt: tuple[Checked, Faults],
) -> None:
    found, faults = spoilt
    ours = set(vars(faults).values())
    assert {each["request_id"] for each in found.report["violations"]} == ours
    assert all(each["places"] for each in found.report["violations"])


# --- wrong use


async def test_check_says_what_to_do_when_kafka_does_not_answer(played: RunningNetwork) -> None:
    found = await check(played, HERKEN_KAFKA="127.0.0.1:1")
    assert found.code == 3
    assert "HERKEN_KAFKA" in found.err
    assert "Traceback" not in found.err


@pytest.mark.parametrize(
    ("arguments", "environment", "told"),
    [
        (("--logs", "nowhere"), {}, "--logs"),
        (("--late-by", "-1"), {}, "--late-by"),
        (("--schemas", "nowhere"), {}, "--schemas"),
        ((), {"HERKEN_NETWORK": "nowhere"}, "HERKEN_NETWORK"),
    ],
)
async def test_check_says_what_to_do_when_it_is_used_wrongly(
    played: RunningNetwork, arguments: tuple[str, ...], environment: dict[str, str], told: str
) -> None:
    found = await check(played, *arguments, **environment)
    assert found.code == 2
    assert told in found.err
    assert "Traceback" not in found.err
