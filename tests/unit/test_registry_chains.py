"""A chain at its two registries: each verifies its own half, and believes nothing of the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

import pytest

from pipeline.keys import open_sealed
from pipeline.stage import Batch, Connection, Step
from registry import (
    billing,
    candidates,
    confirmation_queries,
    decisions,
    mandate_queries,
    rules,
    selection,
)
from registry.candidates import Holding
from registry.cases import Candidate, Case
from registry.confirmation_queries import Claimed
from registry.kept import Assignment, Link
from registry.mandate_queries import Declared
from registry.query import Query
from registry.rules import Registry
from schemas.catalogue import EntityTypeSet, RequestedAttribute, intermediary_digest
from schemas.jose import signature_of
from schemas.messages import (
    Confirmation,
    Confirmed,
    Deny,
    MandateDecision,
    Obligation,
    Permit,
    RepresentationPrompt,
)
from schemas.refusals import RefusalCode
from schemas.sealed import (
    ChainClaim,
    Identifier,
    LegalSubject,
    PairwiseSubject,
    RepresentationOptions,
)
from schemas.topics import CONFIRMATIONS, MANDATE_DECISIONS
from schemas.values import AttributeName, EntityType, Intermediation, Level
from tests.unit.builders import (
    DUIN,
    HAVEN,
    HIGH_SERVICE,
    KADE,
    KANTOOR,
    KANTOOR_KVK,
    KVK,
    MOLEN,
    NOW,
    PERSON,
    PIER,
    SIGNATURE,
    STRANGER,
    asked,
    assignment,
    authenticated,
    candidate,
    case,
    catalogue,
    claim,
    confirmation_query,
    directory,
    fault,
    kantoor,
    link,
    mandate,
    mandate_decision,
    mandate_query,
    moment,
    only_message,
    organisation,
    permit,
    query,
    received,
    registry,
    sealed_for,
    service,
    signed,
    world,
)

MOMENT, DAY = timedelta(microseconds=1), timedelta(days=1)
EH2, EH2PLUS, EH3, EH4 = Level.EH2, Level.EH2PLUS, Level.EH3, Level.EH4
DECISION = f"aa.bb.{SIGNATURE}"
VESTIGING, OTHER_VESTIGING = "900001010001", "900001010002"
OF_NOBODY = Identifier(type=EntityType.KVKNR, value="90000888")
OF_MOLEN = Identifier(type=EntityType.KVKNR, value=KVK)


def failed(judged: Case[Any]) -> list[str]:
    """The rules that do not hold."""
    found = [f.rule for f in selection.findings(judged, "") if not f.passed]
    assert selection.suffices(judged) is not bool(found)
    return found


def intermediated(kind: Intermediation, **more: Any) -> Any:
    return asked(service=service(intermediation=kind, **more))


def approved(kvk: str) -> Any:
    digest = intermediary_digest(service().service_uuid, kvk)
    return intermediated(Intermediation.NEEDS_APPROVAL, approved_intermediaries=(digest,))


def without_chains(*names: str) -> Registry:
    """The registry's view of a directory in which these offer no chains."""
    parties = [
        each.model_copy(update={"chains": each.chains and each.name not in names})
        for each in world().directory.participants
    ]
    known = directory(parties)
    me = known.named("kade")
    assert me is not None
    return registry(directory=known, me=me)


OUTSIDE = {"services": (UUID(int=99),)}
RESTRICTABLE = asked(service=service(restrictable=True))

# --- the near half

