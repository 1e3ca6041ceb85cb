"""A catalogue as a file: nothing is lost on the way there and back, and nothing wrong is missed."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from herken import catalogue_checks as checks
from herken.catalogue import Difference, difference
from herken.catalogue_file import _as_text, _parts, as_csv, as_json, read
from herken.catalogue_rows import HEADINGS, Cells, rows, rows_of
from pipeline.errors import WrongUse
from sandbox import generated
from sandbox.generated import Size
from schemas.catalogue import Catalogue, CatalogueEntry, RequestedAttribute, intermediary_digest
from schemas.directory import Directory
from schemas.values import AttributeName, Intermediation, Level
from tests.unit import builders as b

SMALL = Size(services=60, dienstverleners=12, seed=3)
LARGE = Size()


def catalogue(size: Size = SMALL) -> Catalogue:
    return Catalogue().with_entries(generated.entries(size, b.NOW))


def directory(of: Catalogue) -> Directory:
    return generated.directory(of.entries.values(), b.NOW)


def problems(text: str, of: Directory, folder: Path) -> list[str]:
    """What is wrong in a file with this text, as `line: what`."""
    file = folder / "file.csv"
    file.write_text(text, newline="")
    return [f"{line}: {said}" for line, said in checks.checked(read(file), of).problems]


def entries(text: str, of: Directory, folder: Path) -> list[CatalogueEntry]:
    file = folder / "file"
    file.write_text(text, newline="")
    found = checks.checked(read(file), of)
    assert found.problems == []
    return checks.entries(found, b.NOW)


def only(**changes: Any) -> Cells:
    """The row of a service that is right in the builders' world, with some cells changed."""
    (row,) = rows([b.catalogue_entry([b.service()])])
    return {name: cell for name, cell in {**row, **changes}.items() if cell is not None}


def wrong(some: Iterable[Cells], folder: Path) -> list[str]:
    return problems(as_csv(some), b.world().directory, folder)


# --- there and back


@pytest.mark.parametrize("form", ["csv", "json"])
def test_import_of_an_export_changes_nothing(form: str, tmp_path: Path) -> None:
    known = catalogue()
    some = rows_of(known)
    text = as_csv(some) if form == "csv" else as_json(some, known.version)
    wanted = entries(text, directory(known), tmp_path)
    assert not difference(wanted, known, b.NOW)
    assert {each.dienstverlener: _content(each) for each in wanted} == {
        name: _content(each) for name, each in known.entries.items()
    }


def _content(entry: CatalogueEntry) -> dict[str, Any]:
    return entry.model_dump(exclude={"version", "issued_at"})


def test_every_column_is_used_by_a_generated_catalogue() -> None:
    used = {name for row in rows_of(catalogue(LARGE)) for name in row}
    assert used == set(HEADINGS)


AWKWARD = 'a | b \\ c;\n"quoted", 1: '


@pytest.mark.parametrize("form", ["csv", "json"])
def test_awkward_texts_come_back_as_they_were(form: str, tmp_path: Path) -> None:
    asked = RequestedAttribute(name=AttributeName.FIRST_NAME, required=True, purpose=AWKWARD)
    also = RequestedAttribute(name=AttributeName.COMPANY_NAME, purpose=f"  {AWKWARD}")
    service = b.service(name=AWKWARD.strip(), attributes=(asked, also))
    known = Catalogue().with_entries([b.catalogue_entry([service])])
    some = rows_of(known)
    text = as_csv(some) if form == "csv" else as_json(some, 1)
    (entry,) = entries(text, b.world().directory, tmp_path)
    assert _content(entry) == _content(known.entries[b.HAVEN])


@given(st.lists(st.text(min_size=1)))
def test_the_parts_of_a_list_come_back_as_they_were(parts: list[str]) -> None:
    assert _parts(_as_text(parts)) == parts


def test_a_file_of_a_spreadsheet_is_read(tmp_path: Path) -> None:
    """With a byte order mark, ; between the cells, columns in another order, and YES."""
    row = only()
    headings = sorted(row)
    cells = {**row, "sso": "YES", "restrictable": "No"}
    line = ";".join(_as_text(cells[name]) for name in headings)
    text = f"\ufeff{';'.join(headings)}\r\n{line}\r\n\r\n"
    (entry,) = entries(text, b.world().directory, tmp_path)
    assert _content(entry) == _content(b.catalogue_entry([b.service()]))


