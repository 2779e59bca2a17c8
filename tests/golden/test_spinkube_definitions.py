"""Golden SpinApps, executors and shims against the definitions that SpinKube itself publishes, with unknown fields refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

pytestmark = pytest.mark.corpus

_HERE = Path(__file__).parent
_KINDS = {
    "SpinApp": "core.spinkube.dev_spinapps",
    "SpinAppExecutor": "core.spinkube.dev_spinappexecutors",
    "Shim": "runtime.spinkube.dev_shims",
}


def _closed(schema: Any) -> Any:
    """Give a schema that refuses what it does not name, as the API server does with strict field validation."""
    if isinstance(schema, list):
        return [_closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("x-kubernetes-int-or-string"):
        return {"type": ["integer", "string"]}
    closed = {key: _closed(value) for key, value in schema.items() if key != "format"}
    if isinstance(schema.get("properties"), dict) and schema.get("type") == "object":
        closed["properties"] = {name: _closed(below) for name, below in schema["properties"].items()}
        closed.setdefault("additionalProperties", False)
    return closed


def _golden(kind: str) -> list[tuple[str, Any]]:
    found = []
    for path in sorted(_HERE.glob("*/*.yaml")):
        objects = yaml.safe_load_all(path.read_text(encoding="utf-8"))
        found += [
            (f"{path.parent.name}/{path.stem} {obj['metadata']['name']}", obj) for obj in objects if obj["kind"] == kind
        ]
    return found


@pytest.mark.parametrize("kind", sorted(_KINDS))
def test_golden_objects_fit_spinkubes_own_definition(kind: str, corpus: Path) -> None:
    definition = yaml.safe_load((corpus / "crds" / f"{_KINDS[kind]}.yaml").read_text())
    (version,) = [each for each in definition["spec"]["versions"] if each["name"] == "v1alpha1"]
    schema = _closed(version["schema"]["openAPIV3Schema"])
    schema["properties"]["metadata"] = {"type": "object"}
    validator = jsonschema.Draft202012Validator(schema)
    objects = _golden(kind)
    faults = [
        f"{name}: {error.json_path} {error.message}" for name, obj in objects for error in validator.iter_errors(obj)
    ]
    assert objects
    assert faults == []
