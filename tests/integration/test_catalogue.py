"""The catalogue on real Kafka: as a file and back, whole or not at all, and followed by roles."""

from __future__ import annotations

import asyncio
import os
import pty
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from dienstverlener import Assertion, Refusal
from herken import catalogue as commands
from herken import redrives
from herken.catalogue_file import as_csv, as_json
from herken.catalogue_rows import Cells, rows_of
from pipeline.catalogue import Follower, sign_entry
from pipeline.catalogue_letters import CatalogueLetters
from pipeline.catalogue_updates import Overtaken, numbered, publish, updating
from pipeline.errors import HerkenError, WrongUse
from pipeline.kafka import started
from pipeline.keys import scheme_key, utc_now, write_private
from pipeline.store import Store
from sandbox import cluster, founding, generated, topology
from sandbox.founding import Folders
from sandbox.generated import Size
from sandbox.kafka import JARS
from sandbox.network import Network
from sandbox.pytest_plugin import RunningNetwork
from sandbox.servers import Servers
from schemas import jose
from schemas.catalogue import Catalogue, CatalogueEntry
from schemas.codec import Record
from schemas.topics import CATALOGUE, DLQ_SUFFIX
from schemas.values import Level
from tests.integration.test_cli import herken
from tests.unit import builders as b

SMALL = Size(services=12, dienstverleners=5, seed=11)


class Scheme:
    """A scheme of its own, with generated dienstverleners; what other schemes left on the topic
    is nothing to it. `some`: the rows that it would publish."""

    def __init__(self, address: str, folder: Path, size: Size = SMALL) -> None:
        self.kafka, self.folder, self.key = address, folder, jose.new_key()
        self.folders, now = Folders(folder / "network", folder / "secrets"), utc_now()
        self.entries = generated.entries(size, now)
        founding.publish(generated.directory(self.entries, now), self.key, self.folders)
        write_private(self.folders.scheme_key, jose.private_jwk(self.key))
        self.some = rows_of(Catalogue().with_entries(self.entries))

    @property
    def environment(self) -> dict[str, str]:
        return {
            "HERKEN_KAFKA": self.kafka,
            "HERKEN_NETWORK": str(self.folders.network),
            "HERKEN_SECRETS": str(self.folders.secrets),
        }

    def file(self, some: Iterable[Cells], name: str = "services.csv") -> str:
        file = self.folder / name
        text = as_json(some, 1) if name.endswith(".json") else as_csv(some)
        file.write_text(text, newline="")
        return str(file)

    async def run(self, *arguments: str, **more: Any) -> Any:
        return await herken("catalogue", *arguments, env=self.environment, **more)

    async def known(self) -> Catalogue:
        async with Follower.following(self.kafka, scheme_key(self.folders.network)) as follower:
            return follower.catalogue


