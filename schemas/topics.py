"""Every topic of the network: one kind of message, one kind of writer, one owner.

A topic belongs to one participant, whose name ends its own: `authn-requests.polder`. The key is
the request ID everywhere, so that one login stays in order on one partition. What a stage could
not read goes to `<topic>.dlq`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from schemas import messages as m
from schemas.values import Role

USER: Final = "user"
Writer = Role | Literal["user"]

_HOUR_MS = 3_600_000
_DAY_MS = 24 * _HOUR_MS


@dataclass(frozen=True)
class Topic:
    """A kind of topic; `of` gives one participant's own.

    `signed`: its value is a compact JWS of the writer. A user has no key in the directory: his
    answers are JSON, hold the unguessable nonce of the prompt, and their secrets are sealed.
    """

    name: str
    message: type[m.Message]
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
        return self.reader != USER

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
MEANS_PROMPTS = Topic("means-prompts", m.MeansPrompt, Role.MAKELAAR, Role.MAKELAAR, USER)
MEANS_CHOICES = Topic("means-choices", m.MeansChoice, Role.MAKELAAR, USER, Role.MAKELAAR)
AUTHENTICATION_REQUESTS = Topic(
    "authentication-requests",
    m.AuthenticationRequest,
    Role.PROVIDER,
    Role.MAKELAAR,
    Role.PROVIDER,
)
CHALLENGES = Topic("challenges", m.Challenge, Role.PROVIDER, Role.PROVIDER, USER)
PASSWORD_ANSWERS = Topic(
    "password-answers", m.PasswordAnswer, Role.PROVIDER, USER, Role.PROVIDER, retention_ms=_HOUR_MS
)
CODE_ANSWERS = Topic(
    "code-answers", m.CodeAnswer, Role.PROVIDER, USER, Role.PROVIDER, retention_ms=_HOUR_MS
)
SIGNATURE_ANSWERS = Topic(
    "signature-answers",
    m.SignatureAnswer,
    Role.PROVIDER,
    USER,
    Role.PROVIDER,
    retention_ms=_HOUR_MS,
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
    "representation-prompts", m.RepresentationPrompt, Role.REGISTRY, Role.REGISTRY, USER
)
REPRESENTATION_CHOICES = Topic(
    "representation-choices", m.RepresentationChoice, Role.REGISTRY, USER, Role.REGISTRY
)
MANDATE_DECISIONS = Topic(
    "mandate-decisions", m.MandateDecision, Role.MAKELAAR, Role.REGISTRY, Role.MAKELAAR
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
    AUTHENTICATION_RESULTS,
    MANDATE_QUERIES,
    REPRESENTATION_PROMPTS,
    REPRESENTATION_CHOICES,
    MANDATE_DECISIONS,
    OUTCOMES,
    CANCELLATIONS,
)
"""In the order of one login."""


def find(topic_name: str) -> tuple[Topic, str]:
    """The kind of a topic, and whose it is. Raises KeyError."""
    kind, _, participant = topic_name.partition(".")
    for topic in TOPICS:
        if topic.name == kind and participant and "." not in participant:
            return topic, participant
    raise KeyError(topic_name)
