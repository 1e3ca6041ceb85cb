"""`herken`: the network's command line. Results go to stdout, progress and logs to stderr.

Exit codes: 0 as expected, 1 not as expected, 2 wrong use, 3 a server is unreachable.
"""

from __future__ import annotations

import sys

import typer

from herken import commands
from pipeline import logs
from pipeline.errors import HerkenError, ServerUnreachable, WrongUse

app = typer.Typer(
    name="herken",
    help="An event-driven eHerkenning network on Kafka and Postgres.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,
)


def main() -> None:
    """Run a command; an error becomes one message and an exit code."""

    commands.register(app)
    logs.configure("CRITICAL", "herken")
    try:
        app()
    except HerkenError as error:
        print(f"herken: {error}", file=sys.stderr)  # noqa: T201
        raise SystemExit(_exit_code(error)) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None


def _exit_code(error: HerkenError) -> int:
    if isinstance(error, WrongUse):
        return 2
    return 3 if isinstance(error, ServerUnreachable) else 1
