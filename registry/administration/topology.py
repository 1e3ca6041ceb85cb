"""The stages of administration, on one screen."""

from __future__ import annotations

from pipeline.keys import Keys
from pipeline.stage import Stage
from registry import chain_information, chain_information_queries, mandate_commands
from registry.administration.choices import Choices
from schemas.topics import CHAIN_INFORMATION, CHAIN_INFORMATION_QUERIES, MANDATE_COMMANDS


def stages(keys: Keys, choices: Choices) -> list[Stage]:
    """What a registry reads beside its logins."""
    return [
        Stage(
            MANDATE_COMMANDS,
            mandate_commands.handle,
            facts=mandate_commands.facts(keys, choices),
            faulty=mandate_commands.faulty,
            batch=1,
        ),
        Stage(
            CHAIN_INFORMATION_QUERIES,
            chain_information_queries.handle,
            facts=chain_information_queries.facts(keys),
        ),
        Stage(
            CHAIN_INFORMATION,
            chain_information.handle,
            facts=chain_information.facts(keys),
            batch=1,
        ),
    ]
