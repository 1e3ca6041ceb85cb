"""`python -m benchmarks.registry`: does a large registry decide as fast as a small one?

Two registries on one real Postgres, side by side in one run: 1,000 mandates and 200 chains, and
1,000,000 mandates and 200,000 chains. Both are asked about people at random, in turns, one question
each; what is timed is the registry's own handling of it: verify, read, judge, sign, lock, write.
Everybody has as much as anybody, so that the difference is that of the size and of nothing else;
nobody waits for the disk at a commit, which would hide it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from benchmarks.registry_data import Size, fill
from benchmarks.registry_queries import KINDS, Asked
from pipeline import logs
from sandbox import postgres
from tests.unit import builders as b

AT_ONCE, LIMIT = 50, 1.3
"""Questions of a kind in a turn, and in a batch; how much slower the large one may be."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.registry")
    parser.add_argument("--mandates", type=int, default=1_000_000)
    parser.add_argument("--chains", type=int, default=200_000)
    parser.add_argument("--turns", type=int, default=24, help=f"of {AT_ONCE} questions a kind")
    parser.add_argument("--plans", action="store_true", help="also the plans of every query")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    options = parser.parse_args()
    logs.configure("CRITICAL", "benchmark")
    sizes = Size(1_000, 200), Size(options.mandates, options.chains)
    report = asyncio.run(measure(*sizes, options.turns))
    print(json.dumps(report, indent=2) if options.json else _told(report, plans=options.plans))
    sys.exit(0 if report["within_limit"] else 1)


async def measure(small: Size, large: Size, turns: int) -> dict[str, Any]:
    """Fill both, ask both in turns, and look at the plans of the large one."""
    with tempfile.TemporaryDirectory() as folder:
        async with AsyncExitStack() as stack:
            server = await postgres.started(Path(folder), progress=_progress, stack=stack)
            filled = [_filled(server.dsn, size) for size in (small, large)]
            both = [await stack.enter_async_context(each) for each in filled]
            await _ask(both, turns)
            plans = {kind: await _plans(both[1], kind) for kind in KINDS}
            indexes = await _indexes(both[1].pool)
    kinds = [_kind(kind, *(each.timings[kind] for each in both)) for kind in KINDS]
    return {
        "small": vars(small),
        "large": vars(large),
        "questions": turns * AT_ONCE * 2,
        "kinds": kinds,
        "within_limit": all(kind["worst_ratio"] <= LIMIT for kind in kinds),
        "indexes": indexes,
        "plans": plans,
    }


@asynccontextmanager
async def _filled(dsn: str, size: Size) -> AsyncIterator[Asked]:
    """A registry of this size in a database of its own."""
    async with b.databases(dsn, "kade") as pools:
        began = time.perf_counter()
        name = await pools["kade"].fetchval("SELECT current_database()")
        admin = await asyncpg.connect(urlunsplit(urlsplit(dsn)._replace(path=f"/{name}")))
        try:
            await admin.execute('SET search_path = "kade"')
            await admin.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
            await fill(admin, size)
        finally:
            await admin.close()
        await pools["kade"].expire_connections()  # new ones have the new setting
        _progress(
            f"{size.mandates} mandates and {size.chains} chains loaded in "
            f"{time.perf_counter() - began:.0f} s"
        )
        yield Asked(pools["kade"], size)


async def _ask(both: list[Asked], turns: int) -> None:
    """One question to the one, one to the other, and so on; then a batch to each."""
    for turn in range(-2, turns):  # the first ones warm up
        if turn % 6 == 0:
            _progress(f"turn {turn} of {turns}")
        for kind in KINDS:
            pairs = [await _pair(both, kind, 1, number % 2) for number in range(AT_ONCE)]
            whole = await _pair(both, kind, AT_ONCE, turn % 2)
            if turn >= 0:
                for each, ones, batch in zip(both, zip(*pairs, strict=True), whole, strict=True):
                    each.timings[kind].single += ones
                    each.timings[kind].batches.append(batch / AT_ONCE)


