"""`herken load` on a running network: what it counts, what it finds, what it leaves behind."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from asyncio.subprocess import PIPE, Process
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from herken.kafka import administration
from loadtest import ground, record
from loadtest.mix import parsed
from loadtest.record import Ended, Run
from loadtest.running import measure
from loadtest.schedule import Load
from pipeline.errors import WrongUse
from sandbox.pytest_plugin import RunningNetwork
from sandbox.scenario import Scenario
from sandbox.scenario_file import load as scenario_in
from tests.integration.test_cli import PERSONAL, herken

ACCEPTANCE = Path(__file__).parents[2] / "scenarios" / "acceptance.yaml"
HERKEN = (sys.executable, "-m", "herken")
EVERY_KIND = parsed("direct=6,refused=2,cancel=2,timeout=1")


@dataclass(frozen=True)
class Loaded:
    """A run, and what was shown while it went on."""

    run: Run
    shown: list[record.Second]

    @property
    def counts(self) -> dict[str, dict[str, int]]:
        """By kind, what is not none."""
        names = ("as_expected", "wrong", "missing", "late", "doubled", "not_published")
        return {
            kind.name: {name: n for name in names if (n := getattr(kind, name))}
            for kind in self.run.kinds
        }


async def loaded(network: RunningNetwork, load: Load, scenario: Scenario | None = None) -> Loaded:
    """Put a load on the network."""
    where = ground.running(network.network.settings, scenario, None, {})
    shown = list[record.Second]()
    measured = await measure(where, load, asyncio.Event(), lambda second, _: shown.append(second))
    return Loaded(measured.run, shown)


async def consumer_groups(network: RunningNetwork) -> set[str]:
    async with administration(network.network.servers.kafka) as kafka:
        return {name for name, _ in await kafka.list_consumer_groups()}


def altered(scenario: Scenario) -> Scenario:
    """What comes of every login to an organisation is expected to be another's."""
    other = {"korenmolen": "scheepswerf", "scheepswerf": "korenmolen"}
    steps = tuple(
        login.model_copy(
            update={"expect": login.expect.model_copy(update={"for_": other[login.expect.for_]})}
        )
        if login.expect.for_
        else login
        for login in scenario.logins
    )
    return scenario.model_copy(update={"steps": steps})


async def test_every_kind_comes_to_what_it_must_and_is_counted(
    herken_network: RunningNetwork,
) -> None:
    asked = Load(rate=30, seconds=2, mix=EVERY_KIND, max_failed=0, seed=4)
    found = await loaded(herken_network, asked)
    run = found.run
    assert run.failed == ()
    assert run.ended is Ended.ON_TIME
    scheduled = {kind.name: kind.scheduled for kind in run.kinds}
    assert found.counts == {name: {"as_expected": n} for name, n in scheduled.items()}
    assert set(scheduled) == set(EVERY_KIND)
    assert all(kind.published == kind.scheduled for kind in run.kinds)
    assert 30 < run.finished < 90


async def test_run_has_its_series_hops_lag_and_processes(herken_network: RunningNetwork) -> None:
    before = await consumer_groups(herken_network)
    found = await loaded(herken_network, Load(rate=12, seconds=2, mix=parsed("direct=1")))
    assert await consumer_groups(herken_network) == before  # nothing of a run is left on Kafka
    run = found.run
    assert sum(s.scheduled for s in run.series) == sum(k.scheduled for k in run.kinds)
    assert sum(s.finished for s in run.series) == run.finished == run.latency.count
    assert [s.at for s in found.shown] == list(range(len(found.shown)))
    assert {"challenges", "signature-answers", "mandate-queries", "outcomes"} <= {
        hop.name for hop in run.hops
    }
    assert all(hop.latency.count for hop in run.hops)
    assert "polder.authn-requests" in run.series[-1].lag
    assert sum(run.series[-1].lag.values()) == 0
    spent = {process.name: process.cpu_ms for process in run.processes}
    assert {"generator", "polder", "sluis", "terp", "dijk"} <= set(spent)
    assert spent["polder"] > 0
    assert run.generator_lag.count == sum(kind.scheduled for kind in run.kinds)