NEAR: tuple[tuple[str, Case[Assignment]], ...] = (
    ("service_outside_assignment", case(assignment(**OUTSIDE))),
    ("assignment_withdrawn", case(assignment(withdrawn_at=NOW))),
    ("assignment_not_yet_valid", case(assignment(valid_from=NOW + MOMENT))),
    ("assignment_expired", case(assignment(valid_until=NOW))),
    ("assignment_level_too_low", case(assignment(level=EH2PLUS))),
    (
        "portal_level_too_low",
        case(
            assignment(services=(UUID(int=2),)),
            asked=asked(service=service(portal_for=(UUID(int=2),))),
        ),
    ),
    ("restriction_not_allowed", case(assignment(vestiging=VESTIGING))),
    ("intermediation_refused", case(assignment(), asked=intermediated(Intermediation.NONE))),
    ("intermediation_refused", case(assignment(), asked=intermediated(Intermediation.OWN))),
    ("intermediation_refused", case(assignment(), asked=approved(KVK))),
    ("intermediary_without_kvk", case(assignment(), organisation=kantoor(kvk=None))),
    (
        "principal_is_intermediary",
        case(assignment(principal=Identifier(type=EntityType.KVKNR, value=KANTOOR_KVK))),
    ),
    ("registry_without_chains", case(assignment(), asked=asked(registry=without_chains("kade")))),
    ("chain_not_located", case(assignment(registry=None, link=None))),
    ("chain_not_located", case(assignment(link=None))),
    ("chain_not_located", case(assignment(registry=None))),
    (
        "other_registry_without_chains",
        case(assignment(), asked=asked(registry=without_chains("pier"))),
    ),
    ("other_registry_without_chains", case(assignment(registry=DUIN))),
    (
        "other_registry_without_chains",
        case(assignment(registry=STRANGER.replace(":AD:", ":MR:"))),
    ),
)


@pytest.mark.parametrize(("rule", "wrong"), NEAR)
def test_assignment_does_not_suffice_when_a_rule_does_not_hold(
    rule: str, wrong: Case[Assignment]
) -> None:
    assert failed(wrong) == [rule]


@pytest.mark.parametrize(
    "right",
    [
        case(assignment()),
        case(assignment(level=EH4), asked=asked(level=EH4)),
        case(assignment(vestiging=VESTIGING), asked=RESTRICTABLE),
        case(assignment(), asked=approved(KANTOOR_KVK)),
        case(assignment(registry=KADE)),
        case(assignment(valid_from=NOW, valid_until=NOW + MOMENT)),
    ],
)
def test_assignment_suffices_when_every_rule_holds(right: Case[Assignment]) -> None:
    assert failed(right) == []


# --- the far half


def far(held: Link | None = None, **changes: Any) -> Case[Link]:
    """The far half; what is claimed of it is about the link's own organisation."""
    whose = changes.get("organisation", organisation())
    known = [(t, whose.number(t)) for t in (EntityType.KVKNR, EntityType.RSIN)]
    principal = next(Identifier(type=t, value=value) for t, value in known if value)
    return case(held or link(), **{"claim": claim(principal=principal), **changes})


RSIN_ONLY = organisation(kvk=None, rsin="123456782")
BY_RSIN = (EntityTypeSet(number=1, types=(EntityType.RSIN,)),)
NEEDS_KVK = (RequestedAttribute(name=AttributeName.KVK_NUMBER, required=True, purpose="Zaak"),)
FAR: tuple[tuple[str, Case[Link]], ...] = (
    ("intermediary_mismatch", far(claim=claim(intermediary="90000999"))),
    ("intermediary_mismatch", far(link(intermediary="90000999"))),
    ("principal_mismatch", far(claim=claim(principal=OF_NOBODY))),
    ("principal_mismatch", far(organisation=organisation(kvk="90000888"), claim=claim())),
    ("principal_is_intermediary", far(organisation=organisation(kvk=KANTOOR_KVK))),
    ("link_not_accepted", far(link(accepted_at=None))),
    ("service_outside_link", far(link(**OUTSIDE))),
    ("link_withdrawn", far(link(withdrawn_at=NOW))),
    ("link_not_yet_valid", far(link(valid_from=NOW + MOMENT))),
    ("link_expired", far(link(valid_until=NOW))),
    ("link_level_too_low", far(link(level=EH2PLUS))),
    (
        "portal_level_too_low",
        far(link(services=(UUID(int=2),)), asked=asked(service=service(portal_for=(UUID(int=2),)))),
    ),
    (
        "vestiging_mismatch",
        far(link(vestiging=VESTIGING), claim=claim(vestiging=OTHER_VESTIGING), asked=RESTRICTABLE),
    ),
    ("restriction_not_allowed", far(link(vestiging=VESTIGING))),
    ("restriction_not_allowed", far(claim=claim(vestiging=VESTIGING))),
    ("intermediation_refused", far(asked=intermediated(Intermediation.NONE))),
    ("intermediation_refused", far(asked=intermediated(Intermediation.OWN))),
    ("intermediation_refused", far(asked=approved(KVK))),
    ("entity_type_not_available", far(organisation=RSIN_ONLY)),
    (
        "attribute_not_available",
        far(
            organisation=RSIN_ONLY,
            asked=asked(service=service(attributes=NEEDS_KVK, entity_types=BY_RSIN)),
        ),
    ),
    ("registry_without_chains", far(asked=asked(registry=without_chains("kade")))),
    (
        "other_registry_without_chains",
        far(claimed_by=without_chains("pier").directory.named("pier")),
    ),
)


