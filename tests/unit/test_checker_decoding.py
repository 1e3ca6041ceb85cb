"""The checker reads records as their readers do: it finds the same faults, by code of its own."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from benchmarks.checker_logins import MESSAGES, Maker
from checker import ids, trust
from checker.checks import Raw
from checker.decoding import Decoder, group_of
from checker.facts import Fact, World
from checker.forms import Forms
from checker.judging import judge_login
from checker.keeping import dumped, loaded
from checker.sealed import Opener
from checker.topics import KINDS, split
from pipeline.keys import utc_now
from sandbox.founding import Folders, Founded, found
from sandbox.scenario_file import load
from schemas import codec, published
from schemas.codec import Faulty, Record, Untrusted
from schemas.jose import base64url
from schemas.published import FOLDER
from schemas.topics import find
from tests.support.forge import Part, Token, bytes_of, tree, twin

SCENARIO = Path("scenarios/first-login.yaml")
SCHEMAS = FOLDER / "json"


@dataclass(frozen=True)
class Ground:
    """A network's files, and somebody who makes logins in it."""

    folders: Folders
    founded: Founded
    maker: Maker
    now: datetime

    def decoder(self, secrets: Path | None = None) -> Decoder:
        trusted = trust.read(self.folders.network)
        opener = Opener(secrets, frozenset(trusted.keys), b"salt")
        return Decoder(trusted, Forms(SCHEMAS), opener)

    def facts(self, *records: Record, secrets: Path | None = None) -> list[Fact]:
        """What is read of a topic each; what is carried was seen if it is among these."""
        seen = {ids.digest(r.value): r.key.decode() for r in records}
        decoder = self.decoder(secrets)
        raws = [raw(record, offset, self.now) for offset, record in enumerate(records)]
        return [fact for each in raws for fact in decoder.facts(each, seen.get)]

    def world(self) -> World:
        trusted = trust.read(self.folders.network)
        at = round(self.now.timestamp() * 1000)
        return World(trusted.participants, now=at + 1_000_000)

    def reason(self, record: Record) -> str:
        """Why the roles' own code does not take a record as it is."""
        topic, name = find(record.topic)
        directory = self.founded.directory
        reader = directory.named(name)
        assert reader is not None
        try:
            read = codec.decode(record, topic, reader, directory, self.now)
        except Untrusted as untrusted:
            return untrusted.reason
        return "" if not isinstance(read, Faulty) else read.code


def raw(record: Record, offset: int, now: datetime) -> Raw:
    kind, owner = split(record.topic) or ("", "")
    at = round(now.timestamp() * 1000)
    return Raw(kind, owner, 0, offset, at, record.key, record.value, dict(record.headers))


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    folder, scenario = tmp_path_factory.mktemp("network"), load(SCENARIO)
    folders = Folders(folder / "network", folder / "secrets")
    founded = found(scenario, folders, utc_now())
    return Ground(folders, founded, Maker(scenario, folders.network, folders.secrets), utc_now())


def test_login_holds_when_its_roles_did_as_documented(ground: Ground) -> None:
    facts = ground.facts(*ground.maker.login())
    assert len(facts) == MESSAGES
    assert [fact.fault for fact in facts] == [""] * MESSAGES
    assert judge_login(facts, ground.world()) == []


def test_facts_are_the_same_when_they_were_kept(ground: Ground) -> None:
    facts = ground.facts(*ground.maker.login(), secrets=ground.folders.secrets)
    assert [loaded(dumped(fact)) for fact in facts] == facts


def test_what_is_sealed_is_opened_when_the_keys_are_there(ground: Ground) -> None:
    login = list(ground.maker.login())
    closed = ground.facts(*login)
    opened = ground.facts(*login, secrets=ground.folders.secrets)
    assert [dict(fact.opened) for fact in closed] == [{}] * MESSAGES
    names = {name for fact in opened for name in fact.opened}
    assert names == {"holder", "subject", "pseudonym", "numbers"}
    assert "90000012" not in "".join(map(dumped, opened))


def test_evidence_is_a_fact_of_its_own_when_it_is_on_no_topic(ground: Ground) -> None:
    *before, outcome = ground.maker.login()
    (alone, *carried) = ground.facts(outcome)
    assert [fact.kind for fact in carried] == [
        "authn-requests",
        "authentication-results",
        "mandate-decisions",
    ]
    assert {fact.carried for fact in carried} == {alone.place}
    assert {group_of(fact) for fact in carried} == {group_of(alone)}
    assert ground.facts(*before, outcome)[-1] == replace(alone, offset=len(before))


# --- the same faults as the roles find


def result(ground: Ground) -> Record:
    return next(r for r in ground.maker.login() if r.topic.startswith("authentication-results."))


def rebuilt(record: Record, text: str) -> Record:
    return replace(record, value=text.encode())


