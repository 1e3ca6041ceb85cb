"""Refusals: every way in which a login can end without an assertion.

A refusal is a message like any other. Its code is stable, its texts tell the user what to do.
Source: [AS] top level only Requester or Responder; second level only AuthnFailed,
RequestUnsupported, UnknownPrincipal. The codes themselves are a CHOICE.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class TopLevel(StrEnum):
    """Whose side the cause is on, in SAML's terms."""

    REQUESTER = "urn:oasis:names:tc:SAML:2.0:status:Requester"
    RESPONDER = "urn:oasis:names:tc:SAML:2.0:status:Responder"


class SecondLevel(StrEnum):
    """The kind of cause, in SAML's terms."""

    AUTHN_FAILED = "urn:oasis:names:tc:SAML:2.0:status:AuthnFailed"
    REQUEST_UNSUPPORTED = "urn:oasis:names:tc:SAML:2.0:status:RequestUnsupported"


class RefusalCode(StrEnum):
    """The stable code of a refusal."""

    CANCELLED_BY_USER = "cancelled_by_user"
    CANCELLED_BY_DIENSTVERLENER = "cancelled_by_dienstverlener"
    DEADLINE_PASSED = "deadline_passed"
    AUTHENTICATION_FAILED = "authentication_failed"
    NO_MANDATE = "no_mandate"
    MANDATE_LEVEL_TOO_LOW = "mandate_level_too_low"
    LEVEL_NOT_SUPPORTED = "level_not_supported"
    PROVIDER_DOES_NOT_FIT = "provider_does_not_fit"
    SERVICE_UNKNOWN = "service_unknown"
    REQUEST_MALFORMED = "request_malformed"
    REQUEST_EXPIRED = "request_expired"
    REQUEST_FROM_THE_FUTURE = "request_from_the_future"
    REQUEST_ID_REUSED = "request_id_reused"
    PARTICIPANT_FAULT = "participant_fault"
    ASSERTION_EXPIRED = "assertion_expired"


@dataclass(frozen=True)
class Explanation:
    """Status of a refusal and its text for the user, in Dutch and in English."""

    top_level: TopLevel
    second_level: SecondLevel
    nl: str
    en: str


def _failed(nl: str, en: str) -> Explanation:
    return Explanation(TopLevel.RESPONDER, SecondLevel.AUTHN_FAILED, nl, en)


def _unsupported(nl: str, en: str) -> Explanation:
    return Explanation(TopLevel.REQUESTER, SecondLevel.REQUEST_UNSUPPORTED, nl, en)


EXPLANATIONS: dict[RefusalCode, Explanation] = {
    RefusalCode.CANCELLED_BY_USER: _failed(
        "U hebt het inloggen afgebroken. Begin opnieuw als u toch wilt inloggen.",
        "You cancelled the login. Start again if you want to log in after all.",
    ),
    RefusalCode.CANCELLED_BY_DIENSTVERLENER: _failed(
        "De dienstverlener heeft het inloggen afgebroken. Begin daar opnieuw.",
        "The service provider cancelled the login. Start again there.",
    ),
    RefusalCode.DEADLINE_PASSED: _failed(
        "Het inloggen duurde te lang. Begin opnieuw en houd uw inlogmiddel bij de hand.",
        "The login took too long. Start again and keep your means of login at hand.",
    ),
    RefusalCode.AUTHENTICATION_FAILED: _failed(
        "Het inloggen is niet gelukt. Controleer uw gegevens en probeer het opnieuw, of vraag "
        "uw leverancier om hulp.",
        "The login did not succeed. Check what you entered and try again, or ask your supplier "
        "for help.",
    ),
    RefusalCode.NO_MANDATE: _failed(
        "U bent niet gemachtigd voor deze dienst. Vraag uw machtigingenbeheerder om een "
        "machtiging.",
        "You have no mandate for this service. Ask your mandate manager for one.",
    ),
    RefusalCode.MANDATE_LEVEL_TOO_LOW: _failed(
        "Uw machtiging heeft een te laag niveau voor deze dienst. Vraag uw machtigingenbeheerder "
        "om een machtiging op een hoger niveau.",
        "Your mandate's level is too low for this service. Ask your mandate manager for a "
        "mandate of a higher level.",
    ),
    RefusalCode.LEVEL_NOT_SUPPORTED: _unsupported(
        "Het gevraagde betrouwbaarheidsniveau is niet beschikbaar. Neem contact op met de "
        "dienstverlener.",
        "The level of assurance asked for is not available. Contact the service provider.",
    ),
    RefusalCode.PROVIDER_DOES_NOT_FIT: _unsupported(
        "De gevraagde leverancier kan voor deze dienst niet inloggen. Begin opnieuw en kies een "
        "ander inlogmiddel.",
        "The supplier asked for cannot be used for this service. Start again and choose another "
        "means of login.",
    ),
    RefusalCode.SERVICE_UNKNOWN: _unsupported(
        "Deze dienst is niet aangesloten. Neem contact op met de dienstverlener.",
        "This service is not connected. Contact the service provider.",
    ),
    RefusalCode.REQUEST_MALFORMED: _unsupported(
        "Het verzoek van de dienstverlener klopt niet. Neem contact op met de dienstverlener.",
        "The service provider's request is not well-formed. Contact the service provider.",
    ),
    RefusalCode.REQUEST_EXPIRED: _unsupported(
        "Het verzoek is verlopen. Begin opnieuw bij de dienstverlener.",
        "The request has expired. Start again at the service provider.",
    ),
    RefusalCode.REQUEST_FROM_THE_FUTURE: _unsupported(
        "De klok van de dienstverlener loopt voor. Neem contact op met de dienstverlener.",
        "The service provider's clock is ahead. Contact the service provider.",
    ),
    RefusalCode.REQUEST_ID_REUSED: _unsupported(
        "Dit verzoek gebruikt een kenmerk dat al gebruikt is. Begin opnieuw bij de dienstverlener.",
        "This request uses an identifier that was used before. Start again at the service "
        "provider.",
    ),
    RefusalCode.PARTICIPANT_FAULT: _failed(
        "Een van de partijen gaf een antwoord dat niet klopt. Probeer het later opnieuw.",
        "One of the parties gave an answer that does not hold. Try again later.",
    ),
    RefusalCode.ASSERTION_EXPIRED: _failed(
        "De bevestiging van het inloggen is verlopen. Begin opnieuw.",
        "The assertion had expired when it was read. Start again.",
    ),
}
