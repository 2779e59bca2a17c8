"""Renews reconciler/artifact/spin_interfaces.json from checkouts of Spin's repository and its trigger plugins'.

    python -m maintain.spin_interfaces FOLDER [REVISION OF A NEXT RELEASE, such as 4.1=main]

FOLDER has spin, spin-trigger-command, spin-trigger-mqtt and spin-trigger-sqs (all of spinframework), with their tags.
Reads at each release's last tag: what its host links (crates/world; the worlds named in crates/core, crates/factor-wasi and
crates/factor-outbound-http; wit/world.wit), the handlers that its triggers look for (crates/http, crates/trigger-http,
crates/trigger-redis), and its wasmtime (Cargo.lock). Triggers that are plugins, which SpinKube's shim links, are read at the last tag
that is built on no later Spin. Each row keeps the file it was read from.
"""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from maintain import wit

_TABLE = Path(__file__).parent.parent / "reconciler" / "artifact" / "spin_interfaces.json"
_OLDEST = (2, 6)
_TAG = re.compile(r"v(\d+)\.(\d+)\.(\d+)")
_INLINE = re.compile(r'(?:inline|interfaces):\s*r#"(.*?)"#', re.DOTALL)
_IS_WORLD = re.compile(r"\bworld\s+[\w-]+\s*\{")
_WORLD = re.compile(r'world:\s*"([^"]+)"')
_LINKED_P3 = re.compile(r"p3::bindings::http::(\w+)::add_to_linker")
_HANDLER = re.compile(r'"((?:wasi:http/(?:incoming-)?handler@0\.[0-9A-Za-z.-]+)|fermyon:spin/inbound-http)"')
_WASMTIME = re.compile(r'^name = "wasmtime"\nversion = "([^"]+)"', re.MULTILINE)
_BUILT_ON = re.compile(r'^spin-trigger = .*?(?:tag = "v(\d+)\.(\d+)\.(\d+)"|rev = )', re.MULTILINE)
#: What a plugin is built on that names a revision of Spin: all that do are later than 3.6.
_UNRELEASED = (4, 0, 0)
_EXPORTED = re.compile(r"\bexport\s+([\w-]+)\s*:\s*(?:async\s+)?func")
_WIT_OF = {"sqs": "sqs.wit", "mqtt": "spin-mqtt.wit"}
#: Packages that wasmtime links by its own WIT, of which Spin's repository has another version: what they offer is not read.
_WASMTIMES = re.compile(r"wasi:(cli|clocks|filesystem|http|io|random|sockets)/")
#: Files whose text names what the host links.
_LINKERS = re.compile(r"crates/(core|world|factor-wasi|factor-outbound-http)/src/.*\.rs")
#: Features that Spin links without being asked to.
_LINKED_FEATURES = re.compile(r"|wasip3[^,]*")


@dataclass
class Tables:
    """Interfaces by trigger ("" for imports), name and release, with the file each was read from."""

    imports: dict[str, dict[str, str]] = field(default_factory=dict)
    offers: dict[str, frozenset[str]] = field(default_factory=dict)
    exports: dict[str, dict[str, dict[str, str]]] = field(default_factory=dict)
    releases: dict[str, dict[str, str]] = field(default_factory=dict)


def main(arguments: list[str]) -> None:
    """Write the table."""
    folder = Path(arguments[0])
    repository = folder / "spin"
    revisions = _releases(repository) | dict(each.split("=", 1) for each in arguments[1:])
    tables = Tables()
    for release, revision in revisions.items():
        _read_release(tables, release, revision, _archive(repository, revision))
        _read_plugins(tables, folder, release)
    document = {
        "releases": tables.releases,
        "imports": {
            name: _row(rows) | ({} if _WASMTIMES.match(name) else {"offers": sorted(tables.offers[name])})
            for name, rows in sorted(tables.imports.items())
        },
        "exports": {
            trigger: {name: _row(rows) for name, rows in sorted(found.items())}
            for trigger, found in sorted(tables.exports.items())
        },
    }
    _TABLE.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(f"{_TABLE.name}: {len(tables.imports)} imports, {len(tables.releases)} releases\n")


def _row(rows: Mapping[str, str]) -> dict[str, object]:
    return {"spin": list(rows), "source": next(reversed(rows.values()))}


def _read_plugins(tables: Tables, folder: Path, release: str) -> None:
    major, _, minor = release.partition(".")
    for trigger in ("command", "mqtt", "sqs"):
        name = f"spin-trigger-{trigger}"
        built = ((_built_on(folder / name, tag), tag) for tag in _git(folder / name, "tag", "--list", "v*").split())
        tag = max((on, _numbers(tag), tag) for on, tag in built if on[:2] <= (int(major), int(minor)))[2]
        rows = tables.exports.setdefault(trigger, {})
        if trigger == "command":
            rows.setdefault("wasi:cli/run@0.2", {})[release] = f"{name} {tag}: src/lib.rs"
            if "p3::bindings::Command" in _git(folder / name, "show", f"{tag}:src/lib.rs"):
                for draft in [each for each in tables.imports if each.startswith("wasi:cli/exit@0.3")]:
                    if release in tables.imports[draft]:
                        rows.setdefault(draft.replace("/exit@", "/run@"), {})[release] = f"{name} {tag}: src/lib.rs"
        else:
            for function in _EXPORTED.findall(_git(folder / name, "show", f"{tag}:{_WIT_OF[trigger]}")):
                rows.setdefault(function, {})[release] = f"{name} {tag}: {_WIT_OF[trigger]}"


