from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconciler.fleet.yaml_reader import read
from reconciler.openapi.findings import Finding
from reconciler.openapi.judge import Api, judge

SAMPLES = Path(__file__).parent.parent.parent / "objects"


@pytest.fixture
def judged() -> Callable[..., dict[str, Finding]]:
    """Judge one object, given as YAML: findings by pointer."""

    def judged(text: str, kubernetes: str | None = "1.37", **known: Any) -> dict[str, Finding]:
        [document] = read(text.encode(), "x.yaml").documents
        return {each.pointer: each for each in judge(document.value, Api(kubernetes=kubernetes, **known))}

    return judged


@pytest.fixture(scope="session")
def samples() -> list[dict[str, Any]]:
    """Objects of many built-in kinds, all right."""
    return list(yaml.safe_load_all((SAMPLES / "built-in.yaml").read_text()))


@pytest.fixture(scope="session")
def custom_samples() -> list[dict[str, Any]]:
    """Objects of custom kinds, all right."""
    return list(yaml.safe_load_all((SAMPLES / "custom.yaml").read_text()))
