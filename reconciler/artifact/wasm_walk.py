"""A walk over the sections of a Wasm binary: what it is, what it asks for and what it offers, without running or loading any of it.

Sources: the WebAssembly core specification, binary format; the component model's Binary.md. It is read strictly: a number with unused
bits set, a count or size that its section can't hold, or a form that no Spin version reads is refused. What is inside a core module's
functions is wasmtime's to validate. Time and memory grow with the number of sections, which is capped, and not with what a size claims.
Uses nothing but the standard library: it runs in the child.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from reconciler.artifact.wasm_types import Asked, NotKnown, TypeSpace

MAGIC = b"\0asm"
MODULE, COMPONENT = b"\x01\0\0\0", b"\x0d\0\x01\0"
MOST_MODULES = 500
MOST_COMPONENTS = 500
MOST_SECTIONS = 100_000
MOST_NAMES = 1_000
LONGEST_NAME = 1_024
DEEPEST = 32
#: Core sections in the order they must stand in (13: tags, 12: the count of data segments).
_ORDER = {kind: place for place, kind in enumerate((1, 2, 3, 4, 5, 13, 6, 7, 8, 9, 12, 10, 11))}
_CUSTOM, _CORE_MODULE, _NESTED, _ALIASES, _TYPES, _START, _IMPORTS, _EXPORTS, _VALUES = 0, 1, 4, 6, 7, 9, 10, 11, 12
_CORE_IMPORTS, _CORE_EXPORTS, _CORE_START, _DATA_COUNT = 2, 7, 8, 12
_SORTS = {1: "func", 3: "type", 4: "component", 5: "instance"}
_CORE_SORTS = {0: "func", 1: "table", 2: "memory", 3: "global", 4: "tag"}
#: What code compiled beforehand begins with: wasmtime writes ELF files.
_NATIVE = (b"\x7fELF", b"MZ", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe")
_LFS = b"version https://git-lfs.github.com/spec/"


class Refused(Exception):  # noqa: N818 - it is a verdict
    """The binary is not one that may run: the code of the finding, and what it is."""

    def __init__(self, message: str, code: str = "artifact.wasm") -> None:
        super().__init__(message)
        self.code = code


@dataclass
class Found:
    """What the walk found. Names are those of the outermost level, each with its sort; modules are those of every level.

    `asked`: the functions and resources that an import must have, where they could be read. `types` is None once they can't.
    """

    kind: str = ""
    imports: list[tuple[str, str]] = field(default_factory=list)
    exports: list[tuple[str, str]] = field(default_factory=list)
    asked: dict[str, Asked] = field(default_factory=dict)
    modules: list[memoryview] = field(default_factory=list)
    types: TypeSpace | None = field(default_factory=TypeSpace)
    components: int = 0
    sections: int = 0
    depth: int = 0

    def section(self) -> None:
        """Count a section."""
        self.sections += 1
        if self.sections > MOST_SECTIONS:
            raise Refused(f"it has more than {MOST_SECTIONS} sections")


class Reader:
    """A cursor over bytes that refuses to read past their end."""

    def __init__(self, data: memoryview) -> None:
        self.data, self.at = data, 0

    @property
    def left(self) -> int:
        """How many bytes are left."""
        return len(self.data) - self.at

    def byte(self) -> int:
        """Read one byte."""
        if self.at >= len(self.data):
            raise Refused("it ends in the middle of a section")
        self.at += 1
        return self.data[self.at - 1]

    def number(self) -> int:
        """Read an unsigned LEB128 number of 32 bits: at most 5 bytes, no bit beyond the 32nd."""
        result = 0
        for shift in (0, 7, 14, 21, 28):
            byte = self.byte()
            result |= (byte & 0x7F) << shift
            if not byte & 0x80:
                if shift == 28 and byte > 0x0F:
                    break
                return result
        raise Refused("a number is longer than 32 bits")

    def count(self, what: str) -> int:
        """Read how many items follow: each takes at least a byte."""
        count = self.number()
        if count > self.left:
            raise Refused(f"it says that {count} {what} follow, and only {self.left} bytes do")
        return count

    def take(self, count: int) -> memoryview:
        """Read so many bytes."""
        if count > self.left:
            raise Refused(f"a size of {count} bytes is larger than what is left ({self.left})")
        self.at += count
        return self.data[self.at - count : self.at]

    def text(self) -> str:
        """Read a name: UTF-8, printable, of bounded length."""
        length = self.number()
        if length > LONGEST_NAME:
            raise Refused(f"a name of {length} bytes is too long (at most {LONGEST_NAME})")
        try:
            text = bytes(self.take(length)).decode()
        except UnicodeDecodeError as error:
            raise Refused("a name is not UTF-8") from error
        if not text.isprintable():
            raise Refused("a name has characters that can't be shown")
        return text

    def end(self, what: str) -> None:
        """Refuse bytes that no item accounts for."""
        if self.left:
            raise Refused(f"{self.left} bytes are left over after the {what}")


def walk(data: memoryview, found: Found, depth: int = 0) -> None:
    """Walk a binary into `found`. Raises Refused."""
    if depth > DEEPEST:
        raise Refused(f"components are nested deeper than {DEEPEST}")
    version = _version(data)
    if depth == 0:
        found.kind = "module" if version == MODULE else "component"
    found.depth = max(found.depth, depth)
    if version == MODULE:
        found.modules.append(data)
        if len(found.modules) > MOST_MODULES:
            raise Refused(f"it has more than {MOST_MODULES} modules")
        _walk_module(data, found, outermost=depth == 0)
    else:
        found.components += 1
        if found.components > MOST_COMPONENTS:
            raise Refused(f"it has more than {MOST_COMPONENTS} components")
        _walk_component(data, found, depth)


def _version(data: memoryview) -> bytes:
    head = bytes(data[:8])
    if head.startswith(_NATIVE):
        raise Refused(
            "it is not WebAssembly but native code compiled beforehand, and would run on the node as it is",
            "artifact.precompiled",
        )
    if bytes(data[: len(_LFS)]) == _LFS:
        raise Refused("it is a pointer of Git LFS and not the file that it stands for", "artifact.not-wasm")
    if head[:4] != MAGIC:
        raise Refused("it is not WebAssembly (its first bytes are not \\0asm)", "artifact.not-wasm")
    if head[4:] not in {MODULE, COMPONENT}:
        raise Refused(f"its version {head[4:].hex()} is neither a module's nor a component's", "artifact.not-wasm")
    return head[4:]


def _walk_component(data: memoryview, found: Found, depth: int) -> None:
    reader = Reader(data)
    reader.at = 8
    while reader.left:
        found.section()
        section = reader.byte()
        body = Reader(reader.take(reader.number()))
        if section in {_CORE_MODULE, _NESTED}:
            wanted = MODULE if section == _CORE_MODULE else COMPONENT
            if bytes(body.data[:4]) == MAGIC and bytes(body.data[4:8]) != wanted:
                raise Refused("a section of modules holds something else, or one of components does")
            walk(body.data, found, depth + 1)
        elif section == _CUSTOM:
            body.text()
        elif section in {_START, _VALUES} or section > _VALUES:
            raise Refused(f"a section of kind {section}, which no version of Spin reads")
        elif section in {_IMPORTS, _EXPORTS} and depth == 0:
            (_exports if section == _EXPORTS else _imports)(body, found)
        elif section in {_TYPES, _ALIASES} and depth == 0:
            Reader(body.data).count("items")
            _read_types(body, found, TypeSpace.define if section == _TYPES else TypeSpace.alias)
        else:
            body.count("items")


def _read_types(body: Reader, found: Found, read: Callable[[TypeSpace, Reader], None]) -> None:
    """Follow the types, where that is possible: what can't be read here is wasmtime's to judge, and no finding."""
    if found.types is None:
        return
    try:
        read(found.types, body)
    except (NotKnown, Refused):
        found.types = None


def _imports(body: Reader, found: Found) -> None:
    for _ in range(body.count("imports")):
        name = _extern_name(body)
        sort, index = _extern_type(body)
        _add(found.imports, name, sort, "imports")
        if found.types is None:
            continue
        if sort in {"type", "resource"}:
            found.types.types.append(None)
        elif sort == "instance" and (asked := found.types.asked(index)) is not None:
            found.asked[name] = asked
    body.end("imports")
    _unique(found.imports, "import")


def _exports(body: Reader, found: Found) -> None:
    for _ in range(body.count("exports")):
        name = _extern_name(body)
        sort = body.byte()
        if sort == 0:
            core = body.byte()
            if core != 0x11:
                raise Refused(f"an export of unknown core kind {core}")
            kind = "module"
        elif sort in _SORTS:
            kind = _SORTS[sort]
        else:
            raise Refused(f"an export of unknown kind {sort}")
        body.number()
        ascribed = body.byte()
        if ascribed > 1:
            raise Refused("an export's type is neither given nor left out")
        if ascribed:
            _extern_type(body)
        if kind == "type" and found.types is not None:
            found.types.types.append(None)
        _add(found.exports, name, kind, "exports")
    body.end("exports")
    _unique(found.exports, "export")


def _extern_name(body: Reader) -> str:
    form = body.byte()
    if form > 1:
        raise Refused(f"a name of form {form}, which no version of Spin reads")
    return body.text()


def _extern_type(body: Reader) -> tuple[str, int]:
    """Pass the type of an import or export; gives its sort and the type's index (Binary.md: externdesc)."""
    sort = body.byte()
    if sort == 0:
        if body.byte() != 0x11:
            raise Refused("an import or export of a core item that is no module")
        return "module", body.number()
    if sort == 3:
        bound = body.byte()
        if bound > 1:
            raise Refused("a type is bound in an unknown way")
        return ("type", body.number()) if bound == 0 else ("resource", 0)
    if sort not in _SORTS:
        raise Refused(f"an import or export of unknown kind {sort}")
    return _SORTS[sort], body.number()


