"""mandate: list, register, accept, assign, withdraw and so on, as a manager does in a portal."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from herken.commands.playing import ForWhom, Person, Provider
from herken.commands.running import AsJson

if TYPE_CHECKING:
    from herken.mandate import Content, Who
    from sandbox.portal import LogInAs

group = typer.Typer(
    help="Administer mandates: log in to a registry's portal, and command.", no_args_is_help=True
)

Registry = Annotated[str, typer.Option("--registry", metavar="NAME", help="At which registry.")]
AtLevel = Annotated[str, typer.Option("--level", metavar="EH3", help="At which level.")]
NewLevel = Annotated[str | None, typer.Option("--level", metavar="EH3", help="The new level.")]
Services = Annotated[
    list[str] | None, typer.Option("--service", metavar="NAME", help="A service; once or more.")
]
From = Annotated[
    str | None, typer.Option("--from", metavar="DATE", help="From when; without it: now.")
]
Until = Annotated[
    str | None,
    typer.Option("--until", metavar="DATE", help="Until when; without it: five years."),
]
Vestiging = Annotated[
    str | None, typer.Option(metavar="NUMBER", help="Only for this vestiging: 12 digits.")
]
Document = Annotated[
    str | None,
    typer.Option(metavar="REFERENCE", help="In writing, by an operator: the paper's reference."),
]
Whose = Annotated[
    str | None,
    typer.Option("--organisation", metavar="NAME", help="In writing: whose it will be."),
]
LoggedInAt = Annotated[
    str | None,
    typer.Option("--log-in-level", metavar="EH4", help="At which level to log in to the portal."),
]
Thing = Annotated[str, typer.Argument(metavar="ID", help="As `herken mandate list` shows it.")]
Whom = Annotated[str, typer.Argument(metavar="PERSON", help="For whom: a person's short name.")]
_TERP = "--registry terp --as ans"


def register(app: typer.Typer) -> None:
    app.add_typer(group, name="mandate")


def _who(
    registry: str,
    person: str,
    organisation: str | None = None,
    provider: str | None = None,
    level: str | None = None,
) -> Who:
    from herken.mandate import Who

    return Who(registry, person, organisation, provider, level)


def _run(who: Who, as_: LogInAs, content: Content, *, as_json: bool) -> None:
    """Exit code 0: done; 1: refused, or no answer; 2: wrong use; 3: a server is unreachable."""
    from herken.mandate import command

    raise typer.Exit(0 if asyncio.run(command(who, as_, content, as_json=as_json)) else 1)


@group.command("list", epilog=f"Example: herken mandate list {_TERP}")
def list_(
    registry: Registry,
    person: Person,
    organisation: ForWhom = None,
    provider: Provider = None,
    offset: Annotated[int, typer.Option(min=0, help="How many to pass over.")] = 0,
    as_json: AsJson = False,
) -> None:
    """List the mandates, links and assignments of the manager's organisation."""
    from schemas.commands import List

    who = _who(registry, person, organisation, provider)
    _run(who, "management", lambda _: List(offset=offset), as_json=as_json)


@group.command(
    "register",
    epilog=f"Example: herken mandate register bram --service omgevingsvergunning {_TERP}",
)
def register_mandate(  # noqa: PLR0913
    whom: Whom,
    registry: Registry,
    person: Person,
    services: Services = None,
    dienstverlener: Annotated[
        str | None, typer.Option(metavar="NAME", help="All services of this one.")
    ] = None,
    everything: Annotated[bool, typer.Option("--everything", help="All services.")] = False,
    level: AtLevel = "EH3",
    vestiging: Vestiging = None,
    valid_from: From = None,
    valid_until: Until = None,
    document: Document = None,
    whose: Whose = None,
    organisation: ForWhom = None,
    provider: Provider = None,
    log_in_level: LoggedInAt = None,
    as_json: AsJson = False,
) -> None:
    """Register a mandate for a person: as a manager; with --document as an operator, in writing."""
    from herken import mandate
    from schemas.commands import Register

    def content(names: mandate.Names) -> Register:
        return Register(
            person=names.person(whom),
            scope=names.scope(services or (), dienstverlener, everything=everything),
            level=mandate.level(level),
            vestiging=mandate.vestiging(vestiging),
            organisation=names.optional_number(whose),
            document=mandate.reference(document),
            valid_from=mandate.moment(valid_from),
            valid_until=mandate.moment(valid_until),
        )

    who = _who(registry, person, organisation, provider, log_in_level)
    _run(who, "operation" if document else "management", content, as_json=as_json)


