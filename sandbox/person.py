"""The person at the browser: what somebody who holds these means answers to a prompt.

What is sealed in a prompt is for the participant's own front, whose part is played here too.
Secrets in the answers are sealed for the provider.
"""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from secrets import token_urlsafe
from uuid import uuid4

import pyotp

from pipeline.keys import open_sealed, read_secrets, seal, utc_now
from providers.credentials import signature
from providers.session_commands import nonce_of
from sandbox.founding import Held, Wallet
from sandbox.scenario import Does
from sandbox.visits import Visits
from schemas import jose
from schemas.dialogue import (
    Answer,
    Challenge,
    CodeAnswer,
    ConsentChoice,
    ConsentPrompt,
    CredentialKind,
    MeansChoice,
    MeansPrompt,
    PasswordAnswer,
    RepresentationChoice,
    RepresentationPrompt,
    SessionAnswer,
    SessionCommand,
    SessionCommandKind,
    SignatureAnswer,
)
from schemas.directory import Directory, Participant
from schemas.message import Message
from schemas.sealed import (
    CodeSecret,
    PasswordSecret,
    RepresentationOption,
    RepresentationOptions,
    Secret,
    SessionSecret,
    SignatureSecret,
)
from schemas.topics import (
    CODE_ANSWERS,
    CONSENT_CHOICES,
    MEANS_CHOICES,
    PASSWORD_ANSWERS,
    REPRESENTATION_CHOICES,
    SESSION_ANSWERS,
    SESSION_COMMANDS,
    SIGNATURE_ANSWERS,
    Topic,
)
from schemas.values import AttributeName

WRONG_PASSWORD = "not-the-password"  # noqa: S105 -- no secret: it is meant to be wrong
STEP_SECONDS = 30
_ANSWERS: dict[CredentialKind, tuple[Topic, type[Answer]]] = {
    CredentialKind.PASSWORD: (PASSWORD_ANSWERS, PasswordAnswer),
    CredentialKind.CODE: (CODE_ANSWERS, CodeAnswer),
    CredentialKind.SIGNATURE: (SIGNATURE_ANSWERS, SignatureAnswer),
}


@dataclass(frozen=True)
class Behaviour:
    """Who is at the browser, and how he answers.

    provider, kvk  what he chooses where there is a choice; without them, the first that he can use
    organisation   the name of the organisation, where it has no KvK number
    through        and the name of the intermediary, where it matters
    shares         what he agrees to share; None: everything that he is asked
    remembers      his choices and his consent are to be remembered
    uses_session   he wants to be known from one login to the next
    browser        its name, where he uses more than one
    """

    wallet: Wallet
    does: Does = Does.ANSWER
    provider: str | None = None
    kvk: str | None = None
    organisation: str | None = None
    through: str | None = None
    shares: tuple[AttributeName, ...] | None = None
    remembers: bool = False
    uses_session: bool = False
    browser: str | None = None

    @property
    def browser_name(self) -> str:
        return self.browser or self.wallet.person


@dataclass(frozen=True)
class Reply:
    """An answer, and the kind of topic it goes to."""

    topic: Topic
    message: Message


class CodeBook:
    """Gives each one-time code once; who needs one more waits for it, as a person does."""

    def __init__(self) -> None:
        self._used: dict[str, int] = {}
        self.given: list[str] = []

    async def next(self, secret: str) -> str:
        """A code that holds now and was not given before."""
        step = max(_now_step() - 1, self._used.get(secret, 0) + 1)
        self._used[secret] = step
        code = pyotp.TOTP(secret).generate_otp(step)
        self.given.append(code)
        while step > _now_step() + 1:  # a code may be one step early, and no more
            await asyncio.sleep(0.2)
        return code


def _now_step() -> int:
    return int(time.time()) // STEP_SECONDS


