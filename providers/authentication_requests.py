"""Stage: a makelaar asks to prove who the user is.

authentication-requests.<provider> -> challenges.<provider> or authentication-results.<makelaar>
"""

from __future__ import annotations

from pipeline.stage import Moment, Outgoing, Step
from providers import results
from providers.authentication import Authentication
from providers.judging import settle
from providers.rules import START, Provider, Start, is_connected
from schemas.codec import Faulty, Received
from schemas.messages import AuthenticationRequest, AuthenticationResult, NotAuthenticated
from schemas.refusals import RefusalCode
from schemas.topics import AUTHENTICATION_RESULTS


def handle(
    row: Authentication | None,
    received: Received[AuthenticationRequest],
    provider: Provider,
    moment: Moment,
) -> Step[Authentication]:
    """Challenge the user, or refuse at once. A login is asked for once."""
    if (reason := _not_awaited(row, received, provider)) is not None:
        return Step(reject=reason)
    new = _start(received)
    case = Start(received.message, provider, moment.now)
    started, code = settle(new, START, case)
    if code is not None:
        return results.refuse(started, code, provider)
    return results.challenge(started, provider.first_challenge, provider, moment)


def busy(
    row: Authentication | None,
    received: Received[AuthenticationRequest],
    provider: Provider,
    moment: Moment,
) -> Step[Authentication]:
    """Refuse a request that waited too long, before its user is asked anything."""
    if (reason := _not_awaited(row, received, provider)) is not None:
        return Step(reject=reason)
    return results.too_busy(_start(received), provider, moment)


def _not_awaited(
    row: Authentication | None, received: Received[AuthenticationRequest], provider: Provider
) -> str | None:
    """Why nobody is answered (a dead letter's reason); None: he is."""
    if row is not None or received.sender is None:
        return "asked_before"
    connected = is_connected(received.message, received.sender, provider)
    return None if connected else "not_connected"


def faulty(
    row: Authentication | None, fault: Faulty, _: Provider, __: Moment
) -> Step[Authentication]:
    """Answer a makelaar whose request does not hold."""
    if row is not None:
        return Step(reject=fault.code)
    late = fault.code == "expired"
    code = RefusalCode.DEADLINE_PASSED if late else RefusalCode.PARTICIPANT_FAULT
    refused = NotAuthenticated(code=code)
    result = AuthenticationResult(request_id=fault.request_id, result=refused)
    return Step(send=[Outgoing(AUTHENTICATION_RESULTS, fault.sender, result)])


def _start(received: Received[AuthenticationRequest]) -> Authentication:
    request, makelaar = received.message, received.sender
    return Authentication(
        request_id=request.request_id,
        makelaar=makelaar.entity_id if makelaar else "",
        request_digest=request.request_digest,
        dienstverlener=request.dienstverlener,
        service=request.service,
        level=request.level,
        deadline=request.deadline,
        force_authn=request.force_authn,
        awaits=None,
    )
