"""`herken topics`: every topic of the network, and whether Kafka has them as they must be."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from pydantic import Field, ValidationError
from pydantic_settings import SettingsConfigDict

from herken.commands.output import document, say
from herken.kafka import administration
from pipeline.errors import WrongUse
from pipeline.keys import Trust
from pipeline.settings import FromEnvironment
from sandbox.topology import TopicPlan, plan
from schemas.asyncapi import KEY, role_name
from schemas.catalogue import CatalogueEntry
from schemas.directory import Directory
from schemas.topics import CATALOGUE, DLQ_SUFFIX, FOREVER_MS, TOPICS, Topic

ADDRESSES = r"^[^\s:,]+:\d{1,5}(,[^\s:,]+:\d{1,5})*$"
_UNITS = {"day": 86_400_000, "hour": 3_600_000, "minute": 60_000, "second": 1_000}
_HEADINGS = ("TOPIC", "WRITER", "READER", "MESSAGE", "PARTITIONS", "RETENTION", "DLQ")
_LEGEND = """
The key of every message is its request ID; that of the catalogue is the dienstverlener's EntityID.
DLQ: beside it is a topic for dead letters, <topic>.dlq"""
_SHARED = {
    "topic": CATALOGUE,
    "writer": "scheme",
    "reader": "everybody",
    "message": CatalogueEntry.model_fields["TYPE"].default,
    "key": "dienstverlener",
    "partitions": 1,
    "retention_ms": FOREVER_MS,
    "dead_letter_topic": CATALOGUE + DLQ_SUFFIX,
}
"""The one topic that is nobody's own; it is compacted: of each key, the newest record is kept."""


class Where(FromEnvironment):
    """What this terminal knows of a network; a variable that is empty is not set."""

    model_config = SettingsConfigDict(env_ignore_empty=True)

    kafka: str | None = Field(default=None, pattern=ADDRESSES)
    network: Path | None = None


def show(*, as_json: bool, live: bool) -> bool:
    """Print the topics; `live`: compared with Kafka. Returns whether all is as it must be.

    Raises WrongUse, ServerUnreachable.
    """
    where = Where.read()
    servers = required(where.kafka, "HERKEN_KAFKA", "herken topics --live") if live else None
    folder = required(where.network, "HERKEN_NETWORK", "herken topics --live") if live else None
    network = folder or where.network
    plans = plan(trusted(network)) if network else []
    found = asyncio.run(_compared(servers, plans)) if servers else {}
    (_as_document if as_json else _as_text)(plans, found)
    return not any(found.values())


def required(value: Any, variable: str, command: str) -> Any:
    """Raises WrongUse."""
    if value is None:
        raise WrongUse(
            f"`{command}` needs {variable}: `herken up` prints the lines to copy into this terminal"
        )
    return value


def trusted(network: Path) -> Directory:
    """The directory, as the scheme signed it. Raises WrongUse, Untrustworthy."""
    try:
        return Trust(network).directory
    except ValidationError:
        raise WrongUse(
            f"the scheme's key in {network} is damaged: get that folder's files anew"
        ) from None


# --- what must be


def kinds() -> list[dict[str, Any]]:
    """Every kind of topic, in the order of one login; then the one that everybody shares."""
    return [*(_kind(topic) for topic in TOPICS), _SHARED]


def _kind(topic: Topic) -> dict[str, Any]:
    name = f"{topic.name}.<{role_name(topic.owner)}>"
    return {
        "topic": name,
        "writer": role_name(topic.writer),
        "reader": role_name(topic.reader),
        "message": topic.message.TYPE,
        "key": KEY,
        "partitions": topic.partitions,
        "retention_ms": topic.retention_ms,
        "dead_letter_topic": name + DLQ_SUFFIX if topic.has_dlq else None,
    }


def lasting(milliseconds: int) -> str:
    """`7 days`: the largest unit of which it is a whole number; or `for ever`."""
    if milliseconds == FOREVER_MS:
        return "for ever"
    for unit, size in _UNITS.items():
        count, rest = divmod(milliseconds, size)
        if count and not rest:
            return f"{count} {unit}{'s' if count > 1 else ''}"
    return f"{milliseconds} ms"


