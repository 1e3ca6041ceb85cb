"""The network of the faults: one makelaar, two providers, two registries that do chains, and people
enough for every kind of login. Everybody in it is invented."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from sandbox.network import Network, Progress, laid_out
from sandbox.scenario import Scenario
from sandbox.servers import Servers

MAKELAAR, KEYS, PASSWORDS = "zeedijk", "kade", "steiger"
REGISTRY, OTHER = "oever", "meent"
HARBOUR, TOLL = "havenmeester", "tolhuis"
CODES: Final = 24
"""People with a password and a code, which is good for half a minute."""
DEADLINE_SECONDS: Final = 60


def scenario() -> Scenario:
    """The whole network."""
    return Scenario.model_validate(
        {
            "herken": 1,
            "makelaars": [_party(MAKELAAR, 1)],
            "providers": [
                {
                    **_party(KEYS, 2),
                    "credential": "key",
                    "highest_level": "EH4",
                    "attributes": ["FirstName"],
                },
                {**_party(PASSWORDS, 3), "credential": "password-and-code", "highest_level": "EH3"},
            ],
            "registries": [
                {**_party(REGISTRY, 4), "chains": True, "portal": f"{REGISTRY}-portaal"},
                {**_party(OTHER, 5), "chains": True, "portal": f"{OTHER}-portaal"},
            ],
            "dienstverleners": [
                _party(f"{REGISTRY}-portaal", 6),
                _party(f"{OTHER}-portaal", 7),
                {**_party(HARBOUR, 8), "services": list(_services())},
                {**_party(TOLL, 9), "services": [_service("doorvaart", 1, "EH3")]},
            ],
            "organisations": list(_organisations()),
            "people": list(_people()),
            "mandates": list(_mandates()),
            "links": [
                _link("klant", "kantoor"),
                _link("reder", "bureau"),
            ],
            "assignments": [
                _assignment("fien", "klant"),
                _assignment("gijs", "reder"),
            ],
        }
    )


def _party(name: str, number: int) -> dict[str, Any]:
    return {"name": name, "display_name": name.title(), "oin": f"00000099{number:09}000"}


def _service(name: str, index: int, level: str) -> dict[str, Any]:
    shown = {"name": name, "display_name": name.title(), "index": index}
    return {**shown, "makelaar": MAKELAAR, "level": level}


def _services() -> Iterator[dict[str, Any]]:
    yield _service("ligplaats", 1, "EH4")
    yield _service("vracht", 2, "EH3")
    yield _service("jaarstuk", 3, "EH3")
    name = {"name": "FirstName", "required": True, "purpose": "to address you by your name"}
    yield {**_service("aanmelding", 4, "EH3"), "attributes": [name]}


def _organisations() -> Iterator[dict[str, Any]]:
    names = {"werf": REGISTRY, "molen": REGISTRY, "kantoor": REGISTRY, "reder": REGISTRY}
    for number, (name, at) in enumerate({**names, "klant": OTHER, "bureau": OTHER}.items()):
        kvk = f"{90000500 + number}"
        yield {"name": name, "display_name": name.title(), "kvk": kvk, "registry": at}


def _people() -> Iterator[dict[str, Any]]:
    yield _person("ans", "werf", "EH4", first_name="Ans")
    yield _person("bas", "werf", "EH4")
    yield _person("cor", "werf", "EH3")
    yield _person("dirk", "werf", "EH3")
    yield _person("els", "werf", "EH3")
    yield _person("fien", "kantoor", "EH3")
    yield _person("gijs", "bureau", "EH3", at=OTHER)
    yield _person("hugo", "kantoor", "EH4")  # manages at the one registry
    yield _person("iris", "bureau", "EH4", at=OTHER)  # and she at the other
    yield _person("zus", "kantoor", "EH3")  # is given mandates and loses them
    yield _person("zoe", "bureau", "EH3", at=OTHER)
    for number in range(CODES):
        yield _with_code(f"kees-{number}")
    yield _with_code("wout")  # never knows his password


def _person(
    name: str, organisation: str, level: str, at: str = REGISTRY, **known: str
) -> dict[str, Any]:
    means = {"provider": KEYS, "registry": at, "level": level}
    return {"name": name, "organisation": organisation, "means": [means], **known}


def _with_code(name: str) -> dict[str, Any]:
    means = {
        "provider": PASSWORDS,
        "registry": REGISTRY,
        "level": "EH3",
        "username": f"{name}@werf.example",
        "password": f"tros-en-touw-{name}",
    }
    return {"name": name, "organisation": "werf", "means": [means]}


def _mandates() -> Iterator[dict[str, Any]]:
    yield {"person": "ans", "organisation": "werf", "everything": True, "level": "EH4"}
    yield {"person": "bas", "organisation": "werf", "everything": True, "level": "EH3"}
    for organisation in ("werf", "molen"):
        yield {"person": "cor", "organisation": organisation, "everything": True, "level": "EH3"}
    yield {"person": "els", "organisation": "werf", "everything": True, "level": "EH4"}
    yield {"person": "hugo", "organisation": "kantoor", "manager": True, "level": "EH4"}
    yield {"person": "iris", "organisation": "bureau", "manager": True, "level": "EH4"}
    for number in range(CODES):
        yield {
            "person": f"kees-{number}",
            "organisation": "werf",
            "everything": True,
            "level": "EH3",
        }


def _link(organisation: str, intermediary: str) -> dict[str, Any]:
    between = {"organisation": organisation, "intermediary": intermediary}
    return {**between, "services": ["jaarstuk"], "level": "EH3"}


def _assignment(person: str, principal: str) -> dict[str, Any]:
    return {"person": person, "principal": principal, "services": ["jaarstuk"], "level": "EH3"}


async def founded(servers: Servers, folder: Path, progress: Progress) -> Network:
    """The network on its servers, with nobody at work yet."""
    return await laid_out(servers, scenario(), folder, progress, DEADLINE_SECONDS)
