"""Finding or building the control-plane binary: one Go program that is every component."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from reconciler.errors import InputError, SpinfleetError, UnavailableError

SOURCE = Path(__file__).parent / "controlplane"
_KUBERNETES = "v1.37.2"
_MINIMUM_GO = (1, 26)
_VERSION_PACKAGE = "k8s.io/component-base/version"
_MAJOR, _MINOR, _ = _KUBERNETES.removeprefix("v").split(".")
_VERSION = {"gitVersion": _KUBERNETES, "gitMajor": _MAJOR, "gitMinor": _MINOR}
_LINK = " ".join(["-s", "-w", *(f"-X {_VERSION_PACKAGE}.{name}={value}" for name, value in _VERSION.items())])
_FLAGS = ("-trimpath", "-ldflags", _LINK)
#: Roughly how many packages a cold build compiles; only the progress bar depends on it.
_PACKAGES = 2900
_TELL_EVERY = 10.0

Progress = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Components:
    """How to start each component: the multi-call binary, or a folder with single ones (KUBEBUILDER_ASSETS)."""

    binary: Path | None
    assets: Path | None = None

    def command(self, component: str) -> list[str]:
        """Give the first words of a component's command line. Raises UnavailableError where this set lacks it."""
        if self.binary is not None:
            return [str(self.binary), component]
        assert self.assets is not None  # noqa: S101 - one of the two is always set
        program = self.assets / component
        if not program.is_file():
            raise UnavailableError(
                f"{self.assets} has no {component}",
                hint="unset KUBEBUILDER_ASSETS to have the whole control plane built",
            )
        return [str(program)]


def cache_folder() -> Path:
    """Give the user's cache folder for Spinfleet (XDG_CACHE_HOME, else ~/.cache)."""
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "spinfleet"


def key() -> str:
    """Give the key of the build: a digest of everything that decides what comes out of it."""
    digest = hashlib.sha256(" ".join(_FLAGS).encode())
    for name in ("go.mod", "go.sum", "main.go"):
        digest.update((SOURCE / name).read_bytes())
    return digest.hexdigest()[:16]


def cached() -> Path:
    """Give the path where the built binary is, or will be."""
    return cache_folder() / "controlplane" / key() / "controlplane"


def find_or_build(progress: Progress = lambda _text, _share: None) -> Components:
    """Give the components: a cached build, else KUBEBUILDER_ASSETS, else a Go build (8 to 11 minutes on 2 cores when cold).

    `progress` is told what is being done and the share done, 0 to 1. Raises InputError where Go is missing or too old and
    UnavailableError where the build fails.
    """
    target = cached()
    if target.is_file():
        return Components(target)
    if assets := os.environ.get("KUBEBUILDER_ASSETS"):
        return Components(None, Path(assets))
    _check_go()
    target.parent.mkdir(parents=True, exist_ok=True)
    with _locked(target.parent / "lock"):
        if not target.is_file():
            _build(target, progress)
    return Components(target)


def _check_go() -> None:
    go = shutil.which("go")
    hint = "install Go 1.26 or newer (see the Go project's site), or name a cluster with --context"
    if go is None:
        raise InputError("the local control plane is built with Go, and `go` is not on PATH", hint=hint)
    # GOTOOLCHAIN=local: a build never downloads another toolchain.
    environment = {**os.environ, "GOTOOLCHAIN": "local"}
    answer = subprocess.run([go, "env", "GOVERSION"], capture_output=True, text=True, check=False, env=environment)
    found = re.match(r"go(\d+)\.(\d+)", answer.stdout)
    if found is None or (int(found[1]), int(found[2])) < _MINIMUM_GO:
        raise InputError(f"Go 1.26 or newer is needed, and this is {answer.stdout.strip() or 'unknown'}", hint=hint)


def _build(target: Path, progress: Progress) -> None:
    """Build into a temporary folder beside the target and move it there whole: a broken build leaves nothing."""
    with tempfile.TemporaryDirectory(dir=target.parent, prefix="build-") as folder:
        built = Path(folder) / "controlplane"
        command = ["go", "build", "-v", *_FLAGS, "-o", str(built), "."]
        environment = {**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly"}
        log = target.parent / "build.log"
        with (
            subprocess.Popen(
                command, cwd=SOURCE, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
            ) as process,
            log.open("w", encoding="utf-8") as written,
        ):
            assert process.stderr is not None  # noqa: S101 - it is a pipe
            for text, share in _steps(process.stderr, written.write):
                progress(text, share)
        if process.returncode != 0:
            raise UnavailableError(
                f"building the control plane failed; its output is in {log}", hint="the last lines name the package"
            )
        built.replace(target)
        progress("built", 1.0)


def _steps(lines: Iterable[str], keep: Callable[[str], object]) -> Iterator[tuple[str, float]]:
    compiled = 0
    for line in lines:
        keep(line)
        if line.startswith("go: downloading"):
            yield f"downloading {line.split()[2]}", 0.0
        else:
            compiled += 1
            yield f"compiling {line.strip()}", min(0.99, compiled / _PACKAGES)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def main() -> None:
    """Find or build, telling what is done every few seconds: `python -m reconciler.local.binary`."""
    told = 0.0

    def tell(text: str, share: float) -> None:
        nonlocal told
        if time.monotonic() - told > _TELL_EVERY:
            told = time.monotonic()
            print(f"control plane: {text} ({share:.0%})", file=sys.stderr, flush=True)  # noqa: T201 - the command's own word

    try:
        components = find_or_build(tell)
    except SpinfleetError as error:
        sys.exit(f"error: {error.message}\n  hint: {error.hint}")
    print(f"control plane: {components.binary or components.assets}", file=sys.stderr)  # noqa: T201 - the command's own word


if __name__ == "__main__":
    main()
