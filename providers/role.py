"""The provider's whole topology, on one screen."""

from __future__ import annotations

from pipeline.errors import WrongUse
from pipeline.keys import Keys, utc_now
from pipeline.stage import RoleStages, Stage
from providers import (
    authentication_requests,
    code_answers,
    consent_choices,
    consents,
    password_answers,
    session_answers,
    session_commands,
    sessions,
    signature_answers,
)
from providers.authentication import Authentication
from providers.rules import Provider
from schemas.topics import (
    AUTHENTICATION_REQUESTS,
    CODE_ANSWERS,
    CONSENT_CHOICES,
    PASSWORD_ANSWERS,
    SESSION_ANSWERS,
    SESSION_COMMANDS,
    SIGNATURE_ANSWERS,
)

PASSWORD_BATCH = 32
"""A check costs about 25 ms of a core, and a batch is answered as a whole: in 0.4 s on two cores.
With 8 there were 54 logins a second instead of 60: what follows comes in batches as small."""


def provider(keys: Keys, attempts: int) -> RoleStages[Authentication]:
    """A provider's stages, in the order of one login."""
    first = keys.secrets.first_challenge
    if first is None:
        raise WrongUse(f"the secrets of {keys.secrets.name} lack first_challenge")
    return RoleStages(
        Authentication,
        lambda: Provider(
            keys.me,
            keys.directory,
            keys.catalogue,
            first,
            attempts,
            lambda v, to: keys.seal(v, to, utc_now()),
        ),
        stages=[
            Stage(
                AUTHENTICATION_REQUESTS,
                authentication_requests.handle,
                faulty=authentication_requests.faulty,
                busy=authentication_requests.busy,
                begins=True,
            ),
            Stage(
                PASSWORD_ANSWERS,
                password_answers.handle,
                facts=password_answers.facts(keys),
                batch=PASSWORD_BATCH,
            ),
            Stage(CODE_ANSWERS, code_answers.handle, facts=code_answers.facts(keys)),
            Stage(SIGNATURE_ANSWERS, signature_answers.handle, facts=signature_answers.facts(keys)),
            Stage(SESSION_ANSWERS, session_answers.handle, facts=session_answers.facts(keys)),
            Stage(CONSENT_CHOICES, consent_choices.handle, facts=consent_choices.check),
            Stage(SESSION_COMMANDS, session_commands.handle, facts=session_commands.facts(keys)),
        ],
        kept=(sessions.TABLE, consents.TABLE),
    )
