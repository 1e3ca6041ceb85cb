"""Commands to a registry: by who may not give them, or of what cannot be done."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from schemas.codec import Record
from schemas.commands import Command, CommandContent
from schemas.jose import new_key, signature_of
from schemas.sealed import LegalSubject, PairwiseSubject
from schemas.topics import MANDATE_COMMANDS
from schemas.values import Level, Value
from tests.integration.bad_input import stops
from tests.integration.bad_input.kinds import (
    DOORVAART,
    REGISTER,
)
from tests.integration.bad_input.outcomes import as_text
from tests.integration.bad_input.requests import TOO_OLD
from tests.integration.bad_input.rows import (
    UNHARMED,
    Fate,
    Layer,
    Moment,
    Row,
    dead,
    ends,
    refused,
)
from tests.support.forge import Place, Token, changed
from tests.support.kinds import Kind

LONG_AGO = -1_200
"""Seconds from now at which somebody logged in: longer ago than he may command by it."""


class _Unknown(Value):
    """The content of a command that there is not."""

    kind: str = "burn"


class _Malformed(Value):
    """A command that cannot be read."""

    command_id: UUID
    content: _Unknown = _Unknown()


def sealed(place: Place, command: Value, to: str = "kade", id_: UUID | None = None) -> Record:
    data: dict[str, Any] = {"command": place.world.sealed(command, to)}
    if id_ is not None:
        data["request_id"] = str(id_)
    return place.signed(data=data)


def opened(place: Place) -> Command:
    return place.world.unsealed(place.data["command"], Command)


def content(place: Place, content: CommandContent) -> Record:
    """Another command, by the same login and under the same ID."""
    return sealed(place, Command(command_id=opened(place).command_id, content=content))


def but(place: Place, **changes: Any) -> Record:
    """The same command, with changes."""
    return content(place, opened(place).content.model_copy(update=changes))


def _outcome(place: Place, **how: Any) -> Record:
    """The command by an outcome that the makelaar signed anew."""
    return place.signed(data={"outcome": place.text(place.data["outcome"], **how)})


def _as_seen(place: Place, decision: dict[str, Any], **how: Any) -> Record:
    """The command by an outcome whose permit was signed anew."""
    result = Token.read(place.data["outcome"]).claims["data"]["result"]
    decided = place.text(result["decision"], **as_text(result["decision"], decision))
    return _outcome(place, data={"result": changed(result, {"decision": decided, **how})})


def _long_ago(place: Place) -> Record:
    """The command by a login that was granted twenty minutes ago, all of it."""
    data = Token.read(place.data["outcome"]).claims["data"]
    result, then = data["result"], place.world.clock() + timedelta(seconds=LONG_AGO)
    old = {"seconds": LONG_AGO, "result": {"authenticated_at": then.isoformat()}}
    declared = place.text(result["declaration"], **as_text(result["declaration"], old))
    bound = {"seconds": LONG_AGO, "result": {"declaration_signature": signature_of(declared)}}
    decided = place.text(result["decision"], **as_text(result["decision"], bound))
    until = (then + timedelta(seconds=120)).isoformat()
    changes = {"declaration": declared, "decision": decided, "not_on_or_after": until}
    asked = place.text(data["request"], seconds=LONG_AGO)
    new = {"request": asked, "result": changed(result, changes)}
    return _outcome(place, data=new, seconds=LONG_AGO)


def _refusal(place: Place) -> Record:
    """The command by an outcome that refuses."""
    result = {
        "status": "refusal",
        "code": "no_mandate",
        "top_level": "urn:oasis:names:tc:SAML:2.0:status:Responder",
        "second_level": "urn:oasis:names:tc:SAML:2.0:status:AuthnFailed",
        "nl": "Nee.",
        "en": "No.",
    }
    return _outcome(place, data={"result": result})


def _acting(place: Place, **changes: Any) -> dict[str, Any]:
    """As `decision`: the acting subject, changed."""
    result = _permit(place)
    acting = place.world.unsealed(result["acting"], PairwiseSubject).model_copy(update=changes)
    return {"result": {"acting": place.world.sealed(acting, "kade-portaal")}}


def _legal(place: Place, **changes: Any) -> dict[str, Any]:
    """As `decision`: the legal subject, changed."""
    result = _permit(place)
    legal = place.world.unsealed(result["legal"], LegalSubject).model_copy(update=changes)
    return {"result": {"legal": place.world.sealed(legal, "kade-portaal")}}


def _permit(place: Place) -> dict[str, Any]:
    decision = Token.read(place.data["outcome"]).claims["data"]["result"]["decision"]
    return dict(Token.read(decision).claims["data"]["result"])


def _above_his_mandate(place: Place) -> Record:
    """The command by a login at EH4, which provider, registry and makelaar agree on."""
    result = Token.read(place.data["outcome"]).claims["data"]["result"]
    high = {"level": Level.EH4.value}
    declared = place.text(result["declaration"], **as_text(result["declaration"], {"result": high}))
    bound = {"result": {**high, "declaration_signature": signature_of(declared)}}
    return _as_seen(place, bound, declaration=declared, **high)


def _abroad(place: Place) -> Record:
    """The command by a permit that another registry signed, whom the provider named."""
    result = Token.read(place.data["outcome"]).claims["data"]["result"]
    named = {"result": {"registry": place.world.entity("werf")}}
    declared = place.text(result["declaration"], **as_text(result["declaration"], named))
    bound = {"by": "werf", "result": {"declaration_signature": signature_of(declared)}}
    decided = place.text(result["decision"], **as_text(result["decision"], bound))
    changes = {"declaration": declared, "decision": decided}
    return _outcome(place, data={"result": changed(result, changes)})


def row(
    name: str,
    forge: Any,
    fate: Fate,
    *layers: Layer,
    moment: Moment = Moment.INSTEAD,
    login: Kind = REGISTER,
) -> Row:
    return Row(name, MANDATE_COMMANDS, forge, fate, layers, moment, login, on_kafka=False)


PORTALS = (
    row(
        "a command by a dienstverlener that is no portal",
        lambda p: p.signed(by="tolhuis"),
        dead("not_the_own_portal"),
        Layer((stops.OWN_PORTAL,), Fate(repeated=True)),
        moment=Moment.BEFORE,
    ),
    row(
        "a command by the portal of another registry",
        lambda p: p.signed(by="werf-portaal"),
        dead("not_the_own_portal"),
        Layer((stops.OWN_PORTAL,), Fate(repeated=True)),
        moment=Moment.BEFORE,
    ),
    row(
        "a malformed command by a dienstverlener that is no portal",
        lambda p: p.signed(by="tolhuis", data={"colour": "blue"}),
        dead("not_the_own_portal"),
        Layer((stops.OWN_PORTAL_FAULT,), refused("command_malformed and mandate-registered")),
        moment=Moment.BEFORE,
    ),
    row(
        "a command that a makelaar signed",
        lambda p: p.signed(by="polder"),
        dead("role_refused"),
        Layer((stops.ROLE,), dead("not_the_own_portal")),
        Layer((stops.OWN_PORTAL,), Fate(repeated=True)),
        moment=Moment.BEFORE,
    ),
    row(
        "a command with an unknown field",
        lambda p: p.signed(data={"colour": "blue"}),
        refused("command_malformed"),
        Layer((stops.CONTENT,), UNHARMED),
    ),
    row(
        "a command that is older than ten minutes",
        lambda p: p.signed(seconds=TOO_OLD),
        refused("command_malformed"),
        Layer((stops.TIME,), UNHARMED),
    ),
)

LOGINS = (
    row(
        "a command by a login to another portal",
        lambda p: _outcome(p, claims={"aud": [p.world.entity("werf-portaal")]}),
        refused("assertion_refused"),
        Layer((stops.AUDIENCE,), UNHARMED),
    ),
    row(
        "a command by a login that another dienstverlener asked for",
        lambda p: _outcome(
            p,
            data={
                "request": p.text(
                    Token.read(p.data["outcome"]).claims["data"]["request"], by="werf-portaal"
                )
            },
        ),
        refused("assertion_refused"),
        Layer((stops.OWN_REQUEST,), UNHARMED),
    ),
    row(
        "a command by an outcome that nobody known signed",
        lambda p: _outcome(p, key=new_key()),
        refused("assertion_refused"),
        Layer(
            (stops.KNOWN_KEY, stops.SIGNATURE, stops.ROLE, stops.ISSUER, stops.AUDIENCE), UNHARMED
        ),
    ),
    row(
        "a command by an outcome that the portal signed itself",
        lambda p: _outcome(p, by="kade-portaal"),
        refused("assertion_refused"),
        Layer((stops.ROLE, stops.AUDIENCE), UNHARMED),
    ),
    row(
        "a command by a refusal",
        _refusal,
        refused("assertion_refused"),
        Layer((stops.ASSERTION_INSIDE,), dead("handler_failed", login="nothing")),
    ),
    row(
        "a command by a login of twenty minutes ago",
        _long_ago,
        refused("assertion_refused"),
        Layer((stops.LOGIN_FRESH,), UNHARMED),
    ),
    row(
        "a command by a login to another service",
        lambda p: _as_seen(p, {"result": {"services": [str(DOORVAART)]}}),
        refused("assertion_refused"),
        Layer((stops.AS_OFFERED,), refused("not_authorised")),
        Layer((stops.SERVICE_AS,), UNHARMED),
    ),
    row(
        "a command by a permit of another registry",
        _abroad,
        refused("not_authorised"),
        Layer((stops.AUTHORITY, stops.PERMITTED_HERE), UNHARMED),
    ),
    row(
        "a command by a login through an intermediary",
        lambda p: _as_seen(p, _acting(p, intermediary="90000702")),
        refused("assertion_refused"),
        Layer((stops.AS_OFFERED,), refused("not_authorised")),
        Layer((stops.DIRECTLY,), UNHARMED),
    ),
    row(
        "a command by a login for one vestiging",
        lambda p: _as_seen(p, _legal(p, vestiging="000090000701")),
        refused("assertion_refused"),
        Layer((stops.AS_OFFERED,), refused("not_authorised")),
        Layer((stops.DIRECTLY,), UNHARMED),
    ),
    row(
        "a command by somebody who is no manager here",
        lambda p: _as_seen(p, _acting(p, pseudonym="A" * 43)),
        refused("not_authorised"),
        Layer((stops.AUTHORITY,), UNHARMED),
    ),
    row(
        "a command by a login above the manager's own mandate",
        _above_his_mandate,
        refused("not_authorised"),
        Layer((stops.AUTHORITY,), UNHARMED),
    ),
    row(
        "a command above the level of its login",
        lambda p: but(p, level=Level.EH4),
        refused("level_above_own"),
        Layer((stops.LEVEL_OF_ACTOR,), UNHARMED),
    ),
)

SEALED = (
    row(
        "a command that is sealed for another registry",
        lambda p: sealed(p, opened(p), "werf"),
        refused("command_malformed"),
        Layer((stops.SEALED_FOR_US,), UNHARMED),
    ),
    row(
        "a command whose ID inside is another one",
        lambda p: sealed(p, opened(p).model_copy(update={"command_id": uuid4()})),
        refused("command_malformed"),
        Layer((stops.COMMAND_ID_INSIDE,), UNHARMED),
    ),
    row(
        "a command of a kind that there is not",
        lambda p: sealed(p, _Malformed(command_id=opened(p).command_id)),
        refused("command_malformed"),
        Layer(
            (stops.SEALED_CONTENT, stops.COMMAND_ID_INSIDE), dead("handler_failed", login="nothing")
        ),
    ),
)

AGAIN = (
    row(
        "another command under the ID of the first",
        lambda p: but(p, level=Level.EH2PLUS),
        ends("mandate-registered and refused: command_id_reused", "mandate-commands"),
        Layer((stops.COMMANDED_BEFORE,), UNHARMED),
        moment=Moment.AFTER,
    ),
    row(
        "the same command signed again",
        lambda p: p.signed(),
        Fate(repeated=True),
        Layer((stops.COMMANDED_BEFORE,), UNHARMED),
        moment=Moment.LATER,
    ),
)

ROWS = (*PORTALS, *LOGINS, *SEALED, *AGAIN)
