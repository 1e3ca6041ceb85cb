"""`python -m benchmarks.rules`: what judging one login costs, all participants together.

Every rule that a login meets is judged, by the functions that the stages call, on what they are
given in earnest; without cryptography, without Kafka and Postgres, and without the messages that
follow. A direct login with a password and a code, and a chain over two registries. Microseconds of
CPU: the median of many rounds and the fastest, which on a machine that is used by others too is the
nearer to the truth. The CPU's share says how much they left to this process.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from brokers import admission, evidence
from brokers.login import Phase
from providers import judging as providing
from providers import rules as provider_rules
from registry import judging as deciding
from registry import rules as registry_rules
from registry import selection
from registry.cases import asked_by
from registry.rules import Question
from schemas.dialogue import CredentialKind
from schemas.values import Level
from tests.unit import builders as b

LIMIT_MICROSECONDS = 100.0
Step = Callable[[], Any]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rules")
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--logins", type=int, default=500, help="in a round")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    options = parser.parse_args()
    report = measure(options.rounds, options.logins)
    print(json.dumps(report, indent=2) if options.json else _told(report))


def measure(rounds: int, logins: int) -> dict[str, Any]:
    """Each step by itself, and whole logins: microseconds."""
    alone, beside = {**makelaar(), **provider(), **registry()}, chain()
    steps, direct = {**alone, **beside}, list(alone.values())
    both = {"a direct login": _all(direct), "a login through a chain": _all(_through(steps))}
    timed = {name: _timed(step, rounds, logins) for name, step in {**steps, **both}.items()}
    return {
        "rounds": rounds,
        "logins": logins,
        "microseconds": {
            name: round(statistics.median(all_), 1) for name, (all_, _) in timed.items()
        },
        "fastest": {name: round(min(all_), 1) for name, (all_, _) in timed.items()},
        "cpu_share": round(statistics.median(share for _, share in timed.values()), 2),
        "limit_microseconds": LIMIT_MICROSECONDS,
        "within_limit": all(min(timed[name][0]) < LIMIT_MICROSECONDS for name in both),
    }


def _through(steps: Mapping[str, Step]) -> list[Step]:
    """A chain has another decision at the first registry, and the second registry beside it."""
    return [step for name, step in steps.items() if name not in ("registry: a mandate",)]


def _all(steps: list[Step]) -> Step:
    def whole() -> None:
        for step in steps:
            step()

    return whole


def _timed(step: Step, rounds: int, logins: int) -> tuple[list[float], float]:
    """CPU microseconds of one, a figure a round, and the share of the CPU that it had."""
    found, shares = [], []
    for _ in range(rounds + 2):
        began, cpu = time.perf_counter(), time.process_time()
        for _ in range(logins):
            step()
        spent = time.process_time() - cpu
        found.append(spent / logins * 1e6)
        shares.append(spent / (time.perf_counter() - began))
    return found[2:], statistics.median(shares[2:])


# --- the steps


def makelaar() -> dict[str, Step]:
    """A request is admitted; a declaration and a decision are judged."""
    network, request, haven = b.network(), b.authn_request(), b.world().named("haven")
    login, querying = b.login(), b.login(Phase.QUERYING, declaration=_EVIDENCE)
    answer, decision = b.authentication_result(), b.mandate_decision()
    steps: dict[str, Step] = {
        "makelaar: the request": lambda: admission.admit(request, haven, network),
        "makelaar: the declaration": lambda: evidence.judge_authentication(
            login, answer, network, b.NOW
        ),
        "makelaar: the decision": lambda: evidence.judge_decision(
            querying, decision, network, b.NOW
        ),
    }
    return _holding(steps)


def provider() -> dict[str, Step]:
    """A request is started; a password and a code are judged; the means and what is shared."""
    known, row, means = b.provider(), b.authentication(), b.means()
    start = provider_rules.Start(b.authentication_request(), known, b.NOW)
    case = provider_rules.Case(row, known, b.NOW, means, True, None, Level.EH3)
    password = provider_rules.credential(CredentialKind.PASSWORD)
    code = provider_rules.credential(CredentialKind.CODE)

    def credentials() -> Any:
        first, second = providing.judge(password, case), providing.judge(code, case)
        return first if first.code else second

    steps: dict[str, Step] = {
        "provider: the request": lambda: providing.judge(provider_rules.START, start),
        "provider: password and code": credentials,
        "provider: the means": lambda: providing.judge(provider_rules.MEANS, case),
    }
    return _holding(steps)


def registry() -> dict[str, Step]:
    """A query is admitted, and a mandate of two is found."""
    held = [b.candidate(), b.candidate(b.mandate(id=b.INPUT, withdrawn_at=b.NOW))]
    question = Question(b.mandate_query(), Level.EH3, b.NOW, b.registry(), b.authenticated(), "")
    return _holding({"registry: a mandate": lambda: _decide(question, held)})


def chain() -> dict[str, Step]:
    """An assignment is found, and at the second registry the link; the makelaar judges that."""
    held = [b.candidate(b.assignment())]
    question = Question(b.mandate_query(), Level.EH3, b.NOW, b.registry(), b.authenticated(), "")
    obliging = b.obliging(registry=b.KADE)
    second = Question(b.confirmation_query(), Level.EH3, b.NOW, b.registry(), obliging, "")
    link = b.case(b.link())
    network, login = b.network(), _confirming()
    answer = b.confirmation(b.confirmed(decision_signature=b.SIGNATURE))

    def confirm() -> Any:
        found = deciding.admit(registry_rules.CONFIRMATION_RULES, second)
        asked_by(second, obliging.services)
        held = selection.suffices(link) and selection.passed(link, "link")
        return found if isinstance(found, deciding.Refusal) else held

    steps: dict[str, Step] = {
        "registry: an assignment": lambda: _decide(question, held),
        "second registry: the link": confirm,
        "makelaar: the confirmation": lambda: evidence.judge_confirmation(
            login, answer, network, b.NOW
        ),
    }
    return _holding(steps)


def _decide(question: Question, held: Sequence[Any]) -> Any:
    """As the stage does: admit, choose of what somebody has, and tell what holds."""
    found = deciding.admit(registry_rules.QUERY_RULES, question)
    asked = asked_by(question)
    chosen = selection.choices(held, asked)
    told = [selection.passed(selection.case_of(one, asked), "") for one in chosen[0]]
    return found if isinstance(found, deciding.Refusal) else told


def _confirming() -> Any:
    permitted = (b.service().service_uuid,)
    return b.login(Phase.CONFIRMING, declaration=_EVIDENCE, decision=_EVIDENCE, permitted=permitted)


def _holding(steps: dict[str, Step]) -> dict[str, Step]:
    """The same steps, if every rule of each holds. Raises RuntimeError: else it stops early."""
    for name, step in steps.items():
        found = step()
        refused = getattr(found, "code", None) is not None
        if refused or not found:
            raise RuntimeError(f"{name}: {found}")
    return steps


_EVIDENCE = f"aa.bb.{b.SIGNATURE}"


# --- how it is told


def _told(report: dict[str, Any]) -> str:
    lines = [f"{'CPU microseconds':<32}{'median':>8}{'fastest':>9}"]
    for name, micros in report["microseconds"].items():
        lines.append(f"{name:<32}{micros:>8}{report['fastest'][name]:>9}")
    verdict = "within" if report["within_limit"] else "NOT within"
    lines.append(f"\nboth {verdict} {report['limit_microseconds']:.0f}, by the fastest round")
    lines.append(f"{report['rounds']} rounds of {report['logins']} logins")
    lines.append(f"share of the CPU that was left to this: {report['cpu_share']}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
