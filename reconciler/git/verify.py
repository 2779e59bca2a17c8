"""Whether a commit is signed by somebody who may: its own signature, or that of the annotated tag that is followed.

1. The commit or tag is read, bounded.      3. The signature is over exactly the rest of the object.
2. It has one signature, of a known kind.   4. Its key is one of those named, for Git and at the commit's time.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pygit2

from reconciler.errors import InputError, UnavailableError
from reconciler.git import openpgp, sshsig
from reconciler.git.signers import NAMESPACE, PgpSigner, Signer, SshSigner

_LARGEST = 1024 * 1024
_COMMITTER = re.compile(rb"^(?:committer|tagger) .*> (\d{1,12}) [+-]\d{4}$", re.MULTILINE)
_BEGINS = (sshsig.BEGIN, openpgp.BEGIN)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Signed:
    """What was signed, by which armored signature, and when by its own account (Unix seconds)."""

    what: str
    payload: bytes
    signature: str
    at: float


def signer_of(repository: Path, commit: str, signers: Sequence[Signer], *, tag: str = "") -> str:
    """Give the name of who has signed a commit, or the annotated tag of this name that was fetched and names it.

    Raises InputError where nobody has who may, and UnavailableError where the object can't be read.
    """
    faults = []
    try:
        opened = pygit2.Repository(str(repository))
        objects = [_commit(opened, commit), *([_tag(opened, commit, tag)] if tag else [])]
    except (pygit2.GitError, KeyError, ValueError) as error:
        raise UnavailableError(f"commit {commit[:12]} can't be read: {error}") from error
    for signed in objects:
        try:
            return _judge(signed, signers)
        except InputError as error:
            faults.append(error.message)
    raise InputError(
        "; ".join(faults), hint="sign it with a key of spec.source.verify (git commit -S), or add the signer's key"
    )


def _commit(repository: pygit2.Repository, commit: str) -> _Signed:
    what = f"commit {commit[:12]}"
    _bounded(repository, commit)
    found = repository[commit]
    if not isinstance(found, pygit2.Commit):
        raise KeyError(commit)
    signature, payload = found.gpg_signature
    if not signature:
        return _Signed(what=what, payload=b"", signature="", at=0.0)
    return _signed(what, bytes(payload), bytes(signature))


def _tag(repository: pygit2.Repository, commit: str, name: str) -> _Signed:
    """Read the tag object that was fetched; a light tag has nothing to sign. Its own name must be the one that is followed."""
    what = f"tag {name}"
    reference = repository.references.get("refs/spinfleet/fetched")
    if reference is None:
        return _Signed(what=what, payload=b"", signature="", at=0.0)
    _bounded(repository, str(reference.target))
    found = repository[reference.target]
    if not isinstance(found, pygit2.Tag) or found.name != name or str(found.peel(pygit2.Commit).id) != commit:
        return _Signed(what=what, payload=b"", signature="", at=0.0)
    raw = bytes(found.read_raw())
    # As git has it: the last line that begins a signature ends the message.
    starts = [match.start() for match in re.finditer(rb"^-----BEGIN (?:SSH|PGP) SIGNATURE-----$", raw, re.MULTILINE)]
    if not starts:
        return _Signed(what=what, payload=b"", signature="", at=0.0)
    return _signed(what, raw[: starts[-1]], raw[starts[-1] :])


def _bounded(repository: pygit2.Repository, identity: str) -> None:
    size = repository.odb.read_header(pygit2.Oid(hex=identity))[1]
    if size > _LARGEST:
        raise ValueError(f"it has {size} bytes, and at most {_LARGEST} are read")


def _signed(what: str, payload: bytes, signature: bytes) -> _Signed:
    # The line that says when stands in the headers, before the message.
    when = _COMMITTER.search(payload.partition(b"\n\n")[0])
    return _Signed(
        what=what, payload=payload, signature=signature.decode(errors="replace"), at=float(when[1]) if when else 0.0
    )


def _judge(signed: _Signed, signers: Sequence[Signer]) -> str:
    if not signed.signature:
        raise InputError(f"{signed.what} is not signed")
    if not signed.signature.startswith(_BEGINS):
        raise InputError(f"{signed.what} has a signature that is neither SSH's nor OpenPGP's")
    try:
        if signed.signature.startswith(sshsig.BEGIN):
            return _by_ssh(signed, [each for each in signers if isinstance(each, SshSigner)])
        return _by_openpgp(signed, [each for each in signers if isinstance(each, PgpSigner)])
    except InputError as error:
        raise InputError(f"{signed.what}: {error.message}") from error


def _by_ssh(signed: _Signed, signers: Sequence[SshSigner]) -> str:
    signature = sshsig.parse_signature(signed.signature)
    if signature.namespace != NAMESPACE.encode():
        raise InputError("its SSH signature was made for something else than Git")
    mine = SshSigner(name="", blob=signature.key)
    named = [each for each in signers if each.blob == signature.key]
    if not named:
        raise InputError(f"signed with key {mine.fingerprint}, which is none of those named")
    allowed = [each for each in named if each.allowed(NAMESPACE, signed.at)]
    if not allowed:
        raise InputError(
            f"signed with key {mine.fingerprint} ({named[0].name}), which may not sign for Git at that time"
        )
    if not signature.verifies(signed.payload):
        why = "nobody touched the security key, or it" if signature.presence else "it"
        raise InputError(f"its SSH signature does not hold: {why} was changed after it was signed")
    return allowed[0].name


def _by_openpgp(signed: _Signed, signers: Sequence[PgpSigner]) -> str:
    if not signers:
        raise InputError("signed with OpenPGP, and no OpenPGP key is named")
    fingerprint = openpgp.signed_by(signed.signature, signed.payload, [each.certificate for each in signers])
    return next((each.name for each in signers if each.fingerprint.lower() == fingerprint.lower()), fingerprint)
