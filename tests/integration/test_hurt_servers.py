"""Three brokers and a Postgres are hurt, and keep what they acknowledged."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from pipeline.service import kafka_client
from sandbox import postgres_faults, topology
from sandbox.cluster import Cluster
from sandbox.postgres import Postgres
from sandbox.postgres_faults import connection_limit, deadlock, rows_locked, setting
from sandbox.servers import Servers, running
from sandbox.topology import TopicPlan

ROLE = "somebody"
PASSWORD = "only-for-this-test"
LEFT_ALONE_SECONDS = 0.5
ELSEWHERE_SECONDS = 35.0  # less than the 40 s that the library would wait
CLOSED = (asyncpg.PostgresConnectionError, asyncpg.InterfaceError, asyncpg.InternalClientError)


@pytest.fixture(scope="module")
async def servers(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Servers]:
    folder = tmp_path_factory.mktemp("hurt")
    async with running(folder, progress=lambda _: None, environ={}, brokers=3) as servers:
        yield servers


@pytest.fixture
def cluster(servers: Servers) -> Cluster:
    return servers.cluster


@pytest.fixture
async def database(servers: Servers) -> Postgres:
    """With a role that has two logins."""
    async with postgres_faults.administering(servers.database) as connection:
        await connection.execute(
            f"DROP SCHEMA IF EXISTS {ROLE} CASCADE; DROP ROLE IF EXISTS {ROLE};"
            f"CREATE ROLE {ROLE} LOGIN PASSWORD '{PASSWORD}';"
            f"CREATE SCHEMA {ROLE} AUTHORIZATION {ROLE}; SET ROLE {ROLE};"
            f"CREATE TABLE {ROLE}.logins (request_id int PRIMARY KEY, n int);"
            f"INSERT INTO {ROLE}.logins VALUES (1, 0), (2, 0)"
        )
    return servers.database


@asynccontextmanager
async def connected(database: Postgres) -> AsyncIterator[asyncpg.Connection]:
    """A connection as the role."""
    dsn = f"postgresql://{ROLE}:{PASSWORD}@127.0.0.1:{database.port}/herken"
    connection = await asyncpg.connect(dsn)
    try:
        yield connection
    finally:
        connection.terminate()


@asynccontextmanager
async def producing(cluster: Cluster) -> AsyncIterator[AIOKafkaProducer]:
    """A producer as the roles use it."""
    producer = AIOKafkaProducer(
        bootstrap_servers=cluster.address, acks="all", enable_idempotence=True
    )
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


async def publish(producer: AIOKafkaProducer, topic: str, count: int, first: int = 0) -> None:
    """Messages with the numbers from `first`; all are acknowledged then."""
    numbers = range(first, first + count)
    sent = [await producer.send(topic, str(n).encode(), partition=n % 4) for n in numbers]
    await asyncio.gather(*sent)


async def numbers_on(cluster: Cluster, topic: str) -> list[int]:
    """The numbers of all messages, sorted."""
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=cluster.address, auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        ends = await consumer.end_offsets(consumer.assignment())
        found: list[int] = []
        while len(found) < sum(ends.values()):
            batches = await consumer.getmany(timeout_ms=1000)
            found += [int(record.value) for batch in batches.values() for record in batch]
        return sorted(found)
    finally:
        await consumer.stop()


async def describe(cluster: Cluster, topic: str) -> list[dict[str, object]]:
    admin = AIOKafkaAdminClient(bootstrap_servers=cluster.address)
    await admin.start()
    try:
        (described,) = await admin.describe_topics([topic])
        return list(described["partitions"])
    finally:
        await admin.close()


async def test_topics_have_three_copies_when_there_are_three_brokers(cluster: Cluster) -> None:
    await topology.create(cluster.address, [TopicPlan("copied", 4, 600_000)])
    partitions = await describe(cluster, "copied")
    assert [len(each["replicas"]) for each in partitions] == [3, 3, 3, 3]  # type: ignore[arg-type]


async def test_messages_are_kept_when_the_controller_has_a_full_disk(cluster: Cluster) -> None:
    await topology.create(cluster.address, [TopicPlan("kept", 4, 600_000)])
    async with producing(cluster) as producer:
        await publish(producer, "kept", 200)
        before = await cluster.controller()
        cluster.disk_full(before)
        await publish(producer, "kept", 200, first=200)
        await cluster.has_ended(before)
        after = await cluster.controller()
    assert before not in cluster.answering
    await cluster.start(before)
    assert after != before
    assert await numbers_on(cluster, "kept") == list(range(400))


async def test_messages_are_kept_when_all_brokers_are_killed_at_once(cluster: Cluster) -> None:
    await topology.create(cluster.address, [TopicPlan("survivors", 4, 600_000)])
    async with producing(cluster) as producer:
        await publish(producer, "survivors", 400)
    await cluster.kill_all()
    with pytest.raises(KafkaError):
        await describe(cluster, "survivors")
    await cluster.start_all()
    assert await numbers_on(cluster, "survivors") == list(range(400))
    assert sum((await cluster.leads()).values()) > 4


async def test_controller_is_another_one_when_it_is_paused(cluster: Cluster) -> None:
    victim = await cluster.controller()
    cluster.pause(victim)
    try:
        assert await cluster.controller() != victim
    finally:
        cluster.resume(victim)
    await cluster.in_sync()
    assert cluster.answering == {1, 2, 3}


async def test_publication_goes_on_elsewhere_when_the_leader_hangs(cluster: Cluster) -> None:
    await topology.create(cluster.address, [TopicPlan("led", 1, 600_000)])
    async with kafka_client(cluster.address, "somebody") as client:
        await client.publish(b"0", "led")
        (partition,) = await describe(cluster, "led")
        victim = int(str(partition["leader"]))
        cluster.pause(victim)
        try:
            async with asyncio.timeout(ELSEWHERE_SECONDS):
                await client.publish(b"1", "led")
        finally:
            cluster.resume(victim)
    await cluster.in_sync()
    assert await numbers_on(cluster, "led") == [0, 1]


async def test_postgres_is_back_with_its_data_when_stopped_at_once(database: Postgres) -> None:
    async with connected(database) as connection:
        await connection.execute("UPDATE somebody.logins SET n = 7")
        await database.stop_now()
        with pytest.raises(CLOSED):
            await connection.execute("SELECT 1")
    with pytest.raises(ConnectionRefusedError):
        await asyncpg.connect(database.dsn)
    await database.start()
    async with connected(database) as connection:
        assert await connection.fetchval("SELECT sum(n) FROM somebody.logins") == 14


async def test_postgres_is_away_as_long_as_it_is_told(database: Postgres) -> None:
    began = time.monotonic()
    await database.away(0.5)
    assert time.monotonic() - began >= 0.5
    async with connected(database) as connection:
        assert await connection.fetchval("SELECT 1") == 1


async def test_connection_is_closed_when_all_are_dropped(database: Postgres) -> None:
    async with connected(database) as connection:
        assert await postgres_faults.drop_connections(database) == 1
        with pytest.raises(CLOSED):
            await connection.execute("SELECT 1")


async def test_statement_is_cancelled_only_while_a_timeout_is_set(database: Postgres) -> None:
    slow = "SELECT pg_sleep(0.2)"
    shortened = setting(database, ROLE, "statement_timeout", "20ms")
    async with shortened, connected(database) as connection:
        with pytest.raises(asyncpg.QueryCanceledError):
            await connection.execute(slow)
    async with connected(database) as connection:
        await connection.execute(slow)


async def read_and_write(one: asyncpg.Connection, other: asyncpg.Connection) -> None:
    """A transaction reads what another one changes before it writes that itself."""
    async with one.transaction():
        await one.fetchval("SELECT sum(n) FROM somebody.logins")
        await other.execute("UPDATE somebody.logins SET n = n + 1")
        await one.execute("UPDATE somebody.logins SET n = n + 1")


async def test_transactions_fail_to_serialize_only_while_isolated(database: Postgres) -> None:
    isolated = setting(database, ROLE, "default_transaction_isolation", "serializable")
    async with isolated, connected(database) as one, connected(database) as other:
        with pytest.raises(asyncpg.SerializationError):
            await read_and_write(one, other)
    async with connected(database) as one, connected(database) as other:
        await read_and_write(one, other)


async def test_role_is_not_let_in_only_while_its_connections_are_limited(
    database: Postgres,
) -> None:
    async with connection_limit(database, ROLE, 0):
        with pytest.raises(asyncpg.TooManyConnectionsError):
            await asyncpg.connect(
                f"postgresql://{ROLE}:{PASSWORD}@127.0.0.1:{database.port}/herken"
            )
    async with connected(database) as connection:
        assert await connection.fetchval("SELECT 1") == 1


async def test_update_waits_only_while_rows_are_locked(database: Postgres) -> None:
    async with connected(database) as connection:
        async with rows_locked(database, ROLE) as locked:
            update = asyncio.create_task(connection.execute("UPDATE somebody.logins SET n = 9"))
            done, _ = await asyncio.wait({update}, timeout=LEFT_ALONE_SECONDS)
            assert locked == 2
            assert not done
        await update


async def locked_by_others(connection: asyncpg.Connection) -> bool:
    """Whether somebody holds a login."""
    free = "SELECT request_id FROM somebody.logins FOR UPDATE SKIP LOCKED"
    return len(await connection.fetch(free)) < 2


async def update_in_order(connection: asyncpg.Connection) -> None:
    async with connection.transaction():
        for id_ in (1, 2):
            await connection.execute("UPDATE somebody.logins SET n = 1 WHERE request_id = $1", id_)


async def test_role_is_the_victim_when_it_updates_in_order(database: Postgres) -> None:
    async with connected(database) as connection:
        hurting = asyncio.create_task(deadlock(database, ROLE))
        while not await locked_by_others(connection):
            await asyncio.sleep(0.01)
        with pytest.raises(asyncpg.DeadlockDetectedError):
            await update_in_order(connection)
    assert await hurting is False


def test_a_server_of_others_cannot_be_hurt() -> None:
    others = Servers("127.0.0.1:9092", "postgresql://127.0.0.1/herken", Path("nowhere"))
    with pytest.raises(RuntimeError, match="not started here"):
        _ = others.cluster
    with pytest.raises(RuntimeError, match="not started here"):
        _ = others.database
