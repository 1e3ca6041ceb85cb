"""What every measurement needs to report: the machine, files that stay, an exit code that tells."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import psutil

from pipeline.errors import HerkenError, ServerUnreachable, WrongUse
from sandbox.processes import ServerFailed

RESULTS = Path("benchmarks") / "results"


def progress(text: str) -> None:
    print(f"benchmark: {text}", file=sys.stderr, flush=True)


def machine() -> dict[str, str]:
    memory = psutil.virtual_memory().total / 2**30
    return {
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "memory": f"{memory:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}",
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())


def keep(name: str, document: Mapping[str, Any], markdown: str) -> None:
    """Write both into the folder of results; what is there under this name is written over."""
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.md").write_text(markdown)
    (RESULTS / f"{name}.json").write_text(json.dumps(document, indent=1) + "\n")


def file_name(at: str, kind: str = "") -> str:
    """By when it began, "2026-11-26 00:57 UTC"; and by what it is."""
    began = at[:16].replace(" ", "-").replace(":", "")
    return f"{began}-{kind}" if kind else began


def exit_code(main: Callable[[], int]) -> int:
    """Of a measurement: its own, or that of what went wrong, which is said."""
    try:
        return main()
    except WrongUse as wrong:
        progress(str(wrong))
        return 2
    except (ServerUnreachable, ServerFailed) as away:
        progress(str(away))
        return 3
    except HerkenError as failed:
        progress(str(failed))
        return 1
    except KeyboardInterrupt:
        return 130
