"""A dienstverlener whose software knows ES256 only verifies all that it gets, with a library that
knows nothing of herken; the logins of others, in the same batches, are signed together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import pytest
import pytest_asyncio
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from pipeline.keys import utc_now
from sandbox.founding import Folders, found
from sandbox.scenario import Scenario
from sandbox.scenario_file import load
from sandbox.servers import Servers
from schemas.jose import SIGNING_ALGORITHM, TREE_ALGORITHM
from schemas.topics import AUTHENTICATION_RESULTS, MANDATE_DECISIONS, OUTCOMES
from tests.integration.bad_input.network import SCENARIO, new_prefix, renamed
from tests.support.forge import Token
from tests.support.kinds import CHOICE, KEY, Kind
from tests.support.opening import Files, opened
from tests.support.relay import Relay

PLAIN, OTHER = KEY, CHOICE
"""Logins to services of two dienstverleners; the first one reads plain signatures only."""
DECLARED = (AUTHENTICATION_RESULTS, MANDATE_DECISIONS, OUTCOMES)


def _scenario(prefix: str) -> Scenario:
    scenario = load(SCENARIO)
    dienstverleners = tuple(
        each.model_copy(update={"plain_signatures": each.name == "zuiveringsschap"})
        for each in scenario.dienstverleners
    )
    return renamed(scenario.model_copy(update={"dienstverleners": dienstverleners}), prefix)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def relay(
    herken_servers: Servers, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Relay]:
    folder, prefix = tmp_path_factory.mktemp("plain"), new_prefix()
    scenario, folders = _scenario(prefix), Folders(folder / "all", folder / "own")
    files = Files(found(scenario, folders, utc_now() - timedelta(days=1)), folders, prefix)
    async with opened(files, scenario, herken_servers.postgres) as opened_:
        yield opened_


async def _played(relay: Relay) -> dict[UUID, Kind]:
    """Two logins of each, all at once."""
    relay.clear()
    kinds = {relay.begin(kind): kind for kind in (PLAIN, OTHER, PLAIN, OTHER)}
    await relay.settle()
    assert {relay.verdict(id_) == kind.usual for id_, kind in kinds.items()} == {True}
    return kinds


def _algorithms(relay: Relay, login: UUID) -> set[str]:
    """Of an outcome, and of what it rests on."""
    return {relay.logins[login].token(topic).header["alg"] for topic in DECLARED}


def _verified(relay: Relay, text: str) -> Token:
    """By a library. Raises JoseError where its algorithm or its signature is another."""
    token = Token.read(text)
    found = relay.world.directory.key(token.header["kid"])
    assert found is not None
    jws.deserialize_compact(text, ECKey.import_key(found[1].jwk.model_dump()), ["ES256"])
    return token


async def test_only_the_plain_ones_outcomes_and_evidence_are_signed_one_by_one(
    relay: Relay,
) -> None:
    kinds = await _played(relay)
    for login, kind in kinds.items():
        expected = SIGNING_ALGORITHM if kind is PLAIN else TREE_ALGORITHM
        assert _algorithms(relay, login) == {expected}


async def test_library_verifies_a_plain_outcome_down_to_its_evidence(relay: Relay) -> None:
    kinds = await _played(relay)
    for login, kind in kinds.items():
        text = relay.logins[login].text(OUTCOMES)
        if kind is OTHER:
            with pytest.raises(JoseError):
                _verified(relay, text)
            continue
        outcome = _verified(relay, text).claims["data"]
        inside = (
            outcome["request"],
            outcome["result"]["declaration"],
            outcome["result"]["decision"],
        )
        said = [_verified(relay, each).claims["data"]["request_id"] for each in inside]
        assert said == [str(login)] * 3