@pytest.mark.parametrize(("rule", "wrong"), FAR)
def test_link_does_not_suffice_when_a_rule_does_not_hold(rule: str, wrong: Case[Link]) -> None:
    assert failed(wrong) == [rule]


@pytest.mark.parametrize(
    "right",
    [
        far(),
        far(link(level=EH4), asked=asked(level=EH4)),
        far(link(vestiging=VESTIGING), asked=RESTRICTABLE),
        far(claim=claim(vestiging=VESTIGING), asked=RESTRICTABLE),
        far(link(vestiging=VESTIGING), claim=claim(vestiging=VESTIGING), asked=RESTRICTABLE),
        far(asked=approved(KANTOOR_KVK)),
        far(organisation=RSIN_ONLY, asked=asked(service=service(entity_types=BY_RSIN))),
    ],
)
def test_link_suffices_when_every_rule_holds(right: Case[Link]) -> None:
    assert failed(right) == []


@pytest.mark.parametrize(("table", "kind"), [(NEAR, Assignment), (FAR, Link)])
def test_every_rule_about_a_chain_is_shown_to_refuse(table: Any, kind: Any) -> None:
    assert {rule for rule, _ in table} == {rule.name for rule in selection.RULES[kind]}


@pytest.mark.parametrize("wrong", [wrong for _, wrong in (*NEAR, *FAR)])
def test_findings_name_nobody(wrong: Case[Any]) -> None:
    text = " ".join(f"{f.saw} {f.needed}" for f in selection.findings(wrong, ""))
    known = {KVK, KANTOOR_KVK, VESTIGING, "Windvanger", "Ganzeveer", "Ans", str(PERSON)}
    assert not [one for one in known if one in text]


# --- the first registry


def queried(*held: Candidate[Any], **changes: Any) -> Step[Query]:
    holding = Holding(True, True, held)
    fields = {"registry": registry(), "authenticated": authenticated(), "holding": holding}
    message = received(mandate_query(declaration=DECISION), "duin")
    return mandate_queries.handle(None, message, Declared(**{**fields, **changes}), moment())


def permitted(step: Step[Query]) -> Permit:
    decision = only_message(step)
    assert isinstance(decision, MandateDecision)
    assert isinstance(decision.result, Permit)
    assert (step.send[0].topic, step.send[0].owner) == (MANDATE_DECISIONS, world().named("duin"))
    return decision.result


def test_chain_is_permitted_with_the_obligation_of_confirmation() -> None:
    step = queried(candidate(assignment(vestiging=None)))
    found = permitted(step)
    assert found.legal is None
    assert found.obligation is not None
    assert found.obligation.registry == PIER
    assert world().keys("pier").open(found.obligation.claim, ChainClaim) == claim()
    assert step.send[0].also == (HAVEN, PIER)