def _unique(names: list[tuple[str, str]], what: str) -> None:
    """Refuse names that stand twice: which of them is meant would be anybody's guess."""
    seen: set[str] = set()
    for name, _ in names:
        if name.lower() in seen:
            raise Refused(f"{what} {name!r} stands twice")
        seen.add(name.lower())


def _add(names: list[tuple[str, str]], name: str, sort: str, what: str) -> None:
    names.append((name, sort))
    if len(names) > MOST_NAMES:
        raise Refused(f"it has more than {MOST_NAMES} {what}")


def _walk_module(data: memoryview, found: Found, *, outermost: bool) -> None:
    reader = Reader(data)
    reader.at, place = 8, -1
    while reader.left:
        found.section()
        section = reader.byte()
        body = Reader(reader.take(reader.number()))
        if section == _CUSTOM:
            body.text()
            continue
        if section not in _ORDER:
            raise Refused(f"a module has a section of unknown kind {section}")
        if _ORDER[section] <= place:
            raise Refused(f"a module's section of kind {section} stands twice or out of order")
        place = _ORDER[section]
        if section in {_CORE_START, _DATA_COUNT}:
            body.number()
            body.end("number")
        elif outermost and section == _CORE_IMPORTS:
            _core_imports(body, found)
        elif outermost and section == _CORE_EXPORTS:
            _core_exports(body, found)
        else:
            body.count("items")


