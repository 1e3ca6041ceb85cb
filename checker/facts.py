"""What was read, what is known beside it, and what is wrong. No I/O: whoever has facts, from Kafka
or not, can have them judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as having
from datetime import datetime
from functools import cached_property
from typing import Any, Final

SKEW_MS: Final = 30_000
"""How far another participant's clock may be off (docs/reference/choices.md)."""
INVARIANTS: Final[Mapping[int, str]] = {
    1: "one distinct outcome for each accepted request",
    2: "an outcome by its deadline",
    3: "no assertion without the declarations it rests on, bound to its request",
    4: "asked level <= asserted level <= every declared level",
    5: "no grant decided after a withdrawal was answered",
    6: "none for expired, replayed or altered requests; request IDs are used once",
    7: "outcomes never change; repeats are byte-identical",
    8: "pseudonyms are pairwise, and what is sealed is sealed for its addressee",
    9: "every input is processed, a duplicate, or a dead letter with its reason",
    10: "no committed offset passes an unprocessed input",
    11: "every refusal has one reason, that its participant's records explain",
    12: "nothing personal in keys, headers or logs",
}


@dataclass(frozen=True, slots=True)
class Fact:
    """One record, as far as rules look at it. Times are milliseconds since 1970.

    kind, owner    of `outcomes.waterdam`: `outcomes` and `waterdam`; of a dead letter: `dlq` and
                   the name of the topic that it is beside
    timestamp      of the Kafka record
    key            the record's, as text
    digest         SHA-256 of the value, base64url
    input_id       UUIDv5 of topic and value: how a reader knows the same input
    sender         EntityID of whoever signed it, verified; empty: nobody, or nobody trusted
    fault          why no reader can trust it, as the reason of its dead letter; empty: it holds
    malformed      trusted, but not of the published form
    jti, issued, expires, audience   the claims of its signature; iat and exp in milliseconds. Of
                   what does not hold, `jti` is only what it says
    signature      the signature value of the JWS
    data           the content. Of a JWS in it the digest is left, of a JWE its `kid`
    opened         of what is sealed in it, as far as it could be opened, what rules need; no
                   identifier of anybody as it is: digests
    carried        seen only inside the record at its place, not on the topic of its kind
    amiss          names of the key and of headers that are not of their documented form
    """

    kind: str
    owner: str
    partition: int
    offset: int
    timestamp: int
    key: str
    digest: str
    input_id: str = ""
    sender: str = ""
    fault: str = ""
    malformed: bool = False
    jti: str = ""
    issued: int = 0
    expires: int = 0
    audience: tuple[str, ...] = ()
    signature: str = ""
    data: Mapping[str, Any] = having(default_factory=dict)
    opened: Mapping[str, Any] = having(default_factory=dict)
    carried: str = ""
    amiss: tuple[str, ...] = ()

    @property
    def topic(self) -> str:
        return f"{self.owner}.dlq" if self.kind == "dlq" else f"{self.kind}.{self.owner}"

    @property
    def place(self) -> str:
        return self.carried or f"{self.topic}:{self.partition}:{self.offset}"

    @property
    def result(self) -> Mapping[str, Any]:
        """What a result, decision, confirmation or outcome says."""
        found = self.data.get("result")
        return found if isinstance(found, Mapping) else {}


@dataclass(frozen=True, slots=True)
class Participant:
    """Who takes part, as the scheme's directory says. `keys`: of each use, the kids."""

    name: str
    entity_id: str
    role: str
    keys: Mapping[str, frozenset[str]] = having(default_factory=dict)
    highest_level: str | None = None
    portal: str | None = None
    chains: bool = False


@dataclass(frozen=True, slots=True)
class Offered:
    """A service, as one version of the catalogue has it. `version` is the first that has it so,
    `until` the first that does not any more."""

    service: str
    dienstverlener: str
    makelaar: str
    level: str
    stands_for: tuple[str, ...]
    version: int
    until: int | None = None


@dataclass(frozen=True, slots=True)
class Withdrawable:
    """A mandate, assignment or link, as a registry's events tell of it. Times in milliseconds.

    registry      EntityID of the registry that keeps it
    holders       who can act by it: digests of provider and person; empty for a link
    organisation  digests of the numbers of whom it is for
    answered      when the withdrawal was answered (its event on the topic); None: never
    registered    when the event that told of it first is dated
    """

    id: str
    thing: str
    registry: str = ""
    holders: frozenset[str] = frozenset()
    organisation: frozenset[str] = frozenset()
    link: str = ""
    registered: int = 0
    answered: int | None = None
    place: str = ""


@dataclass(frozen=True)
class World:
    """What is known beside the records of a login.

    participants      by EntityID
    offered           by ServiceID, every version that is still known
    now               milliseconds since 1970, when the ends of the topics were taken
    late_by           how long after its deadline an outcome may still come, in milliseconds
    clock_bound       how far apart the clocks of two participants may be, in milliseconds
    deadline_seconds  the longest that a makelaar lets a login take, where no message says
    committed         by topic and partition, the offset that its reader committed; None: all that
                      was read counts as committed (a network at rest)
    begins            by topic and partition, the first offset that is still there
    withdrawable      by holder (or link ID), what could be withdrawn; only of whom something was
    """

    participants: Mapping[str, Participant] = having(default_factory=dict)
    offered: Mapping[str, Sequence[Offered]] = having(default_factory=dict)
    now: int = 0
    late_by: int = 5_000
    clock_bound: int = 1_000
    deadline_seconds: int = 600
    committed: Mapping[tuple[str, int], int] | None = None
    begins: Mapping[tuple[str, int], int] = having(default_factory=dict)
    withdrawable: Mapping[str, Sequence[Withdrawable]] = having(default_factory=dict)

    @cached_property
    def names(self) -> Mapping[str, Participant]:
        """The participants by their short names."""
        return {each.name: each for each in self.participants.values()}

    @cached_property
    def cut(self) -> frozenset[str]:
        """The kinds of topics of which retention took the beginning of one at least."""
        names = (topic for (topic, _), first in self.begins.items() if first > 0)
        return frozenset("dlq" if each.endswith(".dlq") else each.split(".")[0] for each in names)

    def is_committed(self, topic: str, partition: int, offset: int) -> bool:
        """Whether the reader of a topic says that it is done with a record."""
        if self.committed is None:
            return True
        return offset < self.committed.get((topic, partition), 0)


@dataclass(frozen=True, slots=True)
class Violation:
    """An invariant that does not hold: of which request, shown by which records, in a sentence."""

    invariant: int
    request_id: str
    places: tuple[str, ...]
    sentence: str


def field(data: Mapping[str, Any], path: str) -> Any:
    """What is at a dotted path; None where nothing is."""
    found: Any = data
    for name in path.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def milliseconds(text: str) -> int:
    """Of a date and time in ISO 8601. Raises ValueError."""
    return round(datetime.fromisoformat(text).timestamp() * 1000)
