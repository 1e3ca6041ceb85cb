"""One login as a whole: its records by kind, and what led to what."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import count
from typing import Final

from checker.facts import Fact
from checker.ids import due_id, output_id, request_digest
from checker.topics import DLQ, KINDS

LEVELS: Final = {
    f"urn:etoegang:core:assurance-class:{name}": rank
    for rank, name in enumerate(("loa1", "loa2", "loa2plus", "loa3", "loa4"))
}
"""Levels of assurance, from low to high."""
NO_LOGIN: Final = frozenset(
    {"request_malformed", "request_expired", "request_from_the_future", "request_id_reused"}
)
"""Refusals with which no login begins: each answers one signed text, not a request ID."""
DUE: Final = "due"
_VERSIONS: Final = 64
"""A login's row is written fewer times than this."""
_ROLES: Final = frozenset({"HM", "AD", "MR"})


class Login:
    """The records of one key. `facts` in the order of their timestamps."""

    def __init__(self, facts: Sequence[Fact]) -> None:
        self.facts = sorted(facts, key=_when)
        self.request_id = facts[0].key if facts else ""
        self._by_kind: dict[str, list[Fact]] = {}
        for fact in self.facts:
            self._by_kind.setdefault("" if fact.carried else fact.kind, []).append(fact)

    def all(self, kind: str) -> list[Fact]:
        """The records of a kind of topic, whoever wrote them."""
        return self._by_kind.get(kind, [])

    def said(self, kind: str) -> list[Fact]:
        """The records of a kind that readers can trust."""
        return [fact for fact in self.all(kind) if not fact.fault]

    @property
    def letters(self) -> list[Fact]:
        return self.all(DLQ)

    @cached_property
    def signed(self) -> dict[str, Fact]:
        """What was signed and holds, by digest: from a topic where it is there, else as it was
        carried."""
        found = {fact.digest: fact for fact in self._by_kind.get("", ()) if not fact.fault}
        trusted = (fact for fact in self.facts if fact.jti and not fact.carried)
        return found | {fact.digest: fact for fact in trusted if not fact.fault}

    @cached_property
    def broken(self) -> dict[str, Fact]:
        """What is carried, and does not hold, by digest."""
        return {fact.digest: fact for fact in self._by_kind.get("", ()) if fact.fault}

    def digest_of(self, request: Fact) -> str:
        """What declarations about a request are bound to; of a malformed one, its own digest."""
        if request.malformed:
            return request.digest
        return request_digest(request.sender, request.data)

    @cached_property
    def requests(self) -> dict[str, list[Fact]]:
        """The requests that readers can trust, by their digests."""
        found: dict[str, list[Fact]] = {}
        for request in self.said("authn-requests"):
            found.setdefault(self.digest_of(request), []).append(request)
        return found

    # --- what led to what

    @cached_property
    def outputs(self) -> dict[str, list[Fact]]:
        """What makelaars, providers and registries sent, by `jti`."""
        found: dict[str, list[Fact]] = {}
        for fact in self.facts:
            if fact.jti and not fact.fault and not fact.carried and _role(fact.sender) in _ROLES:
                found.setdefault(fact.jti, []).append(fact)
        return found

    @cached_property
    def inputs(self) -> dict[str, list[Fact]]:
        """What roles read, by input ID: one for each time that it is on its topic."""
        found: dict[str, list[Fact]] = {}
        for fact in self.facts:
            kind = KINDS.get(fact.kind)
            if kind and kind.read and not fact.carried and fact.kind != "outcomes":
                found.setdefault(fact.input_id, []).append(fact)
        return found

    @property
    def said_inputs(self) -> list[Fact]:
        """Of what roles read, what they can trust."""
        return [times[0] for times in self.inputs.values() if not times[0].fault]

    @cached_property
    def led_to(self) -> dict[str, list[Fact]]:
        """Of each input ID, what it led to."""
        return {id_: list(self._outputs_of(id_, at[0].owner)) for id_, at in self.inputs.items()}

    def _outputs_of(self, input_id: str, reader: str) -> Iterator[Fact]:
        for number in count():
            sent = self.outputs.get(output_id(reader, number, input_id))
            if not sent:
                return
            yield from sent

    @cached_property
    def causes(self) -> dict[str, Fact]:
        """Of each `jti` that a message on the topics led to, that message."""
        return {
            sent.jti: self.inputs[input_id][0]
            for input_id, outputs in self.led_to.items()
            for sent in outputs
        }

    def is_told_again(self, request: Fact) -> bool:
        """Whether a request is the same as another one, signed anew: then its sender is told what
        he was told before."""
        same = self.requests.get(self.digest_of(request), ())
        return any(self.led_to[each.input_id] for each in same if each.input_id != request.input_id)

    def is_due(self, outcome: Fact, makelaar: str) -> bool:
        """Whether a deadline led to an outcome, by the makelaar of this short name."""
        made = (due_id(outcome.key, version) for version in range(1, _VERSIONS))
        return any(output_id(makelaar, 0, each) == outcome.jti for each in made)


def _when(fact: Fact) -> tuple[int, str, int, int]:
    return fact.timestamp, fact.topic, fact.partition, fact.offset


def _role(entity_id: str) -> str:
    return entity_id[13:15]