def test_permit_of_a_chain_relies_on_assignment_person_and_intermediary() -> None:
    assert queried(candidate(assignment(revision=2))).relies_on == {
        ("assignments", UUID(int=11)): 2,
        ("people", PERSON): 1,
        ("organisations", KANTOOR): 1,
    }


def test_claim_says_which_vestiging_the_assignment_is_for() -> None:
    known = registry(catalogue=catalogue([service(restrictable=True)]))
    step = queried(candidate(assignment(vestiging=VESTIGING)), registry=known)
    obligation = permitted(step).obligation
    assert obligation is not None
    found = world().keys("pier").open(obligation.claim, ChainClaim)
    assert found == claim(vestiging=VESTIGING)


def acting(found: Permit) -> PairwiseSubject:
    return world().keys("haven").open(found.acting, PairwiseSubject)


def test_pseudonym_is_the_same_directly_and_through_a_chain() -> None:
    own = candidate(mandate(organisation=KANTOOR), organisation=kantoor())
    directly = acting(permitted(queried(own)))
    through = acting(permitted(queried(candidate(assignment()))))
    assert through.pseudonym == directly.pseudonym
    assert (directly.intermediary, through.intermediary) == (None, KANTOOR_KVK)
    for_molen = acting(permitted(queried(candidate(mandate()))))
    assert for_molen.pseudonym != through.pseudonym


def test_only_the_second_registry_can_read_the_claim() -> None:
    found = permitted(queried(candidate(assignment())))
    assert KANTOOR_KVK not in found.model_dump_json()
    assert KVK not in found.model_dump_json()


def shown(step: Step[Query]) -> list[tuple[str, str | None, str | None]]:
    prompt = only_message(step)
    assert isinstance(prompt, RepresentationPrompt)
    front = {world().front.kid: world().front}
    options = open_sealed(prompt.options, RepresentationOptions, front).options
    return [(each.name, each.kvk, each.through) for each in options]


def test_user_sees_through_whom_he_would_act() -> None:
    by_rsin = Identifier(type=EntityType.RSIN, value="123456782")
    others = assignment(id=UUID(int=12), principal=by_rsin, principal_name="Aardappelveiling")
    step = queried(candidate(mandate()), candidate(assignment()), candidate(others))
    assert shown(step) == [
        ("Aardappelveiling", None, "Kantoor De Ganzeveer"),
        ("Korenmolen De Windvanger", KVK, None),
        ("Korenmolen De Windvanger", KVK, "Kantoor De Ganzeveer"),
    ]


def test_chain_is_no_permit_when_it_is_not_located() -> None:
    """The rules look at that first; nothing is declared without what it needs."""
    unlocated = candidate(assignment(link=None))
    with pytest.raises(LookupError):
        decisions.permit(query(), (unlocated,), asked(), moment())


# --- the second registry


def chained(**changes: Any) -> Permit:
    obligation = Obligation(registry=KADE, claim=sealed_for("kade", claim()))
    return permit(**{"legal": None, "obligation": obligation, **changes})


def claimed(held: Link | None = None, **changes: Any) -> Claimed:
    fields = {
        "registry": registry(),
        "permit": chained(),
        "first": world().named("pier"),
        "claim": claim(),
        "link": Candidate(held or link(), organisation()),
    }
    return Claimed(**{**fields, **changes})


def confirming(
    found: Claimed | None = None, row: Query | None = None, **asked_: Any
) -> Step[Query]:
    message = received(confirmation_query(**{"decision": DECISION, **asked_}), "duin")
    return confirmation_queries.handle(row, message, found or claimed(), moment())


def answered(step: Step[Query]) -> Confirmed | Deny:
    found = step.send[0].message
    assert isinstance(found, Confirmation)
    assert (step.send[0].topic, step.send[0].owner) == (CONFIRMATIONS, world().named("duin"))
    assert step.row is None or step.row.confirmed
    return found.result


def confirmed(step: Step[Query]) -> Confirmed:
    result = answered(step)
    assert isinstance(result, Confirmed)
    assert step.send[0].also == (HAVEN,)
    return result


