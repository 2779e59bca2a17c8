"""Writes schemas/kubernetes.json: the schemas of the built-in kinds of each Kubernetes version that is supported.

    python -m maintain.kubernetes_schemas [VERSION …]      # 1.36.3 1.37.2; default: the newest patches of the versions below

The source is the module k8s.io/kubernetes of each version, got with `go mod download`: the OpenAPI v3 documents that it holds, and
the enumerations in its generated Go code, which those documents leave out. What is equal in several versions is written once.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from reconciler import data
from reconciler.openapi.compact import compact

VERSIONS = ("1.30", "1.31", "1.32", "1.33", "1.34", "1.35", "1.36", "1.37")
_FUNCTION = re.compile(r"^func schema_(\w+)\(ref ")
_FIELD = re.compile(r'^(\t+)"([^"]+)": \{$')
_ENUM = re.compile(r"^(\t+)Enum: +\[\]interface\{\}\{(.*)\},$")


def module(version: str) -> Path:
    """Give the folder of a version's module, downloaded where it is not there."""
    command = ["go", "mod", "download", "-json", f"k8s.io/kubernetes@v{version}"]
    found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return Path(found["Dir"])


def newest(minors: tuple[str, ...]) -> list[str]:
    """Give the newest patch of each minor version."""
    command = ["go", "list", "-m", "-versions", "k8s.io/kubernetes"]
    every = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[1:]
    stable = [each.removeprefix("v") for each in every if re.fullmatch(r"v1\.[0-9]+\.[0-9]+", each)]
    return [
        max((each for each in stable if each.startswith(f"{minor}.")), key=lambda each: int(each.split(".")[2]))
        for minor in minors
    ]


def documents(folder: Path) -> Iterator[dict[str, Any]]:
    """Give the OpenAPI documents of a module, with the enumerations of its Go code."""
    names = enumerations(folder / "pkg" / "generated" / "openapi" / "zz_generated.openapi.go")
    for path in sorted((folder / "api" / "openapi-spec" / "v3").glob("*.json")):
        document = json.loads(path.read_text(encoding="utf-8"))
        for name, schema in ((document.get("components") or {}).get("schemas") or {}).items():
            for field, values in names.get(_function(name), {}).items():
                below = schema["properties"][field]
                (below["items"] if below.get("type") == "array" else below)["enum"] = values
        yield document


def _function(name: str) -> str:
    """Give the Go function of a definition: that of a package outside k8s.io/api is named from its pkg folder on."""
    _, found, below = name.partition(".pkg.")
    return f"pkg_{below.replace('.', '_')}" if found else name.removeprefix("io.").replace(".", "_")


def enumerations(path: Path) -> dict[str, dict[str, list[str]]]:
    """Give the names that a field takes, by Go function and field: k8s_api_core_v1_Container → imagePullPolicy."""
    found: dict[str, dict[str, list[str]]] = {}
    function = field = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        if match := _FUNCTION.match(line):
            function = match[1].replace("k8sio_", "k8s_", 1)
        elif (match := _FIELD.match(line)) and len(match[1]) == 5:
            field = match[2]
        elif match := _ENUM.match(line):
            values = json.loads(f"[{match[2]}]")
            if all(isinstance(each, str) for each in values):
                found.setdefault(function, {})[field] = values
    return found


def shared(versions: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Give one document of several versions': each part with the versions it holds for, as [first, last, part] by index."""
    kinds: dict[str, dict[str, list[Any]]] = {}
    types: dict[str, list[Any]] = {}
    for index, version in enumerate(versions.values()):
        for name, each in version["types"].items():
            _extend(types.setdefault(name, []), index, each)
        for api_version, served in version["kinds"].items():
            for name, each in served.items():
                _extend(kinds.setdefault(api_version, {}).setdefault(name, []), index, each)
    return {"versions": list(versions), "kinds": kinds, "types": types}


def _extend(runs: list[list[Any]], index: int, part: Any) -> None:
    if runs and runs[-1][1] == index - 1 and runs[-1][2] == part:
        runs[-1][1] = index
    else:
        runs.append([index, index, part])


def lines(document: Mapping[str, Any]) -> Iterator[str]:
    """Write one type or kind on a line, so that a change can be read."""
    yield "{" + f'"versions":{_text(document["versions"])},'
    yield '"kinds":{'
    kinds = sorted(document["kinds"].items())
    yield from (f"{_text(key)}:{_text(each)}{',' if key != kinds[-1][0] else ''}" for key, each in kinds)
    yield "},"
    yield '"types":{'
    types = sorted(document["types"].items())
    yield from (f"{_text(key)}:{_text(each)}{',' if key != types[-1][0] else ''}" for key, each in types)
    yield "}}"


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(prog="python -m maintain.kubernetes_schemas", description=__doc__.split("\n")[0])
    parser.add_argument("versions", nargs="*", metavar="VERSION")
    options = parser.parse_args()
    built = {
        ".".join(version.split(".")[:2]): compact(documents(module(version)))
        for version in (options.versions or newest(VERSIONS))
    }
    target = data.folder("schemas") / "kubernetes.json"
    target.write_text("".join(f"{line}\n" for line in lines(shared(built))), encoding="utf-8")


if __name__ == "__main__":
    main()
