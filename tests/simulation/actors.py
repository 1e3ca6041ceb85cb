"""What dienstverleners and users write, and what users answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from uuid import UUID

from pipeline.keys import seal
from providers.credentials import signature
from schemas import codec, jose
from schemas.codec import Record, request_digest
from schemas.dialogue import (
    Challenge,
    MeansChoice,
    MeansPrompt,
    RepresentationChoice,
    RepresentationPrompt,
    SignatureAnswer,
)
from schemas.message import Message
from schemas.messages import AuthnRequest, Cancellation
from schemas.sealed import SignatureSecret
from schemas.topics import (
    AUTHN_REQUESTS,
    CANCELLATIONS,
    CHALLENGES,
    MEANS_CHOICES,
    MEANS_PROMPTS,
    PROMPTS,
    REPRESENTATION_CHOICES,
    REPRESENTATION_PROMPTS,
    SIGNATURE_ANSWERS,
    Topic,
)
from schemas.values import Level
from tests.simulation.cast import SERVICES, Cast
from tests.simulation.plan import Answering, Form, LoginPlan

PROMPT_TOPICS = {topic.name for topic in PROMPTS}
_OFF = {Form.EXPIRED: timedelta(seconds=-700), Form.EARLY: timedelta(seconds=60)}
"""How far the clock is off by which such a request is signed."""


@dataclass(frozen=True)
class Sent:
    """A request as it was published."""

    record: Record
    text: str
    dienstverlener: str
    request_id: UUID
    digest: str
    form: Form


class Actors:
    """Everybody outside the roles, in one history."""

    def __init__(self, cast: Cast, logins: Sequence[LoginPlan], seed: str) -> None:
        self._cast, self._random = cast, Random(f"{seed}:actors")
        self.logins = {login.number: login for login in logins}
        self.ids = {login.number: self._id(seed, login) for login in logins}
        self.sent: list[Sent] = []

    def _id(self, seed: str, login: LoginPlan) -> UUID:
        same = login.same_id if login.same_id in self.logins else None
        number = login.number if same is None else same
        return codec.message_id("simulation", f"{seed}:{number}")

    def _uuid(self) -> UUID:
        return UUID(int=self._random.getrandbits(128), version=4)

    def of(self, key: bytes) -> LoginPlan | None:
        """The first login with this request ID."""
        return next(
            (self.logins[n] for n, id_ in self.ids.items() if str(id_).encode() == key), None
        )

    # --- dienstverleners

    def request(self, number: int, now: datetime, *, anew: bool = False) -> Record:
        """A request; `anew`: once more as it should be, whatever it was the first time."""
        login = self.logins[number]
        form = Form.WHOLE if anew else login.form
        at = now + _OFF.get(form, timedelta())
        service, dienstverlener, _ = SERVICES[login.service]
        message = AuthnRequest(
            request_id=self.ids[number],
            service=service,
            level=Level.EH4 if login.high else None,
            provider=self._cast.entity(login.provider) if login.provider else None,
            answer_within_seconds=login.within,
        )
        record = self._signed(AUTHN_REQUESTS, dienstverlener, message, at)
        if form is Form.TAMPERED:
            record = _tampered(record)
        self._remember(record, dienstverlener, message, form)
        return record

    def _remember(self, record: Record, by: str, message: AuthnRequest, form: Form) -> None:
        digest = request_digest(self._cast.entity(by), message)
        text = record.value.decode()
        self.sent.append(Sent(record, text, by, message.request_id, digest, form))

    def again(self, number: int) -> Record | None:
        """The same bytes as the first time."""
        login = self.logins[number]
        by = SERVICES[login.service][1]
        found = (
            s.record
            for s in self.sent
            if (s.request_id, s.dienstverlener) == (self.ids[number], by)
        )
        return next(found, None)

    def cancellation(self, number: int, now: datetime) -> Record:
        by = SERVICES[self.logins[number].service][1]
        return self._signed(CANCELLATIONS, by, Cancellation(request_id=self.ids[number]), now)

    def _signed(self, topic: Topic, by: str, message: Message, now: datetime) -> Record:
        keys = self._cast.keys
        audience = (keys["duin"].me.entity_id,)
        signer = keys[by].signer(now)
        return codec.encode_signed(topic.of("duin"), message, signer, audience, self._uuid(), now)

    # --- users

    def answers(self, prompt: Record, now: datetime) -> list[Record]:
        """What the user whom a prompt is for answers, in this order."""
        login = self.of(prompt.key)
        if login is None or login.answering is Answering.SILENT:
            return []
        topic, owner = prompt.topic.split(".", 1)
        how = [Answering.YES] if login.answering is Answering.YES else _HOW[login.answering]
        return [self._answer(topic, owner, prompt, login, each, now) for each in how]

    def _answer(
        self,
        topic: str,
        owner: str,
        prompt: Record,
        login: LoginPlan,
        how: Answering,
        now: datetime,
    ) -> Record:
        text = prompt.value.decode()
        if topic == MEANS_PROMPTS.name:
            asked = codec.unverified(text, MeansPrompt)
            return self._written(MEANS_CHOICES, owner, _choose(asked, how), now)
        if topic == CHALLENGES.name:
            challenge = codec.unverified(text, Challenge)
            answer = self._sign(challenge, owner, login, how, now)
            return self._written(SIGNATURE_ANSWERS, owner, answer, now)
        if topic != REPRESENTATION_PROMPTS.name:
            raise LookupError(topic)
        chosen = _represent(codec.unverified(text, RepresentationPrompt), login, how)
        return self._written(REPRESENTATION_CHOICES, owner, chosen, now)

    def _written(self, topic: Topic, owner: str, message: Message, now: datetime) -> Record:
        return codec.encode_unsigned(topic.of(owner), message, self._uuid(), now)

    def _sign(
        self, asked: Challenge, owner: str, login: LoginPlan, how: Answering, now: datetime
    ) -> SignatureAnswer:
        secret = None
        if how is not Answering.CANCEL:
            key = self._cast.user_keys[login.player]
            nonce = asked.nonce if how is Answering.YES else "x" * 32
            statement = signature.statement(nonce, asked.request_id, asked.provider)
            signed = jose.sign(statement, signature.TYP, key)
            content = SignatureSecret(nonce=asked.nonce, signature=signed)
            secret = seal(content, self._cast.keys[owner].me, now)
        return SignatureAnswer(request_id=asked.request_id, nonce=asked.nonce, secret=secret)


_HOW = {
    Answering.TWICE: [Answering.YES, Answering.CANCEL],
    Answering.WRONG: [Answering.WRONG, Answering.YES],
    Answering.CANCEL: [Answering.CANCEL],
}


def _choose(asked: MeansPrompt, how: Answering) -> MeansChoice:
    nonce = asked.nonce if how is not Answering.WRONG else "x" * 32
    chosen = None if how is Answering.CANCEL else asked.options[-1].provider
    return MeansChoice(request_id=asked.request_id, nonce=nonce, provider=chosen)


def _represent(
    asked: RepresentationPrompt, login: LoginPlan, how: Answering
) -> RepresentationChoice:
    wrong = how is Answering.WRONG
    option = None if how is Answering.CANCEL else "7" if wrong else str(login.number % 2)
    return RepresentationChoice(request_id=asked.request_id, nonce=asked.nonce, option=option)


def _tampered(record: Record) -> Record:
    """Another payload under the same signature."""
    head, body, mac = record.value.decode().split(".")
    other = jose.base64url(jose.decode_base64url(body).replace(b'"force_authn": false', b""))
    changed = other if other != body else jose.base64url(jose.decode_base64url(body) + b" ")
    return codec.Record(
        record.topic, record.key, f"{head}.{changed}.{mac}".encode(), record.headers
    )
