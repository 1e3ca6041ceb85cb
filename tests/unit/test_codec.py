"""A message to bytes and back: what is trusted, what is answered, and what is neither."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

import pytest

from schemas import asyncapi, checks, codec, jose
from schemas.administration import Charge, MandateEvent
from schemas.codec import Claims, Faulty, Received, Record, Signed, Untrusted, request_digest
from schemas.dialogue import CodeAnswer, MeansChoice
from schemas.directory import DirectoryKey, KeyUse, Participant
from schemas.message import Message
from schemas.messages import (
    AuthenticationResult,
    AuthnRequest,
    Confirmation,
    MandateDecision,
    Outcome,
)
from schemas.published import FOLDER
from schemas.topics import (
    AUTHN_REQUESTS,
    CODE_ANSWERS,
    MANDATE_EVENTS,
    MEANS_CHOICES,
    MESSAGES,
    TOPICS,
    USER,
    Topic,
)
from schemas.values import Level, Role
from tests.unit.builders import (
    DUIN,
    FROM,
    HAVEN,
    HIGH_SERVICE,
    INPUT,
    KWELDER,
    LOODS,
    NONCE,
    NOW,
    REQUEST,
    SERVICE,
    UNTIL,
    authn_request,
    directory,
    directory_key,
    participant,
    secrets,
    signed,
    unsigned,
    world,
)

SKEW = timedelta(seconds=checks.CLOCK_SKEW_SECONDS)
SECOND, MOMENT = timedelta(seconds=1), timedelta(microseconds=1)
NAMES = {
    Role.DIENSTVERLENER: "haven",
    Role.MAKELAAR: "duin",
    Role.PROVIDER: "aak",
    Role.REGISTRY: "kade",
}


def example(message: type[Message]) -> Message:
    """The first valid example that is published of a message."""
    folder = FOLDER / "examples" / asyncapi.short_name(message) / "valid"
    return message.model_validate_json(min(folder.glob("*.json")).read_text())


def owner_of(topic: Topic) -> str:
    return NAMES[topic.owner]


def signer_of(topic: Topic) -> str:
    return world().named(NAMES[Role(topic.writer)]).entity_id


def record_of(topic: Topic, message: Message) -> Record:
    if topic.signed:
        return signed(topic, owner_of(topic), message, NAMES[Role(topic.writer)])
    return unsigned(topic, owner_of(topic), message)


def read(record: Record, topic: Topic, now: Any = NOW) -> Received[Any] | Faulty:
    reader = world().named(owner_of(topic))
    return codec.decode(record, topic, reader, world().directory, now)


def request_record(request: Message | None = None, sender: str = "haven", **changes: Any) -> Record:
    return signed(AUTHN_REQUESTS, "duin", request or authn_request(), sender, **changes)


def why_untrusted(record: Record, topic: Topic = AUTHN_REQUESTS, **given: Any) -> str:
    with pytest.raises(Untrusted) as raised:
        read(record, topic, **given)
    return raised.value.reason


def header(record: Record, name: str, value: str | None) -> Record:
    """The record with one header more, another, or none (value None)."""
    others = tuple((n, v) for n, v in record.headers if n != name)
    added = () if value is None else ((name, value.encode()),)
    return replace(record, headers=others + added)


def resigned(record: Record, **changes: Any) -> Record:
    """The record with other claims, signed by haven all the same."""
    claims = {**json.loads(jose.decode_base64url(record.value.decode().split(".")[1])), **changes}
    return signing(record, json.dumps(claims).encode())


def signing(record: Record, payload: bytes, message: type[Message] = AuthnRequest) -> Record:
    signer = world().keys("haven").signer(NOW)
    token = jose.sign(payload, codec.typ_of(message), signer.key)
    return replace(record, value=token.encode())


# --- there and back


def test_several_are_written_in_their_order_and_the_plain_ones_by_themselves() -> None:
    ids = [UUID(int=number) for number in range(1, 6)]
    plain = [False, True, False, True, False]
    drafts = [
        codec.Draft("authn-requests.duin", authn_request(request_id=id_), (DUIN,), id_, alone)
        for id_, alone in zip(ids, plain, strict=True)
    ]
    records = codec.encode_all(drafts, world().keys("haven").signer(NOW), NOW)
    found = [read(record, AUTHN_REQUESTS) for record in records]
    assert [each.message.request_id for each in found if isinstance(each, Received)] == ids
    headers = [record.value.decode().split(".")[0] for record in records]
    algorithms = [json.loads(jose.decode_base64url(each))["alg"] for each in headers]
    assert [each == jose.SIGNING_ALGORITHM for each in algorithms] == plain
    assert codec.encode_all([], world().keys("haven").signer(NOW), NOW) == []


@pytest.mark.parametrize("topic", TOPICS)
def test_message_comes_back_as_it_was(topic: Topic) -> None:
    message = example(topic.message)
    record = record_of(topic, message)
    found = read(record, topic)
    assert isinstance(found, Received)
    assert found.message == message
    assert found.text == record.value.decode()
    assert (found.sender is None) is (topic.writer == USER)


@pytest.mark.parametrize("topic", TOPICS)
def test_record_is_a_cloud_event_of_its_request(topic: Topic) -> None:
    message = example(topic.message)
    record = record_of(topic, message)
    headers = {name: value.decode() for name, value in record.headers}
    assert record.topic == topic.of(owner_of(topic))
    assert record.key.decode() == str(message.request_id)
    assert headers == {
        "ce_specversion": "1.0",
        "ce_id": str(INPUT),
        "ce_source": source_of(topic),
        "ce_type": topic.message.TYPE,
        "ce_time": "2026-03-02T09:30:00.000+00:00",
        "content-type": "application/jose" if topic.signed else "application/json",
        "traceparent": f"00-{message.request_id.hex}-{INPUT.hex[:16]}-01",
        **codec.attributes_of(message),
    }


def source_of(topic: Topic) -> str:
    return codec.source_of(topic.message, signer_of(topic)) if topic.signed else "urn:herken:user"


def test_mandate_event_says_in_the_words_of_nl_gov_who_wrote_it_and_what_it_is_about() -> None:
    event = example(MandateEvent)
    assert isinstance(event, MandateEvent)
    headers = dict(record_of(MANDATE_EVENTS, event).headers)
    oin, index = signer_of(MANDATE_EVENTS).split(":")[3::2]
    assert headers["ce_source"].decode() == f"urn:nld:oin:{oin}:systeem:mr-{index}"
    assert headers["ce_subject"].decode() == str(event.object or event.request_id)
    assert headers["ce_dataschema"] == b"urn:herken:schema:mandate-event.v1"


def test_types_of_messages_differ() -> None:
    assert len({message.TYPE for message in MESSAGES}) == len(MESSAGES)
    assert codec.typ_of(AuthnRequest) == "nl.herken.authn-request.v1+jwt"


def test_validity_is_that_of_the_message() -> None:
    declarations, kept = {MandateDecision, Confirmation}, {MandateEvent, Charge}
    others = set(MESSAGES) - declarations - kept - {Outcome}
    assert {message.VALID_SECONDS for message in others} == {600}
    assert {message.VALID_SECONDS for message in declarations} == {120}
    assert {message.VALID_SECONDS for message in kept} == {10 * 365 * 24 * 3600}
    assert Outcome.VALID_SECONDS == 7 * 24 * 3600
    claims = verify_own(request_record().value.decode())
    assert (claims.iat, claims.exp) == (int(NOW.timestamp()), int(NOW.timestamp()) + 600)


# --- identity


def test_id_is_the_same_for_the_same_bytes_on_the_same_topic_only() -> None:
    record = request_record()
    again, other = request_record(), request_record(authn_request(force_authn=True))
    assert read(record, AUTHN_REQUESTS).id == read(record, AUTHN_REQUESTS).id
    assert len({read(r, AUTHN_REQUESTS).id for r in (record, again, other)}) == len(
        {record.value, again.value, other.value}
    )
    assert codec.message_id("one", "text") != codec.message_id("other", "text")
    assert codec.message_id("one", "text") != codec.message_id("one", "texts")


def test_id_of_a_text_stays_what_it_is() -> None:
    assert codec.message_id("a.b", "text") == UUID("cca148eb-9fc8-5ae6-b293-8be646a1c803")


# --- what binds declarations to a request


def test_digest_is_over_who_asks_and_exactly_what() -> None:
    text = (
        f'{HAVEN}\n{{"request_id":"{REQUEST}","service":"{SERVICE}",'
        '"level":"urn:etoegang:core:assurance-class:loa3","force_authn":false,"provider":null,'
        '"declared":[],"browser":null,"answer_within_seconds":60}'
    )
    expected = urlsafe_b64encode(sha256(text.encode()).digest()).rstrip(b"=").decode()
    request = authn_request(level=Level.EH3, answer_within_seconds=60)
    assert request_digest(HAVEN, request) == expected


@pytest.mark.parametrize(
    "change",
    [
        {"request_id": uuid4()},
        {"service": HIGH_SERVICE},
        {"level": Level.EH3},
        {"force_authn": True},
        {"provider": "urn:etoegang:AD:00000099000000003000:entities:9001"},
        {"answer_within_seconds": 60},
    ],
)
def test_digest_is_another_when_the_request_is(change: dict[str, Any]) -> None:
    assert set(change) <= set(AuthnRequest.model_fields)
    assert request_digest(HAVEN, authn_request(**change)) != request_digest(HAVEN, authn_request())


def test_digest_is_another_when_the_dienstverlener_is() -> None:
    assert request_digest(HAVEN, authn_request()) != request_digest(LOODS, authn_request())


# --- what nobody is known to have said


UNTRUSTED: list[tuple[str, Callable[[Record], Record]]] = [
    ("too_large", lambda r: replace(r, value=b"a" * (codec.MAX_VALUE_BYTES + 1))),
    ("not_utf8", lambda r: replace(r, value=b"\xff")),
    ("type_refused", lambda r: header(r, "ce_type", None)),
    ("type_refused", lambda r: header(r, "ce_type", "nl.herken.authn-request.v2")),
    ("not_jws", lambda r: replace(r, value=b"a" * codec.MAX_EVIDENCE_BYTES)),
    ("not_jws", lambda r: replace(r, value=b"")),
    ("alg_refused", lambda r: replace(r, value=b"e30.e30.e30")),
    ("typ_refused", lambda r: signing(r, b"{}", MandateDecision)),
    ("signature_invalid", lambda r: replace(r, value=r.value[:-20] + b"A" * 20)),
    ("claims_malformed", lambda r: signing(r, b"{")),
    ("claims_malformed", lambda r: signing(r, b"[]")),
    ("not_utf8", lambda r: signing(r, b"\xff")),
    ("claims_malformed", lambda r: signing(r, b"[" * 4_000)),
    ("claims_malformed", lambda r: resigned(r, aud=[])),
    ("claims_malformed", lambda r: resigned(r, nbf=0)),
    ("claims_malformed", lambda r: resigned(r, data=[])),
    ("issuer_refused", lambda r: resigned(r, iss=LOODS)),
    ("audience_refused", lambda r: resigned(r, aud=[KWELDER])),
    ("headers_refused", lambda r: header(r, "ce_id", str(uuid4()))),
    ("headers_refused", lambda r: header(r, "ce_id", None)),
    ("headers_refused", lambda r: header(r, "ce_source", LOODS)),
    ("message_malformed", lambda r: resigned(r, data={})),
    ("message_malformed", lambda r: resigned(r, data={"request_id": 1})),
    ("message_malformed", lambda r: resigned(r, data={"request_id": "x"})),
    ("key_refused", lambda r: replace(r, key=b"")),
    ("key_refused", lambda r: replace(r, key=str(uuid4()).encode())),
]


@pytest.mark.parametrize(("reason", "spoil"), UNTRUSTED)
def test_signed_record_is_untrusted_when_it_does_not_hold(
    reason: str, spoil: Callable[[Record], Record]
) -> None:
    assert why_untrusted(spoil(request_record())) == reason


def test_signed_record_is_untrusted_when_its_sender_has_another_role() -> None:
    assert why_untrusted(request_record(sender="aak")) == "role_refused"


def test_signed_record_is_untrusted_when_its_key_is_unknown() -> None:
    stranger = jose.sign(b"{}", codec.typ_of(AuthnRequest), jose.new_key())
    record = replace(request_record(), value=stranger.encode())
    assert why_untrusted(record) == "kid_unknown"


@pytest.mark.parametrize("now", [FROM - SKEW - MOMENT, UNTIL])
def test_signed_record_is_untrusted_when_its_key_is_not_valid(now: Any) -> None:
    assert why_untrusted(request_record(), now=now) == "key_not_valid"


def test_signed_record_is_untrusted_when_it_is_for_another_topic_of_the_same_form() -> None:
    """A message to one makelaar, put on another's topic as it is."""
    record = replace(request_record(), topic=AUTHN_REQUESTS.of("kwelder"))
    with pytest.raises(Untrusted, match="audience_refused"):
        codec.decode(record, AUTHN_REQUESTS, world().named("kwelder"), world().directory, NOW)


