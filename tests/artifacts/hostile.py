"""Binaries, archives and sizes that are meant to harm whoever looks at them, each with what is to be said of it. Made here, never kept."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import wasmtime

from reconciler.artifact.layout import APPLICATION_LAYER, ARCHIVE_TYPE, CONFIG_TYPE, DATA_TYPE, LOCKED_APP_LABEL
from tests.artifacts.storage import Repository, digest_of

MODULE = b"\0asm\x01\0\0\0"
COMPONENT = b"\0asm\x0d\0\x01\0"
HTTP = "wasi:http/incoming-handler@0.2.0"


@dataclass(frozen=True, slots=True)
class Hostile:
    """What makes the bytes, and the code and words of the refusal."""

    make: Callable[[], bytes]
    code: str
    words: str = ""


def leb(number: int) -> bytes:
    """Write an unsigned LEB128 number."""
    out = bytearray()
    while True:
        byte, number = number & 0x7F, number >> 7
        out.append(byte | (0x80 if number else 0))
        if not number:
            return bytes(out)


def section(kind: int, body: bytes) -> bytes:
    """Write a section."""
    return bytes([kind]) + leb(len(body)) + body


def name(text: str | bytes, form: int = 0) -> bytes:
    """Write the name of an import or export of a component."""
    raw = text.encode() if isinstance(text, str) else text
    return bytes([form]) + leb(len(raw)) + raw


def vector(items: list[bytes]) -> bytes:
    """Write a list."""
    return leb(len(items)) + b"".join(items)


def nested(depth: int) -> bytes:
    """Give components inside one another."""
    inner = COMPONENT
    for _ in range(depth):
        inner = COMPONENT + section(4, inner)
    return inner


def component_with(
    imports: list[bytes] = [],  # noqa: B006 - never changed
    exports: list[bytes] = [],  # noqa: B006 - never changed
    function: str = "get",
) -> bytes:
    """Give a component of nothing but the type of instances with one function, and imports and exports of instances."""
    exported = b"\x04" + name(function) + b"\x01\x00"
    instance_type = section(7, leb(1) + b"\x42\x02" + b"\x01\x40\x00\x01\x00" + exported)
    instances = section(10, vector([each + b"\x05\x00" for each in imports])) if imports else b""
    made = section(5, leb(1) + b"\x01" + leb(0)) if exports else b""
    out = section(11, vector([each + b"\x05" + leb(len(imports)) + b"\x00" for each in exports])) if exports else b""
    return COMPONENT + instance_type + instances + made + out


def module_of(body: bytes, *more: bytes) -> bytes:
    """Give a module of one function without parameters, whose instructions are `body`."""
    code = b"\x00" + body + b"\x0b"
    head = section(1, b"\x01\x60\x00\x00") + section(3, b"\x01\x00")
    return MODULE + head + b"".join(more) + section(10, b"\x01" + leb(len(code)) + code)


def compile_bomb(loops: int = 300_000) -> bytes:
    """Give a small module that takes gigabytes to compile: loops after loops, each with a local of its own kept alive."""
    return module_of(b"\x03\x40\x0b" * loops)


def serialized() -> bytes:
    """Give what wasmtime itself writes for a compiled module: it would be run as native code."""
    return bytes(wasmtime.Module(wasmtime.Engine(), "(module)").serialize())


WASM: Mapping[str, Hostile] = {
    "nothing": Hostile(lambda: b"", "artifact.not-wasm"),
    "half a magic number": Hostile(lambda: b"\0as", "artifact.not-wasm"),
    "a shell script": Hostile(lambda: b"#!/bin/sh\necho hi\n", "artifact.not-wasm"),
    "text": Hostile(lambda: b"(module)", "artifact.not-wasm"),
    "a pointer of Git LFS": Hostile(
        lambda: b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 7\n",
        "artifact.not-wasm",
        "Git LFS",
    ),
    "an ELF program": Hostile(lambda: b"\x7fELF" + b"\0" * 200, "artifact.precompiled", "native code"),
    "a Mach-O program": Hostile(lambda: b"\xcf\xfa\xed\xfe" + b"\0" * 200, "artifact.precompiled", "native code"),
    "a module compiled by wasmtime": Hostile(serialized, "artifact.precompiled", "native code"),
    "native code inside a component": Hostile(lambda: COMPONENT + section(1, serialized()), "artifact.precompiled"),
    "another version": Hostile(lambda: b"\0asm\x63\0\0\0", "artifact.not-wasm", "neither a module's"),
    "a component where a module belongs": Hostile(
        lambda: COMPONENT + section(1, COMPONENT), "artifact.wasm", "holds something else"
    ),
    "a size beyond the file": Hostile(
        lambda: COMPONENT + b"\x01\xff\xff\xff\xff\x0f", "artifact.wasm", "larger than what is left"
    ),
    "a number of 35 bits": Hostile(lambda: COMPONENT + b"\x01\xff\xff\xff\xff\x1f", "artifact.wasm", "longer than 32"),
    "a number that never ends": Hostile(lambda: COMPONENT + b"\x01" + b"\xff" * 50, "artifact.wasm", "longer than 32"),
    "a truncated section": Hostile(lambda: COMPONENT + b"\x01", "artifact.wasm", "middle of a section"),
    "an unknown section": Hostile(lambda: COMPONENT + section(99, b""), "artifact.wasm", "kind 99"),
    "a start of a component": Hostile(lambda: COMPONENT + section(9, b"\0\0\0"), "artifact.wasm", "kind 9"),
    "values of a component": Hostile(lambda: COMPONENT + section(12, b"\0"), "artifact.wasm", "kind 12"),
    "an unknown section of a module": Hostile(lambda: MODULE + section(77, b"\0"), "artifact.wasm", "kind 77"),
    "sections of a module out of order": Hostile(
        lambda: MODULE + section(3, b"\0") + section(1, b"\0"), "artifact.wasm", "out of order"
    ),
    "a section of a module twice": Hostile(lambda: MODULE + section(1, b"\0") * 2, "artifact.wasm", "twice"),
    "a bomb of sections": Hostile(lambda: MODULE + b"\0\x01\0" * 200_000, "artifact.wasm", "more than 100000 sections"),
    "a bomb of sections of a component": Hostile(
        lambda: COMPONENT + section(7, b"\0") * 200_000, "artifact.wasm", "more than 100000 sections"
    ),
    "a bomb of components": Hostile(
        lambda: COMPONENT + section(4, COMPONENT) * 2_000, "artifact.wasm", "more than 500 components"
    ),
    "a bomb of modules": Hostile(
        lambda: COMPONENT + section(1, MODULE) * 600, "artifact.wasm", "more than 500 modules"
    ),
    "deep nesting": Hostile(lambda: nested(200), "artifact.wasm", "nested deeper"),
    "nesting beyond any stack": Hostile(lambda: nested(20_000), "artifact.wasm", "nested deeper"),
    "a count of types that lies": Hostile(lambda: MODULE + section(1, leb(2**31)), "artifact.wasm", "follow, and only"),
    "a count of exports that lies": Hostile(lambda: COMPONENT + section(11, leb(2**31)), "artifact.wasm", "and only 0"),
    "a flood of imports": Hostile(
        lambda: component_with([name(f"a:b/c{n}") for n in range(5_000)]), "artifact.wasm", "more than 1000 imports"
    ),
    "a flood of imports of a module": Hostile(
        lambda: MODULE + section(1, b"\x01\x60\0\0") + section(2, vector([b"\x01a\x01b\x00\x00"] * 5_000)),
        "artifact.wasm",
        "more than 1000 imports",
    ),
    "a name of a megabyte": Hostile(
        lambda: COMPONENT + section(10, leb(1) + name("a" * 2**20)), "artifact.wasm", "too long"
    ),
    "a name that steers the terminal": Hostile(
        lambda: component_with([name("a:b/c\x1b[31m")]), "artifact.wasm", "can't be shown"
    ),
    "a name that is not UTF-8": Hostile(lambda: component_with([name(b"a:b/\xff\xfe")]), "artifact.wasm", "not UTF-8"),
    "a name of a form to come": Hostile(
        lambda: component_with([name("a:b/c", form=2)]), "artifact.wasm", "no version of Spin reads"
    ),
    "an import twice": Hostile(lambda: component_with([name("a:b/c")] * 2), "artifact.wasm", "twice"),
    "a handler twice": Hostile(lambda: component_with(exports=[name(HTTP)] * 2), "artifact.wasm", "twice"),
    "bytes after the imports": Hostile(lambda: COMPONENT + section(10, leb(0) + b"\0\0"), "artifact.wasm", "left over"),
    "a count of data that lies": Hostile(
        lambda: MODULE + section(12, leb(1_000)) + section(11, leb(0)), "artifact.wasm-invalid", "not valid"
    ),
    "a memory beyond all bounds": Hostile(
        lambda: MODULE + section(5, b"\x01\x00" + leb(2**31)), "artifact.wasm-invalid", "not valid"
    ),
    "code that is none": Hostile(lambda: module_of(b"\xff\xff\xff"), "artifact.wasm-invalid", "not valid"),
    "types that don't fit": Hostile(lambda: module_of(b"\x6a"), "artifact.wasm-invalid", "not valid"),
}


def tar(*members: tuple[tarfile.TarInfo, bytes], form: int = tarfile.GNU_FORMAT) -> bytes:
    """Give a tar file."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for info, data in members:
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def member(path: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    """Give a member's header."""
    info = tarfile.TarInfo(path)
    info.type, info.linkname = kind, target
    return info


def _packed(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    return gzip.compress(tar(*members))


def _lying_size() -> bytes:
    """Say that a file is longer than the archive."""
    raw = bytearray(tar((member("a"), b"hello")))
    raw[124:136] = b"%011o\0" % 10**6
    raw[148:156] = b"        "
    raw[148:156] = b"%06o\0 " % sum(raw[:512])
    return gzip.compress(bytes(raw))


def _broken_checksum() -> bytes:
    raw = bytearray(tar((member("a"), b"hello"), (member("b"), b"world")))
    raw[1024] ^= 1
    return gzip.compress(bytes(raw))


ARCHIVES: Mapping[str, Hostile] = {
    "no gzip": Hostile(lambda: b"hello", "artifact.archive", "not a gzip"),
    "nothing": Hostile(lambda: b"", "artifact.archive", "middle of the gzip stream"),
    "a truncated stream": Hostile(lambda: _packed((member("a"), b"x" * 5_000))[:-20], "artifact.archive", "middle"),
    "a truncated archive": Hostile(
        lambda: gzip.compress(tar((member("a"), b"x" * 5_000))[:1_000]), "artifact.archive", "longer than the archive"
    ),
    "a bomb": Hostile(lambda: gzip.compress(b"\0" * 512 + b"\0" * (600 * 2**20), 1), "artifact.archive", "more than"),
    "a symbolic link": Hostile(
        lambda: _packed((member("a", tarfile.SYMTYPE, "/etc/passwd"), b"")), "artifact.archive", "symbolic link"
    ),
    "a hard link": Hostile(
        lambda: _packed((member("a", tarfile.LNKTYPE, "../../etc/shadow"), b"")), "artifact.archive", "hard link"
    ),
    "a device": Hostile(lambda: _packed((member("a", tarfile.CHRTYPE), b"")), "artifact.archive", "device"),
    "a pipe": Hostile(lambda: _packed((member("a", tarfile.FIFOTYPE), b"")), "artifact.archive", "pipe"),
    "an extended header": Hostile(
        lambda: gzip.compress(tar((member("é" * 150), b""), form=tarfile.PAX_FORMAT)), "artifact.archive", "only files"
    ),
    "a path that goes up": Hostile(
        lambda: _packed((member("../../etc/cron.d/x"), b"")), "artifact.archive", "not plain"
    ),
    "an absolute path": Hostile(lambda: _packed((member("/etc/passwd"), b"")), "artifact.archive", "not plain"),
    "a path that goes up in the middle": Hostile(
        lambda: _packed((member("a/../../b"), b"")), "artifact.archive", "plain"
    ),
    "a name of a megabyte": Hostile(lambda: _packed((member("a" * 2**20), b"")), "artifact.archive", "too long"),
    "20,001 files": Hostile(
        lambda: _packed(*((member(f"{n}"), b"") for n in range(20_001))), "artifact.archive", "more than 20000 entries"
    ),
    "a size that lies": Hostile(_lying_size, "artifact.archive", "longer than the archive"),
    "a broken header": Hostile(_broken_checksum, "artifact.archive", "wrong checksum"),
    "something after the end": Hostile(
        lambda: gzip.compress(tar((member("a"), b"hello")) + tar((member("b"), b"evil"))),
        "artifact.archive",
        "follows the end",
    ),
    "a second stream": Hostile(
        lambda: _packed((member("a"), b"")) + _packed((member("b"), b"evil")),
        "artifact.archive",
        "follows the gzip stream",
    ),
}


WASM_TYPE = "application/vnd.wasm.content.layer.v1+wasm"
MANIFEST = b"""\
spin_manifest_version = 2
[application]
name = "app"
[[trigger.http]]
route = "/..."
component = "main"
[component.main]
source = "main.wasm"
"""


def artifact(
    wasm: bytes,
    *layers: tuple[str, bytes],
    locked: Callable[[dict[str, Any]], object] = lambda _: None,
    manifest: Callable[[dict[str, Any]], object] = lambda _: None,
    config: Callable[[dict[str, Any]], object] = lambda _: None,
) -> tuple[Repository, str]:
    """Give a repository with an artifact of one component and more layers, changed as asked, and its digest."""
    repository = Repository()
    descriptors = [repository.put_blob(data, kind) for kind, data in ((WASM_TYPE, wasm), *layers)]
    app: dict[str, Any] = {
        "spin_lock_version": 0,
        "metadata": {"name": "app", "trigger": {"type": "http"}, "triggers": {}},
        "triggers": [
            {
                "id": "main-http-trigger",
                "trigger_type": "http",
                "trigger_config": {"component": "main", "route": "/..."},
            }
        ],
        "components": [
            {"id": "main", "source": {"content_type": "application/wasm", "digest": descriptors[0]["digest"]}}
        ],
    }
    locked(app)
    descriptors.append(repository.put_blob(json.dumps(app).encode(), APPLICATION_LAYER))
    said: dict[str, Any] = {
        "architecture": "wasm",
        "os": "Wasip1",
        "config": {"Labels": {LOCKED_APP_LABEL: descriptors[-1]["digest"]}},
    }
    config(said)
    document = {
        "schemaVersion": 2,
        "config": repository.put_blob(json.dumps(said).encode(), CONFIG_TYPE),
        "layers": descriptors,
    }
    manifest(document)
    return repository, repository.put_manifest(document, "v1")


def greeting(**changes: Any) -> Callable[[], tuple[Repository, str]]:
    """Make an artifact of a good component, with something else wrong."""
    layers = changes.pop("layers", ())
    return lambda: artifact(component_with(exports=[name(HTTP)]), *layers, **changes)


def _first(app: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = app["components"][0]
    return found


def _raw(document: bytes) -> Callable[[], tuple[Repository, str]]:
    def made() -> tuple[Repository, str]:
        repository = Repository()
        return repository, repository.put_manifest(document)

    return made


def _with_config(data: bytes) -> Callable[[], tuple[Repository, str]]:
    def made() -> tuple[Repository, str]:
        repository, _ = greeting()()
        document = repository.tagged("v1")
        document["config"] = repository.put_blob(data, CONFIG_TYPE)
        return repository, repository.put_manifest(document, "v1")

    return made


DATA = (DATA_TYPE, b"hello, world")
DATA_DIGEST = digest_of(DATA[1])
NATIVE = b"\x7fELF native"

#: Whole artifacts: what makes the repository, and the code of the refusal.
ARTIFACTS: Mapping[str, tuple[Callable[[], tuple[Repository, str]], str]] = {
    "100,000 layers": (
        _raw(b'{"schemaVersion":2,"config":{},"layers":[' + b"{}," * 99_999 + b"{}]}"),
        "artifact.json",
    ),
    "2,000 layers": (greeting(manifest=lambda d: d.update(layers=d["layers"] * 1_000)), "artifact.layers"),
    "a manifest with a key twice": (_raw(b'{"schemaVersion":2,"schemaVersion":2}'), "artifact.json"),
    "deep brackets": (_raw(b'{"schemaVersion":2,"layers":' + b"[" * 50_000), "artifact.json"),
    "an index": (_raw(b'{"schemaVersion":2,"manifests":[]}'), "artifact.image-index"),
    "an ordinary image": (
        greeting(
            manifest=lambda d: d.update(
                layers=[{**d["layers"][0], "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip"}]
            )
        ),
        "artifact.container-image",
    ),
    "a layer of 9e18 bytes": (greeting(manifest=lambda d: d["layers"][0].update(size=9 * 10**18)), "artifact.size"),
    "a layer larger than it says": (greeting(manifest=lambda d: d["layers"][0].update(size=3)), "artifact.size"),
    "layers of more bytes together than are read": (
        greeting(
            manifest=lambda d: d["layers"].extend(
                {"mediaType": WASM_TYPE, "digest": f"sha256:{number:064x}", "size": 2**28} for number in range(5)
            )
        ),
        "artifact.size",
    ),
    "a config of five megabytes": (greeting(manifest=lambda d: d["config"].update(size=5 * 2**20)), "artifact.size"),
    "a config that is a list": (_with_config(b"[]"), "artifact.config"),
    "two applications": (
        greeting(layers=[(APPLICATION_LAYER, b'{"spin_lock_version":0}')]),
        "artifact.application-layer",
    ),
    "an unknown layer": (greeting(layers=[("application/x-evil", b"evil")]), "artifact.layer-type"),
    "a config that names another application": (
        greeting(config=lambda c: c["config"]["Labels"].update({LOCKED_APP_LABEL: DATA_DIGEST})),
        "artifact.config",
    ),
    "native code in a layer that nothing names": (
        greeting(layers=[(WASM_TYPE, serialized())]),
        "artifact.precompiled",
    ),
    "native code as a component in a data layer": (
        greeting(
            layers=[(DATA_TYPE, NATIVE)],
            locked=lambda d: _first(d)["source"].update(digest=digest_of(NATIVE)),
        ),
        "artifact.component-layer",
    ),
    "a component that is data": (
        greeting(layers=[DATA], locked=lambda d: _first(d)["source"].update(digest=DATA_DIGEST)),
        "artifact.component-layer",
    ),
    "bad base64": (
        greeting(locked=lambda d: _first(d).update(files=[{"path": "a", "inline": "@@"}])),
        "artifact.inline",
    ),
    "inline content of another digest": (
        greeting(locked=lambda d: _first(d).update(files=[{"path": "a", "inline": "aGk", "digest": DATA_DIGEST}])),
        "artifact.inline",
    ),
    "a file that leaves its folder": (
        greeting(
            layers=[DATA],
            locked=lambda d: _first(d).update(files=[{"path": "../../etc/passwd", "digest": DATA_DIGEST}]),
        ),
        "artifact.file-path",
    ),
    "a component whose id leaves its folder": (
        greeting(locked=lambda d: _first(d).update(id="../../assets")),
        "artifact.locked-app",
    ),
    "a file in no layer": (
        greeting(locked=lambda d: _first(d).update(files=[{"path": "a", "digest": DATA_DIGEST}])),
        "artifact.file-layer",
    ),
    "dependencies that were not composed": (
        greeting(locked=lambda d: _first(d).update(dependencies={"a:b/c": {"source": {}}})),
        "artifact.dependencies",
    ),
    "something to be understood": (
        greeting(locked=lambda d: d.update(must_understand=["telepathy"])),
        "artifact.must-understand",
    ),
    "a host that can do more": (
        greeting(locked=lambda d: d.update(host_requirements={"telepathy": "required"})),
        "artifact.host-requirement",
    ),
    "a second trigger that nobody reviewed": (
        greeting(
            locked=lambda d: d["triggers"].append(
                {"id": "x", "trigger_type": "http", "trigger_config": {"component": "main", "route": "/admin"}}
            )
        ),
        "artifact.differs-from-git",
    ),
    "a host that nobody reviewed": (
        greeting(locked=lambda d: _first(d).update(metadata={"allowed_outbound_hosts": ["*://*:*"]})),
        "artifact.differs-from-git",
    ),
    "no handler": (lambda: artifact(component_with(exports=[name("wasi:cli/run@0.2.0")])), "artifact.world"),
    "two handlers": (
        lambda: artifact(component_with(exports=[name(HTTP), name("fermyon:spin/inbound-http")])),
        "artifact.world",
    ),
    "an interface that Spin has not": (
        lambda: artifact(component_with([name("wasi:nn/graph@0.2.0")], [name(HTTP)])),
        "artifact.world",
    ),
    "a function that an interface of Spin has not": (
        lambda: artifact(component_with([name("fermyon:spin/variables@2.0.0")], [name(HTTP)], "set")),
        "artifact.world",
    ),
    "an interface that nothing provides": (
        lambda: artifact(component_with([name("acme:billing/ledger")], [name(HTTP)])),
        "artifact.world",
    ),
    "a flood of imports over many binaries": (
        greeting(
            layers=[
                (WASM_TYPE, component_with([name(f"wasi:a{made}/b{number}") for number in range(990)]))
                for made in range(21)
            ]
        ),
        "artifact.wasm",
    ),
    "a compile bomb": (lambda: artifact(compile_bomb()), "artifact.too-costly"),
    **{
        f"Wasm: {what}": (lambda case=case: artifact(case.make()), case.code)  # type: ignore[misc]
        for what, case in WASM.items()
    },
    **{
        f"archive: {what}": (lambda case=case: greeting(layers=[(ARCHIVE_TYPE, case.make())])(), case.code)  # type: ignore[misc]
        for what, case in ARCHIVES.items()
    },
}
