"""Stage: a dienstverlener's request starts a login.

authn-requests.<makelaar> -> means-prompts.<makelaar>, authentication-requests.<provider>,
                             or outcomes.<dienstverlener>
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from brokers import admission, outcomes, remembered, rules
from brokers.admission import Admitted
from brokers.judging import Judged
from brokers.login import Login, Phase
from brokers.rules import Network
from pipeline.stage import Batch, Moment, Outgoing, Step
from schemas import codec
from schemas.codec import Faulty, Received, Untrusted, request_digest
from schemas.dialogue import MeansOption, MeansPrompt
from schemas.directory import Participant
from schemas.messages import AuthenticationRequest, AuthnRequest
from schemas.refusals import RefusalCode
from schemas.topics import AUTHENTICATION_REQUESTS, MEANS_PROMPTS
from schemas.values import EntityID, Level


@dataclass(frozen=True)
class Arrival:
    """What is known where a request comes in; `remembered`: the provider that was chosen before in
    this browser, to be remembered."""

    network: Network
    remembered: EntityID | None = None


async def facts(batch: Batch[Network]) -> list[Arrival]:
    """Look up what is remembered for the browsers of a batch."""
    browsers = [_browser(received) for received in batch.received]
    asked = (browser for browser in browsers if browser is not None)
    found = await remembered.of_browsers(batch.connection, asked)
    return [Arrival(batch.known, found.get(each) if each else None) for each in browsers]


def handle(
    login: Login | None, received: Received[AuthnRequest], arrival: Arrival, moment: Moment
) -> Step[Login]:
    """Admit a request and ask on, or refuse it. The same request twice has one outcome."""
    network, request = arrival.network, received.message
    new = _accept(received, network, moment)
    if login is not None:
        return _again(login, new, received)
    if rules.is_given_up(request, network, moment.waited):
        saw = f"came {moment.waited:.0f} s ago: nobody awaits its answer any more"
        return _busy(new, saw, received, network, moment)
    match admission.admit(request, _sender(received), network):
        case Judged() as judged:
            return outcomes.refuse_judged(new, judged, received.id, network.directory)
        case Admitted() as admitted:
            new = new.found(*admitted.findings)
            only = admission.without_asking(admitted, request, arrival.remembered)
            asked = ask_provider(new, only) if only else _ask_user(new, admitted, network, moment)
            return _unless_cancelled(asked, new, received, network)


def busy(
    login: Login | None, received: Received[AuthnRequest], network: Network, moment: Moment
) -> Step[Login]:
    """Refuse a request because there is more than can be done, and say when to come back. At little
    cost: nothing is looked up, and nobody else is asked."""
    new = _accept(received, network, moment)
    if login is not None:
        return _again(login, new, received)
    saw = f"logins wait {moment.behind:.1f} s longer than usual"
    return _busy(new, saw, received, network, moment)


def _busy(
    login: Login, saw: str, received: Received[AuthnRequest], network: Network, moment: Moment
) -> Step[Login]:
    step = outcomes.refuse_busy(login, saw, moment.behind, received.id, network.directory)
    return _unless_cancelled(step, login, received, network)


def faulty(login: Login | None, fault: Faulty, _: Network, __: Moment) -> Step[Login]:
    """Answer a request that its dienstverlener did sign, but that does not hold.

    A request known already has its own outcome, even where it comes again too late: an ES256
    signature has a twin, so other bytes may be the same request. Another one with its ID has not.
    """
    if login is not None and _is_same(login, fault):
        return Step(repeat=login.answered_by)
    codes = {
        "expired": RefusalCode.REQUEST_EXPIRED,
        "from_the_future": RefusalCode.REQUEST_FROM_THE_FUTURE,
        "malformed": RefusalCode.REQUEST_MALFORMED,
    }
    refused = outcomes.refused(codes[fault.code], fault.id)
    return Step(send=[outcomes.answer(fault.request_id, fault.text, refused, fault.sender)])


def _is_same(login: Login, fault: Faulty) -> bool:
    """Whether a login is of the very request that comes too late, or too early."""
    try:
        request = codec.unverified(fault.text, AuthnRequest)
    except Untrusted:
        return False
    return login.digest == request_digest(fault.sender.entity_id, request)


def ask_provider(login: Login, provider: Participant) -> Step[Login]:
    """Ask a provider to prove who the user is. Source: [AS] flow step 4."""
    request = AuthenticationRequest(
        request_id=login.request_id,
        request_digest=login.digest,
        dienstverlener=login.dienstverlener,
        service=login.service,
        level=login.level,
        force_authn=login.force_authn,
        deadline=login.deadline,
    )
    chosen = {"provider": provider.entity_id, "nonce": None, "options": (), "browser": None}
    asked = login.moved(Phase.AUTHENTICATING, **chosen)
    send = [Outgoing(AUTHENTICATION_REQUESTS, provider, request)]
    return Step(asked, due_at=login.deadline, send=send)


def _accept(received: Received[AuthnRequest], network: Network, moment: Moment) -> Login:
    request, dienstverlener = received.message, _sender(received)
    service = network.catalogue.service(request.service)
    return Login(
        request_id=request.request_id,
        dienstverlener=dienstverlener.entity_id,
        request=received.text,
        digest=request_digest(dienstverlener.entity_id, request),
        service=request.service,
        level=rules.required_level(request, service) if service else request.level or Level.EH2,
        force_authn=request.force_authn,
        requested_at=moment.now,
        deadline=rules.deadline(request, network, moment.now),
        phase=Phase.CHOOSING,
        browser=request.browser,
    )


def _again(login: Login, new: Login, received: Received[AuthnRequest]) -> Step[Login]:
    """The request ID was seen before: the same answer for the same request, or a refusal."""
    if login.digest == new.digest:
        return Step(repeat=login.answered_by)
    refused = outcomes.refused(RefusalCode.REQUEST_ID_REUSED, received.id)
    return Step(send=[outcomes.answer(new.request_id, received.text, refused, _sender(received))])


def _unless_cancelled(
    step: Step[Login], login: Login, received: Received[AuthnRequest], network: Network
) -> Step[Login]:
    """A cancellation may overtake its request: whichever claims the login first, stands. Where it
    was none, it was a request whose login is forgotten by now: its ID is used."""

    def refused(code: RefusalCode, saw: str) -> Step[Login]:
        return outcomes.refuse(login, code, saw, received.id, network.directory)

    def cancelled() -> Step[Login]:
        code = RefusalCode.CANCELLED_BY_DIENSTVERLENER
        return refused(code, "cancelled before the request came")

    def reused() -> Step[Login]:
        step = refused(RefusalCode.REQUEST_ID_REUSED, "a request had its ID before")
        claims = frozenset({rules.overtaken_claim(*names)})
        return replace(step, claims=claims, lost=cancelled)

    names = login.dienstverlener, login.request_id
    return replace(step, claims=frozenset({rules.start_claim(*names)}), lost=reused)


def _ask_user(login: Login, admitted: Admitted, network: Network, moment: Moment) -> Step[Login]:
    """Let the user choose. Source: [AS] flow step 3: alphabetical, the minimum level shown."""
    options = tuple(
        MeansOption(provider=p.entity_id, name=p.display_name) for p in admitted.providers
    )
    prompt = MeansPrompt(
        request_id=login.request_id,
        nonce=moment.nonce,
        service_name=admitted.service.name,
        minimum_level=login.level,
        options=options,
    )
    choosing = login.moved(
        Phase.CHOOSING, nonce=moment.nonce, options=tuple(o.provider for o in options)
    )
    send = [Outgoing(MEANS_PROMPTS, network.me, prompt)]
    return Step(choosing, due_at=login.deadline, send=send)


def _browser(received: Received[AuthnRequest]) -> remembered.Browser | None:
    name = received.message.browser
    return (_sender(received).entity_id, name) if name else None


def _sender(received: Received[AuthnRequest]) -> Participant:
    if received.sender is None:
        raise TypeError("a request is always signed")
    return received.sender