def test_signed_record_is_read_by_each_of_its_audience() -> None:
    record = request_record(audience=(KWELDER, DUIN))
    for reader in ("duin", "kwelder"):
        found = codec.decode(record, AUTHN_REQUESTS, world().named(reader), world().directory, NOW)
        assert isinstance(found, Received)


UNSIGNED: list[tuple[str, Callable[[Record], Record]]] = [
    ("too_large", lambda r: replace(r, value=b" " * (codec.MAX_VALUE_BYTES + 1))),
    ("not_utf8", lambda r: replace(r, value=b"\xff")),
    ("type_refused", lambda r: header(r, "ce_type", CodeAnswer.TYPE)),
    ("not_json", lambda r: replace(r, value=b"")),
    ("not_json", lambda r: replace(r, value=b"[]")),
    ("not_json", lambda r: replace(r, value=b"[" * 20_000)),
    ("not_json", lambda r: replace(r, value=b'{"a":' + b"1" * 5_000 + b"}")),
    ("message_malformed", lambda r: replace(r, value=b"{}")),
    ("message_malformed", lambda r: replace(r, value=r.value.replace(b"nnn", b"\\ud800"))),
    ("message_malformed", lambda r: replace(r, value=r.value[:-1] + b',"x":1}')),
    ("key_refused", lambda r: replace(r, key=b"")),
]


