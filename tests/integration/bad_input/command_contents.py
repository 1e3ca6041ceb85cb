"""Commands to a registry by who may command, of what cannot be done."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

from sandbox import scenario as s
from schemas.administration import REPRESENTATION
from schemas.codec import Record
from schemas.commands import Approve, Change, Command, CommandContent, Scope, ScopeKind, Withdraw
from schemas.sealed import Identifier
from schemas.values import EntityType, Level
from tests.integration.bad_input import stops
from tests.integration.bad_input.commands import but, content, opened, row, sealed
from tests.integration.bad_input.kinds import (
    ASSIGN,
    BRUG,
    IN_WRITING,
    VICTIM,
)
from tests.integration.bad_input.rows import (
    UNHARMED,
    Layer,
    Moment,
    dead,
    ends,
    refused,
    told,
)
from tests.support.forge import Place


def _another(place: Place, content: CommandContent) -> Record:
    """Another command, by the same login and under an ID of its own."""
    id_ = uuid4()
    return sealed(place, Command(command_id=id_, content=content), id_=id_)


def _kvk(number: str) -> Identifier:
    return Identifier(type=EntityType.KVKNR, value=number)


def _scope(service: UUID) -> Scope:
    return Scope(kind=ScopeKind.SERVICES, services=(service,))


ROWS = (
    row(
        "a change of a mandate of another organisation",
        lambda p: content(p, Change(mandate=VICTIM, level=Level.EH2PLUS)),
        refused("not_found"),
        Layer((stops.OWN_ORGANISATION,), ends("mandate-changed", "mandate-commands")),
    ),
    row(
        "the withdrawal of a mandate of another organisation",
        lambda p: content(p, Withdraw(what=VICTIM)),
        refused("not_found"),
        Layer((stops.OWN_ORGANISATION,), ends("mandate-withdrawn", "mandate-commands")),
    ),
    row(
        "a mandate for another organisation",
        lambda p: but(p, organisation=_kvk("90000702")),
        refused("not_authorised"),
        Layer((stops.OWN_ORGANISATION,), UNHARMED),
    ),
    row(
        "a mandate in writing, by a manager",
        lambda p: but(p, document="brief 8"),
        refused("not_authorised"),
        Layer((stops.DIGITALLY,), UNHARMED),
    ),
    row(
        "a mandate by an operator, without a document",
        lambda p: but(p, document=None),
        refused("document_needed"),
        Layer((stops.DOCUMENT,), UNHARMED),
        login=IN_WRITING,
    ),
    row(
        "a mandate in writing, approved by who registered it",
        lambda p: _another(p, Approve(command=opened(p).command_id)),
        told("refused: second_operator_needed"),
        Layer((stops.SECOND_OPERATOR,), told("mandate-registered and approved")),
        moment=Moment.AFTER,
        login=IN_WRITING,
    ),
    row(
        "a mandate to represent",
        lambda p: but(p, scope=_scope(REPRESENTATION)),
        refused("not_authorised"),
        Layer((stops.NOT_ADMINISTRATIVE,), UNHARMED),
    ),
    row(
        "a mandate for a service that there is not",
        lambda p: but(p, scope=_scope(uuid4())),
        refused("service_unknown"),
        Layer((stops.SERVICES_KNOWN,), UNHARMED),
    ),
    row(
        "a mandate for nobody known",
        lambda p: but(p, person=uuid4()),
        refused("person_unknown"),
        Layer((stops.PERSON_REGISTERED,), refused("validity_refused")),
    ),
    row(
        "a mandate for a vestiging that is not the organisation's",
        lambda p: but(p, vestiging="000090000799"),
        refused("vestiging_unknown"),
        Layer((stops.VESTIGING_OWN,), UNHARMED),
    ),
    row(
        "a mandate for six years",
        lambda p: but(p, valid_until=p.world.clock() + timedelta(days=6 * 366)),
        refused("validity_refused"),
        Layer((stops.FIVE_YEARS,), dead("data_refused", login="nothing")),
    ),
    row(
        "an assignment for the intermediary itself",
        lambda p: but(p, principal=_kvk("90000701")),
        refused("same_organisation"),
        Layer((stops.ANOTHER_ORGANISATION,), ends("assignment-registered", "mandate-commands")),
        login=ASSIGN,
    ),
    row(
        "an assignment to somebody who works elsewhere",
        lambda p: but(p, person=s.person_id("fons")),
        refused("person_unknown"),
        Layer((stops.OWN_EMPLOYEE,), UNHARMED),
        login=ASSIGN,
    ),
    row(
        "an assignment of a service that allows no intermediary",
        lambda p: but(p, services=(BRUG,)),
        refused("intermediation_refused"),
        Layer((stops.INTERMEDIATION_ALLOWED,), ends("assignment-registered", "mandate-commands")),
        login=ASSIGN,
    ),
)
