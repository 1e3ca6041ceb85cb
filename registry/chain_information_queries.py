"""Stage: another registry asks whether an organisation lets an intermediary act.

chain-information-queries.<registry> -> chain-information.<registry that asks>

The answer decides nothing: a link is verified here once more, at every login.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from pipeline.keys import Keys, Unreadable
from pipeline.stage import Batch, Facts, Moment, Outgoing, Step
from registry.administration.assigning import holds, offered
from registry.administration.loading import links_between
from registry.kept import Link
from registry.rules import Registry
from schemas.chains import ChainInformation, ChainInformationQuery, ChainLinks, ChainQuestion
from schemas.codec import Received
from schemas.directory import KeyUse
from schemas.topics import CHAIN_INFORMATION

MOST_LINKS: Final = 20
"""What an answer has room for; the newest first."""


@dataclass(frozen=True)
class Asked:
    """A question, and the links of this registry between the two. `links` is None where the
    question cannot be read."""

    registry: Registry
    links: Sequence[Link] | None = None


def handle(
    _: Any, received: Received[ChainInformationQuery], asked: Asked, moment: Moment
) -> Step[Any]:
    """Tell a registry that offers chains, which links hold now."""
    registry, asker = asked.registry, received.sender
    if asker is None or not asker.chains or not registry.me.chains:
        return Step(reject="chains_not_offered")
    if asked.links is None:
        return Step(reject="question_unreadable")
    holding = [link for link in asked.links if holds(link, moment.now)]
    newest = sorted(holding, key=lambda link: link.registered_at, reverse=True)[:MOST_LINKS]
    links = ChainLinks(links=tuple(map(offered, newest)))
    sealed = registry.seal(links, asker, KeyUse.ENCRYPTION)
    answer = ChainInformation(request_id=received.message.request_id, links=sealed)
    return Step(send=[Outgoing(CHAIN_INFORMATION, asker, answer)])


def facts(keys: Keys) -> Facts:
    """Open the questions of a batch, and look up what they are about."""

    async def load(batch: Batch[Registry]) -> list[Asked]:
        return [await _asked(batch, received.message, keys) for received in batch.received]

    return load


async def _asked(batch: Batch[Registry], message: ChainInformationQuery, keys: Keys) -> Asked:
    try:
        question = keys.open(message.question, ChainQuestion)
    except Unreadable:
        return Asked(batch.known)
    between = (question.principal, question.intermediary)
    return Asked(batch.known, await links_between(batch.connection, *between))