@group.command(epilog=f"Example: herken mandate change ID --until 2029-01-01 {_TERP}")
def change(  # noqa: PLR0913
    what: Thing,
    registry: Registry,
    person: Person,
    level: NewLevel = None,
    valid_until: Until = None,
    organisation: ForWhom = None,
    provider: Provider = None,
    log_in_level: LoggedInAt = None,
    as_json: AsJson = False,
) -> None:
    """Give a mandate another level or end; a later end renews it, and costs money."""
    from herken import mandate
    from schemas.commands import Change

    def content(_: mandate.Names) -> Change:
        return Change(
            mandate=mandate.thing(what),
            level=mandate.level(level) if level else None,
            valid_until=mandate.moment(valid_until),
        )

    who = _who(registry, person, organisation, provider, log_in_level)
    _run(who, "management", content, as_json=as_json)


@group.command(epilog=f"Example: herken mandate link kantoor --service omgevingsvergunning {_TERP}")
def link(  # noqa: PLR0913
    intermediary: Annotated[str, typer.Argument(metavar="ORGANISATION", help="Who may act.")],
    registry: Registry,
    person: Person,
    services: Services = None,
    level: AtLevel = "EH3",
    vestiging: Vestiging = None,
    valid_from: From = None,
    valid_until: Until = None,
    document: Document = None,
    whose: Whose = None,
    organisation: ForWhom = None,
    provider: Provider = None,
    log_in_level: LoggedInAt = None,
    as_json: AsJson = False,
) -> None:
    """Let an intermediary act for the organisation, once it accepts (ketenmachtiging)."""
    from herken import mandate
    from schemas.commands import RegisterLink

    def content(names: mandate.Names) -> RegisterLink:
        return RegisterLink(
            intermediary=names.kvk(intermediary),
            services=names.services(mandate.some(services)),
            level=mandate.level(level),
            vestiging=mandate.vestiging(vestiging),
            organisation=names.optional_number(whose),
            document=mandate.reference(document),
            valid_from=mandate.moment(valid_from),
            valid_until=mandate.moment(valid_until),
        )

    who = _who(registry, person, organisation, provider, log_in_level)
    _run(who, "operation" if document else "management", content, as_json=as_json)


@group.command(epilog=f"Example: herken mandate accept ID {_TERP}")
def accept(
    what: Thing,
    registry: Registry,
    person: Person,
    organisation: ForWhom = None,
    provider: Provider = None,
    log_in_level: LoggedInAt = None,
    as_json: AsJson = False,
) -> None:
    """Accept a link in which the manager's organisation is the intermediary."""
    from herken import mandate
    from schemas.commands import Accept

    who = _who(registry, person, organisation, provider, log_in_level)
    _run(who, "management", lambda _: Accept(link=mandate.thing(what)), as_json=as_json)


