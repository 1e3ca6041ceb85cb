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
    """The stable code of a refusal: no more than a dienstverlener and a user may know. Why exactly,
    whoever decided keeps to itself (`herken explain`): none of these tells whether a person, an
    organisation or a mandate exists."""

    CANCELLED_BY_USER = "cancelled_by_user"
    CANCELLED_BY_DIENSTVERLENER = "cancelled_by_dienstverlener"
    DEADLINE_PASSED = "deadline_passed"
    AUTHENTICATION_FAILED = "authentication_failed"
    ATTRIBUTES_NOT_SHARED = "attributes_not_shared"
    NO_MANDATE = "no_mandate"
    LEVEL_ENDED = "level_ended"
    LEVEL_NOT_SUPPORTED = "level_not_supported"
    ATTRIBUTES_NOT_SUPPORTED = "attributes_not_supported"
    PROVIDER_DOES_NOT_FIT = "provider_does_not_fit"
    SERVICE_UNKNOWN = "service_unknown"
    SERVICE_WITHDRAWN = "service_withdrawn"
    REQUEST_MALFORMED = "request_malformed"
    REQUEST_EXPIRED = "request_expired"
    REQUEST_FROM_THE_FUTURE = "request_from_the_future"
    REQUEST_ID_REUSED = "request_id_reused"
    BUSY = "busy"
    PARTICIPANT_FAULT = "participant_fault"
    ASSERTION_EXPIRED = "assertion_expired"


@dataclass(frozen=True)
class Explanation:
    """Status of a refusal, its text for the user in Dutch and in English, who can decide it, and
    what the dienstverlener can do."""

    top_level: TopLevel
    second_level: SecondLevel
    nl: str
    en: str
    decided_by: tuple[str, ...]
    to_do: str


_MAKELAAR, _PROVIDER, _REGISTRY, _CLIENT = "makelaar", "provider", "registry", "dienstverlener"
_ANYBODY = (_MAKELAAR, _PROVIDER, _REGISTRY)
_AGAIN = "Let the user start again, with a new request."
_YOURS = "Correct the request: the user can do nothing about it."


def _failed(nl: str, en: str, *decided_by: str, to_do: str = _AGAIN) -> Explanation:
    return Explanation(
        TopLevel.RESPONDER, SecondLevel.AUTHN_FAILED, nl, en, decided_by or _ANYBODY, to_do
    )


def _unsupported(nl: str, en: str, *decided_by: str, to_do: str = _YOURS) -> Explanation:
    return Explanation(
        TopLevel.REQUESTER,
        SecondLevel.REQUEST_UNSUPPORTED,
        nl,
        en,
        decided_by or (_MAKELAAR,),
        to_do,
    )


