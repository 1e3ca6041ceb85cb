"""The registry's whole topology, on one screen."""

from __future__ import annotations

from pipeline.keys import Keys, utc_now
from pipeline.stage import RoleStages, Stage
from registry import confirmation_queries, mandate_queries, representation_choices, tables
from registry.administration.choices import Choices
from registry.administration.topology import stages as administration
from registry.query import Query
from registry.rules import Registry
from schemas.jose import decode_base64url
from schemas.topics import CONFIRMATION_QUERIES, MANDATE_QUERIES, REPRESENTATION_CHOICES


def registry(keys: Keys, choices: Choices | None = None) -> RoleStages[Query]:
    """A registry's stages, in the order of one login; then those of administration."""
    chosen = choices or Choices()
    pseudonym_secret = decode_base64url(keys.secrets.pseudonym_secret)
    return RoleStages(
        Query,
        lambda: Registry(
            keys.me,
            keys.directory,
            keys.catalogue,
            pseudonym_secret,
            lambda value, to, use: keys.seal(value, to, utc_now(), use),
            chosen.prices,
        ),
        stages=[
            Stage(
                MANDATE_QUERIES,
                mandate_queries.handle,
                facts=mandate_queries.facts(keys),
                faulty=mandate_queries.faulty,
                busy=mandate_queries.busy,
                begins=True,
            ),
            Stage(
                REPRESENTATION_CHOICES,
                representation_choices.handle,
                facts=representation_choices.facts,
            ),
            Stage(
                CONFIRMATION_QUERIES,
                confirmation_queries.handle,
                facts=confirmation_queries.facts(keys),
                faulty=confirmation_queries.faulty,
                begins=True,
            ),
            *administration(keys, chosen),
        ],
        kept=tables.IN_ORDER,
    )
