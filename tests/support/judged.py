"""A login as the checker has it: facts, made without Kafka and without keys.

    story = direct()                 eight messages, all as they should be
    judge_login(story.facts, WORLD)  nothing
    story.change("outcomes", ...)    one thing otherwise

IDs and digests are made as on the wire, so that each message still shows what led to it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from checker.facts import Fact, Offered, Participant, World
from checker.ids import content_id, digest, due_id, output_id, request_digest
from checker.topics import KINDS

REQUEST_ID: Final = "0b6f7a52-54cf-4f0e-8a31-2d2a7c1f9e10"
START: Final = 1_790_000_000_000
_LEVEL = "urn:etoegang:core:assurance-class:"
EH2, EH3, EH4 = f"{_LEVEL}loa2", f"{_LEVEL}loa3", f"{_LEVEL}loa4"


def iso(after: int) -> str:
    """So many milliseconds after the start."""
    return datetime.fromtimestamp((START + after) / 1000, UTC).isoformat()


def _id(role: str, number: int) -> str:
    return f"urn:etoegang:{role}:000000990000000{number:05d}:entities:0001"


def _participant(name: str, role: str, number: int, **more: Any) -> Participant:
    keys = {use: frozenset({f"{name}-{use}"}) for use in ("sig", "enc", "front")}
    return Participant(name, _id(role, number), role, keys, **more)


HAVEN = _participant("haven", "DV", 1)
BAKEN = _participant("baken", "DV", 2)
DUIN = _participant("duin", "HM", 3)
AAK = _participant("aak", "AD", 4, highest_level=EH4)
KADE = _participant("kade", "MR", 5, portal=BAKEN.entity_id, chains=True)
STEIGER = _participant("steiger", "MR", 6, chains=True)
SERVICE: Final = "urn:etoegang:DV:00000099000000000001:services:1"
UUID: Final = "5b7f8a52-54cf-4f0e-8a31-2d2a7c1f9e10"
WORLD: Final = World(
    participants={p.entity_id: p for p in (HAVEN, BAKEN, DUIN, AAK, KADE, STEIGER)},
    offered={SERVICE: [Offered(SERVICE, HAVEN.entity_id, DUIN.entity_id, EH2, (UUID,), 1)]},
    now=START + 1_000_000,
)


class Story:
    """The facts of one login so far. Every message comes 10 ms after the one before."""

    def __init__(self, request_id: str = REQUEST_ID) -> None:
        self.request_id, self.facts = request_id, list[Fact]()
        self._offsets: dict[str, int] = {}

    def add(
        self,
        kind: str,
        owner: Participant,
        sender: Participant | None,
        data: Mapping[str, Any],
        cause: Fact | None = None,
        **more: Any,
    ) -> Fact:
        """A message on a topic; `cause`: the message that it is the answer to."""
        content = {"request_id": self.request_id, **data}
        number = more.pop("number", 0)
        jti = content_id("own", f"{kind} {len(self.facts)}".encode())
        if cause is not None and sender is not None:
            jti = output_id(sender.name, number, cause.input_id)
        at = more.pop("timestamp", START + 10 * len(self.facts))
        fact = Fact(
            *(kind, owner.name, 0, self._offset(kind, owner), at, self.request_id),
            digest="",
            sender=sender.entity_id if sender else "",
            jti=jti if KINDS[kind].signed else "",
            issued=at,
            expires=at + 600_000,
            audience=tuple(p.entity_id for p in WORLD.participants.values()),
            data=content,
        )
        fact = _sealed(replace(fact, **more))
        self.facts.append(fact)
        return fact

    def _offset(self, kind: str, owner: Participant) -> int:
        topic = f"{kind}.{owner.name}"
        self._offsets[topic] = self._offsets.get(topic, -1) + 1
        return self._offsets[topic]

    def letter(self, of: Fact, reason: str = "signature_invalid", **more: Any) -> Fact:
        """A dead letter of a message."""
        data = {"reason": reason, "origin": of.place, "omitted": ""}
        at = of.timestamp + 5
        letter = Fact("dlq", of.topic, 0, 0, at, of.key, digest=of.digest, data=data)
        self.facts.append(replace(letter, **more))
        return letter

    def again(self, fact: Fact, **more: Any) -> Fact:
        """The same bytes once more, at the next offset."""
        offset = max(f.offset for f in self.facts if f.topic == fact.topic) + 1
        later = replace(fact, offset=offset, timestamp=fact.timestamp + 5, **more)
        self.facts.append(later)
        return later

    def of(self, kind: str) -> Fact:
        """The first message of a kind."""
        return next(fact for fact in self.facts if fact.kind == kind)

    def change(self, kind: str, **more: Any) -> Story:
        """Something of a fact otherwise, its bytes taken as they were."""
        fact = self.of(kind)
        self.facts[self.facts.index(fact)] = replace(fact, **more)
        return self

    def say(self, kind: str, **result: Any) -> Story:
        """Something of a result otherwise, its bytes taken as they were."""
        data = self.of(kind).data
        return self.change(kind, data={**data, "result": {**data["result"], **result}})

    def without(self, kind: str) -> Story:
        self.facts.remove(self.of(kind))
        return self


def _sealed(fact: Fact) -> Fact:
    """A fact with the digest, input ID and signature value that its content gives it."""
    text = json.dumps([fact.topic, fact.jti, fact.issued, fact.data], sort_keys=True).encode()
    return replace(
        fact,
        digest=digest(text),
        input_id=content_id(fact.topic, text),
        signature=f"signature of {digest(text)}" if fact.jti else "",
    )


# --- logins


def asked(story: Story, **more: Any) -> Fact:
    data = {"service": SERVICE, "level": EH3, "force_authn": False, "declared": [], **more}
    return story.add("authn-requests", DUIN, HAVEN, data)


def about(request: Fact) -> dict[str, Any]:
    """What every question and declaration says of its request."""
    return {
        "request_digest": request_digest(request.sender, request.data),
        "dienstverlener": request.sender,
        "service": SERVICE,
    }


def authenticated(story: Story, request: Fact) -> Fact:
    """Up to the provider's declaration."""
    late = iso(900_000)
    question = {**about(request), "level": EH3, "force_authn": False, "deadline": late}
    first = story.add("authentication-requests", AAK, DUIN, question, request)
    challenge = {"nonce": "n", "kind": "signature"}
    story.add("challenges", AAK, AAK, challenge, first)
    answer = story.add("signature-answers", AAK, None, {"nonce": "n", "secret": "aak-enc"})
    declared = {
        "status": "authenticated",
        **about(request),
        "level": EH4,
        "acting_subject": "kade-enc",
        "registry": KADE.entity_id,
    }
    opened = {"holder": "wim"}
    return story.add(
        "authentication-results", DUIN, AAK, {"result": declared}, answer, opened=opened
    )