def test_a_definition_for_others_only_has_a_row_of_its_own(tmp_path: Path) -> None:
    owner = b.catalogue_entry([b.service()], 1, instances=[])
    user = b.catalogue_entry([b.SERVICES[3]], 2, definitions=[], instances=[_shared()])
    known = Catalogue().with_entries([owner, user])
    wanted = entries(as_csv(rows_of(known)), b.world().directory, tmp_path)
    assert not difference(wanted, known, b.NOW)
    assert [len(each.definitions) for each in wanted] == [1, 0]


def _shared() -> dict[str, Any]:
    uuid = b.service().service_uuid
    return {"service_id": b.LOODS_SERVICE, "service_uuid": uuid, "makelaar": b.DUIN}


def test_an_intermediary_may_be_named_by_its_number(tmp_path: Path) -> None:
    row = only(intermediation="needs-approval", approved=["90000101"])
    (entry,) = entries(as_csv([row]), b.world().directory, tmp_path)
    (instance,) = entry.instances
    assert instance.intermediation is Intermediation.NEEDS_APPROVAL
    expected = intermediary_digest(b.service().service_uuid, "90000101")
    assert instance.approved_intermediaries == (expected,)


# --- what is wrong


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"level": "EH9"}, "2: level: a level is one of EH2, EH2+, EH3, EH4"),
        ({"level": "EH1"}, "2: EH1 ended in 2021: a level is one of EH2, EH2+, EH3, EH4"),
        ({"level": None}, "2: level: is missing"),
        ({"makelaar": None}, "2: makelaar: is missing"),
        ({"dienstverlener": None}, "2: dienstverlener: is missing"),
        ({"dienstverlener_name": None}, "2: dienstverlener_name: is missing"),
        ({"service_uuid": None}, "2: service_uuid: is missing"),
        ({"sso": "maybe"}, "2: sso: must be yes or no"),
        ({"intermediation": "all"}, "2: intermediation: Input should be 'none', 'general', 'own'"),
        ({"attributes": ["Age: x"]}, "2: attributes: Input should be 'urn:etoegang"),
        ({"attributes": ["FirstName"]}, "2: attributes: String should have at least 1 character"),
        ({"entity_types": ["x:KvKnr"]}, "2: entity_types: Input should be a valid integer"),
        ({"entity_types": ["1:BSN"], "level": "EH2"}, "2: BSN as identifier needs a service at"),
        ({"urls": ["nowhere"]}, "2: urls: Input should be a valid URL"),
        ({"approved": ["9000010"]}, "2: approved: String should match pattern"),
        ({"makelaar": b.AAK}, "2: makelaar: the directory has no such makelaar"),
        (
            {"makelaar": b.DUIN.replace("entities:9001", "entities:9002")},
            "2: makelaar: the directory has no such makelaar",
        ),
        (
            {"dienstverlener": b.HAVEN.replace("entities:9001", "entities:9002")},
            "2: dienstverlener: the directory has no such dienstverlener",
        ),
        ({"service_id": b.LOODS_SERVICE}, "2: service_id: has the OIN of another dienstverlener"),
        (
            {"portal_for": [str(b.PERSON)]},
            f"2: portal_for: {b.PERSON} is defined by no row",
        ),
        (
            {"name": None, "description": None, "level": None, "entity_types": None}
            | {"restrictable": None},
            "2: service_uuid: is defined by no row",
        ),
    ],
)
def test_a_row_is_refused_when(changes: Any, said: str, tmp_path: Path) -> None:
    found = wrong([only(**changes)], tmp_path)
    assert [each[: len(said)] for each in found] == [said]


UUID_2 = str(b.PERSON)


