"""A registry's portal on real Kafka: what it commands, the registry answers. And `herken mandate`
and `herken billing` as a user runs them, where what he types is wrong."""

from __future__ import annotations

import asyncio
import csv
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from dienstverlener import Assertion
from pipeline.catalogue_updates import publish as publish_catalogue
from pipeline.keys import Keys, secrets_file, utc_now, write_private
from pipeline.runner import Runner
from pipeline.service import Service
from pipeline.settings import Settings
from pipeline.store import Store
from registry.administration.actors import As
from registry.administration.choices import Choices, choices
from registry.role import registry as registry_role
from sandbox import portal as portal_module
from sandbox import topology
from sandbox.founding import Folders, found, publish
from sandbox.portal import NoAnswer, Portal
from sandbox.scenario_file import load
from sandbox.servers import Servers
from schemas import jose
from schemas.administration import (
    ChargeKind,
    CommandRefusal,
    EventKind,
    List,
    MandateEvent,
    Shown,
    Withdraw,
)
from tests.integration.test_administration import SEEDED, seed
from tests.integration.test_cli import SCENARIO, Ran, herken
from tests.unit.administering import (
    EMPLOYEE,
    MANAGES,
    MOLEN_KVK,
    YEAR,
    kvk,
    login,
    outcome,
    register,
    world,
)
from tests.unit.builders import databases

MINE = MANAGES.model_copy(update={"valid_until": utc_now() + YEAR})


@pytest.fixture(scope="module")
async def settings(
    herken_servers: Servers, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Settings]:
    """The files and topics of the world of the builders, and its registry `kade`, running."""
    folder = tmp_path_factory.mktemp("portal")
    folders = Folders(folder / "network", folder / "secrets")
    scheme, made = jose.new_key(), world()
    for name, secret in made.secrets.items():
        write_private(secrets_file(folders.secrets, name), secret.model_dump(mode="json"))
    publish(made.directory, scheme, folders)
    await topology.create(herken_servers.kafka, topology.plan(made.directory))
    entries = sorted(made.catalogue.entries.values(), key=lambda entry: entry.version)
    await publish_catalogue(herken_servers.kafka, entries, scheme)
    found = Settings(kafka=herken_servers.kafka, network=folders.network, secrets=folders.secrets)
    async with databases(herken_servers.postgres, "kade") as pools:
        others = [each for each in SEEDED if each.id != MINE.id]
        await seed(pools["kade"], "kade", [*others, MINE])
        keys = Keys.load(found.network, found.secrets, "kade", lambda: made.catalogue)
        role = registry_role(keys, choices(keys, found))
        service = Service("kade", role, Runner(role, keys, Store(pools["kade"])), found)
        running = asyncio.create_task(service.run())
        yield found
        service.stop()
        await running


def logged_in() -> Assertion:
    text = outcome(As.MANAGER, MINE, kvk(MOLEN_KVK), now=utc_now())
    return login(outcome=text)


async def test_portal_gets_every_event_of_its_command(settings: Settings) -> None:
    async with Portal.connect("kade", settings) as portal:
        until = {"valid_until": utc_now() + YEAR}
        (made,) = await portal.command(logged_in(), register(**until), timeout=60)
        assert (made.kind, made.revision) == (EventKind.MANDATE_REGISTERED, 1)
        (line,) = shown_by(portal, made).lines
        assert (line.id, line.who) == (made.object, EMPLOYEE.name)
        for _ in range(12):
            await portal.command(logged_in(), register(**until))
        pages = await portal.command(logged_in(), List())
        assert [page.number for page in pages] == list(range(1, pages[0].total + 1))
        assert pages[0].total > 1
        assert made.object in {line.id for page in pages for line in shown_by(portal, page).lines}
        (ended,) = await portal.command(logged_in(), Withdraw(what=made.object))
        assert ended.kind is EventKind.MANDATE_WITHDRAWN
        (refused,) = await portal.command(logged_in(), Withdraw(what=made.object))
        assert refused.reason is CommandRefusal.ALREADY_WITHDRAWN
        assert portal.shown(refused) is None


def shown_by(portal: Portal, event: MandateEvent) -> Shown:
    found = portal.shown(event)
    assert found is not None
    return found


async def test_portal_says_so_when_nobody_answers(settings: Settings) -> None:
    async with Portal.connect("kade", settings) as portal:
        with pytest.raises(NoAnswer, match="does the registry run"):
            await portal.located(UUID(int=1), timeout=0.1)


