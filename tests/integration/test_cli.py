"""The inspecting commands, run as a user runs them: what they print, and how they end."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from pipeline.keys import DIRECTORY_FILE, SCHEME_KEY_FILE, utc_now
from sandbox import ports, topology
from sandbox.founding import Folders, found
from sandbox.pytest_plugin import RunningNetwork
from sandbox.scenario_file import load
from sandbox.servers import Servers
from schemas.directory import Directory
from schemas.topics import CATALOGUE, TOPICS

SCENARIO = Path("scenarios/first-login.yaml")
COMMANDS = [
    "topics",
    "dlq list",
    "dlq show",
    "dlq redrive",
    "scenario check",
    "doctor",
    "version",
    "catalogue export",
    "catalogue import",
    "catalogue diff",
    "catalogue generate",
]
ON_KAFKA = [
    ("catalogue", "export"),
    ("topics", "--live"),
    ("dlq", "list"),
    ("dlq", "show", "cancellations.polder", "0:0"),
    ("dlq", "redrive", "cancellations.polder", "--yes"),
]
PERSONAL = re.compile(r"\b9000010\d\b|korenmolen|scheepswerf|\b(ans|bas|cor)\b", re.IGNORECASE)
"""The synthetic identities of the scenario."""


class Ran:
    """A command that has ended: its exit code, and what it said where."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def document(self) -> Any:
        """The one JSON document on stdout; fails where there is anything else."""
        return json.loads(self.out)


async def herken(
    *arguments: str, env: Mapping[str, str] | None = None, stdin: int = asyncio.subprocess.DEVNULL
) -> Ran:
    """Run `herken` with these HERKEN_* variables and no others."""
    others = {name: v for name, v in os.environ.items() if not name.startswith("HERKEN_")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "herken", *arguments),
        env={**others, **(env or {})},
        stdin=stdin,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(60):
        out, err = (said.decode() for said in await process.communicate())
    assert "Traceback" not in err
    assert not PERSONAL.search(out + err)
    return Ran(process.returncode or 0, out, err)


class Quiet:
    """A founded network whose roles do not run, under names of its own."""

    def __init__(self, servers: Servers, folder: Path) -> None:
        self.prefix = f"stil-{uuid4().hex[:8]}-"
        text = re.sub(
            r"(?<=: )(polder|dijk|sluis|terp|waterdam|zuiveringsschap)$",
            rf"{self.prefix}\1",
            SCENARIO.read_text(),
            flags=re.MULTILINE,
        )
        file = folder / "scenario.yaml"
        file.write_text(text)
        self.servers, self.folders = servers, Folders(folder / "network", folder / "secrets")
        self.founded = found(load(file), self.folders, utc_now())

    @property
    def directory(self) -> Directory:
        return self.founded.directory

    @property
    def environment(self) -> dict[str, str]:
        return {
            "HERKEN_KAFKA": self.servers.kafka,
            "HERKEN_POSTGRES": self.servers.postgres,
            "HERKEN_NETWORK": str(self.folders.network),
            "HERKEN_SECRETS": str(self.folders.secrets),
        }


@pytest.fixture
def environment(herken_network: RunningNetwork) -> dict[str, str]:
    """That of a network that runs and is well."""
    return herken_network.network.environment


@pytest.fixture
def nowhere() -> str:
    """An address where nothing listens."""
    return f"127.0.0.1:{ports.free(1)[0]}"


# --- every command


async def test_help_has_an_example_for_each_command() -> None:
    helped = await asyncio.gather(*(herken(*command.split(), "--help") for command in COMMANDS))
    for command, ran in zip(COMMANDS, helped, strict=True):
        assert ran.code == 0
        assert f"Example: herken {command}" in " ".join(ran.out.split())


async def test_wrong_use_exits_2_and_prints_nothing_on_stdout() -> None:
    used = [
        ("topics", "--leven"),
        ("dlq", "show", "cancellations.polder"),
        ("dlq", "redrive", "--yes"),
        ("doctor", "everything"),
    ]
    for ran in await asyncio.gather(*(herken(*arguments) for arguments in used)):
        assert (ran.code, ran.out) == (2, "")
        assert ran.err.strip()