@pytest.mark.parametrize(
    ("others", "said"),
    [
        ([only(service_uuid=UUID_2)], ["3: service_id: is also in line 2"]),
        (
            [only(service_id=b.HIGH_SERVICE, level="EH4")],
            ["3: service_uuid: is defined in line 2 already"],
        ),
        (
            [only(dienstverlener=b.LOODS, service_id=b.LOODS_SERVICE)],
            ["3: service_uuid: is defined in line 2 already"],
        ),
        (
            [only(service_id=b.HIGH_SERVICE, dienstverlener_name="Anders")],
            ["3: dienstverlener_name: differs from that in line 2"],
        ),
        (
            [
                only(
                    service_id=b.HIGH_SERVICE,
                    service_uuid=UUID_2,
                    portal_for=[_shared()["service_uuid"]],
                ),
                only(service_id=b.ELSEWHERE, service_uuid=str(b.SUBJECT), portal_for=[UUID_2]),
            ],
            [f"4: portal_for: {UUID_2} is a portal itself"],
        ),
    ],
)
def test_rows_are_refused_together_when(
    others: list[Cells], said: list[str], tmp_path: Path
) -> None:
    others = [
        row | ({"portal_for": list(map(str, row["portal_for"]))} if "portal_for" in row else {})  # type: ignore[arg-type]
        for row in others
    ]
    assert wrong([only(), *others], tmp_path) == said


def test_a_service_may_be_told_in_two_rows_of_its_dienstverlener(tmp_path: Path) -> None:
    assert wrong([only(), only(service_id=b.HIGH_SERVICE)], tmp_path) == []


def test_what_a_broken_row_was_to_define_is_no_second_problem(tmp_path: Path) -> None:
    broken, uses = only(level="EH9"), {**only(), **{k: str(v) for k, v in _shared().items()}}
    uses |= {"dienstverlener": b.LOODS, "dienstverlener_name": "Loods"}
    for name in ("name", "description", "level", "entity_types", "restrictable"):
        del uses[name]
    assert wrong([broken, uses], tmp_path) == [
        "2: level: a level is one of EH2, EH2+, EH3, EH4",
    ]


def test_three_wrong_rows_of_1500_are_all_told_with_their_lines(tmp_path: Path) -> None:
    known = catalogue(LARGE)
    some = rows_of(known)
    assert len(some) == 1500
    some[99]["level"] = "EH9"
    some[749]["makelaar"] = b.AAK
    some[1499]["service_id"] = some[0]["service_id"]
    found = problems(as_csv(some), directory(known), tmp_path)
    assert [each.split(": ")[:2] for each in found] == [
        ["101", "level"],
        ["751", "makelaar"],
        ["1501", "service_id"],
        ["1501", "service_id"],
    ]
    in_json = problems(as_json(some, 1), directory(known), tmp_path)
    assert in_json == found


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has no column dienstverlener"),
        ("dienstverlener,service_uuid,colour\n", "has an unknown column 'colour'"),
        ('dienstverlener,service_uuid\n"open', ":2: it is no CSV"),
        ('{"services": [{]}', ":1: it is no JSON"),
        ('{"version": 1}', 'has no list of "services"'),
    ],
)
def test_a_file_is_refused_as_a_whole_when(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(WrongUse) as told:
        problems(text, b.world().directory, tmp_path)
    assert said in str(told.value)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"colour": "red"}, ["1: colour: there is no such column"]),
        ({"level": 3}, ["1: level: must be text"]),
        ({"urls": "x"}, ["1: urls: must be a list of texts"]),
        ({"urls": [1]}, ["1: urls: must be a list of texts"]),
        ({"sso": "yes", "name": ["x"]}, ["1: name: must be text", "1: sso: must be yes or no"]),
    ],
)
def test_a_row_of_json_is_refused_when(
    changes: dict[str, Any], said: list[str], tmp_path: Path
) -> None:
    text = json.dumps({"services": [{**only(), **changes}]})
    assert problems(text, b.world().directory, tmp_path) == said


def test_a_row_of_json_is_refused_when_it_is_no_object(tmp_path: Path) -> None:
    found = problems('{"services": [7]}', b.world().directory, tmp_path)
    assert found == ["1: no object: there is no such column"]


def test_a_line_with_too_many_cells_is_refused(tmp_path: Path) -> None:
    text = as_csv([only()])
    found = problems(text[:-1] + ",one,more\n", b.world().directory, tmp_path)
    assert found == ["2: too many cells: there is no such column"]


