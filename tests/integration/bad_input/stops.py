"""The checks by name, each with what stands in its place when it is off."""

from __future__ import annotations

from uuid import uuid4

from brokers.judging import Judged
from pipeline.stage import Step
from registry.administration.actors import As
from sandbox import scenario_rules
from sandbox.scenario_references import references
from tests.integration.bad_input import lenient
from tests.integration.bad_input.checks import Check


def _rules(table: str, *names: str) -> Check:
    """Rules of a table."""
    return Check(table, rules=names)


# --- the form of a message

SIZE = Check("schemas.codec:require_size", lenient.always(None))
UTF8 = Check("schemas.codec:_text", lambda _: lambda value: value.decode(errors="ignore"))
JSON = Check("schemas.codec:_json", lambda _: lenient.json_object)
CONTENT = Check("schemas.codec:_validated", lambda _: lenient.validated)
OUTCOME = Check("schemas.codec:_validated", lambda _: lenient.outcome)
CE_TYPE = Check("schemas.codec:require_type", lenient.always(None))
TYP = Check("schemas.codec:require_typ", lenient.always(None))
CE_HEADERS = Check("schemas.codec:require_headers", lenient.always(None))
KEY = Check("schemas.codec:require_key", lenient.always(None))
CLAIMS = Check("schemas.codec:_claims", lambda _: lenient.claims)
REQUEST_ID = Check("schemas.codec:_request_id", lambda _: lenient.request_id)
TIME = Check("schemas.codec:time_fault", lenient.always(None))

# --- who said it

FORM = Check("schemas.jose:header_of", lenient.header_of)
ALGORITHM = Check("schemas.jose:require_algorithm", lenient.always(None))
SIGNATURE = Check("schemas.jose:verified_payload", lambda _: lenient.payload)
KNOWN_KEY = Check("schemas.codec:_signing_key", lenient.signing_key)
VALID_KEY = Check("schemas.codec:require_key_validity", lenient.always(None))
ROLE = Check("schemas.codec:require_role", lenient.always(None))
ISSUER = Check("schemas.codec:require_issuer", lenient.always(None))
AUDIENCE = Check("schemas.codec:require_audience", lenient.always(None))

SEAL = Check("schemas.jose:unseal", lenient.unseal)
SEALED_FOR_US = Check("pipeline.keys:open_sealed", lenient.open_sealed)

# --- once only

SAME_BYTES = Check("schemas.codec:message_id", lambda _: lambda scope, text: uuid4())
SAME_IN_BATCH = Check(
    "pipeline.fold:Fold.handle",
    expression="item.found.id in self.sent",
    instead="False",
)
REQUEST_ID_ONCE = Check(
    "brokers.authn_requests:_again",
    lambda _: lambda login, new, received: Step(repeat=login.answered_by),
)
REQUEST_ID_NEW = Check("brokers.authn_requests:_again", lenient.begin_again)
ANSWERED_BEFORE = Check(
    "brokers.authn_requests:faulty",
    expression="login is not None and _is_same(login, fault)",
    instead="False",
)
CODE_ONCE = Check("providers.answers:_once", lambda _: lambda step, claim, lost: step)
START_ONCE = Check(
    "brokers.rules:start_claim", lambda _: lambda dienstverlener, request_id: str(uuid4())
)
OWN_START = Check(
    "brokers.rules:start_claim", lambda _: lambda dienstverlener, request_id: str(request_id)
)

# --- the makelaar


