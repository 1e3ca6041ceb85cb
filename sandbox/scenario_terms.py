"""The words of a scenario file: levels, times, names and numbers as people write them."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    Field,
    TypeAdapter,
    ValidationError,
)
from pydantic_core import PydanticCustomError

from schemas.values import AttributeName, DisplayName, EntityType, Level, Name, Vestigingsnummer

NAME_RULE = "small letters, digits and '-', a letter first, at most 40 characters"
LEVELS = "EH2, EH2+, EH3 or EH4"
TIME_RULE = (
    "Date, time and time zone; or so many days (d) or hours (h) from now: +30d is in 30 days, -1d "
    "was yesterday"
)
_RELATIVE = re.compile(r"([+-])([0-9]{1,5})([dh])")
_UNITS = {"d": timedelta(days=1), "h": timedelta(hours=1)}
_ABSOLUTE = TypeAdapter(AwareDatetime)


def doc(description: str, example: object = None) -> Any:
    """What editors show with a field, and what is said where it lacks or is wrong."""
    examples = None if example is None else [example]
    return Field(description=description, examples=examples)


def _level(value: object) -> object:
    level = Level.parse(value) if isinstance(value, str) else value
    if level is Level.LOA1:
        raise ValueError("EH1 ended in 2021: a level is one of EH2, EH2+, EH3, EH4")
    return level


ShortLevel = Annotated[
    Level,
    BeforeValidator(_level, json_schema_input_type=Literal["EH2", "EH2+", "EH3", "EH4"]),
]
"""A level as people write it: EH2+, EH3, EH4."""


AskedLevel = Annotated[
    Level,
    BeforeValidator(
        lambda value: Level.parse(value) if isinstance(value, str) else value,
        json_schema_input_type=Literal["EH1", "EH2", "EH2+", "EH3", "EH4"],
    ),
]
"""A level as somebody may ask for it, EH1 among them, which ended in 2021."""


def _word_of(kind: type[EntityType] | type[AttributeName]) -> Any:
    """Reads the last word of a URN of the scheme for the whole."""
    words = {each.value.rsplit(":", 1)[1]: each for each in kind}

    def read(value: object) -> object:
        return words.get(value, value) if isinstance(value, str) else value

    return BeforeValidator(read, json_schema_input_type=Literal[tuple(words)])


ShortType = Annotated[EntityType, _word_of(EntityType)]
"""The kind of a number: KvKnr, RSIN, BSN, Pseudo."""
_AttributeWord = _word_of(AttributeName)
ShortAttribute = Annotated[AttributeName, _AttributeWord]
"""FirstName, FamilyName, DateOfBirth, CompanyName, KvKnr."""
ShortName = Annotated[Name, doc(f"Short name, for use in this file: {NAME_RULE}.", "korenmolen")]
ShownName = Annotated[DisplayName, doc("Name that users see: 1 to 64 characters.", "De Molen")]
QuotedVestiging = Annotated[Vestigingsnummer, doc("12 digits in quotes.", "900001010001")]


def _when(text: str) -> str:
    """Raises PydanticCustomError, whose type says what is wrong."""
    try:
        moment(text, datetime.now(UTC))
    except ValidationError as error:
        zone = error.errors()[0]["type"] == "timezone_aware"
        kind = "time_zone_missing" if zone else "time_malformed"
        raise PydanticCustomError(kind, "no time") from None
    return text


When = Annotated[str, AfterValidator(_when)]
"""A time, as it is written: absolute, or from now."""


def moment(text: str, now: datetime) -> datetime:
    """The time that is meant, in UTC. Raises ValueError, OverflowError."""
    relative = _RELATIVE.fullmatch(text)
    if relative is None:
        return _ABSOLUTE.validate_json(json.dumps(text), strict=True).astimezone(UTC)
    sign, count, unit = relative.groups()
    return now.astimezone(UTC) + int(sign + count) * _UNITS[unit]
