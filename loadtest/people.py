"""More people for a scenario: each like somebody in it, with a means and mandates of his own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

from loadtest.pool import Pool, provider_of
from sandbox.scenario import Assignment, Mandate, Person, Scenario

T = TypeVar("T", Mandate, Assignment)
Alike = Mapping[str, tuple[str, ...]]
"""Of somebody in the scenario, he himself and everybody who was made like him."""
_ROOM = 32
"""A name has at most 40 characters; so many are the model's."""


def alike(models: Sequence[str], users: int) -> Alike:
    """So many people in all, spread evenly over who they are like; a model is one of them, so that
    there are never fewer than models."""
    whole, rest = divmod(max(users, len(models)), len(models)) if models else (0, 0)
    return {
        name: (name, *_names(name, whole + (number < rest) - 1))
        for number, name in enumerate(models)
    }


def _names(model: str, count: int) -> Iterator[str]:
    return (f"{model[:_ROOM]}-u{number}" for number in range(1, count + 1))


def multiplied(scenario: Scenario, pool: Pool, users: int) -> tuple[Scenario, Alike]:
    """The scenario with so many people who log in. Who was made has the means that his model logs
    in with, and all that his model may do."""
    all_alike = alike(pool.people, users)
    made = {name: others[1:] for name, others in all_alike.items()}
    changes = {
        "people": (*scenario.people, *_people(scenario, pool, made)),
        "mandates": (*scenario.mandates, *_held(scenario.mandates, made)),
        "assignments": (*scenario.assignments, *_held(scenario.assignments, made)),
    }
    return scenario.model_copy(update=changes), all_alike


def _people(scenario: Scenario, pool: Pool, made: Alike) -> Iterator[Person]:
    used = _used(scenario, pool)
    for model, names in made.items():
        person = scenario.person(model)
        means = [m for m in person.means if m.provider in used[model]] or list(person.means)
        for name in names:
            own = tuple(m.model_copy(update={"username": m.username and name}) for m in means)
            yield person.model_copy(update={"name": name, "means": own})


def _used(scenario: Scenario, pool: Pool) -> dict[str, set[str | None]]:
    """The providers that each one logs in at."""
    used: dict[str, set[str | None]] = {name: set() for name in pool.people}
    for entry in (entry for entries in pool.entries.values() for entry in entries):
        used[entry.login.person].add(provider_of(entry.login, scenario))
    return used


def _held(things: Sequence[T], made: Alike) -> Iterator[T]:
    """Of each thing, one for everybody who was made like its person."""
    for thing in things:
        for name in made.get(thing.person, ()):
            yield thing.model_copy(update={"person": name, "name": None})
