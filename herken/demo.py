"""`herken demo`: a network for as long as its logins take, and how they went."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from herken.commands.output import document, progress, say
from pipeline.errors import WrongUse
from sandbox.network import Network, network
from sandbox.play import Acted, Played, Player, expected_text
from sandbox.scenario import Act, Login
from sandbox.scenario_file import load

HOME = Path(os.environ.get("HERKEN_HOME", ".herken"))
"""Where runs keep their files; git ignores it."""
DEADLINE_SECONDS = 60


async def play_demo(file: Path, *, as_json: bool) -> bool:
    """Play a scenario on a network of its own. Returns whether all went as expected."""
    scenario = load(file)
    require_no_network()
    folder = run_folder("demo")
    async with network(
        scenario, folder, progress=progress, deadline_seconds=DEADLINE_SECONDS
    ) as running:
        began = time.perf_counter()
        played = await _play(running, as_json=as_json)
        seconds = time.perf_counter() - began
    ok = all(step.as_expected for step in played)
    if as_json:
        document({"ok": ok, **_reports(played)})
    else:
        say(_summary(played, seconds))
    if ok:
        shutil.rmtree(folder, ignore_errors=True)
    else:
        progress(f"the roles' logs are in {folder}/logs")
    return ok


def require_no_network() -> None:
    """A terminal that takes part in a running network must not found another on its servers.
    Raises WrongUse."""
    if "HERKEN_NETWORK" in os.environ:
        raise WrongUse(
            "this terminal takes part in a running network: a new one would change its passwords. "
            "Use another terminal, or `unset HERKEN_NETWORK HERKEN_SECRETS HERKEN_KAFKA "
            "HERKEN_POSTGRES`"
        )


def run_folder(kind: str) -> Path:
    """A new folder for one run, in the git-ignored home."""
    runs = HOME / "runs"
    runs.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(prefix=f"{kind}-", dir=runs))


async def _play(running: Network, *, as_json: bool) -> list[Played | Acted]:
    """Play the steps one after the other, each on what the ones before it left."""
    done: list[Played | Acted] = []
    async with Player.ready(running.scenario, running.settings, running.folders) as player:
        for step in running.scenario.steps:
            match step:
                case Login():
                    done.append(await player.play(step))
                case Act():
                    done.append(await player.act(step))
            if not as_json:
                say(_told(done[-1]))
    return done


def _reports(played: list[Played | Acted]) -> dict[str, Any]:
    logins = [step.report() for step in played if isinstance(step, Played)]
    return {"logins": logins, "acts": [step.report() for step in played if isinstance(step, Acted)]}


def _told(step: Played | Acted) -> str:
    if isinstance(step, Played):
        return told(step, judged(step))
    mark = "as expected" if step.as_expected else f"EXPECTED {step.act.expect}"
    return (
        f"\n{step.act.name}\n  {step.duration_ms:7.0f} ms  {step.act.act}: {step.came_to}: {mark}"
    )


def told(played: Played, ending: str) -> str:
    """A login as a reader sees it: its hops with times, and how it ended."""
    lines = [f"\n{played.login.name}  ({played.request_id})"]
    lines += [f"  {hop.at_ms:7.0f} ms  {hop.participant:>16} -> {hop.topic}" for hop in played.hops]
    lines.append(f"  {played.duration_ms:7.0f} ms  {ending}")
    return "\n".join(lines)


def judged(played: Played) -> str:
    """An outcome, and whether it was expected."""
    found, wanted = ", ".join(played.differs), expected_text(played.login)
    mark = "as expected" if played.as_expected else f"EXPECTED {wanted}; found {found}"
    return f"{outcome_text(played)}: {mark}"


def outcome_text(played: Played) -> str:
    """An outcome in a few words, nobody's identity among them."""
    report = played.report()
    if report["outcome"] == "assertion":
        return f"assertion at {report['level']}, verified"
    return f"refusal {report['code']}"


def _summary(played: list[Played | Acted], seconds: float) -> str:
    logins = [step.as_expected for step in played if isinstance(step, Played)]
    acts = [step.as_expected for step in played if isinstance(step, Acted)]
    text = f"\n{sum(logins)} of {len(logins)} logins as expected"
    also = f", {sum(acts)} of {len(acts)} acts" if acts else ""
    return f"{text}{also}, in {seconds:.0f} s"
