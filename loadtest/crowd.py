"""The people of the load at their browsers: they answer what they are shown, with real means."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from uuid import uuid4

from loadtest.pool import Entry, behaviour
from pipeline.errors import WrongUse
from pipeline.keys import utc_now
from sandbox.founding import Wallet
from sandbox.person import Answering, Behaviour
from sandbox.scenario import Does, Scenario
from schemas import codec
from schemas.codec import Record
from schemas.directory import Directory
from schemas.topics import find


class Crowd:
    """Everybody who logs in. One by one they are the sandbox's own person; here they share what
    they need."""

    def __init__(
        self, scenario: Scenario, directory: Directory, secrets: Path, wallets: Mapping[str, Wallet]
    ) -> None:
        self._scenario, self._directory, self._wallets = scenario, directory, wallets
        self._answering = Answering(directory, secrets)
        self._behaviours: dict[tuple[str, str, Does], Behaviour] = {}

    def who(self, entry: Entry, person: str) -> Behaviour:
        """How this person answers in this login. Raises WrongUse: the network has not got him."""
        key = (entry.login.name, person, entry.login.does)
        if key not in self._behaviours:
            wallet = self._wallets.get(person)
            if wallet is None:
                raise WrongUse(
                    "not everybody of the scenario is in this network: name its own file"
                )
            self._behaviours[key] = behaviour(entry, self._scenario, wallet)
        return self._behaviours[key]

    async def answer(self, topic_name: str, value: bytes, who: Behaviour) -> Record | None:
        """What somebody answers to a prompt; None: nothing.

        A browser shows what its own site serves, and so trusts the prompt.
        """
        if who.does is Does.NOTHING:
            return None
        topic, owner = find(topic_name)
        asker = self._directory.named(owner)
        if asker is None:
            raise LookupError(owner)
        prompt = codec.unverified(value.decode(), topic.message)
        reply = await self._answering.answer(prompt, asker, who)
        if reply is None:
            return None
        return codec.encode_unsigned(reply.topic.of(owner), reply.message, uuid4(), utc_now())
