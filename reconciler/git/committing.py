"""Committing changed files as the person at the keyboard would: with their own git, so that identity, signing and hooks are theirs."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from reconciler.errors import InputError, UnavailableError


@dataclass(frozen=True, kw_only=True, slots=True)
class Committed:
    """A commit that was made. `remote` is the name of the remote it was pushed to, empty where it was not."""

    commit: str
    branch: str
    remote: str = ""


class Checkout:
    """The working tree that a folder lies in."""

    def __init__(self, folder: Path) -> None:
        """Find it. Raises InputError where there is none, or nothing is committed yet."""
        self._folder = folder
        try:
            self.root = Path(self._git("rev-parse", "--show-toplevel"))
            self.head = self._git("rev-parse", "--verify", "--quiet", "HEAD")
        except UnavailableError as error:
            raise InputError(
                f"{folder} is not in a Git working tree with a commit",
                hint="go to a clone of the fleet's repository, or use --no-commit to change the files alone",
            ) from error

    @property
    def branch(self) -> str:
        """The branch that is checked out. Raises InputError where none is."""
        name = self._git("branch", "--show-current")
        if not name:
            raise InputError("no branch is checked out", hint="check one out, or name a new one with --branch")
        return name

    @property
    def remote(self) -> str:
        """The remote that commits go to: the branch's own, else the only one, else `origin`. Raises InputError."""
        names = self._git("remote").split()
        branch = self._git("branch", "--show-current")
        own = self._config(f"branch.{branch}.remote") if branch else ""
        usual = names if len(names) == 1 else ["origin"]
        for name in [own, *usual]:
            if name in names:
                return name
        raise InputError("there is no remote to push to", hint="add one: git remote add origin URL")

    def url(self, remote: str) -> str:
        """Give the URL of a remote as it is configured."""
        return self._config(f"remote.{remote}.url")

    def target(self, remote: str) -> str:
        """Give the branch that a change is proposed to: what the branch checked out follows there, else its own name."""
        branch = self.branch
        merge = self._config(f"branch.{branch}.merge")
        return (
            merge.removeprefix("refs/heads/") if merge and self._config(f"branch.{branch}.remote") == remote else branch
        )

    def check_clean(self, paths: Iterator[Path] | list[Path]) -> None:
        """Raise InputError where one of the files differs from what is committed: the commit would take those changes along."""
        names = [self._relative(path) for path in paths]
        if told := self._git("status", "--porcelain", "--untracked-files=all", "--", *names):
            listed = ", ".join(line[3:] for line in told.splitlines())
            raise InputError(f"not committed yet: {listed}", hint="commit or stash these changes first")

    def has_branch(self, name: str, remote: str) -> bool:
        """Tell whether a branch of this name is there, here or at the remote. Raises UnavailableError."""
        if self._git("for-each-ref", f"refs/heads/{name}"):
            return True
        return bool(remote and self._git("ls-remote", "--heads", remote, f"refs/heads/{name}"))

    def commit(self, files: Mapping[Path, bytes], message: str, *, push: bool) -> Committed:
        """Write files and commit them, and nothing else that may be staged, on the branch checked out. Raises UnavailableError.

        Where git refuses (a hook, no identity), the files are put back as they were.
        """
        branch, remote = self.branch, self.remote if push else ""
        before = {path: path.read_bytes() for path in files}
        _write(files)
        try:
            self._git("commit", "--quiet", "--message", message, "--only", "--", *map(self._relative, files))
        except UnavailableError:
            _write(before)
            raise
        if push:
            self._git("push", "--quiet", remote, f"HEAD:refs/heads/{self.target(remote)}")
        return Committed(commit=self._git("rev-parse", "HEAD"), branch=branch, remote=remote)

    def commit_on(self, branch: str, files: Mapping[Path, bytes], message: str, *, push: bool) -> Committed:
        """Commit files on a new branch from here, and leave the working tree and what is checked out alone. Raises UnavailableError."""
        self._git("check-ref-format", "--branch", branch)
        remote = self.remote if push else ""
        with self._apart(branch) as apart:
            _write({apart.root / self._relative(path): data for path, data in files.items()})
            apart._git("commit", "--quiet", "--message", message, "--only", "--", *map(self._relative, files))  # noqa: SLF001 - another of this class
            made = Committed(commit=apart._git("rev-parse", "HEAD"), branch=branch, remote=remote)  # noqa: SLF001 - another of this class
            if push:
                self._git("push", "--quiet", "--set-upstream", remote, f"refs/heads/{branch}:refs/heads/{branch}")
        return made

    @contextmanager
    def _apart(self, branch: str) -> Iterator[Checkout]:
        """Have a working tree of a new branch for a while; a branch on which nothing came to be goes with it."""
        with tempfile.TemporaryDirectory(prefix="spinfleet-") as folder:
            place = Path(folder) / "tree"
            self._git("worktree", "add", "--quiet", "-b", branch, str(place), "HEAD")
            try:
                yield Checkout(place)
            finally:
                self._git("worktree", "remove", "--force", str(place))
                if self._git("rev-parse", f"refs/heads/{branch}") == self.head:
                    self._git("branch", "--quiet", "--delete", "--force", branch)

    def _relative(self, path: Path) -> str:
        return path.resolve().relative_to(self.root.resolve()).as_posix()

    def _config(self, key: str) -> str:
        try:
            return self._git("config", "--get", key)
        except UnavailableError:
            return ""

    def _git(self, *arguments: str) -> str:
        return git(getattr(self, "root", self._folder), *arguments)


def git(folder: Path, *arguments: str, **environment: str) -> str:
    """Run the person's own git in a folder; gives what it prints. Raises UnavailableError with git's words where it fails."""
    # Git's own variables may name another repository: a hook that runs us has them set.
    kept = {key: value for key, value in os.environ.items() if key not in _OWN}
    command = ["git", "-c", "core.quotePath=false", *arguments]
    answer = subprocess.run(command, cwd=folder, env={**kept, **environment}, capture_output=True, check=False)
    if answer.returncode != 0:
        said = answer.stderr.decode(errors="replace").strip() or answer.stdout.decode(errors="replace").strip()
        raise UnavailableError(f"git {arguments[0]} failed: {said}")
    return answer.stdout.decode(errors="replace").rstrip("\n")


#: What git sets for its hooks.
_OWN = frozenset({"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR"})


def _write(files: Mapping[Path, bytes]) -> None:
    for path, data in files.items():
        path.write_bytes(data)
