"""A file that SOPS encrypted, as far as it can be seen without a key: its structure, and a mark for each value.

A mark names the file's Git blob, so that what is rendered changes where the file changes, and with nothing else: never by
a digest of what is encrypted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from reconciler.sops.rules import Rule, RuleError, rule_of

KEY = "sops"
#: Where SOPS lists keys that are not age's.
OTHER_KEYS = ("kms", "gcp_kms", "hckms", "azure_kv", "hc_vault", "pgp")
ENCRYPTED = re.compile(
    r"ENC\[AES256_GCM,data:([A-Za-z0-9+/=]+),iv:([A-Za-z0-9+/=]+),tag:([A-Za-z0-9+/=]+),type:([a-z]+)\]"
)
#: age's newer kinds of recipients (post-quantum, tags, plugins): a name stands before the 1 that parts it from the key.
_OTHER_AGE = re.compile(r"age1[a-z0-9-]+1")
_MARK = re.compile(r"<encrypted [0-9a-f]{40,64}>")

Path = tuple[str | int, ...]


#: Values of one file; a Secret holds at most a mebibyte, and each value costs a decryption.
MOST_VALUES = 20_000


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a file can't be decrypted here whatever the key: at the keys and places above a value of one document."""

    message: str
    hint: str
    document: int = 0
    path: Path = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class SealedFile:
    """An encrypted file; two of one blob are equal. `documents` are its values as they stand in Git, without their `sops` entries; `metadata` is that entry."""

    path: str
    blob: str
    documents: tuple[Any, ...] = field(repr=False, compare=False)
    metadata: Mapping[str, Any] = field(repr=False, compare=False)
    rule: Rule = field(repr=False, compare=False)

    def marked(self, document: int) -> Any:
        """Give a document with a mark in place of each encrypted value."""
        return _marked(self.documents[document], mark(self.blob))


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value of an object comes from: its path in the object, and in which document of the file at which path."""

    target: Path
    document: int
    source: Path


@dataclass(frozen=True, slots=True)
class Sealed:
    """What an object holds encrypted: the file and the places of its values."""

    file: SealedFile
    places: tuple[Place, ...]


def mark(blob: str) -> str:
    """Give what stands for an encrypted value of a blob."""
    return f"<encrypted {blob}>"


def is_mark(value: Any) -> bool:
    """Tell whether a value is such a mark."""
    return isinstance(value, str) and _MARK.fullmatch(value) is not None


def is_sealed(documents: Sequence[Any]) -> bool:
    """Tell whether SOPS has encrypted a file: its first document says so."""
    first = documents[0] if documents else None
    metadata = first.get(KEY) if isinstance(first, Mapping) else None
    return isinstance(metadata, Mapping) and "mac" in metadata


def open_sealed(path: str, blob: str, documents: Sequence[Any]) -> SealedFile | Fault:
    """Give the encrypted file of these documents (see `is_sealed`), or why no age key could ever decrypt it."""
    metadata = documents[0][KEY]
    if (fault := _metadata_fault(metadata)) is not None:
        return fault
    try:
        rule = rule_of(metadata)
    except RuleError as error:
        return Fault(str(error), "encrypt it with --encrypted-regex '^(data|stringData)$'", 0, (KEY,))
    values = []
    for index, document in enumerate(documents):
        if not isinstance(document, Mapping):
            return Fault("a document that SOPS encrypts is a mapping", "encrypt the file anew", index)
        values.append({name: value for name, value in document.items() if name != KEY})
    file = SealedFile(path=path, blob=blob, documents=tuple(values), metadata=metadata, rule=rule)
    return next(_misplaced(file), file)


def leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Give every scalar below a value with its path, in the order that SOPS walks."""
    if isinstance(value, Mapping):
        for name, below in value.items():
            yield from leaves(below, (*path, name))
    elif isinstance(value, (list, tuple)):
        for index, below in enumerate(value):
            yield from leaves(below, (*path, index))
    else:
        yield path, value


def keys_of(path: Path) -> list[str]:
    """Give the keys of a path: what rules and the authenticated data go by."""
    return [part for part in path if isinstance(part, str)]


def _metadata_fault(metadata: Mapping[str, Any]) -> Fault | None:
    groups = metadata.get("key_groups")
    if isinstance(groups, list) and len(groups) > 1:
        return Fault(
            "the key is split over several key groups, which is not supported here",
            "encrypt it with one group: sops encrypt --age RECIPIENT,…",
            0,
            (KEY, "key_groups"),
        )
    if not age_keys(metadata):
        others = [name for name in OTHER_KEYS if metadata.get(name)]
        told = f"encrypted for {', '.join(others)} alone" if others else "encrypted for no key"
        hint = "add an age recipient: sops rotate --in-place --add-age RECIPIENT FILE"
        return Fault(f"{told}; the agent has age keys", hint, 0, (KEY,))
    recipients = [str(entry.get("recipient") or "") for entry in age_keys(metadata)]
    if all(_OTHER_AGE.match(each) for each in recipients):
        told = f"encrypted for {recipients[0][:24]}… alone, a post-quantum key or a plugin's, which can't be used here"
        hint = "add a recipient as age-keygen makes it without -pq: sops rotate --in-place --add-age age1… FILE"
        return Fault(told, hint, 0, (KEY, "age"))
    if not isinstance(metadata.get("mac"), str) or ENCRYPTED.fullmatch(metadata["mac"]) is None:
        return Fault("sops.mac is no encrypted value", "encrypt the file anew", 0, (KEY, "mac"))
    if not isinstance(metadata.get("lastmodified"), str):
        return Fault("sops.lastmodified is missing", "encrypt the file anew", 0, (KEY,))
    return None


def age_keys(metadata: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Give the age entries: recipient, and the data key encrypted for it."""
    groups = metadata.get("key_groups")
    holder = groups[0] if isinstance(groups, list) and len(groups) == 1 else metadata
    entries = holder.get("age") if isinstance(holder, Mapping) else None
    if not isinstance(entries, list):
        return []
    return [entry for entry in entries if isinstance(entry, Mapping) and isinstance(entry.get("enc"), str)]


def _misplaced(file: SealedFile) -> Iterator[Fault]:
    """Tell of values that stand in plain where the rule wants them encrypted, and the other way round: somebody edited by hand."""
    count = 0
    for index, document in enumerate(file.documents):
        for path, value in leaves(document):
            count += 1
            if count > MOST_VALUES:
                yield Fault(f"more than {MOST_VALUES} values, the most that are decrypted", "split the file", index)
                return
            looks = isinstance(value, str) and ENCRYPTED.fullmatch(value) is not None
            should = file.rule.covers(keys_of(path)) and value is not None and value != ""
            if looks != should:
                told = (
                    "in plain, and the file's rule wants it encrypted"
                    if should
                    else "encrypted, against the file's rule"
                )
                yield Fault(f"this value stands {told}", "change the file with: sops edit FILE", index, path)


def _marked(value: Any, marking: str) -> Any:
    if isinstance(value, Mapping):
        return {name: _marked(below, marking) for name, below in value.items()}
    if isinstance(value, list):
        return [_marked(below, marking) for below in value]
    return marking if isinstance(value, str) and ENCRYPTED.fullmatch(value) else value