def permitted(story: Story, request: Fact, declared: Fact, **more: Any) -> Fact:
    """Up to the registry's decision."""
    question = {**about(request), "level": EH3, "declaration": declared.digest}
    late = {"deadline": iso(900_000)}
    query = story.add("mandate-queries", KADE, DUIN, {**question, **late}, declared)
    permit = {
        "status": "permit",
        **about(request),
        "services": [UUID],
        "level": EH3,
        "acting": "haven-enc",
        "legal": "haven-enc",
        "obligation": None,
        "declaration_signature": declared.signature,
        "decided_at": iso(70),
        **more,
    }
    opened = {"pseudonym": "p", "numbers": ["molen"]}
    return story.add("mandate-decisions", DUIN, KADE, {"result": permit}, query, opened=opened)


def asserted(story: Story, request: Fact, cause: Fact, *declarations: Fact) -> Fact:
    fields = ("declaration", "decision", "confirmation")
    inside = dict.fromkeys(fields) | dict(
        zip(fields, (each.digest for each in declarations), strict=False)
    )
    result = {"status": "assertion", "service": SERVICE, "level": EH3, "catalogue_version": 1}
    data = {"request": request.digest, "result": {**result, **inside}}
    return story.add("outcomes", HAVEN, DUIN, data, cause)


def refused(story: Story, request: Fact, cause: Fact | None, code: str, **more: Any) -> Fact:
    data = {"request": request.digest, "result": {"status": "refusal", "code": code}}
    return story.add("outcomes", HAVEN, DUIN, data, cause, **more)


def direct() -> Story:
    """A direct login, asserted."""
    story = Story()
    request = asked(story)
    declared = authenticated(story, request)
    decision = permitted(story, request, declared)
    asserted(story, request, decision, declared, decision)
    return story


def chain() -> Story:
    """A login through an intermediary, asserted."""
    story = Story()
    request = asked(story)
    declared = authenticated(story, request)
    obligation = {"registry": STEIGER.entity_id, "claim": "steiger-enc"}
    decision = permitted(story, request, declared, legal=None, obligation=obligation)
    question = {**about(request), "level": EH3, "decision": decision.digest}
    late = {"deadline": iso(900_000)}
    query = story.add("confirmation-queries", STEIGER, DUIN, {**question, **late}, decision)
    said = {
        "status": "confirmed",
        **about(request),
        "services": [UUID],
        "level": EH3,
        "legal": "haven-enc",
        "decision_signature": decision.signature,
        "decided_at": iso(90),
    }
    confirmed = story.add("confirmations", DUIN, STEIGER, {"result": said}, query)
    asserted(story, request, confirmed, declared, decision, confirmed)
    return story


def timed_out(version: int = 2) -> Story:
    """A login that the makelaar's sweep ended."""
    story = Story()
    request = asked(story)
    question = {**about(request), "level": EH3, "force_authn": False}
    late = {"deadline": iso(300_000)}
    first = story.add("authentication-requests", AAK, DUIN, {**question, **late}, request)
    story.add("challenges", AAK, AAK, {"nonce": "n", "kind": "signature"}, first)
    jti = output_id(DUIN.name, 0, due_id(story.request_id, version))
    at = START + 300_100
    refused(story, request, None, "deadline_passed", jti=jti, timestamp=at, issued=at)
    return story
