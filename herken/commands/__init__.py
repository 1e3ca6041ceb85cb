"""The commands, a file a subject. Each imports what it needs when it is called: `herken run` must
not pay for the sandbox."""

import typer

from herken.commands import (
    catalogue,
    charges,
    checking,
    explaining,
    inspecting,
    load_reports,
    loading,
    mandates,
    playing,
    running,
    setup,
)


def register(app: typer.Typer) -> None:
    """Put every command on the app."""
    running.register(app)
    playing.register(app)
    setup.register(app)
    inspecting.register(app)
    explaining.register(app)
    checking.register(app)
    loading.register(app)
    load_reports.register(loading.group)
    catalogue.register(app)
    mandates.register(app)
    charges.register(app)
