"""What the README shows an engineer, run as it stands there."""

from __future__ import annotations

from pathlib import Path

import pytest

from dienstverlener import Assertion, Dienstverlener, Level, Refusal
from sandbox.pytest_plugin import RunningNetwork

README = Path("README.md").read_text()


@pytest.fixture
def environment(herken_network: RunningNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in herken_network.network.environment.items():
        monkeypatch.setenv(name, value)


async def test_login_is_granted_as_the_readme_shows(
    herken_network: RunningNetwork, environment: None
) -> None:
    service = herken_network.service("omgevingsvergunning")
    with herken_network.at_the_browser("ans", provider="sluis"):
        async with Dienstverlener.connect() as dv:
            outcome = await dv.authenticate(service, level=Level.EH3)
            match outcome:
                case Assertion(legal_subject=company, acting_subject=pseudonym, level=level):
                    assert (company.kvk, level) == ("90000101", Level.EH3)
                    assert len(pseudonym) == 43
                case Refusal(code=code, explanation=text):
                    pytest.fail(f"{code}: {text}")


async def test_two_halves_apart_give_the_same_outcome(
    herken_network: RunningNetwork, environment: None
) -> None:
    service = herken_network.service("omgevingsvergunning")
    async with Dienstverlener.connect() as dv:
        with herken_network.at_the_browser("ans", provider="sluis"):
            request_id = await dv.publish(service)
            async for outcome in dv.outcomes(group="test-two-halves"):
                if outcome.request_id == request_id:
                    break
    assert isinstance(outcome, Assertion)