@pytest.mark.parametrize(("reason", "spoil"), UNSIGNED)
def test_users_record_is_untrusted_when_it_does_not_hold(
    reason: str, spoil: Callable[[Record], Record]
) -> None:
    choice = MeansChoice(request_id=REQUEST, nonce=NONCE, provider=None)
    record = spoil(unsigned(MEANS_CHOICES, "duin", choice))
    assert why_untrusted(record, MEANS_CHOICES) == reason


def test_users_record_is_taken_at_its_largest() -> None:
    choice = MeansChoice(request_id=REQUEST, nonce=NONCE, provider=None)
    record = unsigned(MEANS_CHOICES, "duin", choice)
    padded = replace(record, value=record.value.ljust(codec.MAX_VALUE_BYTES))
    assert isinstance(read(padded, MEANS_CHOICES), Received)


def test_users_record_needs_no_signature_of_a_participant() -> None:
    answer = CodeAnswer(request_id=REQUEST, nonce=NONCE, secret=None)
    found = read(unsigned(CODE_ANSWERS, "aak", answer), CODE_ANSWERS)
    assert (found.sender, found.text) == (None, answer.model_dump_json())


# --- what is authentic, and wrong


@pytest.mark.parametrize(
    ("now", "code"),
    [
        (NOW - SKEW, None),
        (NOW - SKEW - MOMENT, "from_the_future"),
        (NOW + 600 * SECOND + SKEW - MOMENT, None),
        (NOW + 600 * SECOND + SKEW, "expired"),
    ],
)
def test_request_is_faulty_when_its_time_is_not_now(now: Any, code: str | None) -> None:
    found = read(request_record(), AUTHN_REQUESTS, now)
    assert (found.code if isinstance(found, Faulty) else None) == code