def otherwise(
    header: Mapping[str, Any] | None = None,
    claims: Mapping[str, Any] | None = None,
    data: Mapping[str, Any] | None = None,
    by: str = "provider",
) -> Callable[[Ground], Record]:
    """A provider's result with something in it otherwise, signed again."""

    def made(ground: Ground) -> Record:
        record = result(ground)
        keys = getattr(ground.maker, by)
        token = Token.read(record.value.decode()).but(header, claims, data)
        return rebuilt(record, token.signed(keys.signer(ground.now).key))

    return made


def with_header(name: str, value: str) -> Callable[[Ground], Record]:
    def made(ground: Ground) -> Record:
        record = result(ground)
        return replace(
            record, headers=tuple({**dict(record.headers), name: value.encode()}.items())
        )

    return made


def with_text(change: Callable[[str], str]) -> Callable[[Ground], Record]:
    def made(ground: Ground) -> Record:
        record = result(ground)
        return rebuilt(record, change(record.value.decode()))

    return made


def with_altered_payload(text: str) -> str:
    head, payload, signature = text.split(".")
    return f"{head}.{payload[:-8]}{payload[-8:][::-1]}.{signature}"


def in_tree(change: Callable[[Part], bytes] = bytes_of) -> Callable[[Ground], Record]:
    """A provider's result, signed together with two others; something in its place otherwise."""

    def made(ground: Ground) -> Record:
        record = result(ground)
        token, key = Token.read(record.value.decode()), ground.maker.provider.signer(ground.now).key
        beside = [token.but(claims={"jti": str(uuid4())}) for _ in range(2)]
        first, part = tree([token, *beside], key)[0]
        return rebuilt(record, f"{first}.{base64url(change(part))}")

    return made


def by_another(ground: Ground) -> Record:
    """The registry's key, under its own kid."""
    record, keys = result(ground), ground.maker.registry
    signer = keys.signer(ground.now)
    token = Token.read(record.value.decode()).but({"kid": signer.key.kid})
    return rebuilt(record, token.signed(signer.key))


def of_another_login(ground: Ground) -> Record:
    return replace(result(ground), key=b"0b6f7a52-54cf-4f0e-8a31-2d2a7c1f9e10")


def on_another_topic(ground: Ground) -> Record:
    """A result on the registry's topic of queries."""
    query = next(r for r in ground.maker.login() if r.topic.startswith("mandate-queries."))
    return replace(result(ground), topic=query.topic, headers=query.headers)


FAULTS: dict[str, tuple[str, Callable[[Ground], Record]]] = {
    "good": ("", result),
    "the other signature": ("", with_text(twin)),
    "in a tree": ("", in_tree()),
    "of another root": ("signature_invalid", in_tree(lambda p: bytes_of(replace(p, size=4)))),
    "out of a tree": ("signature_invalid", in_tree(lambda p: bytes_of(replace(p, index=3)))),
    "in another's place": ("signature_invalid", in_tree(lambda p: bytes_of(replace(p, index=1)))),
    "a path too short": ("signature_invalid", in_tree(lambda p: bytes_of(replace(p, path=())))),
    "a path too long": ("signature_invalid", in_tree(lambda p: bytes_of(p) + bytes(32))),
    "a byte too many": ("signature_invalid", in_tree(lambda p: bytes_of(p) + b"\0")),
    "no place in a tree": ("signature_invalid", in_tree(lambda p: p.signature)),
    "of a tree that is too large": (
        "signature_invalid",
        in_tree(lambda p: bytes_of(replace(p, size=257))),
    ),
    "altered": ("signature_invalid", with_text(with_altered_payload)),
    "by another's key": ("signature_invalid", otherwise(by="registry")),
    "by another role": ("role_refused", by_another),
    "unknown key": ("kid_unknown", otherwise({"kid": "k" * 43})),
    "another type": ("typ_refused", otherwise({"typ": "nl.herken.outcome.v1+jwt"})),
    "another algorithm": ("alg_refused", otherwise({"alg": "HS256"})),
    "one more header": ("header_refused", otherwise({"jku": "x"})),
    "another issuer": ("issuer_refused", otherwise(claims={"iss": "urn:etoegang:AD:x"})),
    "no audience": ("claims_malformed", otherwise(claims={"aud": []})),
    "times as text": ("claims_malformed", otherwise(claims={"iat": "1"})),
    "not for its reader": (
        "audience_refused",
        otherwise(claims={"aud": ["urn:etoegang:HM:00000099000000009000:entities:0001"]}),
    ),
    "another ID in the header": ("headers_refused", with_header("ce_id", "x")),
    "another source": ("headers_refused", with_header("ce_source", "urn:x")),
    "another type in the header": ("type_refused", with_header("ce_type", "nl.herken.x.v1")),
    "under another key": ("key_refused", of_another_login),
    "without a request ID": ("message_malformed", otherwise(data={"request_id": "x"})),
    "on another topic": ("typ_refused", on_another_topic),
    "no JWS": ("not_jws", with_text(lambda _: "a.b")),
    "too large": ("too_large", with_text(lambda text: text + "x" * 8_000)),
    "no text": ("not_utf8", lambda g: replace(result(g), value=b"\xff")),
}


