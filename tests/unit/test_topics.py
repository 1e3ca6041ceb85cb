"""Topics: one owner, one kind of writer, one kind of reader, and no circles."""

from __future__ import annotations

import pytest

from schemas import administration as a
from schemas import chains as c
from schemas import dialogue as d
from schemas import messages as m
from schemas import topics as t
from schemas.topics import OPERATOR, TOPICS, USER, Topic
from schemas.values import Role

DV, HM, AD, MR = Role.DIENSTVERLENER, Role.MAKELAAR, Role.PROVIDER, Role.REGISTRY
HOUR_MS, DAY_MS = 3_600_000, 86_400_000
WHO = [
    (t.AUTHN_REQUESTS, m.AuthnRequest, HM, DV, HM),
    (t.MEANS_PROMPTS, d.MeansPrompt, HM, HM, USER),
    (t.MEANS_CHOICES, d.MeansChoice, HM, USER, HM),
    (t.AUTHENTICATION_REQUESTS, m.AuthenticationRequest, AD, HM, AD),
    (t.CHALLENGES, d.Challenge, AD, AD, USER),
    (t.PASSWORD_ANSWERS, d.PasswordAnswer, AD, USER, AD),
    (t.CODE_ANSWERS, d.CodeAnswer, AD, USER, AD),
    (t.SIGNATURE_ANSWERS, d.SignatureAnswer, AD, USER, AD),
    (t.SESSION_ANSWERS, d.SessionAnswer, AD, USER, AD),
    (t.CONSENT_PROMPTS, d.ConsentPrompt, AD, AD, USER),
    (t.CONSENT_CHOICES, d.ConsentChoice, AD, USER, AD),
    (t.AUTHENTICATION_RESULTS, m.AuthenticationResult, HM, AD, HM),
    (t.MANDATE_QUERIES, m.MandateQuery, MR, HM, MR),
    (t.REPRESENTATION_PROMPTS, d.RepresentationPrompt, MR, MR, USER),
    (t.REPRESENTATION_CHOICES, d.RepresentationChoice, MR, USER, MR),
    (t.MANDATE_DECISIONS, m.MandateDecision, HM, MR, HM),
    (t.CONFIRMATION_QUERIES, m.ConfirmationQuery, MR, HM, MR),
    (t.CONFIRMATIONS, m.Confirmation, HM, MR, HM),
    (t.OUTCOMES, m.Outcome, DV, HM, DV),
    (t.CANCELLATIONS, m.Cancellation, HM, DV, HM),
    (t.SESSION_COMMANDS, d.SessionCommand, AD, USER, AD),
    (t.SESSION_CONFIRMATIONS, d.SessionConfirmation, AD, AD, USER),
    (t.MANDATE_COMMANDS, a.MandateCommand, MR, DV, MR),
    (t.MANDATE_EVENTS, a.MandateEvent, MR, MR, OPERATOR),
    (t.CHAIN_INFORMATION_QUERIES, c.ChainInformationQuery, MR, MR, MR),
    (t.CHAIN_INFORMATION, c.ChainInformation, MR, MR, MR),
    (t.CHARGES, a.Charge, MR, MR, OPERATOR),
]
BETWEEN_REGISTRIES = (t.CHAIN_INFORMATION_QUERIES, t.CHAIN_INFORMATION)
READ_AGAIN_FROM_THE_START = (t.MANDATE_EVENTS, t.CHARGES)


def test_topics_are_listed_in_the_order_of_one_login() -> None:
    assert [topic for topic, *_ in WHO] == list(TOPICS)
    assert len({topic.name for topic in TOPICS}) == len(TOPICS)
    assert {topic.message for topic in TOPICS} == set(t.MESSAGES)


@pytest.mark.parametrize(("topic", "message", "owner", "writer", "reader"), WHO)
def test_topic_has_one_owner_writer_and_reader(
    topic: Topic, message: type[m.Message], owner: Role, writer: t.Writer, reader: t.Writer
) -> None:
    assert topic.message is message
    assert (topic.owner, topic.writer, topic.reader) == (owner, writer, reader)
    assert topic.owner in (writer, reader)


@pytest.mark.parametrize("topic", TOPICS)
def test_nobody_reads_what_he_writes_but_what_one_registry_writes_to_another(topic: Topic) -> None:
    assert (topic.reader == topic.writer) is (topic in BETWEEN_REGISTRIES)


@pytest.mark.parametrize("topic", TOPICS)
def test_value_is_signed_unless_a_user_wrote_it(topic: Topic) -> None:
    assert topic.signed is (topic.writer != USER)


@pytest.mark.parametrize("topic", TOPICS)
def test_dead_letters_are_kept_where_a_participant_reads(topic: Topic) -> None:
    assert topic.has_dlq is (topic.reader not in (USER, OPERATOR))


@pytest.mark.parametrize("topic", TOPICS)
def test_retention_is_short_when_a_secret_is_inside_and_long_for_outcomes(topic: Topic) -> None:
    secret = issubclass(topic.message, (d.Answer, d.SessionCommand))
    expected = HOUR_MS if secret else 7 * DAY_MS if topic is t.OUTCOMES else DAY_MS
    assert topic.retention_ms == (-1 if topic in READ_AGAIN_FROM_THE_START else expected)


def test_catalogue_is_no_participants_topic() -> None:
    with pytest.raises(KeyError):
        t.find(t.CATALOGUE)


@pytest.mark.parametrize("topic", TOPICS)
def test_topic_is_found_by_the_name_that_a_participant_has_of_it(topic: Topic) -> None:
    assert topic.of("duin") == f"{topic.name}.duin"
    assert t.find(topic.of("duin")) == (topic, "duin")


@pytest.mark.parametrize(
    "name", ["", "outcomes", "outcomes.", "outcomes.haven.dlq", "inboxes.haven", "outcomes-x.haven"]
)
def test_topic_is_not_found_when_it_is_nobodys(name: str) -> None:
    with pytest.raises(KeyError):
        t.find(name)