@pytest.mark.parametrize(
    "change",
    [
        {"force_authn": "yes"},
        {"level": "loa3"},
        {"answer_within_seconds": 0},
        {"answer_within_seconds": 3601},
        {"extra": 1},
        {"service": HAVEN},
    ],
)
def test_request_is_faulty_when_its_content_does_not_hold(change: dict[str, Any]) -> None:
    data = {**authn_request().model_dump(mode="json"), **change}
    record = resigned(request_record(), data=data)
    found = read(record, AUTHN_REQUESTS)
    assert isinstance(found, Faulty)
    assert (found.code, found.request_id) == ("malformed", REQUEST)
    assert (found.sender, found.text) == (world().named("haven"), record.value.decode())


def test_faulty_and_whole_have_ids_of_one_kind() -> None:
    record = request_record()
    later = read(record, AUTHN_REQUESTS, NOW + timedelta(days=1))
    assert later.id == read(record, AUTHN_REQUESTS).id


# --- each check by itself


def claims(**changes: Any) -> Claims:
    fields = {"iss": HAVEN, "aud": (DUIN,), "iat": 1_000, "exp": 1_600, "jti": INPUT, "data": {}}
    return Claims(**{**fields, **changes})


def reason_of(check: Callable[..., None], *given: Any) -> str | None:
    try:
        check(*given)
    except Untrusted as untrusted:
        return untrusted.reason
    return None