def _built_on(repository: Path, tag: str) -> tuple[int, ...]:
    """Give the Spin version that a tag of a plugin is built on."""
    found = _BUILT_ON.search(_git(repository, "show", f"{tag}:Cargo.toml"))
    if found is None:
        raise LookupError(f"{repository.name} {tag}: its Cargo.toml names no spin-trigger")
    return tuple(map(int, found.groups())) if found[1] else _UNRELEASED


def _numbers(tag: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", tag)))


def _git(repository: Path, *arguments: str) -> str:
    return subprocess.run(["git", "-C", repository, *arguments], capture_output=True, text=True, check=True).stdout


def _releases(repository: Path) -> dict[str, str]:
    """Give the last tag of each minor release, oldest first."""
    tags = _git(repository, "tag").split()
    found: dict[tuple[int, int], tuple[int, str]] = {}
    for tag in tags:
        if (match := _TAG.fullmatch(tag)) and (key := (int(match[1]), int(match[2]))) >= _OLDEST:
            found[key] = max(found.get(key, (-1, "")), (int(match[3]), tag))
    return {f"{major}.{minor}": tag for (major, minor), (_, tag) in sorted(found.items())}


def _archive(repository: Path, revision: str) -> dict[str, str]:
    data = subprocess.run(
        ["git", "-C", repository, "archive", revision, "wit", "crates", "Cargo.lock"], capture_output=True, check=True
    ).stdout
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return {
            member.name: archive.extractfile(member).read().decode()  # type: ignore[union-attr]
            for member in archive
            if member.isfile() and member.name.endswith((".wit", ".rs", "Cargo.lock"))
        }


def _read_release(tables: Tables, release: str, revision: str, files: Mapping[str, str]) -> None:
    package = wit.read({path: text for path, text in files.items() if path.startswith("wit/")})
    roots = _roots(package, files)
    for root, place in roots.items():
        for name, feature in wit.imports(package, root).items():
            if _LINKED_FEATURES.fullmatch(feature):
                tables.imports.setdefault(name, {})[release] = f"{place} ({package.places[name]})"
                if tables.offers.setdefault(name, package.offers[name]) != package.offers[name]:
                    raise LookupError(
                        f"{name} offers something else in {release} than before: give its row a release each"
                    )
    for name, place in _linked_p3(package, files).items():
        tables.imports.setdefault(name, {})[release] = place
    for path, text in files.items():
        if path.startswith(("crates/http/src/", "crates/trigger-http/src/")):
            for name in _HANDLER.findall(text):
                tables.exports.setdefault("http", {}).setdefault(name, {})[release] = path
    redis = "crates/trigger-redis/src/lib.rs"
    tables.exports.setdefault("redis", {}).setdefault("fermyon:spin/inbound-redis", {})[release] = redis
    if "spin:redis/inbound-redis@3.0.0" in package.interfaces and "v3::GuestIndices" in files[redis]:
        tables.exports["redis"].setdefault("spin:redis/inbound-redis@3.0.0", {})[release] = redis
    wasmtime = _WASMTIME.search(files["Cargo.lock"])
    tables.releases[release] = {"revision": revision, "wasmtime": wasmtime[1] if wasmtime else ""}


def _roots(package: wit.Package, files: Mapping[str, str]) -> dict[str, str]:
    """Give the worlds that a host is made of, and where each is named."""
    roots = {"": ""}
    for path, text in files.items():
        if not _LINKERS.fullmatch(path):
            continue
        for number, inline in enumerate(_INLINE.findall(text)):
            if "include" in inline:
                body = inline if _IS_WORLD.search(inline) else f"world linked {{\n{inline}\n}}"
                name = f"linked:{path.replace('/', '-')}-{number}"
                wit.add(package, path, body, name)
                roots |= {world: path for world in package.worlds if world.startswith(f"{name}/")}
        roots |= {world: path for world in _WORLD.findall(text) if world in package.worlds}
    roots |= {world: "wit/world.wit" for world in package.worlds if package.places[world] == "wit/world.wit"}
    del roots[""]
    return roots


def _linked_p3(package: wit.Package, files: Mapping[str, str]) -> dict[str, str]:
    """Give the WASI 0.3 HTTP interfaces that are linked beside those of a world."""
    path = "crates/factor-outbound-http/src/wasi.rs"
    linked = _LINKED_P3.findall(files.get(path, ""))
    return {
        name: path
        for name in package.interfaces
        if name.startswith("wasi:http/") and "@0.3.0" in name and name.partition("/")[2].partition("@")[0] in linked
    }


if __name__ == "__main__":
    main(sys.argv[1:])