CONNECTED = Check("brokers.admission:_is_connected", expression="own and here", instead="True")
AWAITED_BY_MAKELAAR = Check("brokers.rules:is_awaited", lenient.always(None))
NONCE_OF_MEANS = Check("brokers.means_choices:compare_digest", lenient.always(True))
MEANS_OFFERED = Check(
    "brokers.means_choices:handle",
    expression="choice.provider not in login.options",
    instead="False",
)
PROVIDER_KNOWN = Check(
    "brokers.means_choices:handle",
    expression="provider is None or choice.provider not in login.options",
    instead="False",
)
PROVIDER_ASKED = Check(
    "brokers.authentication_results:handle",
    expression="received.sender.entity_id != login.provider",
    instead="False",
)
REGISTRY_ASKED = Check(
    "brokers.mandate_decisions:handle",
    expression="received.sender.entity_id != login.registry",
    instead="False",
)
FAULT_ASKED = Check(
    "brokers.faults:_end", expression="fault.sender.entity_id != asked", instead="False"
)
CONFIRMER_ASKED = Check(
    "brokers.confirmations:handle",
    expression="received.sender.entity_id != login.confirmer",
    instead="False",
)
ABOUT_LOGIN = Check("brokers.evidence:_is_about", expression="not other, saw", instead="True, saw")
LEVEL_DECLARED = _rules("brokers.evidence:AUTHENTICATION", "declared_level_too_low", "level_raised")
REGISTRY_DECLARED = _rules("brokers.evidence:AUTHENTICATION", "registry_unknown")
LEVEL_OF_PROVIDER = _rules("brokers.evidence:AUTHENTICATION", "provider_not_admitted")
LEVEL_PERMITTED = _rules("brokers.evidence:DECISION", "decided_level_too_low", "level_raised")
LEVEL_REQUESTED = _rules("brokers.evidence:DECISION", "decision_for_another_level")
PERMIT_BOUND = _rules("brokers.evidence:DECISION", "decision_not_bound")
PERMIT_WHOLE = _rules("brokers.evidence:DECISION", "permit_not_whole")
SERVICES_ASKED = _rules("brokers.evidence:DECISION", "decision_for_other_services")
OBLIGATION = _rules("brokers.evidence:DECISION", "obligation_refused")
CONFIRMATION_BOUND = _rules("brokers.evidence:CONFIRMATION", "confirmation_not_bound")
CONFIRMED_FOR_LEVEL = _rules("brokers.evidence:CONFIRMATION", "confirmation_for_another_level")
LEVEL_CONFIRMED = _rules("brokers.evidence:CONFIRMATION", "confirmed_level_too_low", "level_raised")
SERVICES_PERMITTED = _rules("brokers.evidence:CONFIRMATION", "confirmation_for_other_services")
LOWEST_LEVEL = Check(
    "brokers.outcomes:grant",
    expression="min(login.reached or login.level, granted.level)",
    instead="granted.level",
)
OWN_REFUSALS = Check(
    "brokers.evidence:_theirs", lambda _: lambda who, code, allowed: Judged(code=code)
)
OWN_LOGIN = Check(
    "brokers.cancellations:handle",
    expression="sender.entity_id != login.dienstverlener",
    instead="False",
)
NOT_ENDED = Check(
    "brokers.cancellations:handle", expression="login.phase is Phase.DONE", instead="False"
)

DECLARED_FITS = Check("brokers.admission:without_asking", lenient.declared)
PROVIDER_FITS = _rules("brokers.admission:ADMISSION", "provider_does_not_fit")
LEVEL_EXISTS = _rules("brokers.admission:ADMISSION", "level_ended")
LEVEL_OF_SERVICE = Check(
    "brokers.rules:required_level",
    expression="max(request.level or service.level, service.level)",
    instead="request.level or service.level",
)
BROWSER_NAMED = Check(
    "brokers.means_choices:_remembered", expression="login.browser is None or ", instead=""
)
SESSION_FRESH = _rules("brokers.evidence:AUTHENTICATION", "session_too_old")

# --- the provider

ASKED_ONCE = Check(
    "providers.authentication_requests:_not_awaited", expression="row is not None or ", instead=""
)
ASKED_BY_CONNECTED = Check("providers.authentication_requests:is_connected", lenient.always(True))
AWAITED_BY_PROVIDER = Check("providers.rules:is_awaited", lenient.always(None))
NONCE_OF_CHALLENGE = Check("providers.rules:compare_digest", lenient.always(True))
NONCE_INSIDE = Check(
    "providers.answers:opened", expression="secret.nonce == answer.nonce", instead="True"
)
SIGNED_CHALLENGE = Check("providers.credentials.signature:holds", lenient.always(True))
SIGNED_AS_CHALLENGE = Check(
    "providers.credentials.signature:key_id", expression="header.typ == TYP", instead="True"
)
MEANS_KNOWN = Check("providers.means:by_key_id", lenient.by_key_id)
SEALED_CONTENT = Check("pipeline.keys:open_sealed", lenient.open_malformed)
BAD_DATA_APART = Check("pipeline.runner:BAD_DATA", lambda _: ())


MEANS_LEVEL = _rules("providers.rules:MEANS", "means_level_too_low")
MEANS_FOR_SERVICE = _rules("providers.rules:MEANS", "means_for_another_service")
SESSION_KNOWN = Check("providers.sessions:by_key", lenient.by_session_key)
SESSION_LIVE = _rules("providers.session_rules:SESSION", "session_ended")
SESSION_YOUNG = _rules("providers.session_rules:SESSION", "session_too_old")
SESSION_AT_HIGHEST = _rules("providers.session_rules:SESSION", "session_at_highest_level")
SESSION_LEVEL = _rules("providers.session_rules:SESSION", "session_level_too_low")
SESSION_ENOUGH = _rules("providers.session_rules:SESSION", "session_not_enough")
NONCE_OF_COMMAND = Check(
    "providers.session_commands:_opened",
    expression="secret.nonce == nonce_of(command.request_id)",
    instead="True",
)
CONSENT_ASKED = Check(
    "providers.consent_choices:handle",
    expression="not set(choice.shared or ()) <= set(row.asked)",
    instead="False",
)

