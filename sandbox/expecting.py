"""Compares an outcome with what a scenario expects of it. What differs is told in the words of the
scenario file, never with a number or a name of somebody."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from dienstverlener import Assertion, Refusal
from dienstverlener.outcome import LegalSubject
from sandbox import scenario as s
from sandbox.scenario import Expected, Login, Scenario
from schemas.values import AttributeName, EntityType


@dataclass(frozen=True)
class Known:
    """What an outcome is compared with.

    pseudonyms  of the acting subjects of earlier logins, by the login's name
    reasons     the rules that failed in this one
    """

    scenario: Scenario
    pseudonyms: Mapping[str, str] = field(default_factory=dict)
    reasons: Sequence[str] = ()


def differs(expected: Expected, outcome: Assertion | Refusal, known: Known) -> list[str]:
    """What an outcome has that is not as expected; nothing where all is."""
    if isinstance(outcome, Refusal):
        return list(_refusal(expected, outcome, known))
    return list(_assertion(expected, outcome, known))


def _refusal(expected: Expected, refusal: Refusal, known: Known) -> Iterator[str]:
    if expected.refusal is not refusal.code:
        yield f"refusal {refusal.code}"
    if expected.reason is not None and expected.reason not in known.reasons:
        yield f"reason {' and '.join(known.reasons) or 'unknown'}"
    if expected.fits is not None:
        names = {known.scenario.provider(name).display_name for name in expected.fits}
        if names != set(refusal.fits):
            yield f"fits {', '.join(refusal.fits) or 'nobody'}"


def _assertion(expected: Expected, assertion: Assertion, known: Known) -> Iterator[str]:
    if expected.assertion is not assertion.level:
        yield f"assertion {assertion.level}"
    yield from _legal_subject(expected, assertion.legal_subject, known.scenario)
    through = known.scenario.organisation(expected.through).kvk if expected.through else None
    if through != assertion.intermediary and (expected.through or expected.for_):
        yield "another intermediary" if assertion.intermediary else "no intermediary"
    if expected.attributes is not None and set(expected.attributes) != attributes(assertion):
        told = ", ".join(sorted(_word(each) for each in attributes(assertion)))
        yield f"attributes {told or 'none'}"
    if expected.services is not None:
        wanted = {known.scenario.service_uuid(name) for name in expected.services}
        if wanted != set(assertion.services):
            yield f"{len(assertion.services)} services, not these"
    yield from _pseudonym(expected, assertion, known)


def _legal_subject(expected: Expected, legal: LegalSubject, scenario: Scenario) -> Iterator[str]:
    if expected.for_ is not None and not is_of(scenario.organisation(expected.for_), legal):
        yield "another organisation"
    if expected.identifiers is not None and set(expected.identifiers) != set(legal.identifiers):
        yield f"identifiers {', '.join(_word(each) for each in legal.identifiers)}"
    if expected.vestiging != legal.vestiging and (expected.for_ or expected.vestiging):
        yield "another vestiging" if legal.vestiging else "no vestiging"


def is_of(organisation: s.Organisation, legal: LegalSubject) -> bool:
    """Whether all that is said of a legal subject is of this organisation, as far as it shows: a
    pseudonym tells nothing."""
    numbers = {
        EntityType.KVKNR: organisation.kvk,
        EntityType.RSIN: organisation.rsin,
        EntityType.BSN: organisation.bsn,
    }
    told = {t: value for t, value in legal.identifiers.items() if t is not EntityType.PSEUDO}
    right = all(numbers[type_] == value for type_, value in told.items())
    return right and legal.company_name in (None, organisation.display_name)


def attributes(assertion: Assertion) -> set[AttributeName]:
    """Which attributes an assertion has, of the person and of the organisation."""
    person, legal = assertion.person, assertion.legal_subject
    values = {
        AttributeName.FIRST_NAME: person.first_name,
        AttributeName.FAMILY_NAME: person.family_name,
        AttributeName.DATE_OF_BIRTH: person.date_of_birth,
        AttributeName.COMPANY_NAME: legal.company_name,
        AttributeName.KVK_NUMBER: legal.kvk_number,
    }
    return {name for name, value in values.items() if value is not None}


def _pseudonym(expected: Expected, assertion: Assertion, known: Known) -> Iterator[str]:
    same, other = expected.same_pseudonym_as, expected.other_pseudonym_than
    if same is not None and known.pseudonyms.get(same) != assertion.acting_subject:
        yield "another pseudonym"
    if other is not None and known.pseudonyms.get(other) in (None, assertion.acting_subject):
        yield "the same pseudonym"


def _word(urn: EntityType | AttributeName) -> str:
    return urn.value.rsplit(":", 1)[1]


def expected_text(login: Login) -> str:
    """What a login is expected to come to, in a few words."""
    expected = login.expect
    if expected.refusal is not None:
        reason = f" ({expected.reason})" if expected.reason else ""
        return f"refusal {expected.refusal}{reason}"
    acted_for = f" for {expected.for_}" if expected.for_ else ""
    through = f" through {expected.through}" if expected.through else ""
    return f"assertion {expected.assertion}{acted_for}{through}"
