"""A check, and how it is turned off: then it lets everything pass.

Most are functions, replaced by one that never objects. A check that is a part of a larger function
is turned off by replacing its expression in the function's source. Rules that are in a table are
turned off one by one: they look as before, and hold always.
"""

from __future__ import annotations

import inspect
import sys
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from types import CodeType, FunctionType
from typing import Any

import pytest

from tests.support.forge import World


@dataclass(frozen=True)
class Check:
    """A check: `module:name`. Off, it is replaced by what `off` makes of the world; where it is
    an expression in a function, by another expression; of a table, these rules hold always."""

    where: str
    off: Callable[[World], Any] | None = None
    expression: str = ""
    instead: str = ""
    rules: tuple[str, ...] = ()

    def __str__(self) -> str:
        place = self.where.replace(":", ".")
        parts = [self.expression] if self.expression else self.rules
        inside = ", ".join(f"`{part}`" for part in parts)
        return f"`{place}`: {inside}" if inside else f"`{place}`"

    def is_there(self) -> bool:
        """Whether there is such a function, with the expression once in it; or such a table, with
        all of the rules."""
        owner, name = self._place()
        if self.rules:
            return {rule.name for rule in self._rules()} == set(self.rules)
        if not self.expression:
            return hasattr(owner, name)
        return _source(getattr(owner, name)).count(self.expression) == 1

    def turn_off(self, patch: pytest.MonkeyPatch, world: World) -> None:
        owner, name = self._place()
        for rule in self._rules():
            _hold(rule, patch)
        if self.rules:
            return
        if self.off is not None:
            patch.setattr(owner, name, self.off(world), raising=False)
            return
        function = getattr(owner, name)
        patch.setattr(function, "__code__", _rewritten(function, self.expression, self.instead))

    def _place(self) -> tuple[Any, str]:
        """What has it, and by which name."""
        module, _, path = self.where.partition(":")
        *outer, name = path.split(".")
        owner: Any = import_module(module)
        return (getattr(owner, outer[0]) if outer else owner), name

    def _rules(self) -> list[Any]:
        owner, name = self._place()
        table = getattr(owner, name) if self.rules else ()
        return [rule for rule in table if rule.name in self.rules]


def _hold(rule: Any, patch: pytest.MonkeyPatch) -> None:
    """From now on this rule holds, in whatever tables it is. (It is frozen, but for this.)"""
    if not hasattr(rule, "look"):
        patch.setitem(vars(rule), "holds", lambda _: True)
        return
    look = rule.look
    patch.setitem(vars(rule), "look", lambda case: look(case)._replace(holds=True))


_SOURCES: dict[CodeType, str] = {}
"""Of functions that were changed already: several of their expressions may be turned off."""


def _source(found: object) -> str:
    if not inspect.isfunction(found):
        return ""
    return _SOURCES.get(found.__code__) or textwrap.dedent(inspect.getsource(found))


def _rewritten(function: FunctionType, old: str, new: str) -> CodeType:
    """The code of a function with another expression in it."""
    source, flags = _source(function).replace(old, new), annotations.compiler_flag
    code = compile(source, inspect.getfile(function), "exec", flags=flags)
    made: dict[str, Any] = {}
    exec(code, dict(vars(sys.modules[function.__module__])), made)
    changed: CodeType = made[function.__name__].__code__
    _SOURCES[changed] = source
    return changed