def sized(length: int) -> Record:
    return Record("t", b"", b"x" * length)


def typed(value: str) -> Record:
    return Record("t", b"", b"", (("ce_type", value.encode()),))


def about(id_: UUID, source: str) -> Record:
    return Record("t", b"", b"", (("ce_id", str(id_).encode()), ("ce_source", source.encode())))


PRIVATE = jose.new_key()
SIGNING, SEALING = directory_key(PRIVATE), directory_key(PRIVATE, KeyUse.ENCRYPTION)
HAVEN_: Participant = participant("haven", HAVEN)
CHECKS: list[tuple[Callable[..., None], tuple[Any, ...], str | None]] = [
    (checks.require_size, (sized(codec.MAX_VALUE_BYTES),), None),
    (checks.require_size, (sized(codec.MAX_VALUE_BYTES + 1),), "too_large"),
    (checks.require_type, (typed(AuthnRequest.TYPE), AuthnRequest), None),
    (checks.require_type, (typed(AuthnRequest.TYPE), Outcome), "type_refused"),
    (checks.require_type, (sized(0), AuthnRequest), "type_refused"),
    (checks.require_typ, (jose.Header(codec.typ_of(Outcome), "k"), Outcome), None),
    (checks.require_typ, (jose.Header(Outcome.TYPE, "k"), Outcome), "typ_refused"),
    (checks.require_key_validity, (SIGNING, FROM - SKEW), None),
    (checks.require_key_validity, (SIGNING, FROM - SKEW - MOMENT), "key_not_valid"),
    (checks.require_key_validity, (SIGNING, UNTIL - MOMENT), None),
    (checks.require_key_validity, (SIGNING, UNTIL), "key_not_valid"),
    (checks.require_key_validity, (SEALING, FROM), "key_not_valid"),
    (checks.require_role, (HAVEN_, Role.DIENSTVERLENER), None),
    (checks.require_role, (HAVEN_, Role.MAKELAAR), "role_refused"),
    (checks.require_role, (HAVEN_, USER), "role_refused"),
    (checks.require_issuer, (claims(), HAVEN_), None),
    (checks.require_issuer, (claims(iss=LOODS), HAVEN_), "issuer_refused"),
    (checks.require_audience, (claims(aud=(DUIN, HAVEN)), HAVEN_), None),
    (checks.require_audience, (claims(), HAVEN_), "audience_refused"),
    (checks.require_headers, (about(INPUT, HAVEN), claims()), None),
    (checks.require_headers, (about(REQUEST, HAVEN), claims()), "headers_refused"),
    (checks.require_headers, (about(INPUT, DUIN), claims()), "headers_refused"),
    (checks.require_key, (str(REQUEST).encode(), REQUEST), None),
    (checks.require_key, (str(REQUEST).upper().encode(), REQUEST), "key_refused"),
]


@pytest.mark.parametrize(("check", "given", "reason"), CHECKS)
def test_check_by_itself(
    check: Callable[..., None], given: tuple[Any, ...], reason: str | None
) -> None:
    assert reason_of(check, *given) == reason


# --- what came inside a message, and what is our own


