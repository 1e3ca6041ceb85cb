"""Commands to a registry: by who may not give them, or of what cannot be done."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from sandbox import scenario as s
from schemas.administration import REPRESENTATION
from schemas.codec import Record
from schemas.commands import Approve, Change, Command, CommandContent, Scope, ScopeKind, Withdraw
from schemas.jose import new_key, signature_of
from schemas.sealed import Identifier
from schemas.topics import MANDATE_COMMANDS
from schemas.values import EntityType, Level, Value
from tests.integration.bad_input import stops
from tests.integration.bad_input.kinds import (
    ASSIGN,
    BRUG,
    DOORVAART,
    IN_WRITING,
    REGISTER,
    VICTIM,
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
    told,
)
from tests.support.forge import Place, Token, changed
from tests.support.relay import Kind

LONG_AGO = -1_200
"""Seconds from now at which somebody logged in: longer ago than he may command by it."""


class _Unknown(Value):
    """The content of a command that there is not."""

    kind: str = "burn"


class _Malformed(Value):
    """A command that cannot be read."""

    command_id: UUID
    content: _Unknown = _Unknown()


def _sealed(place: Place, command: Value, to: str = "kade", id_: UUID | None = None) -> Record:
    data: dict[str, Any] = {"command": place.world.sealed(command, to)}
    if id_ is not None:
        data["request_id"] = str(id_)
    return place.signed(data=data)


def _opened(place: Place) -> Command:
    return place.world.unsealed(place.data["command"], Command)


def _content(place: Place, content: CommandContent) -> Record:
    """Another command, by the same login and under the same ID."""
    return _sealed(place, Command(command_id=_opened(place).command_id, content=content))


def _changed(place: Place, **changes: Any) -> Record:
    """The same command, with changes."""
    return _content(place, _opened(place).content.model_copy(update=changes))


def _another(place: Place, content: CommandContent) -> Record:
    """Another command, by the same login and under an ID of its own."""
    id_ = uuid4()
    return _sealed(place, Command(command_id=id_, content=content), id_=id_)


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


def _abroad(place: Place) -> Record:
    """The command by a permit that another registry signed, whom the provider named."""
    result = Token.read(place.data["outcome"]).claims["data"]["result"]
    named = {"result": {"registry": place.world.entity("werf")}}
    declared = place.text(result["declaration"], **as_text(result["declaration"], named))
    bound = {"by": "werf", "result": {"declaration_signature": signature_of(declared)}}
    decided = place.text(result["decision"], **as_text(result["decision"], bound))
    changes = {"declaration": declared, "decision": decided}
    return _outcome(place, data={"result": changed(result, changes)})


def _kvk(number: str) -> Identifier:
    return Identifier(type=EntityType.KVKNR, value=number)


def _scope(service: UUID) -> Scope:
    return Scope(kind=ScopeKind.SERVICES, services=(service,))


def _row(
    name: str,
    forge: Any,
    fate: Fate,
    *layers: Layer,
    moment: Moment = Moment.INSTEAD,
    login: Kind = REGISTER,
) -> Row:
    return Row(name, MANDATE_COMMANDS, forge, fate, layers, moment, login, on_kafka=False)


PORTALS = (
    _row(
        "a command by a dienstverlener that is no portal",
        lambda p: p.signed(by="tolhuis"),
        dead("not_the_own_portal"),
        Layer((stops.OWN_PORTAL,), Fate(repeated=True)),
        moment=Moment.BEFORE,
    ),
    _row(
        "a command by the portal of another registry",
        lambda p: p.signed(by="werf-portaal"),
        dead("not_the_own_portal"),
        Layer((stops.OWN_PORTAL,), Fate(repeated=True)),
        moment=Moment.BEFORE,
    ),
    _row(
        "a malformed command by a dienstverlener that is no portal",
        lambda p: p.signed(by="tolhuis", data={"colour": "blue"}),
        dead("not_the_own_portal"),
        Layer((stops.OWN_PORTAL_FAULT,), refused("command_malformed and mandate-registered")),
        moment=Moment.BEFORE,
    ),
    _row(
        "a command that a makelaar signed",
        lambda p: p.signed(by="polder"),
        dead("role_refused"),
        Layer((stops.ROLE,), dead("not_the_own_portal")),
        Layer((stops.OWN_PORTAL,), Fate(repeated=True)),
        moment=Moment.BEFORE,
    ),
    _row(
        "a command with an unknown field",
        lambda p: p.signed(data={"colour": "blue"}),
        refused("command_malformed"),
        Layer((stops.CONTENT,), UNHARMED),
    ),
    _row(
        "a command that is older than ten minutes",
        lambda p: p.signed(seconds=TOO_OLD),
        refused("command_malformed"),
        Layer((stops.TIME,), UNHARMED),
    ),
)

LOGINS = (
    _row(
        "a command by a login to another portal",
        lambda p: _outcome(p, claims={"aud": [p.world.entity("werf-portaal")]}),
        refused("assertion_refused"),
        Layer((stops.AUDIENCE,), UNHARMED),
    ),
    _row(
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
    _row(
        "a command by an outcome that nobody known signed",
        lambda p: _outcome(p, key=new_key()),
        refused("assertion_refused"),
        Layer(
            (stops.KNOWN_KEY, stops.SIGNATURE, stops.ROLE, stops.ISSUER, stops.AUDIENCE), UNHARMED
        ),
    ),
    _row(
        "a command by an outcome that the portal signed itself",
        lambda p: _outcome(p, by="kade-portaal"),
        refused("assertion_refused"),
        Layer((stops.ROLE, stops.AUDIENCE), UNHARMED),
    ),
    _row(
        "a command by a refusal",
        _refusal,
        refused("assertion_refused"),
        Layer((stops.ASSERTION_INSIDE,), dead("handler_failed", login="nothing")),
    ),
    _row(
        "a command by a login of twenty minutes ago",
        _long_ago,
        refused("assertion_refused"),
        Layer((stops.LOGIN_FRESH,), UNHARMED),
    ),
    _row(
        "a command by a login to another service",
        lambda p: _as_seen(p, {"result": {"services": [str(DOORVAART)]}}),
        refused("assertion_refused"),
        Layer((stops.AS_OFFERED,), refused("not_authorised")),
        Layer((stops.SERVICE_AS,), UNHARMED),
    ),
    _row(
        "a command by a permit of another registry",
        _abroad,
        refused("not_authorised"),
        Layer((stops.AUTHORITY, stops.PERMITTED_HERE), UNHARMED),
    ),
    _row(
        "a command above the level of its login",
        lambda p: _changed(p, level=Level.EH4),
        refused("level_above_own"),
        Layer((stops.LEVEL_OF_ACTOR,), UNHARMED),
    ),
)

SEALED = (
    _row(
        "a command that is sealed for another registry",
        lambda p: _sealed(p, _opened(p), "werf"),
        refused("command_malformed"),
        Layer((stops.SEALED_FOR_US,), UNHARMED),
    ),
    _row(
        "a command whose ID inside is another one",
        lambda p: _sealed(p, _opened(p).model_copy(update={"command_id": uuid4()})),
        refused("command_malformed"),
        Layer((stops.COMMAND_ID_INSIDE,), UNHARMED),
    ),
    _row(
        "a command of a kind that there is not",
        lambda p: _sealed(p, _Malformed(command_id=_opened(p).command_id)),
        refused("command_malformed"),
        Layer(
            (stops.SEALED_CONTENT, stops.COMMAND_ID_INSIDE), dead("handler_failed", login="nothing")
        ),
    ),
)

AGAIN = (
    _row(
        "another command under the ID of the first",
        lambda p: _changed(p, level=Level.EH2PLUS),
        ends("mandate-registered and refused: command_id_reused", "mandate-commands"),
        Layer((stops.COMMANDED_BEFORE,), UNHARMED),
        moment=Moment.AFTER,
    ),
    _row(
        "the same command signed again",
        lambda p: p.signed(),
        Fate(repeated=True),
        Layer((stops.COMMANDED_BEFORE,), UNHARMED),
        moment=Moment.LATER,
    ),
)

CONTENTS = (
    _row(
        "a change of a mandate of another organisation",
        lambda p: _content(p, Change(mandate=VICTIM, level=Level.EH2PLUS)),
        refused("not_found"),
        Layer((stops.OWN_ORGANISATION,), ends("mandate-changed", "mandate-commands")),
    ),
    _row(
        "the withdrawal of a mandate of another organisation",
        lambda p: _content(p, Withdraw(what=VICTIM)),
        refused("not_found"),
        Layer((stops.OWN_ORGANISATION,), ends("mandate-withdrawn", "mandate-commands")),
    ),
    _row(
        "a mandate for another organisation",
        lambda p: _changed(p, organisation=_kvk("90000702")),
        refused("not_authorised"),
        Layer((stops.OWN_ORGANISATION,), UNHARMED),
    ),
    _row(
        "a mandate in writing, by a manager",
        lambda p: _changed(p, document="brief 8"),
        refused("not_authorised"),
        Layer((stops.DIGITALLY,), UNHARMED),
    ),
    _row(
        "a mandate by an operator, without a document",
        lambda p: _changed(p, document=None),
        refused("document_needed"),
        Layer((stops.DOCUMENT,), UNHARMED),
        login=IN_WRITING,
    ),
    _row(
        "a mandate in writing, approved by who registered it",
        lambda p: _another(p, Approve(command=_opened(p).command_id)),
        told("refused: second_operator_needed"),
        Layer((stops.SECOND_OPERATOR,), told("mandate-registered and approved")),
        moment=Moment.AFTER,
        login=IN_WRITING,
    ),
    _row(
        "a mandate to represent",
        lambda p: _changed(p, scope=_scope(REPRESENTATION)),
        refused("not_authorised"),
        Layer((stops.NOT_ADMINISTRATIVE,), UNHARMED),
    ),
    _row(
        "a mandate for a service that there is not",
        lambda p: _changed(p, scope=_scope(uuid4())),
        refused("service_unknown"),
        Layer((stops.SERVICES_KNOWN,), UNHARMED),
    ),
    _row(
        "a mandate for nobody known",
        lambda p: _changed(p, person=uuid4()),
        refused("person_unknown"),
        Layer((stops.PERSON_REGISTERED,), refused("validity_refused")),
    ),
    _row(
        "a mandate for a vestiging that is not the organisation's",
        lambda p: _changed(p, vestiging="000090000799"),
        refused("vestiging_unknown"),
        Layer((stops.VESTIGING_OWN,), UNHARMED),
    ),
    _row(
        "a mandate for six years",
        lambda p: _changed(p, valid_until=p.world.clock() + timedelta(days=6 * 366)),
        refused("validity_refused"),
        Layer((stops.FIVE_YEARS,), dead("data_refused", login="nothing")),
    ),
    _row(
        "an assignment for the intermediary itself",
        lambda p: _changed(p, principal=_kvk("90000701")),
        refused("same_organisation"),
        Layer((stops.ANOTHER_ORGANISATION,), ends("assignment-registered", "mandate-commands")),
        login=ASSIGN,
    ),
    _row(
        "an assignment to somebody who works elsewhere",
        lambda p: _changed(p, person=s.person_id("fons")),
        refused("person_unknown"),
        Layer((stops.OWN_EMPLOYEE,), UNHARMED),
        login=ASSIGN,
    ),
    _row(
        "an assignment of a service that allows no intermediary",
        lambda p: _changed(p, services=(BRUG,)),
        refused("intermediation_refused"),
        Layer((stops.INTERMEDIATION_ALLOWED,), ends("assignment-registered", "mandate-commands")),
        login=ASSIGN,
    ),
)

ROWS = (*PORTALS, *LOGINS, *SEALED, *AGAIN, *CONTENTS)
