"""The table of bad input, row by row: first as it is, then with the check turned off."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from sandbox.servers import Servers
from schemas import values
from tests.integration.bad_input.kinds import KINDS
from tests.integration.bad_input.network import network
from tests.integration.bad_input.page import PAGE, page
from tests.integration.bad_input.playing import play
from tests.integration.bad_input.rows import Reading, Row
from tests.integration.bad_input.table import READINGS, ROWS
from tests.support.kinds import Kind
from tests.support.relay import Relay

LAYERS = [
    pytest.param(row, depth, id=f"{row.name} {depth}")
    for row in ROWS
    for depth in range(len(row.layers))
]


def _named(value: Row | Reading | Kind) -> str:
    return value.name


@pytest.fixture(autouse=True)
def _forgets() -> Iterator[None]:
    """What held while a check was off is not remembered after it."""
    remembering = values._entity_id, values._service_id
    for each in remembering:
        each.cache_clear()
    yield
    for each in remembering:
        each.cache_clear()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def relay(
    herken_servers: Servers, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Relay]:
    folder = tmp_path_factory.mktemp("bad-input")
    async with network(herken_servers.postgres, folder) as opened:
        yield opened


@pytest.mark.parametrize("kind", KINDS, ids=_named)
async def test_logins_end_as_usual_when_nothing_is_bad(relay: Relay, kind: Kind) -> None:
    relay.clear()
    browsers = [await relay.browser(kind) for _ in range(2)]
    logins = [relay.begin(kind, browser) for browser in browsers]
    await relay.settle()
    assert [relay.verdict(login) for login in logins] == [kind.usual] * 2
    assert relay.dead == []


@pytest.mark.parametrize("row", ROWS, ids=_named)
async def test_bad_message_is_stopped_when_it_comes(relay: Relay, row: Row) -> None:
    assert await play(relay, row) == row.fate


@pytest.mark.parametrize(("row", "depth"), LAYERS)
async def test_bad_message_is_not_stopped_when_its_check_is_off(
    relay: Relay, row: Row, depth: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for layer in row.layers[: depth + 1]:
        for check in layer.checks:
            check.turn_off(monkeypatch, relay.world)
    assert row.layers[depth].then != row.fate
    assert await play(relay, row) == row.layers[depth].then


@pytest.mark.parametrize("reading", READINGS, ids=_named)
def test_bad_reading_is_refused_when_it_is_read(reading: Reading, tmp_path: Path) -> None:
    assert reading.read(tmp_path) == reading.says


@pytest.mark.parametrize("reading", READINGS, ids=_named)
async def test_bad_reading_is_not_refused_when_its_check_is_off(
    relay: Relay, reading: Reading, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for check in reading.checks:
        check.turn_off(monkeypatch, relay.world)
    assert reading.without != reading.says
    assert reading.read(tmp_path) == reading.without


def test_no_two_rows_have_one_name_when_all_are_counted() -> None:
    named: tuple[Row | Reading, ...] = (*ROWS, *READINGS)
    counted = Counter(each.name for each in named)
    assert [name for name, count in counted.items() if count > 1] == []


def test_no_row_harms_the_login_beside_it_when_its_checks_are_on() -> None:
    assert [row.name for row in ROWS if row.fate.other] == []


def test_every_row_names_what_stops_it_when_all_are_looked_at() -> None:
    assert [row.name for row in ROWS if not row.layers] == []


def test_every_check_is_there_when_it_is_looked_for() -> None:
    used = {check for row in ROWS for layer in row.layers for check in layer.checks}
    used |= {check for reading in READINGS for check in reading.checks}
    assert [check.where for check in used if not check.is_there()] == []


def test_page_says_what_the_table_says_when_it_is_written_anew() -> None:
    assert PAGE.read_text() == page(), "run `python -m tests.integration.bad_input`"
