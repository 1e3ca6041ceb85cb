"""The invented registry: what is asked about it is in it."""

from __future__ import annotations

import pytest

from benchmarks import registry_data
from benchmarks.registry_data import Size, principal
from registry.kept import Link, Organisation


@pytest.mark.parametrize("size", [Size(1_000, 200), Size(2_000, 400), Size(30, 500)])
def test_principal_of_a_chain_is_the_organisation_whose_link_it_is(size: Size) -> None:
    fields, of_link = list(Organisation.model_fields), list(Link.model_fields)
    id_at, kvk_at, organisation_at = (
        fields.index("id"),
        fields.index("kvk"),
        of_link.index("organisation"),
    )
    kvks = {row[id_at]: row[kvk_at] for row in registry_data._organisations(size)}
    claimed = [principal(number, size).value for number in range(size.chains)]
    assert claimed == [kvks[row[organisation_at]] for row in registry_data._links(size)]
