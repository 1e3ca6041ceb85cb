"""The benchmarks' relay does the cryptography of a real login: counted in one that is played."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

import pytest

from benchmarks import work
from dienstverlener import Assertion
from dienstverlener.verify import verify
from schemas import jose
from tests.simulation.cast import cast
from tests.simulation.plan import Deed, Doing, LoginPlan, Plan
from tests.simulation.running import Run
from tests.simulation.substitutes import substituted

Operation = tuple[str, int]
_REAL = {name: getattr(jose, name) for name in ("sign", "verified_payload", "seal", "unseal")}
_SEAL_AGAIN = jose.Sealer.seal


@contextmanager
def _counting() -> Iterator[list[Operation]]:
    """Every operation: its name, and the bytes that are signed, verified, sealed or opened."""
    done: list[Operation] = []

    def counted(name: str) -> Callable[..., Any]:
        def operate(given: Any, *rest: Any) -> Any:
            result = _REAL[name](given, *rest)
            done.append((name, len(given if name in ("sign", "seal") else result)))
            return result

        return operate

    def seal_again(sealer: jose.Sealer, plaintext: bytes, *rest: Any) -> str:
        done.append(("seal", len(plaintext)))
        return _SEAL_AGAIN(sealer, plaintext, *rest)

    with ExitStack() as stack:
        stack.enter_context(patch.object(jose.Sealer, "seal", seal_again))
        for name in _REAL:
            stack.enter_context(patch.object(jose, name, counted(name)))
        yield done


def _in_a_real_login() -> list[Operation]:
    plan = Plan("one", [LoginPlan(0, "ans", "eh4", "botter")], [Deed(Doing.REQUEST, 0, 0)], [])
    with substituted(), _counting() as done:
        players = cast()
        done.clear()
        run = Run(players, plan).play()
        outcome = verify(run.outcomes[0].record, players.keys["haven"], run.clock.now())
        assert isinstance(outcome, Assertion)
    return done


def _crypto() -> work.Jose:
    return work.Jose({name: jose.new_key() for name in work.PARTIES})


def _relayed(crypto: work.Jose) -> list[str]:
    """One login's messages, from the request to the outcome, which is verified."""
    dienstverlener = work.Dienstverlener(crypto)
    handlers = {n: h for role in work.roles(crypto).values() for n, h in role.items()}
    messages = [dienstverlener.requested()]
    for number in range(1, len(work.LENGTHS)):
        messages.append(handlers[number](b"login", messages[-1]))
    dienstverlener.answered(messages[-1])
    return messages


def test_the_relay_does_the_operations_of_a_real_login_over_as_many_bytes() -> None:
    real = _in_a_real_login()
    with _counting() as done:
        _relayed(_crypto())
    assert sorted(done) == sorted(real)
    names = ("sign", "verified_payload", "seal", "unseal")
    assert [sum(name == each for each, _ in done) for name in names] == [8, 11, 4, 4]


def test_messages_are_as_long_as_those_of_a_login() -> None:
    lengths = [len(message) for message in _relayed(_crypto())]
    assert lengths == [pytest.approx(length, rel=0.02) for length in work.LENGTHS]


def test_a_message_that_somebody_else_signed_is_refused() -> None:
    crypto = _crypto()
    forged = crypto.sign(work.PROVIDER, 476)
    with pytest.raises(jose.JoseFault):
        work.roles(crypto)[work.MAKELAAR][1](b"login", forged)


def test_an_outcome_is_verified_down_to_its_evidence() -> None:
    crypto = _crypto()
    tokens = [
        crypto.sign(work.DIENSTVERLENER, 476),
        crypto.sign(work.REGISTRY, 1196),  # the provider's to sign
        crypto.sign(work.REGISTRY, 1878),
    ]
    outcome = crypto.sign(work.MAKELAAR, 5974, *tokens)
    with pytest.raises(jose.JoseFault):
        work.Dienstverlener(crypto).answered(outcome)