# --- what is there


async def _compared(servers: str, plans: Sequence[TopicPlan]) -> dict[str, list[str]]:
    async with administration(servers) as kafka:
        return await differences(kafka, plans)


async def differences(
    kafka: AIOKafkaAdminClient, plans: Sequence[TopicPlan]
) -> dict[str, list[str]]:
    """For each topic what is not as it must be; nothing, where all is."""
    there = {topic["topic"]: topic["partitions"] for topic in await kafka.describe_topics()}
    configs = await _configs(kafka, [p.name for p in plans if p.name in there])
    return {
        p.name: _differences(p, there[p.name], configs[p.name])
        if p.name in there
        else ["is not there"]
        for p in plans
    }


async def _configs(kafka: AIOKafkaAdminClient, names: list[str]) -> dict[str, dict[str, str]]:
    if not names:
        return {}
    wanted = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    answers = await kafka.describe_configs(wanted)
    described = [described for answer in answers for described in answer.resources]
    return {
        name: {entry[0]: entry[1] for entry in entries}
        for _code, _text, _type, name, entries in described
    }


def _differences(wanted: TopicPlan, partitions: list[Any], config: dict[str, str]) -> list[str]:
    found = []
    if len(partitions) != wanted.partitions:
        found.append(f"has {_count(len(partitions))}, must have {wanted.partitions}")
    found += [
        f"{name} is {_readable(name, config.get(name))}, must be {_readable(name, value)}"
        for name, value in wanted.config.items()
        if config.get(name) != value
    ]
    leaderless = sum(partition["leader"] < 0 for partition in partitions)
    return [*found, f"{_count(leaderless)} without a leader"] if leaderless else found


def _count(partitions: int) -> str:
    return f"{partitions} partition{'' if partitions == 1 else 's'}"


def _readable(name: str, value: str | None) -> str:
    is_time = name.endswith(".ms") and value is not None and value.lstrip("-").isdigit()
    return lasting(int(value)) if is_time and value else str(value)


# --- how it is told


def columns(rows: Iterable[Sequence[str]]) -> str:
    """Rows as text, each column as wide as it must be."""
    table = list(rows)
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = ("  ".join(map(str.ljust, row, widths)).rstrip() for row in table)
    return "\n".join(lines)


def _as_document(plans: Sequence[TopicPlan], found: dict[str, list[str]]) -> None:
    topics = [
        {"topic": p.name, "partitions": p.partitions, "retention_ms": p.retention_ms}
        | ({"differences": found[p.name]} if found else {})
        for p in plans
    ]
    document({"ok": not any(found.values()), "kinds": kinds(), "topics": topics})


def _as_text(plans: Sequence[TopicPlan], found: dict[str, list[str]]) -> None:
    say(columns([_HEADINGS, *map(_kind_row, kinds())]))
    say(_LEGEND)
    if plans:
        headings = ("TOPIC", "PARTITIONS", "RETENTION", *(["ON KAFKA"] if found else []))
        say("\n" + columns([headings, *(_topic_row(p, found) for p in plans)]))
    if found:
        wrong = sum(map(bool, found.values()))
        say(f"\n{len(found) - wrong} of {len(found)} topics are as they must be" + _cure(wrong))


def _kind_row(kind: dict[str, Any]) -> tuple[str, ...]:
    shown = [str(kind[name]) for name in ("topic", "writer", "reader", "message", "partitions")]
    return (*shown, lasting(kind["retention_ms"]), "yes" if kind["dead_letter_topic"] else "-")


def _topic_row(wanted: TopicPlan, found: dict[str, list[str]]) -> tuple[str, ...]:
    row = (wanted.name, str(wanted.partitions), lasting(wanted.retention_ms))
    return (*row, "; ".join(found[wanted.name]) or "ok") if found else row


def _cure(wrong: int) -> str:
    return (
        "\n`herken setup topics` creates what is not there; settings are changed with Kafka's own "
        "kafka-topics and kafka-configs"
        if wrong
        else ""
    )