def refused(step: Step[Query]) -> tuple[RefusalCode, str]:
    """What the makelaar is told, and the rule that the row keeps."""
    result = answered(step)
    assert isinstance(result, Deny)
    assert (step.send[0].also, step.changes, step.relies_on) == ((), (), {})
    assert step.row is not None
    return result.code, next(f.rule for f in step.row.findings if not f.passed)


def test_chain_is_confirmed_when_the_link_holds() -> None:
    step = confirming()
    found = confirmed(step)
    assert (found.service, found.services) == (chained().service, chained().services)
    assert (found.level_requested, found.level) == (EH3, EH3)
    assert found.decision_signature == signature_of(DECISION)
    assert step.relies_on == {("links", UUID(int=21)): 1, ("organisations", MOLEN): 1}


def test_represented_is_the_same_as_with_a_direct_mandate() -> None:
    direct = permitted(queried(candidate(mandate())))
    haven = world().keys("haven")
    by_chain = haven.open(confirmed(confirming()).legal, LegalSubject)
    assert by_chain == haven.open(direct.legal or "", LegalSubject)
    assert KVK not in confirmed(confirming()).model_dump_json()


@pytest.mark.parametrize(
    ("of_permit", "of_link", "used"),
    [(EH3, EH3, EH3), (EH3, EH4, EH3), (EH4, EH3, EH3), (EH4, EH4, EH4)],
)
def test_level_is_the_lower_of_both_halves(of_permit: Level, of_link: Level, used: Level) -> None:
    found = claimed(link(level=of_link), permit=chained(level=of_permit))
    assert confirmed(confirming(found)).level is used


@pytest.mark.parametrize(
    ("of_link", "of_claim", "told"),
    [
        (None, None, None),
        (VESTIGING, None, VESTIGING),
        (None, VESTIGING, VESTIGING),
        (VESTIGING, VESTIGING, VESTIGING),
    ],
)
def test_vestiging_is_that_of_either_half(
    of_link: str | None, of_claim: str | None, told: str | None
) -> None:
    known = registry(catalogue=catalogue([service(restrictable=True)]))
    found = claimed(link(vestiging=of_link), claim=claim(vestiging=of_claim), registry=known)
    legal = world().keys("haven").open(confirmed(confirming(found)).legal, LegalSubject)
    assert legal.vestiging == told


PORTAL = service(portal_for=(UUID(int=1), UUID(int=2), UUID(int=81)), level=EH3)


def test_services_are_those_of_both_halves() -> None:
    known = registry(
        catalogue=catalogue(
            [
                PORTAL.model_copy(update={"service_uuid": UUID(int=50)}),
                *(
                    each
                    for each in world().catalogue.services.values()
                    if each.service_id != PORTAL.service_id
                ),
                service(service_id=PORTAL.service_id[:-1] + "8", service_uuid=UUID(int=1)),
            ]
        )
    )
    both = (UUID(int=1), UUID(int=81))
    found = claimed(
        link(services=(UUID(int=81), UUID(int=2))), permit=chained(services=both), registry=known
    )
    assert confirmed(confirming(found)).services == (UUID(int=81),)
    apart = claimed(link(services=(UUID(int=2),)), permit=chained(services=both), registry=known)
    assert refused(confirming(apart)) == (RefusalCode.NO_MANDATE, "service_outside_link")


