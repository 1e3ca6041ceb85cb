"""`herken dlq`: dead letters listed, shown without telling whose logins they were, and redriven."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from herken import redrives
from herken.commands.output import document, progress, say
from herken.kafka import read
from herken.letters import NO_LETTER, Letter, content, flat, printable, value_of
from herken.topics import Where, columns, required, trusted
from pipeline.errors import WrongUse
from sandbox.topology import plan
from schemas.topics import DLQ_SUFFIX

Ask = Callable[[str], bool]


@dataclass(frozen=True)
class Choice:
    """Which dead letters of a topic to redrive; all that were not, where nothing is said."""

    topic: str
    position: str | None = None
    reason: str | None = None
    unfinished: bool = False

    def has(self, letter: Letter) -> bool:
        states = ("no", "unfinished") if self.unfinished else ("no",)
        return (
            letter.redriven in states
            and letter.reason != NO_LETTER
            and self.position in (None, letter.position)
            and self.reason in (None, letter.reason)
        )


async def list_letters(topic: str | None, *, as_json: bool) -> None:
    """Print the dead letters of a topic, or of all. Raises WrongUse, ServerUnreachable."""
    desk = _Desk.open()
    names = desk.topics if topic is None else [desk.known(topic)]
    reports = [letter.report() for letter in await redrives.letters(desk.servers, names)]
    if as_json:
        document({"dead_letters": reports})
    elif reports:
        headings = [name.upper() for name in reports[0]]
        say(columns([headings, *([str(value) for value in r.values()] for r in reports)]))
    else:
        say("no dead letters")


async def show_letter(topic: str, position: str, *, with_value: bool, as_json: bool) -> None:
    """Print one dead letter. Raises WrongUse, ServerUnreachable."""
    desk = _Desk.open()
    name, (partition, offset) = desk.known(topic), _split(position)
    raws = await read(desk.servers, [name], lambda raw: raw, (partition, offset, offset))
    letters = {one.position: one for one in await redrives.letters(desk.servers, [name])}
    if not raws or position not in letters:
        raise _nothing_there(name, position)
    report, value = letters[position].report() | content(raws[0]), value_of(raws[0])
    if as_json:
        return document(report | ({"content": value} if with_value else {}))
    say(columns(flat(report)))
    return say("\n" + printable(value["text"] or value["base64"] or "")) if with_value else None


async def redrive_letters(choice: Choice, ask: Ask | None, *, as_json: bool) -> bool:
    """Redrive dead letters, and print how many. Returns whether it went as it was asked.

    Raises WrongUse, ServerUnreachable; HerkenError where Kafka did not take everything.
    """
    desk = _Desk.open()
    name = desk.known(choice.topic)
    letters = await redrives.letters(desk.servers, [name])
    if choice.position and choice.position not in [letter.position for letter in letters]:
        raise _nothing_there(name, choice.position)
    chosen, target = [one for one in letters if choice.has(one)], name.removesuffix(DLQ_SUFFIX)
    if chosen and ask and not ask(f"Publish {_count(len(chosen))} on {target} once more?"):
        progress("nothing was redriven")
        return False
    redriven = await redrives.redrive(desk.servers, chosen, unfinished=choice.unfinished)
    passed = [one for one in letters if one.redriven == "unfinished" and one not in chosen]
    if as_json:
        document({"topic": target, "redriven": redriven, "unfinished": len(passed)})
    else:
        say(f"{_count(redriven)} redriven to {target}{_told(passed)}")
    return choice.position is None or redriven == 1


def _count(letters: int) -> str:
    return "1 dead letter" if letters == 1 else f"{letters} dead letters"


def _told(passed: Sequence[Letter]) -> str:
    if not passed:
        return ""
    return f"; {len(passed)} unfinished of an earlier redrive were passed over (--unfinished)"


def _split(position: str) -> tuple[int, int]:
    """Raises WrongUse."""
    if not re.fullmatch(r"\d{1,9}:\d{1,18}", position):
        raise WrongUse(f"{position!r} is no PARTITION:OFFSET: that looks like 0:3")
    partition, offset = position.split(":")
    return int(partition), int(offset)


def _nothing_there(name: str, position: str) -> WrongUse:
    return WrongUse(f"{name} has no dead letter at {position}: see `herken dlq list {name}`")


@dataclass(frozen=True)
class _Desk:
    """A network's dead-letter topics, and its Kafka."""

    servers: str
    topics: list[str]

    @classmethod
    def open(cls) -> _Desk:
        """Raises WrongUse, Untrustworthy."""
        where = Where.read()
        servers = required(where.kafka, "HERKEN_KAFKA", "herken dlq")
        directory = trusted(required(where.network, "HERKEN_NETWORK", "herken dlq"))
        return cls(servers, [p.name for p in plan(directory) if p.name.endswith(DLQ_SUFFIX)])

    def known(self, topic: str) -> str:
        """Its whole name. Raises WrongUse."""
        name = topic.removesuffix(DLQ_SUFFIX) + DLQ_SUFFIX
        if name in self.topics:
            return name
        near = get_close_matches(name, self.topics, n=1)
        meant = f": did you mean {near[0]}?" if near else "; `herken topics` lists them"
        raise WrongUse(f"the network has no dead-letter topic {name}{meant}")
