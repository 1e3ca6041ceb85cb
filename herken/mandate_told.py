"""What came of a command, as a manager is shown it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from herken.commands.output import document, say
from herken.topics import columns
from registry.administration.texts import TEXTS
from schemas.administration import EventKind, MandateEvent, Shown, ShownLine


def told(events: Sequence[MandateEvent], shown: Sequence[Shown | None], *, as_json: bool) -> bool:
    """Show the events of a command; whether it was done."""
    done = all(event.kind is not EventKind.REFUSED for event in events)
    if as_json:
        document(_document(events, shown, done=done))
        return done
    for event, lines in zip(events, shown, strict=True):
        _say(event, lines)
    return done


def _document(
    events: Sequence[MandateEvent], shown: Sequence[Shown | None], *, done: bool
) -> dict[str, Any]:
    return {
        "command": str(events[0].request_id),
        "done": done,
        "events": [_event(event, lines) for event, lines in zip(events, shown, strict=True)],
    }


def _event(event: MandateEvent, shown: Shown | None) -> dict[str, Any]:
    text = TEXTS[event.reason] if event.reason else None
    return {
        "kind": str(event.kind),
        "object": str(event.object) if event.object else None,
        "revision": event.revision,
        "reason": str(event.reason) if event.reason else None,
        "nl": text.nl if text else None,
        "en": text.en if text else None,
        "lines": [line.model_dump(mode="json") for line in shown.lines] if shown else [],
        "more": shown.more if shown else False,
    }


def _say(event: MandateEvent, shown: Shown | None) -> None:
    if event.reason is not None:
        say(f"refused: {event.reason}\n{TEXTS[event.reason].en}")
    elif event.kind is not EventKind.SHOWN:
        say(f"{event.kind}  {event.object or ''}".rstrip())
    if shown is None:
        return
    if shown.lines:
        say(columns(_columns(line) for line in shown.lines))
    elif event.kind is EventKind.SHOWN:
        say("nothing")
    if shown.more:
        say("and more: --offset shows what comes after")


def _columns(line: ShownLine) -> tuple[str, ...]:
    period = f"{line.valid_from:%Y-%m-%d} to {line.valid_until:%Y-%m-%d}"
    words = (str(line.thing), line.who, line.organisation, str(line.level), line.state)
    return (str(line.id), *words, period, line.scope)
