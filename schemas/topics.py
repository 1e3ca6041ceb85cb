"""Every topic of the network: one kind of message, one kind of writer, one owner.

A topic belongs to one participant, whose name ends its own: `authn-requests.polder`. The key is
the request ID everywhere, so that one login stays in order on one partition. What a stage could
not read goes to `<topic>.dlq`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from schemas import administration as a
from schemas import chains as c
from schemas import dialogue as d
from schemas import messages as m
from schemas.message import Message
from schemas.values import Role

USER: Final = "user"
OPERATOR: Final = "operator"
Writer = Role | Literal["user", "operator"]

_HOUR_MS = 3_600_000
_DAY_MS = 24 * _HOUR_MS
FOREVER_MS: Final = -1


@dataclass(frozen=True)
class Topic:
    """A kind of topic; `of` gives one participant's own.

    `signed`: its value is a compact JWS of the writer. A user has no key in the directory: his
    answers are JSON, hold the unguessable nonce of the prompt, and their secrets are sealed.
    """

    name: str
    message: type[Message]
    owner: Role
    writer: Writer
    reader: Writer
    partitions: int = 4
    retention_ms: int = _DAY_MS

    @property
    def signed(self) -> bool:
        return self.writer != USER

    @property
    def has_dlq(self) -> bool:
        """Whether a participant reads it, and so has a dead-letter topic beside it."""
        return isinstance(self.reader, Role)

    def of(self, participant: str) -> str:
        return f"{self.name}.{participant}"


DLQ_SUFFIX: Final = ".dlq"
DLQ_RETENTION_MS: Final = 14 * _DAY_MS
MAX_MESSAGE_BYTES: Final = 2 * 1_048_576
"""What Kafka takes on a topic; the codec takes less (`codec.MAX_VALUE_BYTES`)."""
DLQ_MAX_BYTES: Final = 2 * MAX_MESSAGE_BYTES
"""A dead letter is a little larger than what it holds: its headers travel inside its own."""

AUTHN_REQUESTS = Topic(
    "authn-requests", m.AuthnRequest, Role.MAKELAAR, Role.DIENSTVERLENER, Role.MAKELAAR
)
MEANS_PROMPTS = Topic("means-prompts", d.MeansPrompt, Role.MAKELAAR, Role.MAKELAAR, USER)
MEANS_CHOICES = Topic("means-choices", d.MeansChoice, Role.MAKELAAR, USER, Role.MAKELAAR)
AUTHENTICATION_REQUESTS = Topic(
    "authentication-requests",
    m.AuthenticationRequest,
    Role.PROVIDER,
    Role.MAKELAAR,
    Role.PROVIDER,
)
CHALLENGES = Topic("challenges", d.Challenge, Role.PROVIDER, Role.PROVIDER, USER)
PASSWORD_ANSWERS = Topic(
    "password-answers", d.PasswordAnswer, Role.PROVIDER, USER, Role.PROVIDER, retention_ms=_HOUR_MS
)
CODE_ANSWERS = Topic(
    "code-answers", d.CodeAnswer, Role.PROVIDER, USER, Role.PROVIDER, retention_ms=_HOUR_MS
)
SIGNATURE_ANSWERS = Topic(
    "signature-answers",
    d.SignatureAnswer,
    Role.PROVIDER,
    USER,
    Role.PROVIDER,
    retention_ms=_HOUR_MS,
)
SESSION_ANSWERS = Topic(
    "session-answers", d.SessionAnswer, Role.PROVIDER, USER, Role.PROVIDER, retention_ms=_HOUR_MS
)
CONSENT_PROMPTS = Topic("consent-prompts", d.ConsentPrompt, Role.PROVIDER, Role.PROVIDER, USER)
CONSENT_CHOICES = Topic("consent-choices", d.ConsentChoice, Role.PROVIDER, USER, Role.PROVIDER)
SESSION_COMMANDS = Topic(
    "session-commands", d.SessionCommand, Role.PROVIDER, USER, Role.PROVIDER, retention_ms=_HOUR_MS
)
SESSION_CONFIRMATIONS = Topic(
    "session-confirmations", d.SessionConfirmation, Role.PROVIDER, Role.PROVIDER, USER
)
AUTHENTICATION_RESULTS = Topic(
    "authentication-results",
    m.AuthenticationResult,
    Role.MAKELAAR,
    Role.PROVIDER,
    Role.MAKELAAR,
)
MANDATE_QUERIES = Topic(
    "mandate-queries", m.MandateQuery, Role.REGISTRY, Role.MAKELAAR, Role.REGISTRY
)
REPRESENTATION_PROMPTS = Topic(
    "representation-prompts", d.RepresentationPrompt, Role.REGISTRY, Role.REGISTRY, USER
)
REPRESENTATION_CHOICES = Topic(
    "representation-choices", d.RepresentationChoice, Role.REGISTRY, USER, Role.REGISTRY
)
MANDATE_DECISIONS = Topic(
    "mandate-decisions", m.MandateDecision, Role.MAKELAAR, Role.REGISTRY, Role.MAKELAAR
)
CONFIRMATION_QUERIES = Topic(
    "confirmation-queries", m.ConfirmationQuery, Role.REGISTRY, Role.MAKELAAR, Role.REGISTRY
)
CONFIRMATIONS = Topic("confirmations", m.Confirmation, Role.MAKELAAR, Role.REGISTRY, Role.MAKELAAR)
MANDATE_COMMANDS = Topic(
    "mandate-commands", a.MandateCommand, Role.REGISTRY, Role.DIENSTVERLENER, Role.REGISTRY
)
MANDATE_EVENTS = Topic(
    "mandate-events",
    a.MandateEvent,
    Role.REGISTRY,
    Role.REGISTRY,
    OPERATOR,
    retention_ms=FOREVER_MS,
)
CHAIN_INFORMATION_QUERIES = Topic(
    "chain-information-queries",
    c.ChainInformationQuery,
    Role.REGISTRY,
    Role.REGISTRY,
    Role.REGISTRY,
)
CHAIN_INFORMATION = Topic(
    "chain-information", c.ChainInformation, Role.REGISTRY, Role.REGISTRY, Role.REGISTRY
)
CHARGES = Topic(
    "charges", a.Charge, Role.REGISTRY, Role.REGISTRY, OPERATOR, retention_ms=FOREVER_MS
)
OUTCOMES = Topic(
    "outcomes",
    m.Outcome,
    Role.DIENSTVERLENER,
    Role.MAKELAAR,
    Role.DIENSTVERLENER,
    retention_ms=7 * _DAY_MS,
)
CANCELLATIONS = Topic(
    "cancellations", m.Cancellation, Role.MAKELAAR, Role.DIENSTVERLENER, Role.MAKELAAR
)

TOPICS: tuple[Topic, ...] = (
    AUTHN_REQUESTS,
    MEANS_PROMPTS,
    MEANS_CHOICES,
    AUTHENTICATION_REQUESTS,
    CHALLENGES,
    PASSWORD_ANSWERS,
    CODE_ANSWERS,
    SIGNATURE_ANSWERS,
    SESSION_ANSWERS,
    CONSENT_PROMPTS,
    CONSENT_CHOICES,
    AUTHENTICATION_RESULTS,
    MANDATE_QUERIES,
    REPRESENTATION_PROMPTS,
    REPRESENTATION_CHOICES,
    MANDATE_DECISIONS,
    CONFIRMATION_QUERIES,
    CONFIRMATIONS,
    OUTCOMES,
    CANCELLATIONS,
    SESSION_COMMANDS,
    SESSION_CONFIRMATIONS,
    MANDATE_COMMANDS,
    MANDATE_EVENTS,
    CHAIN_INFORMATION_QUERIES,
    CHAIN_INFORMATION,
    CHARGES,
)
"""In the order of one login; then what goes on beside it."""

MESSAGES: tuple[type[Message], ...] = tuple(topic.message for topic in TOPICS)
"""Every kind of message: each has its own kind of topic."""
PROMPTS: tuple[Topic, ...] = (
    MEANS_PROMPTS,
    CHALLENGES,
    CONSENT_PROMPTS,
    REPRESENTATION_PROMPTS,
)
"""What a user answers."""

CATALOGUE: Final = "catalogue"
"""The one topic that is nobody's own: the scheme writes it, a record a dienstverlener (its EntityID
is the key), and everybody reads all of it. Compacted, one partition."""


def find(topic_name: str) -> tuple[Topic, str]:
    """The kind of a topic, and whose it is. Raises KeyError."""
    kind, _, participant = topic_name.partition(".")
    for topic in TOPICS:
        if topic.name == kind and participant and "." not in participant:
            return topic, participant
    raise KeyError(topic_name)
