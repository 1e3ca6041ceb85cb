"""Why was it refused? For operators `herken explain` says which rule did not hold and what would
have; the dienstverlener and the user get code and advice; nobody gets anything personal.

The refusals are those of `scenarios/polder.yaml`, on a network of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from dienstverlener import Refusal
from sandbox.network import Network, network
from sandbox.play import Played, Player
from sandbox.scenario import Scenario
from sandbox.scenario_file import load
from schemas.refusals import EXPLANATIONS
from tests.e2e.test_privacy import secrets_in

SCENARIO = Path("scenarios/polder.yaml")


@dataclass(frozen=True)
class Kind:
    """A kind of refusal: a login of the scenario, who refuses it by which rule, and what is said to
    be the nearest thing that would have passed."""

    login: str
    who: str
    rule: str
    needed: str


KINDS = {
    "wrong password": Kind(
        "a wrong password",
        "vuurtoren",
        "password_wrong",
        "the right password",
    ),
    "level of the mandate": Kind(
        "a mandate below the level that is asked",
        "wierde",
        "mandate_level_too_low",
        "a mandate of EH3; this one is EH2+: ask the machtigingenbeheerder",
    ),
    "link": Kind(
        "a link that was withdrawn",
        "stelp",
        "link_withdrawn",
        "a new link: ask the machtigingenbeheerder of the represented",
    ),
    "attributes": Kind(
        "without consent to what is required there is no login",
        "gemaal",
        "attributes_not_shared",
        "consent to share what is required",
    ),
    "provider": Kind(
        "a provider that does not reach the level is not what it can ask for",
        "kreek",
        "provider_does_not_fit",
        "none, or one of: Inlogdienst De Vuurtoren, Sleuteldienst De Brug, "
        "Sleuteldienst Het Gemaal",
    ),
    "deadline": Kind(
        "a user who never answers",
        "kreek",
        "deadline_passed",
        "an answer before the deadline",
    ),
    "service": Kind(
        "a service that is withdrawn while somebody logs in",
        "wiel",
        "service_withdrawn",
        "a service that its dienstverlener still offers",
    ),
}


@dataclass(frozen=True)
class Explained:
    """A refused login, and what `herken explain` says of it."""

    kind: Kind
    played: Played
    text: str
    report: Mapping[str, Any]

    @property
    def refusal(self) -> Refusal:
        assert isinstance(self.played.outcome, Refusal)
        return self.played.outcome


def herken(running: Network, *arguments: str) -> str:
    """A command in a terminal of the network's operators."""
    done = subprocess.run(
        [sys.executable, "-m", "herken", *arguments],
        env={**os.environ, **running.environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
async def explained(
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[dict[str, Explained]]:
    """Each refusal, played and explained."""
    scenario, folder = load(SCENARIO), tmp_path_factory.mktemp("explain")
    logins = {login.name: login for login in scenario.logins}
    async with network(scenario, folder, progress=lambda _: None) as running:
        async with Player.ready(scenario, running.settings, running.folders) as player:
            played = {name: await player.play(logins[k.login]) for name, k in KINDS.items()}
        yield {
            name: Explained(
                KINDS[name],
                each,
                herken(running, "explain", str(each.request_id)),
                json.loads(herken(running, "explain", str(each.request_id), "--json")),
            )
            for name, each in played.items()
        }


def nodes(tree: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for node in tree:
        yield node
        yield from nodes(node["asked"])


def at(report: Mapping[str, Any], participant: str) -> Mapping[str, Any]:
    """What a report has of a participant."""
    return next(each for each in nodes(report["tree"]) if each["participant"] == participant)


def identities(scenario: Scenario) -> set[str]:
    """Everything by which a person or an organisation of the scenario can be known."""
    found: set[Any] = set()
    for each in scenario.organisations:
        found |= {each.name, each.display_name, each.kvk, each.rsin, each.bsn, *each.vestigingen}
    for person in scenario.people:
        born = person.date_of_birth.isoformat() if person.date_of_birth else None
        found |= {person.name, person.first_name, person.family_name, person.shown_name, born}
        found |= {word for means in person.means for word in (means.username, means.password)}
    return found - {None}


each_kind = pytest.mark.parametrize("kind", KINDS)


@pytest.mark.timeout(240)
@each_kind
async def test_operator_is_told_which_rule_failed_and_what_would_have_passed(
    explained: dict[str, Explained], kind: str
) -> None:
    wanted, found = KINDS[kind], explained[kind]
    assert found.played.as_expected
    node = at(found.report, wanted.who)
    assert node["reason"] == wanted.rule
    failed = next(each for each in node["findings"] if not each["passed"])
    assert (failed["rule"], failed["needed"]) == (wanted.rule, wanted.needed)
    lines = found.text.splitlines()
    told = [n for n, line in enumerate(lines) if f"fails  {wanted.rule}: " in line]
    assert any(lines[n + 1].endswith(f"needs: {wanted.needed}") for n in told)


@each_kind
async def test_every_participant_that_was_asked_is_in_the_tree_in_order(
    explained: dict[str, Explained], kind: str
) -> None:
    found = explained[kind]
    asked = [each["participant"] for each in nodes(found.report["tree"])]
    assert asked[-1] == KINDS[kind].who
    roles = [each["role"] for each in nodes(found.report["tree"])]
    assert roles == ["makelaar", "provider", "registry", "registry"][: len(roles)]


@each_kind
async def test_dienstverlener_and_user_see_code_and_advice_only(
    explained: dict[str, Explained], kind: str
) -> None:
    found, refusal = explained[kind], explained[kind].refusal
    advice = EXPLANATIONS[refusal.code]
    assert (refusal.explanation, refusal.explanation_en) == (advice.nl, advice.en)
    seen = {"code": str(refusal.code), "nl": advice.nl, "en": advice.en}
    assert found.report["outcomes"] == [seen]
    assert found.text.endswith("\n".join(f"   {line}" for line in seen.values()) + "\n")
    told = str(replace(refusal, fits=()))
    inside = [each for node in nodes(found.report["tree"]) for each in node["findings"]]
    mine = {each["needed"] for each in inside if each["needed"]}
    mine |= {each["rule"] for each in inside} - {str(refusal.code)}
    assert [each for each in mine if each in told] == []


async def test_dienstverlener_cannot_tell_why_there_is_no_mandate(
    explained: dict[str, Explained],
) -> None:
    one, other = explained["level of the mandate"].refusal, explained["link"].refusal
    assert replace(one, request_id=other.request_id) == other


@each_kind
async def test_nothing_personal_is_explained(explained: dict[str, Explained], kind: str) -> None:
    found, names = explained[kind], identities(load(SCENARIO))
    assert len(names) > 200
    assert secrets_in(found.text + json.dumps(found.report), names) == set()


@pytest.mark.parametrize(
    "planted", ["90000201", "900002001", "999910012", "Korenmolen De Haan", "wim", "1980-02-29"]
)
async def test_a_planted_identity_is_found_in_what_is_explained(
    explained: dict[str, Explained], planted: str
) -> None:
    names, text = identities(load(SCENARIO)), explained["link"].text
    in_a_finding = text.replace("withdrawn on", f"of {planted}, withdrawn on")
    assert in_a_finding != text
    assert secrets_in(in_a_finding, names) == {planted}
