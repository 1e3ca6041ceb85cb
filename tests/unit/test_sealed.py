"""What travels sealed: a number has the form of its type, a legal subject has one at least."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from schemas.administration import operation_of
from schemas.commands import COMMANDS, Scope, ScopeKind
from schemas.sealed import Identifier, LegalSubject, PairwiseSubject, RepresentationOption
from schemas.values import EntityType
from tests.unit.builders import HAVEN, KVK, LOODS, service

PSEUDONYM = "p" * 43
NUMBER = Identifier(type=EntityType.KVKNR, value=KVK)


@pytest.mark.parametrize(
    ("kind", "value", "holds"),
    [
        (EntityType.KVKNR, "90000101", True),
        (EntityType.KVKNR, "900001010", False),
        (EntityType.RSIN, "123456782", True),
        (EntityType.RSIN, "123456789", False),
        (EntityType.RSIN, "000000000", False),
        (EntityType.BSN, "000000012", True),
        (EntityType.BSN, "123456789", False),
        (EntityType.BSN, "90000101", False),
        (EntityType.PSEUDO, PSEUDONYM, True),
        (EntityType.PSEUDO, "90000101", False),
    ],
)
def test_identifier_has_the_form_of_its_type(kind: EntityType, value: str, holds: bool) -> None:
    if holds:
        assert Identifier(type=kind, value=value).value == value
        return
    with pytest.raises(ValidationError) as raised:
        Identifier(type=kind, value=value)
    assert value not in str(raised.value)


def test_legal_subject_is_known_by_one_number_at_least() -> None:
    assert LegalSubject(identifiers=(NUMBER,)).vestiging is None
    with pytest.raises(ValidationError):
        LegalSubject(identifiers=())


@pytest.mark.parametrize(("vestiging", "holds"), [("000000000001", True), ("90000101", False)])
def test_legal_subject_has_a_vestigingsnummer_of_twelve_digits(vestiging: str, holds: bool) -> None:
    if holds:
        assert LegalSubject(identifiers=(NUMBER,), vestiging=vestiging).identifiers == (NUMBER,)
        return
    with pytest.raises(ValidationError):
        LegalSubject(identifiers=(NUMBER,), vestiging=vestiging)


def test_intermediary_is_known_by_its_kvk_number_only() -> None:
    assert PairwiseSubject(pseudonym=PSEUDONYM, intermediary=KVK).intermediary == KVK
    for other in ("123456782", PSEUDONYM):
        with pytest.raises(ValidationError):
            PairwiseSubject(pseudonym=PSEUDONYM, intermediary=other)


def test_option_of_an_organisation_without_a_kvk_number_has_none() -> None:
    assert RepresentationOption(option="0", name="Kerk aan de Vliet").kvk is None


# --- commands


@pytest.mark.parametrize(
    ("scope", "holds"),
    [
        ({"kind": "everything"}, True),
        ({"kind": "everything", "dienstverlener": HAVEN}, False),
        ({"kind": "everything", "services": (service().service_uuid,)}, False),
        ({"kind": "dienstverlener", "dienstverlener": HAVEN}, True),
        ({"kind": "dienstverlener"}, False),
        ({"kind": "services", "services": (service().service_uuid,)}, True),
        ({"kind": "services"}, False),
        (
            {
                "kind": "services",
                "dienstverlener": HAVEN,
                "services": (service().service_uuid,),
            },
            False,
        ),
    ],
)
def test_scope_names_what_its_kind_needs_and_nothing_else(
    scope: dict[str, object], holds: bool
) -> None:
    if holds:
        assert Scope.model_validate(scope).kind is ScopeKind(str(scope["kind"]))
        return
    with pytest.raises(ValidationError, match="a scope names"):
        Scope.model_validate(scope)


def test_operators_of_two_registries_have_services_of_their_own() -> None:
    assert operation_of(HAVEN) == operation_of(HAVEN)
    assert operation_of(HAVEN) != operation_of(LOODS)


@pytest.mark.parametrize("kind", ["appoint", "accept", "nothing"])
def test_command_is_refused_when_it_lacks_what_its_kind_needs(kind: str) -> None:
    with pytest.raises(ValidationError):
        COMMANDS.validate_python({"kind": kind})