async def test_commands_exit_3_with_one_line_when_kafka_does_not_answer(
    environment: dict[str, str], nowhere: str
) -> None:
    env = {**environment, "HERKEN_KAFKA": nowhere}
    for ran in await asyncio.gather(*(herken(*arguments, env=env) for arguments in ON_KAFKA)):
        assert (ran.code, ran.out) == (3, "")
        assert ran.err.count("\n") == 1
        assert nowhere in ran.err
        assert "HERKEN_KAFKA" in ran.err


async def test_commands_exit_2_and_name_the_variable_when_kafka_is_not_set(
    environment: dict[str, str],
) -> None:
    env = {**environment, "HERKEN_KAFKA": ""}
    for ran in await asyncio.gather(*(herken(*arguments, env=env) for arguments in ON_KAFKA[:3])):
        assert (ran.code, ran.out) == (2, "")
        assert "needs HERKEN_KAFKA" in ran.err


# --- topics


async def test_topics_lists_every_kind_when_nothing_is_set() -> None:
    listed = await herken("topics")
    assert listed.code == 0
    for topic in TOPICS:
        assert f"{topic.name}.<" in listed.out
        assert topic.message.TYPE in listed.out
    assert "authn-requests.<makelaar>" in listed.out
    assert "7 days" in listed.out
    assert re.search(r"^catalogue +scheme +everybody .* 1 +for ever +yes$", listed.out, re.M)


async def test_topics_as_json_has_partitions_retention_and_dead_letters() -> None:
    found = (await herken("topics", "--json")).document
    kinds = {kind["topic"]: kind for kind in found["kinds"]}
    assert found["topics"] == []
    assert len(kinds) == len(TOPICS) + 1
    assert kinds["catalogue"]["dead_letter_topic"] == "catalogue.dlq"
    assert kinds["outcomes.<dienstverlener>"] == {
        "topic": "outcomes.<dienstverlener>",
        "writer": "makelaar",
        "reader": "dienstverlener",
        "message": "nl.herken.outcome.v1",
        "key": "request_id",
        "partitions": 4,
        "retention_ms": 604_800_000,
        "dead_letter_topic": "outcomes.<dienstverlener>.dlq",
    }
    assert kinds["challenges.<provider>"]["dead_letter_topic"] is None


async def test_topics_names_each_participants_own_when_a_network_is_set(
    environment: dict[str, str],
) -> None:
    ran = await herken("topics", env={"HERKEN_NETWORK": environment["HERKEN_NETWORK"]})
    assert ran.code == 0
    assert re.search(r"^authn-requests\.polder +4 +1 day$", ran.out, re.MULTILINE)
    assert re.search(r"^catalogue +1 +for ever$", ran.out, re.MULTILINE)
    assert re.search(r"^authn-requests\.polder\.dlq +1 +14 days$", ran.out, re.MULTILINE)


async def test_topics_live_exits_0_when_all_are_as_they_must_be(
    environment: dict[str, str],
) -> None:
    ran = await herken("topics", "--live", "--json", env=environment)
    assert ran.code == 0
    assert ran.document["ok"] is True
    assert {tuple(topic["differences"]) for topic in ran.document["topics"]} == {()}


async def test_topics_live_exits_1_and_says_what_differs(
    herken_servers: Servers, tmp_path: Path
) -> None:
    quiet = Quiet(herken_servers, tmp_path)
    right = {p.name: p for p in topology.plan(quiet.directory)}
    name = f"outcomes.{quiet.prefix}waterdam"
    await topology.create(
        herken_servers.kafka, [replace(right[name], partitions=2, retention_ms=60_000)]
    )
    as_text, ran = await asyncio.gather(
        herken("topics", "--live", env=quiet.environment),
        herken("topics", "--live", "--json", env=quiet.environment),
    )
    assert as_text.code == 1
    shared = [name for name in right if name.split(".")[0] == CATALOGUE]  # perhaps of others
    assert re.search(rf"^[02] of {len(right)} topics are as they must be", as_text.out, re.M)
    assert (ran.code, ran.document["ok"]) == (1, False)
    differences = {topic["topic"]: topic["differences"] for topic in ran.document["topics"]}
    assert [differences.pop(name) for name in shared] in ([[], []], [["is not there"]] * 2)
    assert differences.pop(name) == [
        "has 2 partitions, must have 4",
        "retention.ms is 1 minute, must be 7 days",
        "segment.ms is 15 seconds, must be 42 hours",
    ]
    assert set(map(tuple, differences.values())) == {("is not there",)}