@pytest.fixture(scope="module")
async def address(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """A Kafka of our own: there is one catalogue on each, and other tests have theirs."""
    async with AsyncExitStack() as stack:
        folder = tmp_path_factory.mktemp("kafka")
        made = await cluster.started(folder, jars=JARS, progress=lambda _: None, stack=stack)
        nobody = generated.directory([], utc_now())
        await topology.create(made.address, topology.plan(nobody))
        yield made.address


@pytest.fixture
def scheme(address: str, tmp_path: Path) -> Scheme:
    return Scheme(address, tmp_path)


@pytest.fixture
async def published(scheme: Scheme) -> Scheme:
    """A scheme whose catalogue is on Kafka."""
    await publish(scheme.kafka, scheme.entries, scheme.key)
    return scheme


# --- there and back


@pytest.mark.parametrize("name", ["services.csv", "services.json"])
async def test_import_of_an_export_publishes_nothing(name: str, published: Scheme) -> None:
    file = str(published.folder / name)
    exported = await published.run("export", file, "--json")
    assert (exported.code, exported.document["services"]) == (0, 12)
    compared, imported = await asyncio.gather(
        published.run("diff", file), published.run("import", file, "--yes", "--json")
    )
    assert (compared.code, compared.out) == (0, "no difference from version 5\n")
    assert (imported.code, imported.document["published"]) == (0, [])
    assert (await published.known()).version == 5


async def test_export_prints_the_rows_when_no_file_is_named(published: Scheme) -> None:
    plain, as_document, as_text = await asyncio.gather(
        published.run("export"),
        published.run("export", "--json"),
        published.run("export", "--format", "json"),
    )
    assert plain.out == as_csv(published.some)
    assert as_document.document["services"] == published.some
    assert as_text.out == as_document.out == as_json(published.some, 5)


async def test_a_large_catalogue_is_imported_and_exported_as_it_was(
    address: str, tmp_path: Path
) -> None:
    large = Scheme(address, tmp_path, Size())
    ran = await large.run("import", large.file(large.some), "--yes", "--json")
    assert (ran.code, ran.err) == (0, "")
    assert (ran.document["version"], len(ran.document["added"])) == (600, 1500)
    file = large.folder / "exported.csv"
    assert (await large.run("export", str(file))).code == 0
    assert file.read_text() == as_csv(large.some)


# --- wrong files


async def test_an_import_of_1500_rows_with_3_wrong_tells_all_three_and_applies_none(
    address: str, tmp_path: Path
) -> None:
    large = Scheme(address, tmp_path, Size())
    some = [dict(row) for row in large.some]
    portal = next(n for n, row in enumerate(some) if "portal_for" in row)
    some[3]["level"] = "EH9"
    some[portal]["portal_for"] = ["1c0f6a7e-2222-4c55-b0a7-6e8f1b7c2a42"]
    some[1499]["makelaar"] = some[1499]["dienstverlener"]
    file = large.file(some)
    as_text, as_json_ = await asyncio.gather(
        large.run("import", file, "--yes"), large.run("import", file, "--yes", "--json")
    )
    assert (as_text.code, as_text.out) == (2, "")
    assert as_json_.code == 2
    problems = as_json_.document["problems"]
    assert [each.split(": ")[:2] for each in problems] == [
        [f"{file}:5", "level"],
        [f"{file}:{portal + 2}", "portal_for"],
        [f"{file}:1501", "makelaar"],
    ]
    assert as_text.err.splitlines()[:3] == [f"herken: {problem}" for problem in problems]
    assert (await large.known()).version == 0


async def test_diff_exits_2_and_tells_what_is_wrong(scheme: Scheme) -> None:
    some = [{**scheme.some[0], "level": "EH9"}, *scheme.some[1:]]
    ran = await scheme.run("diff", scheme.file(some))
    assert (ran.code, ran.out) == (2, "")
    assert ":2: level: " in ran.err


# --- differences


async def test_diff_shows_what_was_added_changed_and_withdrawn(published: Scheme) -> None:
    some = [dict(row) for row in published.some]
    gone, changed = some.pop(), some[0]
    changed["sso"] = not changed["sso"]
    added = {**some[1], "service_id": f"{some[1]['service_id']}9"}
    file = published.file([*some, added])
    ran, in_json = await asyncio.gather(
        published.run("diff", file), published.run("diff", file, "--json")
    )
    assert (ran.code, in_json.code) == (1, 1)
    assert f"+ {added['service_id']}  " in ran.out
    assert f"~ {changed['service_id']}  sso\n" in ran.out
    assert f"- {gone['service_id']}  " in ran.out
    assert "compared with version 5: 1 added, 1 changed, 1 withdrawn" in ran.out
    assert in_json.document == {
        "ok": False,
        "version": 5,
        "added": [added["service_id"]],
        "changed": [{"service": changed["service_id"], "columns": ["sso"]}],
        "withdrawn": [gone["service_id"]],
    }


async def test_only_entries_that_changed_are_published(published: Scheme) -> None:
    some = [dict(row) for row in published.some]
    mine = [row for row in some if row["dienstverlener"] == some[0]["dienstverlener"]]
    some[0]["restrictable"] = not some[0]["restrictable"]
    ran = await published.run("import", published.file(some), "--yes")
    assert ran.code == 0
    assert "published: 1 entries; the catalogue is at version 6" in ran.out
    known = await published.known()
    assert {e.version for e in known.entries.values()} == {6, 2, 3, 4, 5}
    assert known.entries[str(mine[0]["dienstverlener"])].version == 6


async def test_what_is_not_in_the_file_is_withdrawn(published: Scheme) -> None:
    first = published.some[0]["dienstverlener"]
    kept = [row for row in published.some if row["dienstverlener"] == first]
    ran = await published.run("import", published.file(kept), "--yes", "--json")
    known = await published.known()
    assert len(ran.document["withdrawn"]) == len(published.some) - len(kept)
    assert {s.dienstverlener for s in known.services.values()} == {first}
    again = await published.run("diff", published.file(kept))
    assert again.code == 0


# --- asking, and being allowed to


async def test_import_publishes_nothing_when_it_is_a_dry_run(scheme: Scheme) -> None:
    scheme.folders.scheme_key.unlink()
    ran = await scheme.run("import", scheme.file(scheme.some), "--dry-run")
    assert ran.code == 0
    assert "12 added, 0 changed, 0 withdrawn; entries: 5\nnothing was published\n" in ran.out
    assert (await scheme.known()).version == 0


async def test_import_exits_2_when_nobody_can_be_asked(scheme: Scheme) -> None:
    ran = await scheme.run("import", scheme.file(scheme.some))
    assert (ran.code, ran.out) == (2, "")
    assert "--yes" in ran.err


@pytest.mark.parametrize(("answer", "code", "version"), [(b"n\n", 1, 0), (b"y\n", 0, 5)])
async def test_import_asks_on_a_terminal(
    answer: bytes, code: int, version: int, scheme: Scheme
) -> None:
    ours, theirs = pty.openpty()
    try:
        os.write(ours, answer)
        ran = await scheme.run("import", scheme.file(scheme.some), stdin=theirs)
    finally:
        os.close(ours)
        os.close(theirs)
    assert ran.code == code
    assert "Publish 12 added, 0 changed, 0 withdrawn; entries: 5?" in ran.err
    assert (await scheme.known()).version == version


async def test_import_exits_2_without_the_key_of_this_scheme(scheme: Scheme) -> None:
    file, key = scheme.file(scheme.some), scheme.folders.scheme_key
    said = {}
    for content in (jose.private_jwk(jose.new_key()), {"kty": "EC"}, None):
        write_private(key, content)
        if content is None:
            key.unlink()
        ran = await scheme.run("import", file, "--yes")
        said[ran.err] = ran.code
    none = {k: v for k, v in scheme.environment.items() if k != "HERKEN_SECRETS"}
    ran = await herken("catalogue", "import", file, "--yes", env=none)
    assert list(said.values()) == [2, 2, 2]
    assert [
        part in err
        for part, err in zip(("is not the key", "damaged", "only the scheme"), said, strict=True)
    ] == [True] * 3
    assert (ran.code, "HERKEN_SECRETS must name" in ran.err) == (2, True)
    assert (await scheme.known()).version == 0


# --- generate


async def test_generate_writes_the_same_file_for_the_same_seed(scheme: Scheme) -> None:
    size = ("--services", "30", "--dienstverleners", "9", "--seed", "5")
    file = scheme.folder / "generated.csv"
    to_file, printed, other = await asyncio.gather(
        herken("catalogue", "generate", *size, str(file)),
        herken("catalogue", "generate", *size),
        herken("catalogue", "generate", *size[:-1], "6"),
    )
    assert (to_file.code, to_file.out) == (0, "")
    assert file.read_text() == printed.out
    assert printed.out != other.out
    refused = await scheme.run("diff", str(file))
    assert (refused.code, "the directory has no such dienstverlener" in refused.err) == (2, True)


async def test_generate_exits_2_when_a_makelaar_is_none() -> None:
    ran = await herken("catalogue", "generate", "--makelaar", "polder")
    assert (ran.code, ran.out) == (2, "")
    assert "--makelaar takes an EntityID" in ran.err


# --- updates at the same time


async def test_an_update_is_given_up_when_another_one_began_after_it(published: Scheme) -> None:
    async with updating(published.kafka, published.key) as earlier:
        async with updating(published.kafka, published.key) as later:
            await later.publish(numbered(published.entries[:1], later.known))
        with pytest.raises(Overtaken, match="nothing was published"):
            await earlier.publish(numbered(published.entries[1:], earlier.known))
    known = await published.known()
    assert {each.version for each in known.entries.values()} == {6, 2, 3, 4, 5}


async def test_import_is_given_up_when_another_one_came_while_it_asked(
    published: Scheme, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in published.environment.items():
        monkeypatch.setenv(name, value)
    file = Path(published.file(published.some[:-1]))
    monkeypatch.setattr(commands, "updating", _after_another(published))
    with pytest.raises(Overtaken, match="became version 6 meanwhile"):
        await commands.bring_in(file, None, dry_run=False, as_document=False)
    assert (await published.known()).version == 6


def _after_another(scheme: Scheme) -> Any:
    """An update that begins once somebody else's is published."""

    def begin(*arguments: Any) -> Any:
        async def other() -> None:
            async with updating(scheme.kafka, scheme.key) as update:
                await update.publish(numbered(scheme.entries[:1], update.known))

        return _Then(other, updating(*arguments))

    return begin


class _Then:
    """Awaits one thing before it enters another."""

    def __init__(self, first: Any, block: Any) -> None:
        self._first, self._block = first, block

    async def __aenter__(self) -> Any:
        await self._first()
        return await self._block.__aenter__()

    async def __aexit__(self, *error: object) -> None:
        await self._block.__aexit__(*error)


async def test_nothing_of_an_update_is_there_when_it_fails_in_the_middle(scheme: Scheme) -> None:
    """Its last entry is larger than Kafka takes."""
    large = scheme.entries[-1].instances[0].model_copy(update={"certificate": "x" * 2_200_000})
    last = scheme.entries[-1].model_copy(update={"instances": (large,)})
    with pytest.raises((WrongUse, HerkenError, KafkaError)):
        await publish(scheme.kafka, [*scheme.entries[:-1], last], scheme.key)
    assert (await scheme.known()).version == 0
    await publish(scheme.kafka, scheme.entries, scheme.key)
    assert (await scheme.known()).version == 5


# --- followed


async def test_a_follower_takes_over_what_is_published_and_nothing_else(published: Scheme) -> None:
    public, stranger = scheme_key(published.folders.network), jose.new_key()
    newest = published.entries[0].model_copy(update={"version": 6, "instances": ()})
    good = sign_entry(newest, published.key)
    bad = {
        "signature_invalid": sign_entry(newest, stranger),
        "older_version": sign_entry(published.entries[3], published.key),
        "key_refused": replace(good, key=published.entries[1].dienstverlener.encode()),
        "not_jws": replace(good, value=b"{}"),
        "not_utf8": replace(good, value=b"\xff\xfe"),
    }
    buried: list[tuple[str, bytes]] = []

    async def bury(refused: Any) -> None:
        buried.extend((reason, record.value) for record, reason in refused)

    async with Follower.following(published.kafka, public, bury) as follower:
        buried.clear()  # what other schemes left
        await put(published.kafka, [*bad.values(), good])
        await asyncio.wait_for(follower.reached(6), 20)
        assert dict(buried) == {reason: record.value for reason, record in bad.items()}
        assert follower.is_live()
        known = follower.catalogue
    assert known.of(newest.dienstverlener) == []
    others = {each.dienstverlener for each in published.entries[1:]}
    assert {each.dienstverlener for each in known.services.values()} == others
    assert (await published.known()).services == known.services


async def put(address: str, records: Iterable[Record]) -> None:
    """Publish records as they are, one after the other."""
    producer = AIOKafkaProducer(bootstrap_servers=address)
    async with started(address, producer):
        for record in records:
            await producer.send_and_wait(record.topic, record.value, record.key)


async def test_the_roles_follow_an_update_without_a_restart(
    herken_network: RunningNetwork,
) -> None:
    network = herken_network.network
    client, service = (
        herken_network.dienstverleners["waterdam"],
        herken_network.service("parkeerontheffing"),
    )
    pids = [role.process.pid for role in network.roles]
    entry = _entry_of(await _catalogue(network), service)

    async def log_in() -> Assertion | Refusal:
        with herken_network.at_the_browser("ans", provider="sluis"):
            return await client.authenticate(service)

    before = await log_in()
    higher = await _changed(network, entry, service, level=Level.EH4)
    under_the_new = await log_in()
    lower = await _changed(network, entry, service)
    after = await log_in()
    assert isinstance(before, Assertion)
    assert isinstance(under_the_new, Refusal)
    assert isinstance(after, Assertion)
    assert before.catalogue_version < higher < lower == after.catalogue_version
    assert [role.process.pid for role in network.roles] == pids


async def _catalogue(network: Network) -> Catalogue:
    key = scheme_key(network.folders.network)
    async with Follower.following(network.servers.kafka, key) as follower:
        return follower.catalogue


def _entry_of(known: Catalogue, service_id: str) -> CatalogueEntry:
    service = known.service(service_id)
    assert service is not None
    return known.entries[service.dienstverlener]


async def _changed(network: Network, entry: CatalogueEntry, service_id: str, **changes: Any) -> int:
    """Publish an entry with the definition of one service changed; everybody follows soon."""
    (uuid,) = [i.service_uuid for i in entry.instances if i.service_id == service_id]
    definitions = tuple(
        each.model_copy(update=changes if each.service_uuid == uuid else {})
        for each in entry.definitions
    )
    changed = entry.model_copy(update={"definitions": definitions})
    async with updating(network.servers.kafka, network.folders.scheme()) as update:
        (new,) = numbered([changed], update.known)
        await update.publish([new])
    await asyncio.sleep(1)
    return new.version


# --- dead letters


async def test_a_refused_record_has_one_dead_letter_whoever_reads_it_however_often(
    published: Scheme, herken_servers: Servers
) -> None:
    """Two processes of two makelaars read it at the same time, and again after a restart."""
    key, address = scheme_key(published.folders.network), published.kafka
    before = len(await redrives.letters(address, [CATALOGUE + DLQ_SUFFIX]))
    old = sign_entry(published.entries[0], published.key)
    await put(address, [old, replace(old, value=b"\xff")])
    async with b.databases(herken_servers.postgres, "duin", "kwelder") as pools:
        for _ in range(2):
            async with AsyncExitStack() as stack:
                for name in ("duin", "kwelder", "duin", "kwelder"):
                    letters = CatalogueLetters(address, b.world().keys(name), Store(pools[name]))
                    following = Follower.following(address, key, _newest(letters))
                    await stack.enter_async_context(following)
                await put(address, [replace(old, value=b"{}")])
                await asyncio.sleep(0.5)
    found = (await redrives.letters(address, [CATALOGUE + DLQ_SUFFIX]))[before:]
    reasons = [one.reason for one in found]
    assert sorted(reasons) == ["not_jws", "not_jws", "not_utf8", "older_version"]
    assert len({one.origin for one in found}) == 4


def _newest(letters: CatalogueLetters) -> Any:
    """Buries what this test published, and not what the others left on the topic."""

    async def bury(refused: Any) -> None:
        reasons = ("older_version", "not_utf8", "not_jws")
        await letters.bury([each for each in refused[-3:] if each[1] in reasons])

    return bury


async def test_a_running_makelaar_buries_what_it_refuses(herken_network: RunningNetwork) -> None:
    network = herken_network.network
    address, known = network.servers.kafka, await _catalogue(network)
    entry = known.entries[herken_network.dienstverleners["waterdam"].services[0].dienstverlener]
    before = len(await redrives.letters(address, [CATALOGUE + DLQ_SUFFIX]))
    await put(address, [replace(sign_entry(entry, jose.new_key()), key=b"nobody")])
    async with asyncio.timeout(20):
        while len(found := await redrives.letters(address, [CATALOGUE + DLQ_SUFFIX])) == before:
            await asyncio.sleep(0.1)
    assert [one.reason for one in found[before:]] == ["signature_invalid"]
    assert (await _catalogue(network)).services == known.services