@pytest.mark.parametrize(
    ("found", "asked_", "refusal"),
    [
        (
            claimed(permit=None, link=None, claim=None, fault="signature_invalid"),
            {},
            (RefusalCode.PARTICIPANT_FAULT, "declaration_not_trusted"),
        ),
        (claimed(), {"deadline": NOW}, (RefusalCode.DEADLINE_PASSED, "deadline_passed")),
        (
            claimed(permit=chained(request_digest="x" * 43)),
            {},
            (RefusalCode.PARTICIPANT_FAULT, "declaration_of_another_login"),
        ),
        (
            claimed(permit=chained(level=EH2)),
            {},
            (RefusalCode.PARTICIPANT_FAULT, "level_not_reached"),
        ),
        (
            claimed(permit=chained(level_requested=EH2)),
            {},
            (RefusalCode.PARTICIPANT_FAULT, "permit_for_another_level"),
        ),
        (
            claimed(
                permit=chained(
                    obligation=Obligation(registry=PIER, claim=sealed_for("kade", claim()))
                )
            ),
            {},
            (RefusalCode.PARTICIPANT_FAULT, "obligation_of_another"),
        ),
        (
            claimed(permit=chained(obligation=None)),
            {},
            (RefusalCode.PARTICIPANT_FAULT, "obligation_of_another"),
        ),
        (
            claimed(registry=registry(catalogue=catalogue([service(HIGH_SERVICE)]))),
            {},
            (RefusalCode.SERVICE_WITHDRAWN, "service_withdrawn"),
        ),
        (claimed(link=None), {}, (RefusalCode.NO_MANDATE, "link_unknown")),
        (claimed(link(withdrawn_at=NOW)), {}, (RefusalCode.NO_MANDATE, "link_withdrawn")),
        (claimed(link(accepted_at=None)), {}, (RefusalCode.NO_MANDATE, "link_not_accepted")),
    ],
)
def test_chain_is_refused_with_a_code_for_the_makelaar_and_a_reason_of_its_own(
    found: Claimed, asked_: dict[str, Any], refusal: tuple[RefusalCode, str]
) -> None:
    assert refused(confirming(found, **asked_)) == refusal


def test_every_rule_about_a_confirmation_is_of_a_query_or_shown_to_refuse() -> None:
    own = {rule.name for rule in rules.CONFIRMATION_RULES} - {r.name for r in rules.QUERY_RULES}
    assert own == {"permit_for_another_level", "obligation_of_another"}


# --- both halves at one registry


def test_one_registry_answers_both_halves_of_a_login() -> None:
    step = queried(candidate(assignment(registry=KADE)))
    obligation = permitted(step).obligation
    assert obligation is not None
    assert step.send[0].also == (HAVEN, KADE)
    second = confirming(claimed(first=world().named("kade")), step.row)
    assert confirmed(second).level is EH3
    assert second.row is not None
    assert step.row is not None
    assert second.row.findings[: len(step.row.findings)] == step.row.findings
    assert {f.about for f in second.row.findings} == {"", "assignment", "link"}


def test_users_choice_stays_open_when_a_confirmation_is_asked_too_early() -> None:
    row = query(options=((UUID(int=1),), (UUID(int=2),)), nonce="n" * 32)
    step = confirming(claimed(permit=None, link=None, fault="kid_unknown"), row)
    assert step.row is not None
    assert (step.row.is_open, step.row.nonce, step.row.options) == (True, row.nonce, row.options)


@pytest.mark.parametrize(
    "row", [query(confirmed=True), query(makelaar=DUIN.replace("001000", "002000"))]
)
def test_confirmation_is_asked_once_by_the_makelaar_whose_login_it_is(row: Query) -> None:
    assert confirming(row=row) == Step(reject="asked_before")
    again = confirmation_queries.faulty(row, fault("expired", "duin"), registry(), moment())
    assert again == Step(reject="expired")


def test_confirmation_is_not_asked_by_a_makelaar_that_the_service_is_not_connected_to() -> None:
    asked = received(confirmation_query(), "aak")
    step = confirmation_queries.handle(None, asked, claimed(), moment())
    assert step == Step(reject="not_connected")


def test_confirmation_is_rejected_when_nobody_signed_it() -> None:
    unsigned = received(confirmation_query())
    step = confirmation_queries.handle(None, unsigned, claimed(), moment())
    assert step == Step(reject="asked_before")


