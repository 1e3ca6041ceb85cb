"""python -m tests.faults.withdrawal_race --withdrawals 5000 --workers 3

Exit code 1 where a decision granted by what was withdrawn before it, or something was not answered.
`--broken` breaks the guarantee on purpose: then exit code 0 says that this was noticed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline import logs
from sandbox.servers import running
from tests.faults.withdrawal_race.judging import Judged
from tests.faults.withdrawal_race.racing import AT_ONCE, race


def main(arguments: Sequence[str]) -> int:
    options = _options(arguments)
    logs.configure("CRITICAL", "race")
    began = time.monotonic()
    judged = asyncio.run(_race(options))
    report = {
        **judged.report(),
        "workers": options.workers,
        "seed": options.seed,
        "broken_on_purpose": options.broken,
        "seconds": round(time.monotonic() - began),
    }
    sys.stdout.write((json.dumps(report, indent=2) if options.json else _told(report)) + "\n")
    as_it_should = bool(judged.violations) if options.broken else judged.holds
    return 0 if as_it_should else 1


async def _race(options: argparse.Namespace) -> Judged:
    with tempfile.TemporaryDirectory() as folder:
        async with running(Path(folder), progress=_say) as servers:
            return await race(
                servers,
                Path(folder),
                withdrawals=options.withdrawals,
                workers=options.workers,
                seed=options.seed,
                broken=options.broken,
                at_once=options.at_once,
            )


def _told(report: dict[str, Any]) -> str:
    kinds = ", ".join(f"{count} {kind}" for kind, count in report["by_kind"].items())
    near = report["concurrent_ms"]
    broken = ", the guarantee broken on purpose" if report["broken_on_purpose"] else ""
    return "\n".join(
        [
            f"{report['withdrawals']} withdrawals ({kinds}), {report['workers']} workers, seed "
            f"{report['seed']}{broken}, {report['seconds']} s",
            f"  not withdrawn                {report['not_withdrawn']:>7}",
            f"  queries                      {report['queries']:>7}",
            f"  undecided                    {report['undecided']:>7}",
            f"  permits                      {report['permits']:>7}",
            f"    within {near} ms before         {report['permits_concurrent']:>6}",
            f"  denials                      {report['denials']:>7}",
            f"    within {near} ms after          {report['denials_concurrent']:>6}",
            f"  granted though asked after the answer {report['granted_after_the_answer']}",
            f"  VIOLATIONS                   {report['violations']:>7}  "
            f"{report['violations_by_kind'] or ''}",
        ]
    )


def _say(text: str) -> None:
    sys.stderr.write(f"race: {text}\n")
    sys.stderr.flush()


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults.withdrawal_race",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--withdrawals", type=int, default=5000)
    parser.add_argument("--workers", type=int, default=3, help="processes of the registry")
    parser.add_argument("--broken", action="store_true", help="break the guarantee on purpose")
    parser.add_argument(
        "--seed", type=int, default=1, help="what is withdrawn, in which order; the timing is real"
    )
    parser.add_argument("--at-once", type=int, default=AT_ONCE, help="withdrawals in flight")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
