"""What may be shared of a person, and what has to be asked first. No I/O.

Source: [AS] attributes are shared only with the user's consent; a required one that cannot be
delivered leads to the error flow, an optional one is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from providers import attributes
from providers.authentication import Authentication
from providers.consents import Consent
from providers.judging import Rule
from providers.rules import Provider, requested
from schemas.catalogue import RequestedAttribute
from schemas.refusals import RefusalCode
from schemas.sealed import PersonAttributes
from schemas.values import AttributeName

Names = frozenset[AttributeName]


@dataclass(frozen=True)
class Person:
    """What is known of who holds a means, and what he agreed to before with a dienstverlener."""

    attributes: PersonAttributes = field(default_factory=PersonAttributes)
    consent: Consent | None = None


@dataclass(frozen=True)
class Sharing:
    """What a service wants to know, what is known, and what the user agreed to share; None: he has
    not been asked."""

    requested: Sequence[RequestedAttribute]
    known: Names
    agreed: Names | None = None

    @property
    def required(self) -> Names:
        return frozenset(each.name for each in self.requested if each.required)

    @property
    def askable(self) -> tuple[RequestedAttribute, ...]:
        """What the user can be asked for: nobody is asked for what is not known of him."""
        return tuple(each for each in self.requested if each.name in self.known)

    @property
    def shared(self) -> Names:
        """What travels: what is requested, known, and agreed to."""
        return frozenset(each.name for each in self.askable) & (self.agreed or frozenset())


def sharing(
    row: Authentication, provider: Provider, person: Person, agreed: Names | None = None
) -> Sharing:
    """What a login's service wants to know of a person."""
    return Sharing(requested(row, provider), attributes.names_of(person.attributes), agreed)


def needs_asking(case: Sharing) -> bool:
    """Whether there is something to share that was not agreed to before."""
    return not {each.name for each in case.askable} <= (case.agreed or frozenset())


def _short(names: Iterable[AttributeName]) -> str:
    return ", ".join(sorted(name.rsplit(":", 1)[1] for name in names)) or "nothing"


KNOWN: Sequence[Rule[Sharing]] = (
    Rule(
        "attributes_not_known",
        lambda case: case.required <= case.known,
        lambda case: (
            f"required: {_short(case.required)}; not known: {_short(case.required - case.known)}"
        ),
        "a provider that knows what is required of the person",
        "[AS] a required attribute that cannot be delivered: the error flow",
        RefusalCode.ATTRIBUTES_NOT_SHARED,
    ),
)
"""Whether it makes sense to ask."""

AGREED: Sequence[Rule[Sharing]] = (
    Rule(
        "attributes_not_shared",
        lambda case: case.required <= case.shared,
        lambda case: f"required: {_short(case.required)}; shared: {_short(case.shared)}",
        "consent to share what is required",
        "[AS] attributes are shared only with the user's consent",
        RefusalCode.ATTRIBUTES_NOT_SHARED,
    ),
)
"""Whether the user agreed to enough."""