def evidence(message: Message, sender: str = "aak", **changes: Any) -> str:
    topic = next(t for t in TOPICS if t.message is type(message))
    return signed(topic, "duin", message, sender, **changes).value.decode()


def verify_evidence(text: str, reader: str = "haven", now: Any = NOW) -> Received[Any]:
    return codec.verify_evidence(
        text, AuthenticationResult, Role.PROVIDER, world().named(reader), world().directory, now
    )


def test_evidence_holds_for_each_of_its_audience() -> None:
    result = example(AuthenticationResult)
    found = verify_evidence(evidence(result, audience=(DUIN, HAVEN)))
    assert (found.message, found.sender, found.id) == (result, world().named("aak"), INPUT)


@pytest.mark.parametrize(
    ("reason", "given"),
    [
        ("audience_refused", {}),
        ("role_refused", {"sender": "kade", "audience": (HAVEN,)}),
        ("expired", {"audience": (HAVEN,), "now": NOW - timedelta(days=1)}),
        ("from_the_future", {"audience": (HAVEN,), "now": NOW + timedelta(days=1)}),
    ],
)
def test_evidence_is_untrusted_when_it_does_not_hold(reason: str, given: dict[str, Any]) -> None:
    with pytest.raises(Untrusted, match=reason):
        verify_evidence(evidence(example(AuthenticationResult), **given))


def test_evidence_is_untrusted_when_it_is_of_another_kind() -> None:
    with pytest.raises(Untrusted, match="typ_refused"):
        verify_evidence(evidence(example(MandateDecision), "kade", audience=(HAVEN,)))


def forged_request() -> str:
    return request_record().value.decode()[:-20] + "A" * 20


def verify_own(text: str, me: str = "haven", reader: str = "duin") -> Signed[Any]:
    named = world().named
    return codec.verify_own(text, AuthnRequest, named(me), named(reader), world().directory)


def test_own_message_holds_at_whatever_age() -> None:
    old = request_record(now=FROM + SECOND).value.decode()
    assert verify_own(old).data == authn_request()


def test_own_message_is_untrusted_when_it_was_signed_before_its_key_was_valid() -> None:
    record = resigned(request_record(), iat=int(FROM.timestamp()) - checks.CLOCK_SKEW_SECONDS - 1)
    with pytest.raises(Untrusted, match="key_not_valid"):
        verify_own(record.value.decode())


@pytest.mark.parametrize(
    ("reason", "given"),
    [("issuer_refused", {"sender": "loods"}), ("audience_refused", {"audience": (KWELDER,)})],
)
def test_own_message_is_untrusted_when_it_is_not_ours(reason: str, given: dict[str, Any]) -> None:
    with pytest.raises(Untrusted, match=reason):
        verify_own(request_record(**given).value.decode())


@pytest.mark.parametrize(
    ("reason", "text"),
    [("not_jws", "text"), ("not_jws", "a.é.c"), ("claims_malformed", "e30.e30.e30")],
)
def test_own_message_is_untrusted_when_it_is_no_message(reason: str, text: str) -> None:
    with pytest.raises(Untrusted, match=reason):
        verify_own(text)


def test_own_message_is_untrusted_when_somebody_else_signed_it() -> None:
    with pytest.raises(Untrusted, match="signature_invalid"):
        verify_own(forged_request())


def test_unverified_message_is_read_without_its_signature() -> None:
    forged = forged_request()
    assert codec.unverified(forged, AuthnRequest) == authn_request()
    with pytest.raises(Untrusted, match="message_malformed"):
        codec.unverified(forged, Outcome)


def test_own_message_holds_under_a_key_that_was_replaced_since() -> None:
    old, new = jose.new_key(), jose.new_key()
    keys: list[DirectoryKey] = [
        directory_key(old, not_after=NOW + SECOND),
        directory_key(new, not_before=NOW),
    ]
    haven, duin = participant("haven", HAVEN, keys=keys), participant("duin", DUIN)
    signer = codec.Signer(HAVEN, old)
    text = codec.sign_message(authn_request(), signer, (DUIN,), INPUT, NOW)
    found = codec.verify_own(text, AuthnRequest, haven, duin, directory([haven, duin]))
    assert found.iss == secrets("haven", old, new).entity_id
