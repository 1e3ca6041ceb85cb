from pathlib import Path

import yaml

from sandbox.scenario import Scenario


def load(path: Path) -> Scenario:
    return Scenario.model_validate(yaml.safe_load(path.read_text()))
