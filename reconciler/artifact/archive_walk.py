"""A walk over an archive layer: a tar file under gzip, read as a stream and never unpacked to disk.

The runtime unpacks it on the node and takes each regular file by the digest of its content (source: spinframework/spin,
crates/oci/src/client.rs, unpack_archive_layer). Python's tarfile reads more forms than Spin writes and stops quietly at a header that
it doesn't understand, so this reads the few forms that Spin writes and refuses the rest: links, devices, sparse files, extended
headers other than long names, paths that aren't plain, sizes that lie, what follows the end. Runs in the child: standard library only.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field

from reconciler.artifact.wasm_walk import Refused

MOST_BYTES = 512 * 1024 * 1024
MOST_ENTRIES = 20_000
LONGEST_PATH = 1_024
_BLOCK = 512
_CHUNK = 64 * 1024
_REGULAR, _FOLDER, _LONG_NAME = {b"0", b"\0"}, b"5", b"L"
_KINDS = {
    b"1": "a hard link",
    b"2": "a symbolic link",
    b"3": "a device",
    b"4": "a device",
    b"6": "a pipe",
    b"S": "a sparse file",
}


@dataclass
class Inflated:
    """The tar stream inside a gzip stream, inflated piece by piece, never more than MOST_BYTES in all."""

    read: Callable[[int], bytes]
    _inflate: zlib._Decompress = field(default_factory=lambda: zlib.decompressobj(wbits=31))
    _pending: bytes = b""
    _total: int = 0

    def take(self, count: int) -> bytes:
        """Give exactly so many bytes, or fewer at the end."""
        parts: list[bytes] = []
        while count > 0:
            if not self._pending:
                self._pending = self._more()
                if not self._pending:
                    break
            part, self._pending = self._pending[:count], self._pending[count:]
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def _more(self) -> bytes:
        data = b""
        while not data and not self._inflate.eof:
            raw = self._inflate.unconsumed_tail or self.read(_CHUNK)
            if not raw:
                raise _refused("it ends in the middle of the gzip stream")
            try:
                data = self._inflate.decompress(raw, _CHUNK)
            except zlib.error as error:
                raise _refused(f"it is not a gzip stream: {error}") from error
        self._total += len(data)
        if self._total > MOST_BYTES:
            raise _refused(f"it has more than {MOST_BYTES} bytes when unpacked")
        return data

    def end(self) -> None:
        """Refuse anything but zeros up to the end, and anything behind it: the runtime would not see it, or see it otherwise."""
        while block := self.take(_CHUNK):
            if block.strip(b"\0"):
                raise _refused("something follows the end of the archive")
        if self._inflate.unused_data or self.read(1):
            raise _refused("something follows the gzip stream")


def walk_archive(read: Callable[[int], bytes]) -> list[str]:
    """Give the digests (`sha256:…`) of the regular files in an archive that `read` gives piece by piece. Raises Refused."""
    stream, entries, long_name = Inflated(read), 0, b""
    found: list[str] = []
    while True:
        header = stream.take(_BLOCK)
        if len(header) < _BLOCK:
            raise _refused("it ends in the middle of a header")
        if not header.strip(b"\0"):
            stream.end()
            return found
        entries += 1
        if entries > MOST_ENTRIES:
            raise _refused(f"it has more than {MOST_ENTRIES} entries")
        size, kind = _checked(header), header[156:157]
        if kind == _LONG_NAME:
            if not 0 < size <= LONGEST_PATH + 1 or long_name:
                raise _refused(f"a name of {size} bytes is too long (at most {LONGEST_PATH})")
            long_name = _body(stream, size).rstrip(b"\0")
            continue
        if kind not in _REGULAR and kind != _FOLDER:
            raise _refused(
                f"{_KINDS.get(kind, f'an entry of kind {kind!r}')} is in it, and only files and folders are read"
            )
        _check_path(long_name or _name(header))
        long_name = b""
        if kind in _REGULAR:
            found.append(_digest(stream, size))
        elif size:
            raise _refused("a folder has content")


def _checked(header: bytes) -> int:
    """Give an entry's size in bytes, its header's checksum being right."""
    total = sum(header[:148]) + 8 * 0x20 + sum(header[156:])
    if _octal(header[148:156]) != total:
        raise _refused("a header has a wrong checksum")
    return _octal(header[124:136])


def _octal(field_: bytes) -> int:
    text = field_.strip(b"\0 ")
    if not text or text.strip(b"01234567"):
        raise _refused("a number in a header is not octal")
    return int(text, 8)


def _name(header: bytes) -> bytes:
    name = header[:100].partition(b"\0")[0]
    # Only POSIX headers have a prefix; GNU ones keep times there.
    prefix = header[345:500].partition(b"\0")[0] if header[257:263] == b"ustar\0" else b""
    return prefix + b"/" + name if prefix else name


def _check_path(raw: bytes) -> None:
    try:
        path = raw.decode()
    except UnicodeDecodeError as error:
        raise _refused("a path in it is not UTF-8") from error
    parts = path.removeprefix("./").rstrip("/").split("/")
    root = path in {".", "./"}
    if not root and (
        len(path) > LONGEST_PATH or any(part in {"", ".", ".."} or not part.isprintable() for part in parts)
    ):
        raise _refused(f"path {path[:100]!r} is not plain")


def _digest(stream: Inflated, size: int) -> str:
    hashed, left = hashlib.sha256(), size
    while left:
        part = stream.take(min(left, _CHUNK))
        if not part:
            raise _refused("a file says that it is longer than the archive")
        hashed.update(part)
        left -= len(part)
    stream.take(-size % _BLOCK)
    return f"sha256:{hashed.hexdigest()}"


def _body(stream: Inflated, size: int) -> bytes:
    data = stream.take(size)
    if len(data) < size:
        raise _refused("it ends in the middle of a name")
    stream.take(-size % _BLOCK)
    return data


def _refused(message: str) -> Refused:
    return Refused(message, "artifact.archive")
