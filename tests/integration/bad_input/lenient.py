"""What stands in the place of a check that is off: it lets everything pass.

What takes a `World` makes a stand-in for it; the others are stand-ins themselves.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

from brokers.authn_requests import ask_provider
from brokers.login import Login
from dienstverlener import verify
from dienstverlener.evidence import Evidence
from herken import catalogue_checks
from pipeline import keys as keys_module
from pipeline.stage import Step
from providers import means as means_table
from providers import sessions
from registry import candidates
from schemas import jose
from schemas.codec import Claims, Signed
from schemas.directory import KeyUse, Participant
from schemas.jose import Header
from schemas.message import Message
from schemas.messages import AuthnRequest, Outcome, Refused
from schemas.refusals import RefusalCode
from schemas.sealed import Identifier, LegalSubject
from schemas.values import EntityType, Value
from tests.integration.bad_input.network import SIGNS_WITH_SPARE_KEYS
from tests.support.forge import World


def always(answer: Any) -> Callable[[World], Any]:
    """In place of a check: whatever is asked, this is the answer."""
    return lambda world: lambda *args, **kwargs: answer


def header_of(world: World) -> Any:
    """The header, as far as there is one; else that of somebody known."""

    def header_of(token: str) -> Header:
        known = world.signing(SIGNS_WITH_SPARE_KEYS).kid
        try:
            header = json.loads(jose.decode_base64url(token.split(".", maxsplit=1)[0]))
        except ValueError:
            header = {}
        return Header(header.get("typ", "nl.herken.authn-request.v1+jwt"), header.get("kid", known))

    return header_of


def payload(token: str, *_: str) -> bytes:
    """What a JWS holds, whoever signed it."""
    try:
        return jose.decode_base64url(token.split(".")[1])
    except (IndexError, ValueError):
        return b"{}"


def signing_key(world: World) -> Any:
    """The key that is named, or else that of somebody known."""

    def signing_key(header: Header, directory: Any) -> Any:
        known = world.participant(SIGNS_WITH_SPARE_KEYS).key_for(KeyUse.SIGNING, world.clock())
        return directory.key(header.kid) or directory.key(known.kid)

    return signing_key


def validated(model: type[Value], data: dict[str, Any]) -> Value:
    """The model with what it knows of the data, whole or not."""
    known = {name: value for name, value in data.items() if name in model.model_fields}
    try:
        return model.model_validate_json(json.dumps(known))
    except ValueError:
        if "request_id" in model.model_fields:
            known["request_id"] = UUID(known.get("request_id") or str(uuid4()))
        return model.model_construct(**known)


def outcome(model: type[Value], data: dict[str, Any]) -> Value:
    """An outcome with its refusal as it came; of any other message, what is known of it."""
    result = data.get("result", {})
    if model is not Outcome or result.get("status") != "refusal":
        return validated(model, data)
    refused = Refused.model_construct(**{**result, "code": RefusalCode(result["code"])})
    said = {**data, "request_id": UUID(data["request_id"]), "result": refused}
    return model.model_construct(**said)


def claims(payload: bytes) -> Claims:
    """The claims, whatever is missing made up."""
    found = json.loads(payload)
    made_up = {"iss": "", "aud": [], "jti": uuid4(), "iat": 0, "exp": 1 << 40, "data": {}}
    return Claims.model_construct(**{**made_up, **(found if isinstance(found, dict) else {})})


def request_id(claims: Signed[Any]) -> UUID:
    if isinstance(claims.data, Message):
        return claims.data.request_id
    try:
        return UUID(claims.data["request_id"])
    except (KeyError, ValueError):
        return UUID(int=0)


def json_object(text: str, _: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def open_sealed(world: World) -> Any:
    """Open what was sealed for anybody."""
    right = keys_module.open_sealed
    return lambda sealed, model, _: right(sealed, model, world.everybodys_keys())


def unseal(_: World) -> Any:
    """What was sealed; where the seal is broken, nothing."""
    right = jose.unseal

    def unseal(token: str, known: dict[str, Any]) -> bytes:
        try:
            return right(token, known)
        except jose.JoseFault:
            return b"{}"

    return unseal


def begin_again(world: World) -> Any:
    """Ask the provider once more, as for a login that was not there."""

    def again(login: Login, new: Login, _: Any) -> Step[Login]:
        provider = world.directory.participant(login.provider or "")
        return ask_provider(new, provider) if provider else Step()

    return again


def by_key_id(world: World) -> Any:
    """The means of somebody, whatever key is named."""
    right = means_table.by_key_id
    known = world.persons_key("ans", "sluis").kid

    async def by_key_id(connection: Any, key_ids: Any) -> dict[str, Any]:
        found = await right(connection, [known])
        return dict.fromkeys(key_ids, found[known])

    return by_key_id


def open_malformed(_: World) -> Any:
    """What was sealed, whole or not."""

    def open_sealed(sealed: str, model: type[Value], keys: Any) -> Value:
        return validated(model, json.loads(jose.unseal(sealed, keys)))

    return open_sealed


def by_session_key(_: World) -> Any:
    """The session of somebody, whatever secret is given."""

    async def by_key(connection: Any, keys: Any) -> dict[str, Any]:
        known = await connection.fetchval(
            "SELECT key FROM sessions ORDER BY authenticated_at DESC LIMIT 1"
        )
        found = await right(connection, [known])
        return dict.fromkeys(keys, found[known])

    right = sessions.by_key
    return by_key


def links(_: World) -> Any:
    """The links that are there, whatever ID is claimed."""
    right = candidates.links

    async def links(connection: Any, ids: Any) -> dict[Any, Any]:
        wanted = list(ids)
        known = await connection.fetchval("SELECT id FROM links LIMIT 1")
        found = await right(connection, [known])
        return dict.fromkeys(wanted, found[known])

    return links


def opened(world: World) -> Any:
    """The assertion, with a legal subject made up where none is declared."""
    right = verify._opened
    number = Identifier(type=EntityType.KVKNR, value="90000703")
    made_up = world.sealed(LegalSubject(identifiers=(number,)), "havenmeester")

    def opened(request_id: UUID, asserted: Any, evidence: Evidence, keys: Any) -> Any:
        permit = evidence.permit.model_copy(update={"legal": evidence.permit.legal or made_up})
        return right(request_id, asserted, replace(evidence, permit=permit), keys)

    return opened


def declared(world: World) -> Any:
    """Whoever was declared, fitting or not, known or not."""

    def without_asking(admitted: Any, request: AuthnRequest, _: Any) -> Participant:
        declared = request.declared[0] if request.declared else admitted.providers[0].entity_id
        somebody = admitted.providers[0].model_copy(update={"entity_id": declared})
        return world.directory.participant(declared) or somebody

    return without_asking


async def nothing_taken(*_: Any) -> dict[str, UUID]:
    """No command was given before."""
    return {}


def unchecked(_: World) -> Any:
    """The rows of a file that are right, and nothing about the others."""
    right = catalogue_checks.checked
    return lambda lines, directory: replace(right(lines, directory), problems=())
