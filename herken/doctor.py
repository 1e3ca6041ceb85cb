"""`herken doctor`: everything that is checked, and how it is told."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from herken.checks import Finding, State, catalogue, files, kafka, machine, postgres
from herken.commands.output import document, say
from herken.topics import ADDRESSES
from pipeline.keys import Secrets, utc_now
from pipeline.settings import database_user, role_dsn
from sandbox.seeding import MIGRATIONS
from schemas.directory import Directory, Participant

_ALL_WELL, _SOMETHING_WRONG, _UNREACHABLE = 0, 1, 3


async def examine(*, as_json: bool) -> int:
    """Check everything that can be checked with what is set; print it; return the exit code."""
    found = await findings(os.environ)
    code = exit_code(found)
    if as_json:
        rows = [asdict(one) for one in found]
        document({"ok": code == _ALL_WELL, "findings": rows})
    else:
        say(told(found))
    return code


async def findings(environ: Mapping[str, str]) -> list[Finding]:
    """The machine first, then the network's files, then the servers."""
    found = list(machine.findings(environ))
    in_files, directory, here = _of_files(environ)
    found += in_files
    servers, dsn = environ.get("HERKEN_KAFKA", ""), environ.get("HERKEN_POSTGRES", "")
    if re.fullmatch(ADDRESSES, servers):
        found += await kafka.findings(servers, directory, utc_now())
        if directory is not None and not any(one.is_unreachable for one in found):
            network = Path(environ["HERKEN_NETWORK"])
            found += await catalogue.findings(servers, network, directory)
    if re.fullmatch(machine.DSN, dsn):
        found += await postgres.findings(dsn, _roles(dsn, directory, here))
    return found


def _of_files(
    environ: Mapping[str, str],
) -> tuple[list[Finding], Directory | None, dict[str, Secrets]]:
    """What is found in the network's files, and what they hold."""
    network, secrets = environ.get("HERKEN_NETWORK", ""), environ.get("HERKEN_SECRETS", "")
    if not network or not Path(network).is_dir():
        return [], None, {}
    finding, directory = files.directory(Path(network))
    if directory is None:
        return [finding], None, {}
    now = utc_now()
    found = [finding, files.expiry(directory, now), *files.keys(directory, now)]
    if not secrets or not Path(secrets).is_dir():
        return found, directory, {}
    unreadable, here = files.held(Path(secrets), directory)
    matching = files.matching(here, directory, now)
    return [*found, *unreadable, *matching, *files.private(Path(secrets))], directory, here


def _roles(
    dsn: str, directory: Directory | None, here: Mapping[str, Secrets]
) -> list[tuple[Participant, str]]:
    """Those with a database whose secrets are here, and their own DSNs."""
    participants = directory.participants if directory else ()
    return [
        (one, role_dsn(dsn, database_user(one.name), here[one.name].database_password))
        for one in participants
        if one.name in here and one.role in MIGRATIONS
    ]


def exit_code(found: Sequence[Finding]) -> int:
    if any(one.is_unreachable for one in found):
        return _UNREACHABLE
    wrong = any(one.state is State.WRONG for one in found)
    return _SOMETHING_WRONG if wrong else _ALL_WELL


def told(found: Sequence[Finding]) -> str:
    """A line a finding, with what to do under it, and how many are of each state."""
    width = max(len(one.name) for one in found)
    lines = []
    for one in found:
        lines.append(f"{one.state:<7}  {one.name:<{width}}  {one.text}")
        if one.advice:
            lines.append(f"{'':<7}  {'':<{width}}  -> {one.advice}")
    states = [one.state for one in found]
    counts = ", ".join(f"{states.count(state)} {state}" for state in State)
    return "\n".join([*lines, "", f"{len(found)} checks: {counts}"])