EXPLANATIONS: dict[RefusalCode, Explanation] = {
    RefusalCode.CANCELLED_BY_USER: _failed(
        "U hebt het inloggen afgebroken. Begin opnieuw als u toch wilt inloggen.",
        "You cancelled the login. Start again if you want to log in after all.",
    ),
    RefusalCode.CANCELLED_BY_DIENSTVERLENER: _failed(
        "De dienstverlener heeft het inloggen afgebroken. Begin daar opnieuw.",
        "The service provider cancelled the login. Start again there.",
        _MAKELAAR,
        to_do="Nothing: you asked for it.",
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
        _PROVIDER,
    ),
    RefusalCode.ATTRIBUTES_NOT_SHARED: _failed(
        "De dienst heeft gegevens van u nodig die niet gedeeld zijn. Begin opnieuw en stem toe, "
        "of neem contact op met de dienstverlener.",
        "The service needs to know something of you that was not shared. Start again and agree "
        "to it, or contact the service provider.",
        _PROVIDER,
        to_do="Ask for less, or tell the user why it is needed (the attribute's purpose).",
    ),
    RefusalCode.NO_MANDATE: _failed(
        "U bent voor deze dienst niet of niet op het juiste niveau gemachtigd. Vraag uw "
        "machtigingenbeheerder om een machtiging.",
        "You have no mandate for this service, or none at its level. Ask your mandate manager for "
        "one.",
        _REGISTRY,
        to_do="Nothing: only the organisation's mandate manager can help the user.",
    ),
    RefusalCode.LEVEL_ENDED: _unsupported(
        "Het gevraagde betrouwbaarheidsniveau bestaat niet meer. Neem contact op met de "
        "dienstverlener.",
        "The level of assurance asked for has ended. Contact the service provider.",
        to_do="Ask for EH2+ or higher: EH1 ended in 2021.",
    ),
    RefusalCode.LEVEL_NOT_SUPPORTED: _unsupported(
        "Het gevraagde betrouwbaarheidsniveau is niet beschikbaar. Neem contact op met de "
        "dienstverlener.",
        "The level of assurance asked for is not available. Contact the service provider.",
        _MAKELAAR,
        _PROVIDER,
        to_do="Ask for a lower level, where the service allows it.",
    ),
    RefusalCode.ATTRIBUTES_NOT_SUPPORTED: _unsupported(
        "Geen inlogmiddel levert de gegevens die deze dienst nodig heeft. Neem contact op met de "
        "dienstverlener.",
        "No means of login delivers what this service needs to know. Contact the service provider.",
        to_do="Ask for less in the catalogue.",
    ),
    RefusalCode.PROVIDER_DOES_NOT_FIT: _unsupported(
        "De gevraagde leverancier kan voor deze dienst niet inloggen. Begin opnieuw en kies een "
        "ander inlogmiddel.",
        "The supplier asked for cannot be used for this service. Start again and choose another "
        "means of login.",
        to_do="Leave the provider out, or name one of those that fit.",
    ),
    RefusalCode.SERVICE_UNKNOWN: _unsupported(
        "Deze dienst is niet aangesloten. Neem contact op met de dienstverlener.",
        "This service is not connected. Contact the service provider.",
        to_do="Name a service of your own in the catalogue, and ask the makelaar that it names.",
    ),
    RefusalCode.SERVICE_WITHDRAWN: _unsupported(
        "Deze dienst is tijdens het inloggen vervallen. Neem contact op met de dienstverlener.",
        "This service was withdrawn while you logged in. Contact the service provider.",
        _MAKELAAR,
        _PROVIDER,
        _REGISTRY,
        to_do="Stop offering the service: it is no longer in the catalogue.",
    ),
    RefusalCode.REQUEST_MALFORMED: _unsupported(
        "Het verzoek van de dienstverlener klopt niet. Neem contact op met de dienstverlener.",
        "The service provider's request is not well-formed. Contact the service provider.",
    ),
    RefusalCode.REQUEST_EXPIRED: _unsupported(
        "Het verzoek is verlopen. Begin opnieuw bij de dienstverlener.",
        "The request has expired. Start again at the service provider.",
        to_do=_AGAIN,
    ),
    RefusalCode.REQUEST_FROM_THE_FUTURE: _unsupported(
        "De klok van de dienstverlener loopt voor. Neem contact op met de dienstverlener.",
        "The service provider's clock is ahead. Contact the service provider.",
        to_do="Set your clock: it is more than 30 seconds ahead.",
    ),
    RefusalCode.REQUEST_ID_REUSED: _unsupported(
        "Dit verzoek gebruikt een kenmerk dat al gebruikt is. Begin opnieuw bij de dienstverlener.",
        "This request uses an identifier that was used before. Start again at the service "
        "provider.",
        to_do="Give every request an ID of its own.",
    ),
    RefusalCode.BUSY: _failed(
        "Het is nu te druk om in te loggen. Probeer het over een minuut opnieuw.",
        "There are too many logins at the moment. Try again in a minute.",
        to_do="Start nothing for `retry_after_seconds`: the client holds back by itself.",
    ),
    RefusalCode.PARTICIPANT_FAULT: _failed(
        "Een van de partijen gaf een antwoord dat niet klopt. Probeer het later opnieuw.",
        "One of the parties gave an answer that does not hold. Try again later.",
        _MAKELAAR,
        _PROVIDER,
        _REGISTRY,
        _CLIENT,
        to_do="Tell the makelaar, with the request ID.",
    ),
    RefusalCode.ASSERTION_EXPIRED: _failed(
        "De bevestiging van het inloggen is verlopen. Begin opnieuw.",
        "The assertion had expired when it was read. Start again.",
        _CLIENT,
        to_do="Read outcomes within two minutes.",
    ),
}
