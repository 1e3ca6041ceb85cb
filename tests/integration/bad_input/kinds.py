"""The ways to log in of the table, beside those of the relay: through a chain, with a session, with
consent, and to a registry's portal, to command something."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from sandbox import scenario as s
from sandbox.scenario_file import load
from schemas.commands import Assign, Register, Scope, ScopeKind
from schemas.dialogue import SessionCommandKind
from schemas.sealed import Identifier
from schemas.values import EntityType, Level
from tests.integration.bad_input.network import BESIDE
from tests.support.kinds import CHOICE, KEY, PASSWORD, Kind

_SCENARIO = load(BESIDE)
LIGPLAATS, KRAAN, BRUG, DOORVAART = (
    _SCENARIO.service_uuid(name) for name in ("ligplaats", "kraan", "brug", "doorvaart")
)
(VICTIM,) = (s.registered_id(each) for each in _SCENARIO.mandates if each.name == "victim")
"""A mandate of another organisation than the manager's."""

CHAIN = Kind(
    "chain over two registries",
    "ligplaats",
    "assertion EH3 for rederij through boekhouder",
    person="dirk",
    acted_for="rederij",
)
CHAIN_AT_ONE = Kind(
    "chain at one registry",
    "kraan",
    "assertion EH3 for visserij through boekhouder",
    person="dirk",
    acted_for="visserij",
)

_VISIT = Kind(
    "visit",
    "doorvaart",
    "assertion EH4 for boekhouder",
    person="dirk",
    acted_for="boekhouder",
    uses_session=True,
)
SESSION = replace(_VISIT, name="session", usual="assertion EH3 for boekhouder", after=(_VISIT,))
"""He is logged in at the provider: a session is worth EH3, whatever his means."""
OLD_SESSION = replace(SESSION, name="session too old", usual=_VISIT.usual, idle=timedelta(hours=3))
LOGOUT = replace(
    _VISIT,
    name="logout",
    usual="logout done",
    after=(_VISIT,),
    session_command=SessionCommandKind.LOGOUT,
)
ENDED_SESSION = replace(
    SESSION, name="session ended", usual=_VISIT.usual, after=(_VISIT, replace(LOGOUT, after=()))
)
FORCED = replace(
    _VISIT,
    name="forced",
    after=(_VISIT,),
    idle=timedelta(minutes=3),
    request={"force_authn": True},
)
HIGHEST = replace(_VISIT, name="EH4", service="steiger", after=(_VISIT,))
SESSION_ELSEWHERE = replace(
    _VISIT,
    name="session of a means for another",
    service="brug",
    usual="authentication_failed",
    person="ivo",
    after=(replace(_VISIT, person="ivo"),),
)
CONSENT = Kind(
    "consent",
    "loods",
    "assertion EH4 for boekhouder with first_name",
    person="dirk",
    acted_for="boekhouder",
)

REGISTER = Kind(
    "register",
    "management",
    "mandate-registered",
    person="evi",
    acted_for="boekhouder",
    portal="kade",
    command=Register(
        person=s.person_id("greet"),
        scope=Scope(kind=ScopeKind.SERVICES, services=(DOORVAART,)),
        level=Level.EH3,
    ),
)
ASSIGN = replace(
    REGISTER,
    name="assign",
    usual="assignment-registered and assignment-located",
    command=Assign(
        principal=Identifier(type=EntityType.KVKNR, value="90000703"),
        principal_name="Rederij De Boei",
        person=s.person_id("greet"),
        services=(LIGPLAATS,),
        level=Level.EH3,
    ),
)
IN_WRITING = replace(
    REGISTER,
    name="in writing",
    service="operation",
    usual="approval-awaited",
    person="hedda",
    acted_for="register",
    command=Register(
        person=s.person_id("greet"),
        scope=Scope(kind=ScopeKind.SERVICES, services=(DOORVAART,)),
        level=Level.EH3,
        organisation=Identifier(type=EntityType.KVKNR, value="90000701"),
        document="brief 7",
    ),
)

KINDS = (
    KEY,
    PASSWORD,
    CHOICE,
    CHAIN,
    CHAIN_AT_ONE,
    SESSION,
    OLD_SESSION,
    ENDED_SESSION,
    SESSION_ELSEWHERE,
    LOGOUT,
    FORCED,
    HIGHEST,
    CONSENT,
    REGISTER,
    ASSIGN,
    IN_WRITING,
)