# --- the registry

QUERIED_ONCE = Check(
    "registry.mandate_queries:_not_awaited", expression="row is not None or ", instead=""
)
QUERIED_BY_CONNECTED = Check("registry.rules:is_connected", lenient.always(True))
AWAITED_BY_REGISTRY = Check("registry.rules:is_awaited", lenient.always(None))
NONCE_OF_REPRESENTATION = Check("registry.rules:compare_digest", lenient.always(True))
ORGANISATION_OFFERED = Check(
    "registry.representation_choices:handle",
    expression="int(choice.option) >= len(query.options)",
    instead="False",
)
SAME_LOGIN = Check(
    "registry.mandate_queries:_verify",
    expression="evidence.message.request_id != query.request_id",
    instead="False",
)
ABOUT_QUERY = Check("registry.rules:is_about", lenient.always(True))
LEVEL_OF_DECLARER = Check(
    "registry.mandate_queries:_verify",
    expression="not evidence.sender.may_declare(result.level)",
    instead="False",
)
LEVEL_QUERIED = _rules("registry.rules:QUERY_RULES", "level_not_reached", "level_below_service")
OFFERED_BY_ASKER = _rules("registry.rules:QUERY_RULES", "service_withdrawn")

CONFIRMED_ONCE = Check("registry.confirmation_queries:is_asked_before", lenient.always(False))
PERMITTED_LEVEL = _rules("registry.rules:CONFIRMATION_RULES", "permit_for_another_level")
OBLIGED = _rules("registry.rules:CONFIRMATION_RULES", "obligation_of_another")
SAME_LOGIN_PERMITTED = Check(
    "registry.confirmation_queries:_verify",
    expression="evidence.message.request_id != query.request_id",
    instead="False",
)
PERMIT_INSIDE = Check(
    "registry.confirmation_queries:_verify",
    expression="not isinstance(permit, Permit) or permit.obligation is None",
    instead="False",
)
CLAIMANT = _rules("registry.chain_rules:LINK_RULES", "other_registry_without_chains")
LINK_KNOWN = Check("registry.candidates:links", lenient.links)
LINK_OF_CLAIMED = _rules("registry.chain_rules:LINK_RULES", "intermediary_mismatch")
CHAINS_OFFERED = Check(
    "registry.chain_information_queries:handle", expression="not asker.chains", instead="False"
)
CHAINS_ASKED = Check(
    "registry.chain_information:handle",
    expression="sender.entity_id not in [each.entity_id for each in asked_of(registry)]",
    instead="False",
)
ASSIGNMENT_KNOWN = Check(
    "registry.chain_information:handle", expression="assignment is None", instead="False"
)
LINK_FITS = Check(
    "registry.administration.assigning:fitting",
    expression=" if _shared(made.services, each)",
    instead="",
)
FOUND_BEFORE = Check(
    "registry.chain_information:handle", expression="assignment.link is not None or ", instead=""
)
LINK_OF_PRINCIPAL = _rules("registry.chain_rules:LINK_RULES", "principal_mismatch")
LINK_RESTRICTION = _rules("registry.chain_rules:LINK_RULES", "restriction_not_allowed")

# --- its administration