async def test_outcome_that_is_not_what_is_expected_fails_the_run(
    herken_network: RunningNetwork,
) -> None:
    scenario = altered(herken_network.network.scenario)
    asked = Load(rate=16, seconds=1, mix=parsed("direct=1,refused=1"))
    found = await loaded(herken_network, asked, scenario)
    assert set(found.counts["direct"]) == {"wrong"}
    assert set(found.counts["refused"]) == {"as_expected"}
    assert "another organisation" in found.run.failed[0]


async def test_scenario_of_another_network_is_refused(herken_network: RunningNetwork) -> None:
    other = scenario_in(ACCEPTANCE)
    with pytest.raises(WrongUse):
        await loaded(herken_network, Load(rate=1, seconds=1), other)


# --- as a command


async def test_command_prints_the_run_and_writes_it_to_a_folder(
    herken_network: RunningNetwork, tmp_path: Path
) -> None:
    options = ("--rate", "16", "--duration", "1.5", "--mix", "direct=3,refused=1")
    ran = await herken(
        *("load", *options, "--report", str(tmp_path / "run"), "--json"),
        env=herken_network.network.environment,
    )
    run = Run.model_validate(ran.document)
    assert (run.failed, record.read(tmp_path / "run")) == ((), run)
    assert ran.code == (1 if run.invalid else 0)  # a busy machine can make the program too slow
    assert (tmp_path / "run" / record.HLOG_FILE).stat().st_size > 0
    assert not PERSONAL.search((tmp_path / "run" / record.RUN_FILE).read_text())


@pytest.mark.timeout(170)
def test_network_of_its_own_has_people_enough_who_act_for_themselves_and_for_others(
    tmp_path: Path,
) -> None:
    options = ("--rate", "12", "--duration", "2", "--mix", "direct=1,chain=2", "--users", "9")
    done = subprocess.run(
        [*HERKEN, "load", "--own", "--scenario", str(ACCEPTANCE), *options, "--json"],
        env={**os.environ, "HERKEN_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert done.stdout, done.stderr
    run = Run.model_validate_json(done.stdout)
    assert run.failed == ()
    assert {kind.name: kind.as_expected > 0 for kind in run.kinds} == {
        "direct": True,
        "chain": True,
    }
    spent = {process.name for process in run.processes}
    assert {"generator", "vlonder", "kluis", "kaai", "steiger", "kafka", "postgres"} <= spent
    assert run.versions["kafka"].startswith("4.")
    assert list((tmp_path / "runs").iterdir()) == []


async def interrupted(network: RunningNetwork, *arguments: str) -> tuple[Process, bytes, bytes]:
    """`herken load`, and Ctrl-C once it has shown its first seconds."""
    process = await asyncio.create_subprocess_exec(
        *(*HERKEN, "load", *arguments),
        env={**os.environ, **network.network.environment},
        stdout=PIPE,
        stderr=PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    told = b""
    async with asyncio.timeout(60):
        while b"elapsed" not in told:
            told += await process.stderr.readline()
        process.send_signal(signal.SIGINT)
        out, err = await process.communicate()
    return process, out, told + err


async def test_ctrl_c_ends_it_with_what_there_is(herken_network: RunningNetwork) -> None:
    options = ("--rate", "5", "--duration", "600", "--mix", "direct=1", "--json")
    process, out, err = await interrupted(herken_network, *options)
    run = Run.model_validate(json.loads(out))
    assert process.returncode == 130
    assert (run.ended, run.failed) == (Ended.INTERRUPTED, ())
    assert run.finished > 0
    assert b"Traceback" not in err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--mix", "chain=1"), "no login of the kind chain"),
        (("--scenario", "/nowhere.yaml"), "nowhere.yaml"),
        (("--own",), "takes part in a running network"),
    ],
)
async def test_wrong_use_says_what_would_be_right(
    herken_network: RunningNetwork, arguments: tuple[str, ...], told: str
) -> None:
    ran = await herken("load", *arguments, env=herken_network.network.environment)
    assert (ran.code, ran.out) == (2, "")
    assert told in ran.err


async def test_network_that_does_not_answer_is_said(herken_network: RunningNetwork) -> None:
    there: dict[str, Any] = herken_network.network.environment
    ran = await herken("load", env={**there, "HERKEN_KAFKA": "127.0.0.1:1"})
    assert (ran.code, ran.out) == (3, "")
    assert "does not answer" in ran.err