@group.command(
    epilog="Example: herken mandate assign bram --principal korenmolen --service "
    f"omgevingsvergunning {_TERP}"
)
def assign(  # noqa: PLR0913
    whom: Whom,
    registry: Registry,
    person: Person,
    principal: Annotated[
        str, typer.Option("--principal", metavar="ORGANISATION", help="For whom he will act.")
    ],
    services: Services = None,
    level: AtLevel = "EH3",
    vestiging: Vestiging = None,
    valid_from: From = None,
    valid_until: Until = None,
    organisation: ForWhom = None,
    provider: Provider = None,
    log_in_level: LoggedInAt = None,
    as_json: AsJson = False,
) -> None:
    """Let an employee act for an organisation that the manager's own is the intermediary of."""
    from herken import mandate
    from schemas.commands import Assign

    def content(names: mandate.Names) -> Assign:
        return Assign(
            principal=names.number(principal),
            principal_name=names.organisation(principal).display_name,
            person=names.person(whom),
            services=names.services(mandate.some(services)),
            level=mandate.level(level),
            vestiging=mandate.vestiging(vestiging),
            valid_from=mandate.moment(valid_from),
            valid_until=mandate.moment(valid_until),
        )

    who = _who(registry, person, organisation, provider, log_in_level)
    _run(who, "management", content, as_json=as_json)


@group.command(epilog=f"Example: herken mandate withdraw ID {_TERP}")
def withdraw(  # noqa: PLR0913
    registry: Registry,
    person: Person,
    what: Annotated[
        str | None, typer.Argument(metavar="ID", help="As `herken mandate list` shows it.")
    ] = None,
    whom: Annotated[
        str | None, typer.Option("--person", metavar="PERSON", help="All that this person has.")
    ] = None,
    organisation: ForWhom = None,
    provider: Provider = None,
    representative: Annotated[
        bool, typer.Option("--representative", help="Log in as representative: end a manager's.")
    ] = False,
    log_in_level: LoggedInAt = None,
    as_json: AsJson = False,
) -> None:
    """End a mandate, a link or an assignment, or all that a person has, at once."""
    from herken import mandate

    who = _who(registry, person, organisation, provider, log_in_level)
    as_: LogInAs = "representation" if representative else "management"
    _run(who, as_, lambda names: mandate.withdrawal(names, what, whom), as_json=as_json)


@group.command(epilog=f"Example: herken mandate appoint bram --level EH3 {_TERP}")
def appoint(  # noqa: PLR0913
    whom: Whom,
    registry: Registry,
    person: Person,
    level: AtLevel = "EH3",
    valid_from: From = None,
    valid_until: Until = None,
    organisation: ForWhom = None,
    provider: Provider = None,
    log_in_level: LoggedInAt = None,
    as_json: AsJson = False,
) -> None:
    """As representative: let a person manage the organisation's mandates."""
    from herken import mandate
    from schemas.commands import Appoint

    def content(names: mandate.Names) -> Appoint:
        return Appoint(
            person=names.person(whom),
            level=mandate.level(level),
            valid_from=mandate.moment(valid_from),
            valid_until=mandate.moment(valid_until),
        )

    who = _who(registry, person, organisation, provider, log_in_level)
    _run(who, "representation", content, as_json=as_json)


@group.command(epilog=f"Example: herken mandate approve COMMAND-ID {_TERP}")
def approve(  # noqa: PLR0913
    what: Annotated[str, typer.Argument(metavar="COMMAND-ID", help="The command that waits.")],
    registry: Registry,
    person: Person,
    operator: Annotated[
        bool, typer.Option("--operator", help="As operator: of what is in writing.")
    ] = False,
    organisation: ForWhom = None,
    provider: Provider = None,
    log_in_level: LoggedInAt = None,
    as_json: AsJson = False,
) -> None:
    """As one more representative, or as second operator: let a command that waits be done."""
    from herken import mandate
    from schemas.commands import Approve

    who = _who(registry, person, organisation, provider, log_in_level)
    as_: LogInAs = "operation" if operator else "representation"
    _run(who, as_, lambda _: Approve(command=mandate.thing(what)), as_json=as_json)


@group.command(epilog=f"Example: herken mandate history ID {_TERP}")
def history(
    what: Thing,
    registry: Registry,
    person: Person,
    organisation: ForWhom = None,
    provider: Provider = None,
    as_json: AsJson = False,
) -> None:
    """Show everything that happened to a mandate, a link or an assignment, oldest first."""
    from herken import mandate
    from schemas.commands import History

    who = _who(registry, person, organisation, provider)
    _run(who, "management", lambda _: History(what=mandate.thing(what)), as_json=as_json)