@pytest.mark.parametrize("kind", FAULTS)
def test_fault_is_the_one_that_its_reader_finds(ground: Ground, kind: str) -> None:
    wanted, made = FAULTS[kind]
    record = made(ground)
    if kind == "another issuer":  # its reader does not take it for an EntityID at all
        assert ground.facts(record)[0].fault == wanted
        return
    assert (ground.facts(record)[0].fault, ground.reason(record)) == (wanted, wanted)


def test_message_is_malformed_when_it_is_not_of_its_published_form(ground: Ground) -> None:
    record = otherwise(data={"more": 1})(ground)
    (fact,) = ground.facts(record)
    assert (fact.fault, fact.malformed, ground.reason(record)) == ("", True, "malformed")


def test_users_answer_is_refused_when_it_is_not_of_its_form(ground: Ground) -> None:
    answer = next(r for r in ground.maker.login() if r.topic.startswith("signature-answers."))
    for value, wanted in ((b"{}", "message_malformed"), (b"[", "not_json")):
        record = replace(answer, value=value)
        assert ground.facts(record)[0].fault == ground.reason(record) == wanted


def test_id_is_the_same_when_it_is_written_otherwise(ground: Ground) -> None:
    record = result(ground)
    upper = json.loads(json.dumps(record.key.decode())).upper()
    made = otherwise(data={"request_id": upper})(ground)
    made = replace(made, key=ids.canonical(upper).encode())
    assert ground.reason(made) == ground.facts(made)[0].fault == ""


FORMAL = {"dlq_reason": b"not_jws", "dlq_origin": b"outcomes.a:0:1", "dlq_headers": b"any thing"}


@pytest.mark.parametrize(
    ("headers", "amiss"),
    [
        (FORMAL, ()),
        ({**FORMAL, "correlation_id": b"90000012"}, ()),
        ({**FORMAL, "correlation_id": b"90000013"}, ("correlation_id",)),
        ({**FORMAL, "dlq_reason": b"no such user: wim"}, ("dlq_reason",)),
        ({**FORMAL, "who": b"wim"}, ("who",)),
    ],
)
def test_dead_letter_is_faulted_when_its_headers_say_more_than_they_may(
    ground: Ground, headers: dict[str, bytes], amiss: tuple[str, ...]
) -> None:
    letter = Raw("dlq", "outcomes.a", 0, 0, 0, b"90000012", b"junk", headers)
    (fact,) = ground.decoder().facts(letter, {}.get)
    assert fact.amiss == amiss


def test_message_is_faulted_when_a_header_says_more_than_it_may(ground: Ground) -> None:
    assert ground.facts(with_header("ce_subject", "wim")(ground))[0].amiss == ("ce_subject",)
    assert ground.facts(replace(result(ground), key=b"90000012"))[0].amiss == ("key",)


def test_directory_is_not_trusted_when_the_scheme_did_not_sign_it(
    ground: Ground, tmp_path: Path
) -> None:
    network = ground.folders.network
    (tmp_path / "scheme.json").write_text((network / "scheme.json").read_text())
    head, payload, signature = (network / "directory.jws").read_text().split(".")
    spoilt = base64url(b"{}")
    for text in (f"{head}.{spoilt}.{signature}", f"{head}.{payload}", ""):
        (tmp_path / "directory.jws").write_text(text)
        with pytest.raises(trust.NotTrusted):
            trust.read(tmp_path)


def test_kinds_of_topics_are_those_that_are_published() -> None:
    roles = {"dienstverlener": "DV", "makelaar": "HM", "provider": "AD", "registry": "MR"}
    topics = published.current().topics
    assert topics.keys() - {"catalogue"} == KINDS.keys()
    for name, kind in KINDS.items():
        said = topics[name]
        assert said["message"] == kind.message
        assert said["dead_letters"] is kind.read
        assert said["signed"] is kind.signed
        assert (roles[said["owner"]], roles.get(said["writer"], "user")) == (
            kind.owner,
            kind.writer,
        )


def test_recipes_are_those_that_the_roles_follow(ground: Ground) -> None:
    request = next(iter(ground.maker.login()))
    token = Token.read(request.value.decode())
    input_id = codec.message_id(request.topic, request.value.decode())
    assert ids.content_id(request.topic, request.value) == str(input_id)
    assert ids.output_id("polder", 3, str(input_id)) == str(
        codec.message_id("polder.3", str(input_id))
    )
    message = codec.unverified(request.value.decode(), find(request.topic)[0].message)
    sender = token.claims["iss"]
    wanted = codec.request_digest(sender, message)  # type: ignore[arg-type]
    assert ids.request_digest(sender, token.claims["data"]) == wanted
    bare = {name: token.claims["data"][name] for name in ("request_id", "service", "level")}
    assert ids.request_digest(sender, bare) == wanted