@pytest.mark.parametrize(
    ("found", "code"),
    [
        ("expired", RefusalCode.DEADLINE_PASSED),
        ("malformed", RefusalCode.PARTICIPANT_FAULT),
    ],
)
def test_faulty_confirmation_query_is_answered(found: str, code: RefusalCode) -> None:
    step = confirmation_queries.faulty(None, fault(found, "duin"), registry(), moment())
    assert answered(step) == Deny(code=code)


# --- the permit inside the query


def decision(result: Any = None, sender: str = "pier", **by: Any) -> str:
    message = mandate_decision(result or chained())
    fields = {"audience": (DUIN, HAVEN, KADE), **by}
    return signed(MANDATE_DECISIONS, "duin", message, sender, **fields).value.decode()


@pytest.fixture(autouse=True)
def _kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one link of these tests."""

    async def links(_: Connection, ids: Iterable[UUID]) -> dict[UUID, Candidate[Link]]:
        return {i: Candidate(link(), organisation()) for i in ids if i == link().id}

    monkeypatch.setattr(candidates, "links", links)


async def verified(*texts: str) -> list[Claimed]:
    queries = [received(confirmation_query(decision=text), "duin") for text in texts]
    batch = Batch(cast("Connection", None), queries, lambda _: None, registry(), NOW)
    return list(await confirmation_queries.facts(world().keys("kade"))(batch))


async def test_link_is_the_one_that_the_first_registry_claims() -> None:
    unknown = Obligation(registry=KADE, claim=sealed_for("kade", claim(link=UUID(int=77))))
    known, other = await verified(decision(), decision(chained(obligation=unknown)))
    assert (known.permit, known.first, known.claim) != (None, None, None)
    assert known.link == Candidate(link(), organisation())
    assert (other.claim, other.link) == (claim(link=UUID(int=77)), None)


async def test_own_permit_is_verified_as_any_other() -> None:
    (found,) = await verified(decision(sender="kade"))
    assert (found.first, found.claim) == (world().named("kade"), claim())


@pytest.mark.parametrize(
    "untrusted",
    [
        lambda: DECISION,
        lambda: decision()[:-20] + "A" * 20,
        lambda: decision(audience=(DUIN, HAVEN)),
        lambda: decision(sender="aak"),
        lambda: decision(now=NOW - timedelta(hours=1)),
        lambda: decision(Deny(code=RefusalCode.NO_MANDATE)),
        lambda: decision(permit()),
        lambda: decision(
            chained(obligation=Obligation(registry=KADE, claim=sealed_for("pier", claim())))
        ),
        lambda: decision(
            chained(obligation=Obligation(registry=KADE, claim=sealed_for("kade", service())))
        ),
    ],
)
async def test_permit_is_trusted_for_nothing_when_it_does_not_hold(
    untrusted: Callable[[], str],
) -> None:
    bad, good = await verified(untrusted(), decision())
    assert (bad.permit, bad.claim, bad.link) == (None, None, None)
    assert bad.fault
    assert good.link is not None


async def test_permit_of_another_login_is_trusted_for_nothing() -> None:
    query_ = received(confirmation_query(decision=decision(), request_id=UUID(int=3)), "duin")
    batch = Batch(cast("Connection", None), [query_], lambda _: None, registry(), NOW)
    (found,) = await confirmation_queries.facts(world().keys("kade"))(batch)
    assert (found.permit, found.fault) == (None, "another login's")


# --- billing


async def test_login_through_a_chain_is_charged_to_the_represented_once() -> None:
    class Recorded:
        def __init__(self) -> None:
            self.values: list[tuple[Any, ...]] = []

        async def execute(self, _: str, *values: Any) -> None:
            self.values.append(values)

    connection = Recorded()
    (change,) = confirming().changes
    await change(cast("Connection", connection))
    later = NOW + DAY
    again = billing.chain_login(registry(), organisation(), mandate_query().request_id, later)
    await again.change(cast("Connection", connection))
    (first, second) = connection.values
    assert first[0] == second[0]
    assert first[1:4] == ("chain-login", KVK, "2026-03")