class Answering:
    """Answers prompts for people, with the directory and the fronts' keys at hand. `codes.given`
    has every one-time code that was given."""

    def __init__(self, directory: Directory, secrets: Path) -> None:
        self._directory, self._secrets = directory, secrets
        self.codes = CodeBook()
        self._visits = Visits()

    async def answer(self, prompt: Message, asker: Participant, who: Behaviour) -> Reply | None:
        """What this person answers to whoever asks; None where he does nothing."""
        if who.does is Does.NOTHING:
            return None
        match prompt:
            case MeansPrompt():
                return self._choose_means(prompt, who)
            case Challenge():
                known = self._known_already(prompt, asker, who)
                return known or await self._meet_challenge(prompt, asker, who)
            case ConsentPrompt():
                return _consent(prompt, who)
            case RepresentationPrompt():
                return self._choose_organisation(prompt, asker, who)
        return None

    def _choose_means(self, prompt: MeansPrompt, who: Behaviour) -> Reply:
        wanted = [
            held.provider for held in who.wallet.means if who.provider in (None, held.provider)
        ]
        usable = [o.provider for o in prompt.options if self._name(o.provider) in wanted]
        provider = usable[0] if usable and who.does is not Does.CANCEL else None
        choice = MeansChoice(
            request_id=prompt.request_id,
            nonce=prompt.nonce,
            provider=provider,
            remember=who.remembers,
        )
        return Reply(MEANS_CHOICES, choice)

    def _name(self, entity_id: str) -> str:
        found = self._directory.participant(entity_id)
        return found.name if found else ""

    def _known_already(
        self, challenge: Challenge, provider: Participant, who: Behaviour
    ) -> Reply | None:
        """The session that he has; None where he has none, or it is not accepted."""
        if not who.uses_session or who.does is Does.CANCEL or not challenge.session_accepted:
            return None
        known = self._visits.earlier(who.browser_name, provider.name, challenge.request_id)
        if known is None:
            return None
        secret = SessionSecret(nonce=challenge.nonce, session=known)
        message = SessionAnswer(
            request_id=challenge.request_id,
            nonce=challenge.nonce,
            secret=seal(secret, provider, utc_now()),
        )
        return Reply(SESSION_ANSWERS, message)

    def command(
        self,
        kind: SessionCommandKind,
        provider: Participant,
        who: Behaviour,
        dienstverlener: str | None = None,
    ) -> Reply:
        """Log out, or take a consent back: with one dienstverlener (EntityID), or with all. A
        browser without a session says so with a secret that nobody knows."""
        command_id = uuid4()
        known = self._visits.earlier(who.browser_name, provider.name, command_id)
        secret = SessionSecret(nonce=nonce_of(command_id), session=known or token_urlsafe(24))
        command = SessionCommand(
            request_id=command_id,
            command=kind,
            secret=seal(secret, provider, utc_now()),
            dienstverlener=dienstverlener,
        )
        return Reply(SESSION_COMMANDS, command)

    async def _meet_challenge(
        self, challenge: Challenge, provider: Participant, who: Behaviour
    ) -> Reply:
        topic, answer = _ANSWERS[challenge.kind]
        secret = await self._secret(challenge, provider, who)
        sealed = None if secret is None else seal(secret, provider, utc_now())
        message = answer(request_id=challenge.request_id, nonce=challenge.nonce, secret=sealed)
        return Reply(topic, message)

    async def _secret(
        self, challenge: Challenge, provider: Participant, who: Behaviour
    ) -> Secret | None:
        """What the challenge asks for; None where the person cancels or has no such means."""
        held = next((h for h in who.wallet.means if h.provider == provider.name), None)
        if who.does is Does.CANCEL or held is None:
            return None
        session = self._session(challenge, provider, who)
        match challenge.kind:
            case CredentialKind.PASSWORD:
                return _password(challenge, held, who, session) if held.password else None
            case CredentialKind.CODE:
                code = await self.codes.next(held.totp_secret or "")
                return CodeSecret(nonce=challenge.nonce, code=code, session=session)
            case CredentialKind.SIGNATURE:
                return sign_challenge(challenge, held, session)

    def _session(self, challenge: Challenge, provider: Participant, who: Behaviour) -> str | None:
        """By what the browser wants to be known; None where it does not."""
        if not who.uses_session:
            return None
        return self._visits.secret(who.browser_name, provider.name, challenge.request_id)

    def _choose_organisation(
        self, prompt: RepresentationPrompt, registry: Participant, who: Behaviour
    ) -> Reply:
        option = None if who.does is Does.CANCEL else self._option(prompt, registry, who)
        choice = RepresentationChoice(
            request_id=prompt.request_id, nonce=prompt.nonce, option=option
        )
        return Reply(REPRESENTATION_CHOICES, choice)

    def _option(
        self, prompt: RepresentationPrompt, registry: Participant, who: Behaviour
    ) -> str | None:
        key = jose.private_key(dict(read_secrets(self._secrets, registry.name).front or {}))
        shown = open_sealed(prompt.options, RepresentationOptions, {key.kid: key})
        wanted = [o.option for o in shown.options if _is_wanted(o, who)]
        return wanted[0] if wanted else None


def _is_wanted(option: RepresentationOption, who: Behaviour) -> bool:
    named = who.organisation in (None, option.name)
    return named and who.kvk in (None, option.kvk) and who.through in (None, option.through)


def _consent(prompt: ConsentPrompt, who: Behaviour) -> Reply:
    choice = ConsentChoice(
        request_id=prompt.request_id,
        nonce=prompt.nonce,
        shared=None if who.does is Does.CANCEL else _shared(prompt, who),
        remember=who.remembers,
    )
    return Reply(CONSENT_CHOICES, choice)


def _shared(prompt: ConsentPrompt, who: Behaviour) -> tuple[AttributeName, ...]:
    """Of what he is asked, what he agrees to."""
    asked = [each.name for each in prompt.attributes]
    return tuple(name for name in asked if who.shares is None or name in who.shares)


def _password(
    challenge: Challenge, held: Held, who: Behaviour, session: str | None
) -> PasswordSecret:
    wrong = who.does is Does.WRONG_PASSWORD
    return PasswordSecret(
        nonce=challenge.nonce,
        session=session,
        username=held.username or "",
        password=WRONG_PASSWORD if wrong else held.password or "",
    )


@lru_cache(maxsize=1024)
def _card(private_key: str) -> jose.PrivateKey:
    return jose.private_key(json.loads(private_key))


def sign_challenge(challenge: Challenge, held: Held, session: str | None = None) -> SignatureSecret:
    """Sign a challenge with the person's key, as his card would."""
    key = _card(json.dumps(held.private_key))
    content = signature.statement(challenge.nonce, challenge.request_id, challenge.provider)
    signed = jose.sign(content, signature.TYP, key)
    return SignatureSecret(nonce=challenge.nonce, session=session, signature=signed)
