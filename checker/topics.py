"""Every kind of topic, as docs/reference/topics.md has it: who owns, writes and reads it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

DV, HM, AD, MR, USER = "DV", "HM", "AD", "MR", "user"
CATALOGUE: Final = "catalogue"
DLQ: Final = "dlq"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of topic. Roles are those inside an EntityID.

    message  name and version of the message's JSON Schema
    writer   a role, or `user`: then the value is plain JSON
    read     whether its owner reads it, as consumer group `<owner>.<name>`, and has dead letters
    carries  what is inside, signed by itself: the field (dotted), and the kind of topic that it
             was sent on
    seals    what is inside, sealed: the field (dotted), and for whom: `owner`, `front`, `portal`,
             or the field that names him
    """

    name: str
    message: str
    owner: str
    writer: str
    read: bool = True
    carries: tuple[tuple[str, str], ...] = ()
    seals: tuple[tuple[str, str], ...] = ()

    @property
    def signed(self) -> bool:
        return self.writer != USER

    @property
    def type(self) -> str:
        """The CloudEvents type of its messages."""
        return f"nl.herken.{self.message}"


_Fields = tuple[tuple[str, str], ...]


def _k(
    name: str,
    owner: str,
    writer: str,
    read: bool = True,
    carries: _Fields = (),
    seals: _Fields = (),
) -> Kind:
    message = re.sub("ie$", "y", name.removesuffix("s"))
    return Kind(name, f"{message}.v1", owner, writer, read, carries, seals)


_SECRET = (("secret", "owner"),)
KINDS: Final[dict[str, Kind]] = {
    kind.name: kind
    for kind in (
        _k("authn-requests", HM, DV),
        _k("means-prompts", HM, HM, read=False),
        _k("means-choices", HM, USER),
        _k("authentication-requests", AD, HM),
        _k("challenges", AD, AD, read=False),
        _k("password-answers", AD, USER, seals=_SECRET),
        _k("code-answers", AD, USER, seals=_SECRET),
        _k("signature-answers", AD, USER, seals=_SECRET),
        _k("session-answers", AD, USER, seals=_SECRET),
        _k("consent-prompts", AD, AD, read=False),
        _k("consent-choices", AD, USER),
        _k(
            "authentication-results",
            HM,
            AD,
            seals=(
                ("result.acting_subject", "result.registry"),
                ("result.attributes", "result.dienstverlener"),
            ),
        ),
        _k(
            "mandate-queries",
            MR,
            HM,
            carries=(("declaration", "authentication-results"),),
        ),
        _k("representation-prompts", MR, MR, read=False, seals=(("options", "front"),)),
        _k("representation-choices", MR, USER),
        _k(
            "mandate-decisions",
            HM,
            MR,
            seals=(
                ("result.acting", "result.dienstverlener"),
                ("result.legal", "result.dienstverlener"),
                ("result.obligation.claim", "result.obligation.registry"),
            ),
        ),
        _k("confirmation-queries", MR, HM, carries=(("decision", "mandate-decisions"),)),
        _k("confirmations", HM, MR, seals=(("result.legal", "result.dienstverlener"),)),
        _k(
            "outcomes",
            DV,
            HM,
            carries=(
                ("request", "authn-requests"),
                ("result.declaration", "authentication-results"),
                ("result.decision", "mandate-decisions"),
                ("result.confirmation", "confirmations"),
            ),
        ),
        _k("cancellations", HM, DV),
        _k("session-commands", AD, USER, seals=_SECRET),
        _k("session-confirmations", AD, AD, read=False),
        _k(
            "mandate-commands",
            MR,
            DV,
            carries=(("outcome", "outcomes"),),
            seals=(("command", "owner"),),
        ),
        _k(
            "mandate-events",
            MR,
            MR,
            read=False,
            seals=(("recorded", "owner"), ("shown", "portal")),
        ),
        _k("chain-information-queries", MR, MR, seals=(("question", "owner"),)),
        _k("chain-information", MR, MR, seals=(("links", "owner"),)),
        _k("charges", MR, MR, read=False, seals=(("organisation", "owner"),)),
    )
}
"""By name, in the order of one login; then what goes on beside it."""

EVIDENCE: Final = frozenset(kind for each in KINDS.values() for _, kind in each.carries)
"""What is carried inside other messages."""


def split(topic: str) -> tuple[str, str] | None:
    """Kind and owner of a topic's name; of a dead-letter topic `dlq` and the topic beside it; None
    where it is none of the network's."""
    beside = topic.removesuffix(".dlq")
    kind, _, owner = beside.partition(".")
    if kind not in KINDS or not owner or "." in owner:
        return (DLQ, beside) if topic == f"{CATALOGUE}.dlq" else None
    return (kind, owner) if beside == topic else (DLQ, beside)


def group_of(kind: str, owner: str) -> str:
    """The consumer group that reads a topic."""
    return f"{owner}.{kind}"
