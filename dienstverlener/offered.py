"""Whether an assertion is what our service asks, by our part of the catalogue: as it is, and as it
was before.

A service may change, or be withdrawn, while somebody logs in to it. What was decided before that
holds all the same: it is judged by what was offered when it was decided. A change is known here
once it was read, so that who connects later knows what is offered since then only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from dienstverlener.evidence import SKEW, Evidence
from dienstverlener.outcome import Assertion
from pipeline.keys import Keys
from schemas.catalogue import Catalogue, Service, intermediary_digest
from schemas.codec import Untrusted
from schemas.values import AttributeName, Intermediation, Level

KNOWN_EVERYWHERE_AFTER: Final = timedelta(minutes=10)
"""How long after a change of the catalogue somebody may still decide by what was before it. CHOICE:
everybody follows the catalogue's topic, which takes seconds."""
SESSION_LASTS: Final = timedelta(hours=2)
"""Source: [AS] SSO at most 2 hours, never at EH4."""
_REMEMBERED: Final = 50


@dataclass(frozen=True)
class Offer:
    """Our services (by ServiceID) from a version of the catalogue on, issued then."""

    since: int
    issued_at: datetime
    services: Mapping[str, Service]


class Offers:
    """What we offer, and offered. `look` takes notice of what the catalogue says now."""

    def __init__(self, keys: Keys) -> None:
        self._keys, self._seen = keys, -1
        self._offers: list[Offer] = []
        self.look()

    def look(self) -> Catalogue:
        """The catalogue as it is now; what it says of us is remembered."""
        catalogue = self._keys.catalogue
        if catalogue.version != self._seen:
            self._seen = catalogue.version
            self._take(catalogue)
        return catalogue

    def when(self, version: int, decided_at: datetime) -> tuple[Offer, bool]:
        """What was offered to whoever decided by this version, and whether that is certain.

        It is not where we do not know that version: it is newer than what we read, or from before
        we began to read. Then it is the nearest that we know.
        """
        catalogue = self.look()
        known = [
            offer
            for offer in self._offers
            if offer.since <= version or offer.issued_at + KNOWN_EVERYWHERE_AFTER <= decided_at
        ]
        return (known or self._offers[:1])[-1], bool(known) and version <= catalogue.version

    def _take(self, catalogue: Catalogue) -> None:
        me = self._keys.me.entity_id
        services = {each.service_id: each for each in catalogue.of(me)}
        if self._offers and self._offers[-1].services == services:
            return
        since, issued_at = self._changed(catalogue, me)
        self._offers = [*self._offers, Offer(since, issued_at, services)][-_REMEMBERED:]

    def _changed(self, catalogue: Catalogue, me: str) -> tuple[int, datetime]:
        """Since which version it is like this: that of our entry, or where the definition of a
        service that we share changed, the newest."""
        last = self._offers[-1].since if self._offers else -1
        mine = catalogue.entries.get(me)
        if mine is not None and mine.version > last:
            return mine.version, mine.issued_at
        newest = max(catalogue.entries.values(), key=lambda entry: entry.version, default=None)
        return (newest.version, newest.issued_at) if newest else (0, _LONG_AGO)


_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)


def require_as_offered(assertion: Assertion, evidence: Evidence, offers: Offers) -> None:
    """Everything is as our service asks it, by the catalogue that the registries decided under.

    Where we do not know that version, what we know has to allow it too (CHOICE); else the user has
    to start again, and that is no participant's fault. Raises Untrusted.
    """
    for decided in evidence.decided:
        offer, certain = offers.when(decided.catalogue_version, decided.decided_at)
        service = offer.services.get(assertion.service)
        if service is None:
            raise Untrusted("service_refused" if certain else "service_withdrawn")
        try:
            require_as_asked(assertion, evidence, service)
        except Untrusted as fault:
            raise (fault if certain else Untrusted("catalogue_changed")) from None


def require_as_asked(assertion: Assertion, evidence: Evidence, service: Service) -> None:
    """Raises Untrusted."""
    require_service_level(assertion, service)
    require_services(assertion, service)
    require_identifiers(assertion, service)
    require_restriction(assertion, service)
    require_intermediation(assertion, service)
    require_attributes(assertion, service)
    require_fresh(evidence, service)


# --- the checks, each by itself; all raise Untrusted


def require_service_level(assertion: Assertion, service: Service) -> None:
    """Source: [AS] never below the catalogue's level."""
    if assertion.level < service.level:
        raise Untrusted("level_refused")


def require_services(assertion: Assertion, service: Service) -> None:
    """Source: [AS] a portal service stands for several services."""
    if not set(assertion.services) <= set(service.stands_for):
        raise Untrusted("services_refused")


def require_identifiers(assertion: Assertion, service: Service) -> None:
    """Source: [AS] EntityConcernedTypesAllowed: all types of a set are needed."""
    known_by = set(assertion.legal_subject.identifiers)
    if not any(set(each.types) == known_by for each in service.entity_types):
        raise Untrusted("identifiers_refused")


def require_restriction(assertion: Assertion, service: Service) -> None:
    """Source: [AS] restrictions allowed."""
    if assertion.legal_subject.vestiging is not None and not service.restrictable:
        raise Untrusted("restriction_refused")


def require_intermediation(assertion: Assertion, service: Service) -> None:
    """Source: [AS] intermediation: none, general, own, needs approval."""
    kind, through = service.intermediation, assertion.intermediary
    if through is None or kind is Intermediation.GENERAL:
        return
    approved = {intermediary_digest(each, through) for each in service.stands_for}
    approved.add(intermediary_digest(service.service_uuid, through))
    if kind is not Intermediation.NEEDS_APPROVAL:
        raise Untrusted("intermediary_refused")
    if not approved & set(service.approved_intermediaries):
        raise Untrusted("intermediary_refused")


def require_attributes(assertion: Assertion, service: Service) -> None:
    """Source: [AS] a required attribute that cannot be delivered: the error flow."""
    person, legal = assertion.person, assertion.legal_subject
    known = {
        AttributeName.FIRST_NAME: person.first_name,
        AttributeName.FAMILY_NAME: person.family_name,
        AttributeName.DATE_OF_BIRTH: person.date_of_birth,
        AttributeName.COMPANY_NAME: legal.company_name,
        AttributeName.KVK_NUMBER: legal.kvk_number,
    }
    if any(each.required and known[each.name] is None for each in service.attributes):
        raise Untrusted("attributes_refused")


def require_fresh(evidence: Evidence, service: Service) -> None:
    """The person proved who he is for this request; or not long before it, where a session at the
    provider is enough: not where we forbid it, and not where EH4 is asked for."""
    asked = max(evidence.request.level or service.level, service.level)
    anew = evidence.request.force_authn or not service.sso or asked is Level.EH4
    allowed = timedelta() if anew else SESSION_LASTS
    if evidence.authenticated.authenticated_at < evidence.requested_at - allowed - SKEW:
        raise Untrusted("session_too_old")
