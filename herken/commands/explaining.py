"""explain: why a login was refused, for operators."""

from __future__ import annotations

import asyncio
from typing import Annotated
from uuid import UUID

import typer

from herken.commands.running import AsJson


def register(app: typer.Typer) -> None:
    app.command(epilog="Example: herken explain 0b6f7a52-54cf-4f0e-8a31-2d2a7c1f9e10 --json")(
        explain
    )


def explain(
    request_id: Annotated[UUID, typer.Argument(metavar="REQUEST-ID", help="The login.")],
    as_json: AsJson = False,
) -> None:
    """Say why a login ended as it did: every rule, at every participant whose secrets are here.

    Exit code 1 where none of them knows the request.
    """
    from herken.explain_rows import explain as explain_request

    asyncio.run(explain_request(request_id, as_json=as_json))
