"""Fetching: one reference into a bare repository, by a bounded child process."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pygit2

from reconciler.errors import InputError, UnavailableError
from reconciler.git.source import Source, check

_CHILD = Path(__file__).with_name("_child.py")
_CRASHES = frozenset({-signal.SIGABRT, -signal.SIGSEGV, -signal.SIGBUS})


@dataclass(frozen=True, kw_only=True, slots=True)
class Bounds:
    """What a fetch may take: memory and file size in bytes, time in seconds."""

    memory: int = 1024 * 1024 * 1024
    file_size: int = 512 * 1024 * 1024
    seconds: int = 120


@dataclass(frozen=True, kw_only=True, slots=True)
class Fetched:
    """The commit the reference names now, and the one it named before (empty at first).

    `rewritten`: the old commit is no ancestor of the new one, so the branch's history was replaced.
    """

    commit: str
    previous: str
    rewritten: bool


async def fetch(source: Source, repository: Path, *, bounds: Bounds | None = None, local: bool = False) -> Fetched:
    """Fetch the source's reference with its whole history (a commit counts only if it is an ancestor of the tip).

    The reference is listed first: without news nothing is fetched. A repository that turns out broken is thrown away and
    fetched anew. Raises InputError where the address, the reference or the credentials are wrong, UnavailableError where the
    server can't be reached or the bounds are hit.
    """
    check(source, local=local)
    bounds = bounds or Bounds()
    previous = fetched_commit(repository)
    answer = await _run(source, repository, bounds)
    if answer.get("error") == "corrupt":
        shutil.rmtree(repository, ignore_errors=True)
        answer = await _run(source, repository, bounds)
    if "error" in answer:
        message = f"{source.shown}: {answer['message']}"
        if answer["error"] == "input":
            raise InputError(message, hint="check spec.source and the Secret it names")
        raise UnavailableError(message)
    commit = answer["commit"]
    rewritten = bool(previous) and previous != commit and not is_ancestor(repository, previous, commit)
    return Fetched(commit=commit, previous=previous, rewritten=rewritten)


async def fetch_kept(
    source: Source, commit: str, repository: Path, *, bounds: Bounds | None = None, local: bool = False
) -> None:
    """Fetch a commit by its id, with its history, and keep it; what the source follows is not touched.

    Git hosts serve commits of forks by id: ask for one that this cluster has itself recorded, and for no other.
    Raises InputError where the server does not serve it, UnavailableError where the server can't be reached.
    """
    check(source, local=local)
    wanted = replace(source, branch="", tag="", commit=commit)
    answer = await _run(wanted, repository, bounds or Bounds(), into=f"refs/spinfleet/kept/{commit}")
    if "error" in answer:
        message = f"{source.shown}: commit {commit[:12]}: {answer['message']}"
        raise (InputError if answer["error"] == "input" else UnavailableError)(message)


def has_commit(repository: Path, commit: str) -> bool:
    """Tell whether a commit is in the repository, whatever it belongs to."""
    try:
        return isinstance(pygit2.Repository(str(repository)).get(commit), pygit2.Commit)
    except (pygit2.GitError, ValueError):
        return False


def let_go(repository: Path) -> None:
    """Give up the commits of replaced histories that are kept: nothing is rendered from them any more."""
    try:
        references = pygit2.Repository(str(repository)).references
        for name in [name for name in references if name.startswith("refs/spinfleet/kept/")]:
            references.delete(name)
    except (pygit2.GitError, KeyError):
        return


def fetched_commit(repository: Path) -> str:
    """Give the commit of the last fetch, or an empty string where there is none that can be read."""
    try:
        reference = pygit2.Repository(str(repository)).references.get("refs/spinfleet/fetched")
        return "" if reference is None else str(reference.peel(pygit2.Commit).id)
    except (pygit2.GitError, ValueError, KeyError):
        return ""


def is_ancestor(repository: Path, commit: str, tip: str) -> bool:
    """Tell whether `commit` is `tip` or one of its ancestors; an unknown commit is none."""
    if commit == tip:
        return True
    try:
        return bool(pygit2.Repository(str(repository)).descendant_of(tip, commit))
    except (pygit2.GitError, ValueError, KeyError):
        return False


async def _run(source: Source, repository: Path, bounds: Bounds, *, into: str = "") -> dict[str, Any]:
    repository.parent.mkdir(parents=True, exist_ok=True)
    job = {
        "url": source.url,
        "refspec": f"+{source.commit}:{into}" if into else source.refspec,
        "commit": source.commit,
        "credentials": asdict(source.credentials),
        "repository": str(repository),
        **asdict(bounds),
    }
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        str(_CHILD),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
    )
    try:
        async with asyncio.timeout(bounds.seconds + 5):
            output, errors = await child.communicate(json.dumps(job).encode())
    except TimeoutError as error:
        raise UnavailableError(f"{source.shown}: the fetch took more than {bounds.seconds} s") from error
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    return _answer(child.returncode or 0, output, errors, ssh=bool(source.credentials.identity))


def _answer(code: int, output: bytes, errors: bytes, *, ssh: bool) -> dict[str, Any]:
    try:
        answer: dict[str, Any] = json.loads(output)
    except ValueError:
        return {"error": "unavailable", "message": _ended(code, errors, ssh=ssh)}
    return answer


def _ended(code: int, errors: bytes, *, ssh: bool) -> str:
    """Say how a child ended that gave no answer."""
    if code in _CRASHES and ssh:
        return "the SSH library crashed in its child process, as it does with RSA keys; use an Ed25519 key"
    if code < 0:
        return f"the fetch was ended ({signal.Signals(-code).name}); its bounds may be too small"
    lines = errors.decode(errors="replace").strip().splitlines()
    return f"the fetch failed ({lines[-1] if lines else f'code {code}'})"