def test_a_line_number_is_that_of_the_rows_first_line(tmp_path: Path) -> None:
    rows_ = [only(description="een\ntwee\ndrie"), only(service_id=b.HIGH_SERVICE, level="EH9")]
    assert wrong(rows_, tmp_path) == ["5: level: a level is one of EH2, EH2+, EH3, EH4"]


# --- what differs


def compared(*services: Any) -> Difference:
    """Between these services, and SERVICE and HIGH_SERVICE of haven and LOODS_SERVICE of loods."""
    known = b.catalogue([b.service(), b.service(b.HIGH_SERVICE, level=Level.EH4), b.SERVICES[3]])
    return difference(list(b.catalogue(services).entries.values()), known, b.NOW)


HAVENS = (b.service(), b.service(b.HIGH_SERVICE, level=Level.EH4))


def test_nothing_is_published_when_only_the_order_differs() -> None:
    assert not compared(b.SERVICES[3], *reversed(HAVENS))


def test_only_entries_that_changed_are_published() -> None:
    found = compared(
        HAVENS[0], b.service(b.HIGH_SERVICE, level=Level.EH3, sso=False), b.SERVICES[3]
    )
    assert found.changed == {b.HIGH_SERVICE: ["level", "sso"]}
    assert (found.added, found.withdrawn) == ({}, {})
    assert [each.dienstverlener for each in found.entries] == [b.HAVEN]


def test_a_service_that_the_file_lacks_is_withdrawn() -> None:
    found = compared(HAVENS[0], b.SERVICES[3])
    assert list(found.withdrawn) == [b.HIGH_SERVICE]
    assert [len(each.instances) for each in found.entries] == [1]


def test_an_entry_is_emptied_when_the_file_lacks_its_dienstverlener() -> None:
    found = compared(*HAVENS)
    (entry,) = found.entries
    assert list(found.withdrawn) == [b.LOODS_SERVICE]
    assert (entry.dienstverlener, entry.instances, entry.definitions) == (b.LOODS, (), ())
    after = Catalogue().with_entries([entry])
    assert not difference([], after, b.NOW)


def test_who_defines_something_new_is_published_before_who_uses_it() -> None:
    new = b.service(b.ELSEWHERE, makelaar=b.DUIN)
    found = compared(b.service(sso=False), HAVENS[1], new, *(b.SERVICES[3],))
    assert list(found.added) == [b.ELSEWHERE]
    uses = b.catalogue_entry([b.SERVICES[3]], 1, definitions=[])
    defines = b.catalogue_entry([*HAVENS, new, b.service(b.NO_SERVICE)], 1)
    known = b.catalogue([*HAVENS, b.SERVICES[3]])
    ordered = difference([uses, defines], known, b.NOW).entries
    assert [each.dienstverlener for each in ordered] == [b.HAVEN, b.LOODS]


# --- generated


def test_a_generated_catalogue_is_the_same_for_the_same_seed() -> None:
    one, same = (generated.entries(LARGE, b.NOW) for _ in range(2))
    other = generated.entries(Size(seed=8), b.NOW)
    assert one == same
    assert rows(one) != rows(other)


@pytest.mark.parametrize(("services", "of"), [(1500, 600), (5, 9), (7, 1), (40, 40)])
def test_a_generated_catalogue_has_the_size_that_was_asked_for(services: int, of: int) -> None:
    found = generated.entries(Size(services, of, makelaars=(b.DUIN, b.KWELDER)), b.NOW)
    assert len(found) == of
    assert sum(len(each.instances) for each in found) == services
    assert {i.makelaar for e in found for i in e.instances} <= {b.DUIN, b.KWELDER}
    assert all(each.oin.startswith("00000099") for each in found)


def test_a_generated_catalogue_is_right_and_every_service_is_found(tmp_path: Path) -> None:
    known = catalogue(LARGE)
    assert problems(as_csv(rows_of(known)), directory(known), tmp_path) == []
    assert len(known.services) == LARGE.services


def test_a_generated_catalogue_is_refused_by_another_network(tmp_path: Path) -> None:
    found = problems(as_csv(rows_of(catalogue())), b.world().directory, tmp_path)
    assert len({each.split(":")[0] for each in found}) == SMALL.services