def test_registry_that_runs_holds_its_portals_keys_and_has_its_own_prices(
    settings: Settings,
) -> None:
    keys = Keys.load(settings.network, settings.secrets, "kade")
    chosen = settings.model_copy(
        update={"prices": {ChargeKind.RENEWAL: 1}, "authenticated_within_seconds": 60}
    )
    mine = choices(keys, chosen)
    assert mine.portal is not None
    assert mine.portal.me.name == "loods"
    assert mine.prices == {**Choices().prices, ChargeKind.RENEWAL: 1}
    assert mine.authenticated_within.total_seconds() == 60
    other = Keys.load(settings.network, settings.secrets, "pier")
    assert choices(other, settings).portal is None


def test_services_of_a_portal_are_the_ones_in_the_catalogue() -> None:
    me = world().named("loods")
    ids = {as_: portal_module.service_id(me, as_) for as_ in portal_module.INDEXES}
    catalogue = world().catalogue
    assert set(ids.values()) == {each.service_id for each in catalogue.of(me.entity_id)}


# --- what is typed wrong


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Where the files of a network are that nobody runs."""
    folder = tmp_path_factory.mktemp("files")
    folders = Folders(folder / "network", folder / "secrets")
    found(load(SCENARIO), folders, utc_now())
    return {
        "HERKEN_KAFKA": "127.0.0.1:1",
        "HERKEN_POSTGRES": "postgresql://postgres:none@127.0.0.1:1/herken",
        "HERKEN_NETWORK": str(folders.network),
        "HERKEN_SECRETS": str(folders.secrets),
    }


WHO = ("--registry", "terp", "--as", "bas")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("list", "--registry", "tepr", "--as", "bas"), "did you mean terp?"),
        (("withdraw", *WHO), "say what to withdraw"),
        (("register", "bas", "--service", "Q", *WHO), "no service 'Q'"),
        (("list", *WHO), "no registry with a portal"),
    ],
)
async def test_mandate_command_ends_with_2_when_what_is_typed_is_wrong(
    files: dict[str, str], arguments: tuple[str, ...], said: str
) -> None:
    found = await run("mandate", *arguments, env=files)
    assert (found.code, found.out) == (2, "")
    assert said in found.err


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("2026-13",), 2, "is no month"),
        (("2026-3",), 2, "is no month"),
        (("2026-03", "--registry", "tepr"), 2, "did you mean terp?"),
        (("2026-03",), 3, "does not answer"),
    ],
)
async def test_billing_says_what_is_wrong(
    files: dict[str, str], arguments: tuple[str, ...], code: int, said: str
) -> None:
    found = await run("billing", *arguments, env=files)
    assert (found.code, found.out) == (code, "")
    assert said in found.err


async def run(*arguments: str, env: dict[str, str]) -> Ran:
    return await herken(*arguments, env=env)


# --- what a month costs


async def test_billing_prints_a_month_and_writes_it_as_csv(
    herken_servers: Servers, settings: Settings, tmp_path: Path
) -> None:
    del settings
    async with databases(herken_servers.postgres, "kade") as pools:
        await pools["kade"].executemany(
            "INSERT INTO charges VALUES (gen_random_uuid(), $1, $2, '2026-03', $3, now())",
            [("registration", "12345678", 500), ("registration", "12345678", 500)],
        )
        dsn: Any = await pools["kade"].fetchval("SELECT current_database()")
        found = await _billing(herken_servers, dsn, tmp_path)
    assert found["cents"] == 1000
    (line,) = found["lines"]
    assert line == {
        "registry": "kade",
        "organisation": "12345678",
        "kind": "registration",
        "times": 2,
        "cents": 1000,
    }
    with (tmp_path / "march.csv").open() as file:
        assert list(csv.DictReader(file)) == [{k: str(v) for k, v in line.items()}]


async def _billing(servers: Servers, database_name: str, folder: Path) -> dict[str, Any]:
    """`herken billing --json` on this database."""
    folders = Folders(folder / "network", folder / "secrets")
    publish(world().directory, jose.new_key(), folders)
    secret = (
        world()
        .secrets["kade"]
        .model_copy(update={"database_password": "of-nobody-but-these-tests"})
    )
    write_private(secrets_file(folders.secrets, "kade"), secret.model_dump(mode="json"))
    env = {
        "HERKEN_KAFKA": servers.kafka,
        "HERKEN_POSTGRES": servers.postgres.rsplit("/", 1)[0] + f"/{database_name}",
        "HERKEN_NETWORK": str(folders.network),
        "HERKEN_SECRETS": str(folders.secrets),
    }
    wanted = ("2026-03", "--registry", "kade", "--csv", str(folder / "march.csv"), "--json")
    found = await run("billing", *wanted, env=env)
    assert found.code == 0, found.err
    return dict(json.loads(found.out))
