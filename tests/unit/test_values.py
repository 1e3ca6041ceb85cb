"""Identifiers and levels: what is one, what is not, and what an error does not repeat."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from schemas import values as v
from schemas.values import Level, Role, Value, passes_eleven_test, role_of

steady = settings(database=None, derandomize=True)
WEIGHTS = (9, 8, 7, 6, 5, 4, 3, 2)


class Holder(Value):
    bsn: v.BSN


def accepts(kind: Any, value: object) -> bool:
    try:
        return bool(TypeAdapter(kind).validate_python(value) == value)
    except ValidationError:
        return False


# --- levels


@pytest.mark.parametrize(("lower", "higher"), list(pairwise(Level)))
def test_levels_rise_in_the_order_of_the_scheme(lower: Level, higher: Level) -> None:
    assert lower < higher
    assert higher > lower
    assert lower <= lower  # noqa: PLR0124
    assert max(lower, higher) is higher


def test_levels_are_those_of_the_scheme() -> None:
    tails = [level.value.removeprefix("urn:etoegang:core:assurance-class:") for level in Level]
    assert tails == ["loa1", "loa2", "loa2plus", "loa3", "loa4"]
    assert [str(level) for level in Level] == ["EH1", "EH2", "EH2+", "EH3", "EH4"]


def test_level_order_is_refused_when_compared_with_something_else() -> None:
    with pytest.raises(TypeError):
        _ = Level.EH3 < "EH4"


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("EH2", Level.EH2),
        ("EH2+", Level.EH2PLUS),
        ("eh2+", Level.EH2PLUS),
        ("eh2plus", Level.EH2PLUS),
        ("loa2plus", Level.EH2PLUS),
        (" EH3 ", Level.EH3),
        ("LOA4", Level.EH4),
        ("urn:etoegang:core:assurance-class:loa2", Level.EH2),
    ],
)
def test_level_is_parsed_as_people_write_it(text: str, level: Level) -> None:
    assert Level.parse(text) is level


@pytest.mark.parametrize("text", ["", "EH", "EH5", "EH3+", "3", "urn:etoegang:core:loa3"])
def test_level_is_refused_when_there_is_no_such_level(text: str) -> None:
    with pytest.raises(ValueError, match="one of EH2"):
        Level.parse(text)


# --- the 11-proef


@pytest.mark.parametrize("digits", ["123456782", "000000012", "111222333"])
def test_eleven_test_passes_when_the_weighted_sum_divides(digits: str) -> None:
    assert passes_eleven_test(digits)


@pytest.mark.parametrize(
    "digits",
    [
        "",
        "000000000",
        "123456789",
        "12345678",
        "1234567820",
        "12345678x",
        "-23456782",
        "１２３４５６７８２",
    ],
)
def test_eleven_test_fails_when_it_is_no_such_number(digits: str) -> None:
    assert not passes_eleven_test(digits)


@st.composite
def elevens(draw: st.DrawFn) -> str:
    """Nine digits that pass: the last one is what the first eight ask for."""
    first = draw(st.lists(st.integers(0, 9), min_size=8, max_size=8).filter(any))
    check = sum(w * d for w, d in zip(WEIGHTS, first, strict=True)) % 11
    return "".join(map(str, first)) + str(check) if check < 10 else "123456782"


@steady
@given(elevens())
def test_eleven_test_passes_when_the_last_digit_is_what_the_others_ask_for(digits: str) -> None:
    assert passes_eleven_test(digits)


@steady
@given(elevens(), st.integers(0, 8), st.integers(1, 9))
def test_eleven_test_fails_when_one_digit_is_changed(digits: str, place: int, by: int) -> None:
    wrong = str((int(digits[place]) + by) % 10)
    assert not passes_eleven_test(digits[:place] + wrong + digits[place + 1 :])


@steady
@given(elevens(), st.integers(0, 6))
def test_eleven_test_fails_when_neighbours_change_places(digits: str, place: int) -> None:
    one, other = digits[place], digits[place + 1]
    swapped = digits[:place] + other + one + digits[place + 2 :]
    assert passes_eleven_test(swapped) is (one == other)


@pytest.mark.parametrize("kind", [v.BSN, v.RSIN])
def test_leading_zeros_are_kept(kind: Any) -> None:
    assert TypeAdapter(kind).validate_python("000000012") == "000000012"


@pytest.mark.parametrize("kind", [v.BSN, v.RSIN, v.KvK, v.OIN])
def test_a_number_is_refused_when_it_is_no_text(kind: Any) -> None:
    assert not accepts(kind, 123456782)


# --- identifiers

OIN_TEST, OIN_KVK, OIN_RSIN = "00000099000000004000", "00000003900001010000", "00000001123456782000"


@pytest.mark.parametrize("oin", [OIN_TEST, OIN_KVK, OIN_RSIN])
def test_oin_is_accepted_when_its_prefix_says_what_its_number_is(oin: str) -> None:
    assert accepts(v.OIN, oin)


@pytest.mark.parametrize(
    "oin",
    [
        "00000001123456789000",  # fails the 11-proef
        "00000001123456782001",  # RSIN is nine digits, then zeros
        "00000001000000000000",
        "00000003900001010001",  # KvK is eight digits, then zeros
        "00000002900001010000",  # no such register here
        "0000009900000000400",
        "000000990000000040000",
        "0000009900000000400x",
        "00000099000000004000\n",
    ],
)
def test_oin_is_refused_when_it_is_of_no_register(oin: str) -> None:
    assert not accepts(v.OIN, oin)


@pytest.mark.parametrize("role", list(Role))
def test_entity_id_says_its_role(role: Role) -> None:
    entity = f"urn:etoegang:{role}:{OIN_TEST}:entities:9001"
    assert accepts(v.EntityID, entity)
    assert role_of(entity) is role


@pytest.mark.parametrize(
    "entity",
    [
        f"urn:etoegang:EB:{OIN_TEST}:entities:9001",
        f"urn:etoegang:dv:{OIN_TEST}:entities:9001",
        f"urn:etoegang:DV:{OIN_TEST}:entities:901",
        f"urn:etoegang:DV:{OIN_TEST}:entities:90010",
        f"urn:etoegang:DV:{OIN_TEST}:services:9001",
        "urn:etoegang:DV:00000002900001010000:entities:9001",
        f" urn:etoegang:DV:{OIN_TEST}:entities:9001",
        f"urn:etoegang:DV:{OIN_TEST}:entities:9001 ",
    ],
)
def test_entity_id_is_refused_when_its_form_is_another(entity: str) -> None:
    assert not accepts(v.EntityID, entity)
    with pytest.raises(ValueError, match=r"EntityID|OIN"):
        role_of(entity)


@pytest.mark.parametrize(
    ("service", "holds"),
    [
        (f"urn:etoegang:DV:{OIN_TEST}:services:0", True),
        (f"urn:etoegang:DV:{OIN_KVK}:services:9999", True),
        (f"urn:etoegang:DV:{OIN_TEST}:services:", False),
        (f"urn:etoegang:DV:{OIN_TEST}:services:10000", False),
        (f"urn:etoegang:HM:{OIN_TEST}:services:1", False),
        ("urn:etoegang:DV:00000001123456789000:services:1", False),
    ],
)
def test_service_id_has_one_form(service: str, holds: bool) -> None:
    assert accepts(v.ServiceID, service) is holds


URL_SAFE = "aZ0-_"
FORMS = [
    (v.KvK, "00000000", True),
    (v.KvK, "9000010", False),
    (v.KvK, "900001010", False),
    (v.KvK, "90000101\n", False),
    (v.KvK, "９0000101", False),
    (v.Vestigingsnummer, "000000000001", True),
    (v.Vestigingsnummer, "00000000001", False),
    (v.Name, "polder-2", True),
    (v.Name, "a" * 40, True),
    (v.Name, "a" * 41, False),
    (v.Name, "2polder", False),
    (v.Name, "Polder", False),
    (v.Name, "pol.der", False),
    (v.DisplayName, "", False),
    (v.DisplayName, "x" * 64, True),
    (v.DisplayName, "x" * 65, False),
    (v.Nonce, "n" * 21, False),
    (v.Nonce, URL_SAFE + "n" * 17, True),
    (v.Nonce, "n" * 64, True),
    (v.Nonce, "n" * 65, False),
    (v.Nonce, "é" * 22, False),
    (v.Digest, "d" * 42, False),
    (v.Digest, "d" * 43, True),
    (v.Digest, "d" * 44, False),
    (v.Digest, "é" * 43, False),
    (v.Jws, "a.b.c", True),
    (v.Jws, "a..c", False),
    (v.Jws, "a.b", False),
    (v.Jws, "a.b.c.d", False),
    (v.Jws, "a.b.é", False),
    (v.Sealed, "a..c.d.e", True),
    (v.Sealed, "a.b.c.d.e", True),
    (v.Sealed, "a.b.c.d", False),
    (v.Sealed, "a.b.c.d.e=", False),
    (v.Sealed, "a.é.c.d.e", False),
]


@pytest.mark.parametrize(("kind", "text", "holds"), FORMS)
def test_form_is_kept_at_its_bounds(kind: Any, text: str, holds: bool) -> None:
    assert accepts(kind, text) is holds


# --- values


def test_error_does_not_repeat_the_value_when_it_is_refused() -> None:
    with pytest.raises(ValidationError) as raised:
        Holder(bsn="123456789")
    assert "11-proef" in str(raised.value)
    assert "123456789" not in str(raised.value)


def test_value_is_closed_and_does_not_change() -> None:
    with pytest.raises(ValidationError):
        Holder(bsn="123456782", name="Ans")  # type: ignore[call-arg]
    with pytest.raises(ValidationError):
        Holder(bsn="123456782").bsn = "000000012"  # type: ignore[misc]


# --- the scheme's own words


@pytest.mark.parametrize(
    ("level", "eidas"),
    [
        (Level.EH2, "http://eidas.europa.eu/LoA/low"),
        (Level.EH2PLUS, "http://eidas.europa.eu/LoA/low"),
        (Level.EH3, "http://eidas.europa.eu/LoA/substantial"),
        (Level.EH4, "http://eidas.europa.eu/LoA/high"),
    ],
)
def test_level_has_its_counterpart_of_eidas(level: Level, eidas: str) -> None:
    assert level.eidas == eidas


def test_level_that_ended_has_no_counterpart_of_eidas() -> None:
    with pytest.raises(ValueError, match="ended in 2021"):
        _ = Level.LOA1.eidas


def test_kinds_of_numbers_are_those_of_the_scheme() -> None:
    urn = "urn:etoegang:1.9:EntityConcernedID:"
    tails = [kind.value.removeprefix(urn) for kind in v.EntityType]
    assert tails == ["KvKnr", "RSIN", "BSN", "Pseudo"]


@pytest.mark.parametrize(
    ("name", "urn", "personal"),
    [
        ("FIRST_NAME", "urn:etoegang:1.9:attribute:FirstName", True),
        ("FAMILY_NAME", "urn:etoegang:1.9:attribute:FamilyName", True),
        ("DATE_OF_BIRTH", "urn:etoegang:1.9:attribute:DateOfBirth", True),
        ("COMPANY_NAME", "urn:etoegang:1.11:attribute-represented:CompanyName", False),
        ("KVK_NUMBER", "urn:etoegang:1.11:attribute-represented:KvKnr", False),
    ],
)
def test_attribute_is_personal_when_the_provider_delivers_it(
    name: str, urn: str, personal: bool
) -> None:
    attribute = v.AttributeName[name]
    assert attribute.value == urn
    assert attribute.is_personal is personal
    assert len(v.AttributeName) == 5


def test_intermediation_is_one_of_four() -> None:
    assert {str(kind) for kind in v.Intermediation} == {"none", "general", "own", "needs-approval"}
