"""The catalogue: what an entry may hold, what versions mean, and what a reader takes over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from pipeline import catalogue as reading
from pipeline.catalogue import TYP, Follower, Refused, sign_entry
from pipeline.catalogue_updates import numbered
from schemas import catalogue, jose
from schemas.catalogue import Catalogue, CatalogueEntry, OlderVersion
from schemas.codec import Record
from schemas.directory import PublicJwk
from schemas.values import EntityType, Level
from tests.unit import builders as b

SCHEME, STRANGER = jose.new_key(), jose.new_key()
PUBLIC = PublicJwk.model_validate(jose.public_jwk(SCHEME))
BSN_SET = {"number": 1, "types": [EntityType.BSN]}


def entry(version: int = 1, **changes: Any) -> CatalogueEntry:
    return b.catalogue_entry([b.service(), b.service(b.HIGH_SERVICE)], version, **changes)


def definition(**changes: Any) -> dict[str, Any]:
    fields = {"service_uuid": b.SUBJECT, "name": "Dienst", "description": "Een dienst"}
    return {**fields, "level": Level.EH3, **changes}


def instance(**changes: Any) -> dict[str, Any]:
    return {"service_id": b.SERVICE, "service_uuid": b.SUBJECT, "makelaar": b.DUIN, **changes}


# --- what an entry may hold


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"dienstverlener": b.DUIN}, "an entry is of a dienstverlener"),
        ({"oin": b.LOODS.split(":")[3]}, "an EntityID has the OIN"),
        ({"instances": [instance(makelaar=b.AAK)]}, "is connected to a makelaar"),
        ({"instances": [instance(service_id=b.LOODS_SERVICE)]}, "a ServiceID has the OIN"),
        ({"instances": [instance(), instance()]}, "occurs twice"),
        ({"definitions": [definition(), definition()]}, "occurs twice"),
        ({"definitions": [definition(level=Level.LOA1)]}, "EH1 ended"),
        ({"definitions": [definition(portal_for=[b.SUBJECT])]}, "occurs twice"),
        ({"definitions": [definition(portal_for=[b.PERSON, b.PERSON])]}, "occurs twice"),
        ({"definitions": [definition(level=Level.EH2PLUS, entity_types=[BSN_SET])]}, "BSN as"),
        ({"definitions": [definition(entity_types=[BSN_SET, BSN_SET])]}, "occurs twice"),
        (
            {
                "definitions": [
                    definition(entity_types=[{"number": 1, "types": [EntityType.BSN] * 2}])
                ]
            },
            "occurs twice in a set",
        ),
        ({"definitions": [definition(entity_types=[])]}, "at least 1 item"),
        ({"version": 0}, "greater than or equal to 1"),
    ],
)
def test_an_entry_is_refused_when_it_contradicts_itself(changes: Any, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        entry(**changes)


# --- versions


def test_a_catalogue_has_the_version_of_its_newest_entry() -> None:
    found = Catalogue().with_entries([entry(3), b.catalogue_entry([b.SERVICES[3]], 7)])
    assert found.version == 7
    assert {each.version for each in found.entries.values()} == {3, 7}


@pytest.mark.parametrize("version", [1, 2, 3])
def test_an_entry_is_refused_when_it_is_not_newer(version: int) -> None:
    with pytest.raises(OlderVersion):
        Catalogue().with_entries([entry(3), entry(version)])


def test_a_service_is_withdrawn_when_its_entry_no_longer_has_it() -> None:
    before = Catalogue().with_entries([entry(1)])
    after = before.with_entries([b.catalogue_entry([b.service()], 2)])
    assert before.service(b.HIGH_SERVICE) is not None
    assert after.service(b.HIGH_SERVICE) is None
    assert after.service(b.SERVICE) is not None


def test_a_service_is_not_there_when_nobody_defines_it() -> None:
    defined, elsewhere = b.catalogue_entry([b.service()], 1), b.SERVICES[3]
    uses = b.catalogue_entry([elsewhere], 2, definitions=[])
    assert Catalogue().with_entries([uses]).service(elsewhere.service_id) is None
    both = Catalogue().with_entries([defined, uses.model_copy(update={"version": 5})])
    assert both.service(elsewhere.service_id) is None
    shared = instance(service_id=elsewhere.service_id, service_uuid=b.service().service_uuid)
    uses = b.catalogue_entry([elsewhere], 2, definitions=[], instances=[shared])
    found = Catalogue().with_entries([defined, uses])
    assert found.services[elsewhere.service_id].name == b.service().name
    assert found.dienstverleners_of(b.service().service_uuid) == {b.HAVEN, b.LOODS}


def test_a_definition_is_that_of_the_newest_entry_in_whatever_order_the_first_came() -> None:
    """A reader of a compacted topic never sees the older entry that another reader began with."""
    mine = b.catalogue_entry([b.service(name="Nieuw")], 3)
    other = b.catalogue_entry(
        [b.SERVICES[3]], 2, definitions=[definition(service_uuid=b.service().service_uuid)]
    )
    long_ago = Catalogue().with_entries([entry(1), other, mine])
    today = Catalogue().with_entries([other, mine])
    assert long_ago.services == today.services
    assert today.services[b.SERVICE].name == "Nieuw"


def test_entries_are_numbered_after_what_is_known() -> None:
    known = Catalogue().with_entries([entry(8)])
    assert [each.version for each in numbered([entry(), entry()], known)] == [9, 10]


# --- what a reader takes over


class Grave:
    """Keeps what was buried."""

    def __init__(self) -> None:
        self.reasons: list[str] = []

    async def bury(self, refused: Any) -> None:
        self.reasons += [reason for _, reason in refused]


def forged(change: Callable[[Record], Record], version: int = 2) -> Record:
    return change(sign_entry(b.catalogue_entry([b.service()], version), SCHEME))


def resigned(typ: str = TYP, key: jose.PrivateKey = SCHEME, payload: bytes | None = None) -> Any:
    def change(record: Record) -> Record:
        held = payload or jose.verified_payload(record.value.decode(), PUBLIC.x, PUBLIC.y)
        return replace(record, value=jose.sign(held, typ, key).encode())

    return change


async def taken(follower: Follower, *records: Record) -> Catalogue:
    await follower.take(records)
    return follower.catalogue


BAD: dict[str, tuple[Record, str]] = {
    "signed by a stranger": (forged(resigned(key=STRANGER)), "signature_invalid"),
    "signed as the directory": (
        forged(resigned(typ="nl.herken.directory.v1+jwt")),
        "typ_refused",
    ),
    "under another's key": (forged(lambda r: replace(r, key=b.LOODS.encode())), "key_refused"),
    "an older version": (forged(lambda r: r, version=1), "older_version"),
    "no entry": (forged(resigned(payload=b"{}")), "entry_malformed"),
    "no JWS": (forged(lambda r: replace(r, value=b"null")), "not_jws"),
    "no text": (forged(lambda r: replace(r, value=b"\xff")), "not_utf8"),
    "a tombstone": (forged(lambda r: replace(r, value=b"")), "not_jws"),
}


@pytest.mark.parametrize("bad", BAD)
async def test_a_record_changes_nothing_and_is_buried_when_it_is(bad: str) -> None:
    grave = Grave()
    follower = Follower(PUBLIC, grave.bury)
    before = await taken(follower, sign_entry(entry(1), SCHEME))
    record, reason = BAD[bad]
    assert await taken(follower, record) is before
    assert (grave.reasons, follower.refused) == ([reason], 1)


async def test_a_bad_record_keeps_no_good_one_of_its_batch_out() -> None:
    good = [sign_entry(entry(n), SCHEME) for n in (1, 3)]
    follower = Follower(PUBLIC)
    found = await taken(follower, good[0], *(record for record, _ in BAD.values()), good[1])
    assert found.version == 3


@pytest.mark.parametrize(
    ("where", "check", "bad"),
    [
        (reading, "require_typ", "signed as the directory"),
        (reading, "require_key", "under another's key"),
        (catalogue, "require_newer", "an older version"),
    ],
)
async def test_what_a_check_keeps_out_comes_in_without_it(
    where: Any, check: str, bad: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    follower = Follower(PUBLIC)
    before = await taken(follower, sign_entry(entry(1), SCHEME))
    monkeypatch.setattr(where, check, lambda *_: None)
    after = await taken(follower, BAD[bad][0])
    assert after is not before
    assert after.service(b.HIGH_SERVICE) is None


async def test_a_strangers_entry_comes_in_when_the_signature_is_not_checked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    follower = Follower(PUBLIC)
    other = jose.public_jwk(STRANGER)
    monkeypatch.setattr(
        jose,
        "verified_payload",
        lambda text, *_, whole=jose.verified_payload: whole(text, other["x"], other["y"]),
    )
    assert (await taken(follower, BAD["signed by a stranger"][0])).version == 2


async def test_burying_gets_each_refused_record_with_its_reason() -> None:
    got: list[Refused] = []

    async def bury(refused: Any) -> None:
        got.extend(refused)

    await Follower(PUBLIC, bury).take([record for record, _ in BAD.values()])
    assert ("older_version" in {reason for _, reason in got}) is False  # nothing was known yet
    assert len(got) == len(BAD) - 1
