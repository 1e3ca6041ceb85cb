"""Settings, from the environment. Each has `HERKEN_` before its name."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self
from urllib.parse import quote, urlsplit, urlunsplit

from pydantic import Field, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

from pipeline.errors import WrongUse
from schemas.administration import ChargeKind


class FromEnvironment(BaseSettings):
    """Read from the environment; what is missing or wrong is named."""

    model_config = SettingsConfigDict(env_prefix="HERKEN_", frozen=True, extra="ignore")

    @classmethod
    def read(cls) -> Self:
        """Raises WrongUse, naming the variables."""
        try:
            return cls()
        except ValidationError as error:
            raise WrongUse(
                f"{'; '.join(_wrong(e) for e in error.errors(include_input=False))}. `herken up` "
                "prints the lines to copy into this terminal"
            ) from None


def _wrong(error: ErrorDetails) -> str:
    name = f"HERKEN_{str(error['loc'][0]).upper()}"
    return f"set {name}" if error["type"] == "missing" else f"{name} is wrong: {error['msg']}"


class Settings(FromEnvironment):
    """Where the servers and files are, and the choices that the scheme leaves open.

    kafka                bootstrap servers, `host:port`, comma-separated
    postgres             DSN of the database, without a role's own user
    network              folder with what everybody may know
    secrets              folder with what one participant may know, a folder each
    health_host          address that /live and /ready are served on
    health_port          their port; 0: none
    deadline_seconds     CHOICE: how long a login may take, at most as long as a provider's
                         declaration is valid (600); a request can ask for less
    attempts             CHOICE: wrong answers in one login before it is refused
    busy_after_seconds   CHOICE: how much longer than usual a login may wait in a role's topics;
                         where it does, and the role does not catch up, it is refused as `busy`
    dead_letter_share    CHOICE: a stage stops where more than this share of the last 1,000
                         messages were dead letters; 1 lets it go on whatever comes
    authenticated_within_seconds  CHOICE: how long ago who administers mandates may have proved who
                         he is
    prices               CHOICE: cents for each kind of charge, as JSON: {"registration": 500}
    instance             name of this process among those of the same role: killed and started again
                         under it, it has its partitions back at once; empty: it is a new one each
                         time, and they wait until the old one is missed, 6 s
    batch_wait_ms        how long a stage rests after it waited for records in vain
    sweep_seconds        how often deadlines are looked at
    ledger_hours         how long a role remembers what it handled: longer than Kafka keeps what it
                         reads, or what comes again is decided anew
    claims_days          how long what can be used once counts as used: request IDs, codes, commands
                         Source: [AS] message IDs unique for at least 12 months
    log_level            what is logged: DEBUG, INFO, WARNING, ERROR
    """

    kafka: str
    postgres: str = ""
    network: Path
    secrets: Path
    health_host: str = "127.0.0.1"
    health_port: int = Field(default=0, ge=0, le=65535)
    deadline_seconds: int = Field(default=300, ge=1, le=600)
    attempts: int = Field(default=3, ge=1, le=10)
    busy_after_seconds: float = Field(default=5.0, ge=0.1, le=600)
    dead_letter_share: float = Field(default=0.5, gt=0, le=1)
    authenticated_within_seconds: int = Field(default=900, ge=1, le=86_400)
    prices: dict[ChargeKind, Annotated[int, Field(ge=0)]] = {}
    instance: str = Field(default="", max_length=64, pattern=r"^[A-Za-z0-9._-]*$")
    batch_wait_ms: int = Field(default=10, ge=1, le=1000)
    sweep_seconds: float = Field(default=0.25, gt=0, le=10)
    ledger_hours: float = Field(default=48, ge=0.02, le=87_600)
    claims_days: float = Field(default=366, gt=0, le=3660)
    log_level: str = "INFO"


class Files(FromEnvironment):
    """Where a network's files are, for who needs no servers."""

    network: Path
    secrets: Path


def database_user(participant: str) -> str:
    """A participant's database user, and the name of its schema."""
    return participant.replace("-", "_")


def role_dsn(admin: str, user: str, password: str) -> str:
    """The DSN of one role: the same server and database, its own user."""
    parts = urlsplit(admin)
    host = parts.netloc.rsplit("@", 1)[-1]
    return urlunsplit(parts._replace(netloc=f"{quote(user)}:{quote(password)}@{host}"))