async def test_topics_exits_2_when_the_address_of_kafka_is_none(
    environment: dict[str, str],
) -> None:
    ran = await herken("topics", "--live", env={**environment, "HERKEN_KAFKA": "kafka"})
    assert ran.code == 2
    assert "HERKEN_KAFKA" in ran.err


async def test_topics_says_plainly_when_a_file_of_the_network_is_damaged(
    environment: dict[str, str], tmp_path: Path
) -> None:
    for file, code in {SCHEME_KEY_FILE: 2, DIRECTORY_FILE: 1}.items():
        network = tmp_path / file
        shutil.copytree(environment["HERKEN_NETWORK"], network)
        (network / file).write_text("{}")
        ran = await herken("topics", env={"HERKEN_NETWORK": str(network)})
        assert (ran.code, ran.out) == (code, "")
        assert ran.err.count("\n") == 1


async def test_topics_exits_2_when_the_network_is_no_folder(tmp_path: Path) -> None:
    ran = await herken("topics", env={"HERKEN_NETWORK": str(tmp_path / "none")})
    assert ran.code == 2
    assert "HERKEN_NETWORK" in ran.err


# --- scenario check


async def test_scenario_check_counts_what_is_in_the_file() -> None:
    ran = await herken("scenario", "check", str(SCENARIO))
    assert ran.code == 0
    assert ran.out.startswith(f"{SCENARIO} is right\n")
    assert re.search(r"^logins +8$", ran.out, re.MULTILINE)


async def test_scenario_check_as_json_counts_what_is_in_the_file() -> None:
    ran = await herken("scenario", "check", str(SCENARIO), "--json")
    assert ran.code == 0
    assert ran.document["ok"] is True
    assert ran.document["counts"] == {
        "makelaars": 1,
        "providers": 2,
        "registries": 1,
        "dienstverleners": 2,
        "organisations": 2,
        "people": 3,
        "mandates": 5,
        "logins": 8,
    }


async def test_scenario_check_exits_2_with_a_line_for_each_problem(tmp_path: Path) -> None:
    file = tmp_path / "wrong.yaml"
    wrong = SCENARIO.read_text().replace("EH4\n", "EH9\n").replace("index: 1\n", "index: -1\n")
    file.write_text(wrong)
    as_text, as_json = await asyncio.gather(
        herken("scenario", "check", str(file)), herken("scenario", "check", str(file), "--json")
    )
    assert (as_text.code, as_text.out) == (2, "")
    assert as_json.code == 2
    problems = as_json.document["problems"]
    assert as_json.document["ok"] is False
    assert as_text.err.splitlines() == [f"herken: {problem}" for problem in problems]
    assert len(problems) == wrong.count("EH9\n") + wrong.count("index: -1\n")
    assert all(re.match(r"wrong\.yaml:\d+: ", problem) for problem in problems)


async def test_scenario_check_exits_2_when_there_is_no_such_file(tmp_path: Path) -> None:
    ran = await herken("scenario", "check", str(tmp_path / "none.yaml"), "--json")
    assert ran.code == 2
    assert len(ran.document["problems"]) == 1


# --- version


async def test_version_is_that_of_the_package_and_of_the_locked_servers() -> None:
    ran, as_json = await asyncio.gather(herken("version"), herken("version", "--json"))
    found = as_json.document
    assert ran.code == 0
    assert ran.out.split() == [word for item in found.items() for word in item]
    assert set(found) == {"herken", "python", "kafka", "postgres"}
    assert found["kafka"].startswith("4.")
    assert found["postgres"].startswith("18.")
