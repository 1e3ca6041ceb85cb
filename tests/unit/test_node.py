"""What a node of our own Kafka is told: with three of them, what compose.yaml tells its three."""

from pathlib import Path
from typing import Any

import yaml

from sandbox.node import Node, properties_of

COMPOSE = Path(__file__).resolve().parents[2] / "compose.yaml"
ITS_OWN = {"KAFKA_HEAP_OPTS", "KAFKA_NODE_ID", "KAFKA_LOG_DIRS"}
ABOUT_ADDRESSES = ("LISTENER", "QUORUM")


def told(count: int, node: int = 0) -> dict[str, str]:
    """The properties of one of so many nodes."""
    nodes = [Node(i, 20_000 + i, 21_000 + i, Path(str(i))) for i in range(1, count + 1)]
    lines = properties_of(nodes[node], nodes).splitlines()
    return dict(line.split("=", maxsplit=1) for line in lines)


def composed() -> dict[str, str]:
    """What compose.yaml tells every node, by Kafka's own names; no addresses."""
    environment: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())["x-kafka-environment"]
    return {
        name.removeprefix("KAFKA_").lower().replace("_", "."): str(value)
        for name, value in environment.items()
        if name.startswith("KAFKA_")
        and name not in ITS_OWN
        and not any(part in name for part in ABOUT_ADDRESSES)
    }


def test_three_nodes_are_told_what_compose_tells() -> None:
    wanted = composed()
    assert len(wanted) >= 10
    assert {name: told(3).get(name) for name in wanted} == wanted


def test_one_node_has_one_copy_of_everything() -> None:
    about_copies = ("replication.factor", "min.isr", "min.insync.replicas")
    copies = {n: v for n, v in told(1).items() if n.endswith(about_copies)}
    assert len(copies) == 7
    assert set(copies.values()) == {"1"}


def test_nodes_differ_in_id_addresses_and_folder_only() -> None:
    one, other = told(3, 0), told(3, 1)
    differing = {name for name in one if one[name] != other[name]}
    assert differing == {"node.id", "listeners", "advertised.listeners", "log.dirs"}
