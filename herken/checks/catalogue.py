"""The catalogue: it is there, the scheme signed it, and it fits the directory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from herken.checks import Finding, listed, ok, unreachable, warning, wrong
from pipeline.catalogue import Follower
from pipeline.errors import ServerUnreachable, WrongUse
from pipeline.keys import scheme_key
from schemas.catalogue import Catalogue
from schemas.directory import Directory
from schemas.values import Role

_PUBLISH = "the scheme publishes it: `herken setup catalogue`, or `herken catalogue import FILE`"
_MEND = "the scheme mends it: `herken catalogue export`, then `herken catalogue import`"


async def findings(servers: str, network: Path, directory: Directory) -> list[Finding]:
    """Everything about the catalogue of a network whose directory holds."""
    try:
        async with Follower.following(servers, scheme_key(network)) as follower:
            known, refused = follower.catalogue, follower.refused
    except WrongUse:
        return [wrong("catalogue", "its topic is not there", "run `herken setup topics`")]
    except ServerUnreachable:
        return [unreachable("catalogue", "Kafka does not deliver it", "correct HERKEN_KAFKA")]
    found = [there(known), taken_over(refused)]
    return [*found, *(check(known, directory) for check in CHECKS)] if known.entries else found


def there(known: Catalogue) -> Finding:
    """Whether there is one, and which."""
    if not known.services:
        return wrong("catalogue", "it has no services: every login is refused", _PUBLISH)
    owners = {each.dienstverlener for each in known.services.values()}
    count = f"services: {len(known.services)}, dienstverleners: {len(owners)}"
    return ok("catalogue", f"version {known.version}, signed by the scheme; {count}")


def taken_over(refused: int) -> Finding:
    """Whether everything on the topic could be taken over."""
    if refused:
        text = f"{refused} records on its topic are not the scheme's, or older than others"
        advice = "look at `herken dlq list catalogue`; only the scheme should be able to write"
        return warning("catalogue's topic", text, advice)
    return ok("catalogue's topic", "everything on it is taken over")


def makelaars(known: Catalogue, directory: Directory) -> Finding:
    """Whether every service is connected to a makelaar that takes part."""
    there = {each.entity_id for each in directory.in_role(Role.MAKELAAR)}
    failing = [each.service_id for each in known.services.values() if each.makelaar not in there]
    if failing:
        text = f"the directory has no makelaar for {listed(failing)}"
        return wrong("services' makelaars", text, _MEND)
    return ok("services' makelaars", "the directory has all of them")


def dienstverleners(known: Catalogue, directory: Directory) -> Finding:
    """Whether every dienstverlener with services takes part."""
    there = {each.entity_id for each in directory.in_role(Role.DIENSTVERLENER)}
    owners = dict.fromkeys(each.dienstverlener for each in known.services.values())
    failing = [each for each in owners if each not in there]
    if failing:
        text = f"the directory does not have {listed(failing)}"
        return wrong("services' owners", text, _MEND)
    return ok("services' owners", "the directory has all of them")


def definitions(known: Catalogue, _: Directory) -> Finding:
    """Whether every service that is offered is defined, and what portals stand for too."""
    offered = [each for entry in known.entries.values() for each in entry.instances]
    portals = [each for one in known.definitions.values() for each in one.portal_for]
    wanted = [(each.service_id, each.service_uuid) for each in offered]
    wanted += [(str(each), each) for each in portals]
    failing = [name for name, uuid in wanted if uuid not in known.definitions]
    if failing:
        return wrong("services' definitions", f"nobody defines {listed(failing)}", _MEND)
    return ok("services' definitions", "all are there")


CHECKS: tuple[Callable[[Catalogue, Directory], Finding], ...] = (
    makelaars,
    dienstverleners,
    definitions,
)