OWN_PORTAL = Check(
    "registry.mandate_commands:handle",
    expression="received.sender.entity_id != registry.me.portal",
    instead="False",
)
OWN_PORTAL_FAULT = Check(
    "registry.mandate_commands:faulty",
    expression="fault.sender.entity_id != registry.me.portal",
    instead="False",
)
ASSERTION_INSIDE = Check(
    "registry.mandate_commands:_verified",
    expression="not isinstance(login, Assertion)",
    instead="False",
)
LOGIN_FRESH = Check("registry.administration.actors:is_fresh", lenient.always(True))
DIRECTLY = Check(
    "registry.administration.actors:judge_login",
    expression="login.intermediary is not None or login.legal_subject.vestiging is not None",
    instead="False",
)
SERVICE_AS = Check("registry.administration.actors:service_as", lenient.always(As.MANAGER))
AUTHORITY = Check("registry.mandate_commands:judge_authority", lenient.always(None))
PERMITTED_HERE = Check(
    "registry.administration.loading:actor",
    expression="login.registry != registry.me.entity_id",
    instead="False",
)
COMMAND_ID_INSIDE = Check(
    "registry.mandate_commands:_opened",
    expression="command.command_id != message.request_id",
    instead="False",
)
COMMANDED_BEFORE = Check("registry.mandate_commands:_taken", lambda _: lenient.nothing_taken)
OWN_ORGANISATION = Check("registry.administration.actors:Actor.owns", lenient.always(True))
LEVEL_OF_ACTOR = Check("registry.administration.wanted:level", lenient.always(None))
VESTIGING_OWN = Check("registry.administration.wanted:vestiging", lenient.always(None))
NOT_ADMINISTRATIVE = Check(
    "registry.administration.wanted:services",
    expression="administrative(registry.directory) & set(wanted)",
    instead="False",
)
SERVICES_KNOWN = Check(
    "registry.administration.wanted:services",
    expression="all(registry.catalogue.dienstverleners_of(each) for each in wanted)",
    instead="True",
)
ANOTHER_ORGANISATION = Check("registry.administration.wanted:another", lenient.always(None))
INTERMEDIATION_ALLOWED = Check(
    "registry.administration.wanted:intermediation", lenient.always(None)
)
DIGITALLY = Check(
    "registry.administration.registering:whose",
    expression="CommandRefusal.NOT_AUTHORISED if asked.document is not None else None",
    instead="None",
)
DOCUMENT = Check(
    "registry.administration.registering:whose",
    expression="asked.document is not None and asked.organisation is not None",
    instead="True",
)
PERSON_REGISTERED = Check(
    "registry.administration.registering:mandate",
    expression="None if person else CommandRefusal.PERSON_UNKNOWN",
    instead="None",
)
OWN_EMPLOYEE = Check(
    "registry.administration.assigning:_whose",
    expression="person.organisation != organisation.id",
    instead="False",
)
SECOND_OPERATOR = Check(
    "registry.administration.approving:approve",
    expression="situation.actor.pseudonym in before.approved_by",
    instead="False",
)
FIVE_YEARS = Check(
    "registry.administration.validity:checked",
    expression=" <= latest_end(valid_from)",
    instead="",
)

# --- the dienstverlener

ANSWERS_REQUEST = Check(
    "dienstverlener.verify:_our_request",
    expression="_asked(claims.data) != str(found.message.request_id)",
    instead="False",
)
OWN_REQUEST = Check(
    "schemas.codec:verify_own", expression="sender.entity_id != me.entity_id", instead="False"
)
IN_TIME = Check("dienstverlener.verify:require_in_time", lenient.always(None))
EVIDENCE_OF_LOGIN = Check(
    "dienstverlener.verify:_evidence",
    expression="found.message.request_id != outcome.request_id",
    instead="False",
)
ABOUT_REQUEST = Check("dienstverlener.verify:require_about", lenient.always(None))
BOUND = Check("dienstverlener.verify:require_bound", lenient.always(None))
CONFIRMED = Check("dienstverlener.verify:require_confirmed", lenient.always(None))
LEGAL_KNOWN = Check("dienstverlener.verify:_opened", lenient.opened)
SUBJECT = Check("dienstverlener.verify:require_subject", lenient.always(None))
AS_OFFERED = Check("dienstverlener.verify:require_as_offered", lenient.always(None))
LEVEL_IN_EVIDENCE = Check(
    "dienstverlener.evidence:require_level",
    expression="not evidence.provider.may_declare(evidence.authenticated.level)",
    instead="False",
)
LEVEL_ASSERTED = Check("dienstverlener.verify:require_level", lenient.always(None))

# --- values

ELEVEN = Check("schemas.values:passes_eleven_test", lenient.always(True))
NOT_TWICE = Check("schemas.directory:_refuse_twice", lenient.always(None))
DIRECTORY_TYP = Check(
    "pipeline.keys:read_directory", expression="header.typ != directory_typ()", instead="False"
)
DIRECTORY_IN_TIME = Check("pipeline.keys:require_in_time", lenient.always(None))
DIRECTORY_NEWER = Check(
    "pipeline.keys:Trust._newer",
    expression="newer.version < self._directory.version",
    instead="False",
)
CATALOGUE_TYP = Check("pipeline.catalogue:require_typ", lenient.always(None))
CATALOGUE_KEY = Check("pipeline.catalogue:require_key", lenient.always(None))
CATALOGUE_NEWER = Check("schemas.catalogue:require_newer", lenient.always(None))
CATALOGUE_NOT_TWICE = Check("schemas.catalogue:_refuse_twice", lenient.always(None))
ROWS_RIGHT = Check("herken.catalogue_checks:checked", lenient.unchecked)
REFERENCES = Check(
    "sandbox.scenario_rules:RULES",
    lambda _: tuple(rule for rule in scenario_rules.RULES if rule is not references),
)
