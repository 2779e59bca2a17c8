"""The fetch itself, in a process of its own with bounds on memory, time and file size: a pack is inflated while it is fetched.

Reads one JSON object on standard input and writes one on standard output: {"commit": …} or {"error": kind, "message": …}.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pygit2

_SSH_PORT, _HTTPS_PORT, _HTTP_PORT = 22, 443, 80
_PORTS = {"https": _HTTPS_PORT, "http": _HTTP_PORT, "ssh": _SSH_PORT}


class RefusedError(Exception):
    """A rule of ours forbids going on; never tried again without a change."""


class Callbacks(pygit2.RemoteCallbacks):  # type: ignore[misc] # pygit2 has no types
    """Gives credentials once, to the configured origin only, and checks host keys against the known ones."""

    def __init__(self, url: str, credentials: dict[str, str], folder: str) -> None:
        super().__init__()
        self._origin = _origin(url)
        self._given = credentials
        self._folder = folder
        self._asked = 0
        self.refusal = ""

    def credentials(self, url: str, username_from_url: str | None, allowed_types: int) -> Any:
        """Answer libgit2's question for credentials; it follows redirects and then names the new address here."""
        self._asked += 1
        if _origin(url) != self._origin:
            self.refusal = f"the server redirects to {_shown(url)}, which gets no credentials"
            raise RefusedError(self.refusal)
        if self._asked > 1:
            self.refusal = "the server does not accept the credentials"
            raise RefusedError(self.refusal)
        if allowed_types & pygit2.enums.CredentialType.SSH_KEY and self._given.get("identity"):
            return pygit2.KeypairFromMemory(username_from_url or "git", "", self._given["identity"], "")
        if allowed_types & pygit2.enums.CredentialType.USERPASS_PLAINTEXT and self._given.get("password"):
            return pygit2.UserPass(self._given.get("username") or "git", self._given["password"])
        self.refusal = "the server asks for credentials and none that fit are configured"
        raise RefusedError(self.refusal)

    def certificate_check(self, certificate: Any, valid: bool, host: bytes) -> bool:  # noqa: ARG002 - libgit2's signature
        """Let only a certificate or host key through that was verified."""
        if not valid:
            self.refusal = "the server's certificate or host key is not known"
        return valid


def fetch(job: dict[str, Any]) -> dict[str, Any]:
    """Fetch one reference into the repository and give the commit it names."""
    path = job["repository"]
    repository = pygit2.Repository(path) if Path(path, "objects").is_dir() else pygit2.init_repository(path, bare=True)
    url, credentials = job["url"], job["credentials"]
    with tempfile.TemporaryDirectory() as folder:
        _home(folder, credentials.get("known_hosts", ""))
        callbacks = Callbacks(url, credentials, folder)
        remote = repository.remotes.create_anonymous(url)
        try:
            heads = (
                {}
                if job["commit"]
                else {head.name: str(head.oid) for head in remote.list_heads(callbacks=callbacks, proxy=True)}
            )
            wanted, _, into = job["refspec"][1:].partition(":")
            if heads and _same_as_before(repository, heads, wanted):
                return {"commit": _commit(repository, into), "news": False}
            if not job["commit"] and wanted not in heads:
                return {"error": "input", "message": f"the repository has no {wanted.removeprefix('refs/')}"}
            replaced = _keep(repository)
            remote.fetch([job["refspec"]], callbacks=callbacks, proxy=True)
            _let_go(repository, replaced)
        except (pygit2.GitError, RefusedError, KeyError, ValueError) as error:
            # A missing object is our own repository's fault: the server was asked for what we lacked by our own account.
            kind = "input" if callbacks.refusal else "corrupt" if isinstance(error, KeyError) else "unavailable"
            return {"error": kind, "message": callbacks.refusal or str(error) or type(error).__name__}
    return {"commit": _commit(repository, into), "news": True}


def _commit(repository: pygit2.Repository, name: str) -> str:
    return str(repository.references[name].peel(pygit2.Commit).id)


def _keep(repository: pygit2.Repository) -> str:
    """Name the commit fetched before by a reference of its own, before another takes its place: its history holds releases."""
    if "refs/spinfleet/fetched" not in repository.references:
        return ""
    old = _commit(repository, "refs/spinfleet/fetched")
    if f"refs/spinfleet/kept/{old}" in repository.references:
        return ""
    repository.references.create(f"refs/spinfleet/kept/{old}", old)
    return old


def _let_go(repository: pygit2.Repository, old: str) -> None:
    """Take that reference away again where the new history has the old commit in it."""
    if old:
        new = _commit(repository, "refs/spinfleet/fetched")
        if new == old or repository.descendant_of(new, old):
            repository.references.delete(f"refs/spinfleet/kept/{old}")


def _same_as_before(repository: pygit2.Repository, heads: dict[str, str], wanted: str) -> bool:
    """Tell whether the reference is where it was: then nothing is fetched."""
    known = repository.references.get("refs/spinfleet/fetched")
    return known is not None and str(known.target) == heads.get(wanted)


def _home(folder: str, known_hosts: str) -> None:
    """Make a home in which libssh2 finds the known hosts, and nothing else of the machine's."""
    ssh = Path(folder) / ".ssh"
    ssh.mkdir(mode=0o700)
    (ssh / "known_hosts").write_text(known_hosts)
    os.environ["HOME"] = folder
    pygit2.settings.homedir = folder
    for level in (pygit2.enums.ConfigLevel.GLOBAL, pygit2.enums.ConfigLevel.XDG, pygit2.enums.ConfigLevel.SYSTEM):
        pygit2.settings.search_path[level] = folder


def _origin(url: str) -> tuple[str, str, int | None]:
    split = urlsplit(url)
    if not split.scheme or "://" not in url:
        return "ssh", url.rpartition("@")[2].partition(":")[0], _SSH_PORT
    return split.scheme, split.hostname or "", split.port or _PORTS.get(split.scheme)


def _shown(url: str) -> str:
    return "://".join(str(part) for part in _origin(url)[:2])


def _bound(job: dict[str, Any]) -> None:
    for kind, limit in (
        (resource.RLIMIT_AS, job["memory"]),
        (resource.RLIMIT_CPU, job["seconds"]),
        (resource.RLIMIT_FSIZE, job["file_size"]),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (limit, limit))


def main() -> None:
    """Do one job."""
    job = json.load(sys.stdin)
    _bound(job)
    pygit2.settings.server_timeout = job["seconds"] * 1000
    pygit2.settings.server_connect_timeout = 10_000
    try:
        answer = fetch(job)
    except (pygit2.GitError, MemoryError, OSError, KeyError, ValueError) as error:
        answer = {
            "error": "corrupt" if isinstance(error, (pygit2.GitError, KeyError)) else "unavailable",
            "message": str(error) or type(error).__name__,
        }
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