async def _pair(both: list[Asked], kind: str, count: int, first: int) -> tuple[float, float]:
    """The seconds of the small and the large one; `first` begins."""
    seconds = [0.0, 0.0]
    for which in (first, 1 - first):
        seconds[which] = await both[which].batch(kind, count)
    return seconds[0], seconds[1]


def _kind(name: str, small: Any, large: Any) -> dict[str, Any]:
    figures = {
        "p50_ms": [_percentile(each.single, 50) for each in (small, large)],
        "p99_ms": [_percentile(each.single, 99) for each in (small, large)],
        "batched_ms": [statistics.median(each.batches) * 1000 for each in (small, large)],
    }
    ratios = {f"{key}_ratio": round(pair[1] / pair[0], 2) for key, pair in figures.items()}
    rates = [round(1000 / each) for each in figures["batched_ms"]]
    rounded = {key: [round(each, 2) for each in pair] for key, pair in figures.items()}
    worst = max(ratios.values())
    return {"kind": name, **rounded, "per_second": rates, **ratios, "worst_ratio": worst}


def _percentile(seconds: list[float], percent: int) -> float:
    return statistics.quantiles(seconds, n=100)[percent - 1] * 1000


# --- plans and indexes


async def _plans(asked: Asked, kind: str) -> list[dict[str, Any]]:
    """How Postgres answers each reading query of one decision, measured once more."""
    found = []
    for query, values in await asked.statements(kind):
        async with asked.pool.acquire() as connection, connection.transaction():
            rows = await connection.fetch(f"EXPLAIN (ANALYZE, BUFFERS) {query}", *values)
        found.append({"query": query, "plan": [row[0] for row in rows]})
    return found


async def _indexes(pool: asyncpg.Pool) -> list[dict[str, Any]]:
    rows = await pool.fetch(
        "SELECT indexdef, pg_relation_size(quote_ident(indexname)::regclass) AS bytes"
        " FROM pg_indexes WHERE schemaname = current_schema() ORDER BY tablename, indexname"
    )
    return [{"index": row["indexdef"], "megabytes": round(row["bytes"] / 1e6, 1)} for row in rows]


# --- how it is told


def _told(report: dict[str, Any], *, plans: bool) -> str:
    small, large = report["small"], report["large"]
    lines = [
        f"small: {small['mandates']:,} mandates, {small['chains']:,} chains; "
        f"large: {large['mandates']:,} mandates, {large['chains']:,} chains",
        f"{report['questions']:,} questions of each kind to each, half of them in batches of "
        f"{AT_ONCE}; people at random; in turns",
        "",
        f"{'':<22}{'small':>9}{'large':>9}{'ratio':>8}",
    ]
    for kind in report["kinds"]:
        lines.append(kind["kind"])
        for label, key in (("p50", "p50_ms"), ("p99", "p99_ms"), ("in a batch", "batched_ms")):
            one, other = kind[key]
            lines.append(f"  {label + ', ms':<20}{one:>9}{other:>9}{kind[key + '_ratio']:>8}")
        one, other = kind["per_second"]
        lines.append(f"  {'decisions a second':<20}{one:>9}{other:>9}")
    verdict = "all" if report["within_limit"] else "NOT all"
    lines += ["", f"{verdict} within {LIMIT}", "", "indexes of the large one, MB"]
    lines += [f"{each['megabytes']:>8}  {each['index']}" for each in report["indexes"]]
    if plans:
        lines += [line for kind, some in report["plans"].items() for line in _plan(kind, some)]
    else:
        lines += ["", "--plans shows how Postgres answers each query"]
    return "\n".join(lines)


def _plan(kind: str, some: list[dict[str, Any]]) -> list[str]:
    lines = []
    for each in some:
        lines += ["", f"--- {kind}: {each['query']}", *each["plan"]]
    return lines


def _progress(text: str) -> None:
    print(f"benchmark: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