def _core_imports(body: Reader, found: Found) -> None:
    for _ in range(body.count("imports")):
        module, name = body.text(), body.text()
        sort = body.byte()
        if sort == 0:
            body.number()
        elif sort == 1:
            _value_type(body)
            _limits(body)
        elif sort == 2:
            _limits(body)
        elif sort == 3:
            _value_type(body)
            body.byte()
        elif sort == 4:
            body.byte()
            body.number()
        else:
            raise Refused(f"a module's import of unknown kind {sort}")
        _add(found.imports, f"{module}#{name}", _CORE_SORTS[sort], "imports")
    body.end("imports")


def _core_exports(body: Reader, found: Found) -> None:
    for _ in range(body.count("exports")):
        name, sort = body.text(), body.byte()
        if sort not in _CORE_SORTS:
            raise Refused(f"a module's export of unknown kind {sort}")
        body.number()
        _add(found.exports, name, _CORE_SORTS[sort], "exports")
    body.end("exports")


def _value_type(body: Reader) -> None:
    """Pass a value or reference type; those that name a heap type take a number more."""
    if body.byte() in {0x63, 0x64}:
        body.number()


def _limits(body: Reader) -> None:
    flags = body.byte()
    if flags > 0x0F:
        raise Refused("a table or memory has limits of an unknown form")
    wide = bool(flags & 0x04)
    for _ in range(2 if flags & 0x01 else 1):
        _wide(body) if wide else body.number()
    if flags & 0x08:
        body.number()


def _wide(body: Reader) -> None:
    """Pass a number of up to 64 bits."""
    for _ in range(10):
        if not body.byte() & 0x80:
            return
    raise Refused("a number is longer than 64 bits")
