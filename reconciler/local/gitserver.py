"""A Git server over smart HTTP: git's own http-backend behind a small threaded server.

python -m reconciler.local.gitserver --root FOLDER --port N
"""

from __future__ import annotations

import argparse
import base64
import hmac
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from reconciler.errors import UnavailableError

_GIT = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull}
_AUTHOR = {
    "GIT_AUTHOR_NAME": "Spinfleet demo", "GIT_AUTHOR_EMAIL": "demo@spinfleet.invalid",
    "GIT_COMMITTER_NAME": "Spinfleet demo", "GIT_COMMITTER_EMAIL": "demo@spinfleet.invalid",
}  # fmt: skip


def git(*arguments: str, cwd: Path, stdin: bytes | None = None, environment: Mapping[str, str] | None = None) -> str:
    """Run git without the user's own configuration; gives its output. Raises UnavailableError with git's words where it fails."""
    answer = subprocess.run(
        ["git", *arguments],
        cwd=cwd,
        input=stdin,
        capture_output=True,
        check=False,
        env={**os.environ, **_GIT, **_AUTHOR, **(environment or {})},
    )
    if answer.returncode != 0:
        raise UnavailableError(f"git {arguments[0]}: {answer.stderr.decode(errors='replace').strip()}")
    return answer.stdout.decode(errors="replace").strip()


@dataclass(frozen=True, slots=True)
class Repository:
    """A bare repository that the server has, with one branch, `main`."""

    path: Path

    @property
    def tip(self) -> str:
        """The id of the branch's newest commit."""
        return git("rev-parse", "refs/heads/main", cwd=self.path)

    def commit(self, files: Mapping[str, bytes | str | None], message: str = "Change the fleet") -> str:
        """Commit changed files (None deletes one) on top of the branch, without a work tree; gives the commit's id."""
        lines = [
            b"commit refs/heads/main\ncommitter Spinfleet demo <demo@spinfleet.invalid> now\n",
            _data(message.encode()),
        ]
        if git("for-each-ref", "refs/heads/main", cwd=self.path):
            lines.append(b"from refs/heads/main^0\n")
        for name, content in files.items():
            if content is None:
                lines.append(f"D {name}\n".encode())
            else:
                raw = content.encode() if isinstance(content, str) else content
                lines += [f"M 100644 inline {name}\n".encode(), _data(raw)]
        git("fast-import", "--quiet", "--date-format=now", cwd=self.path, stdin=b"".join(lines))
        return self.tip


def create(root: Path, name: str) -> Repository:
    """Make an empty bare repository that may be pushed to."""
    path = root / f"{name}.git"
    git("init", "--quiet", "--bare", "--initial-branch=main", str(path), cwd=root)
    git("config", "http.receivepack", "true", cwd=path)
    git("config", "uploadpack.allowAnySHA1InWant", "true", cwd=path)
    return Repository(path)


def publish(folder: Path, root: Path, name: str) -> Repository:
    """Make a repository whose first commit has the files of a folder."""
    repository = create(root, name)
    files = {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
    repository.commit(files, "Begin the fleet")
    return repository


@dataclass(kw_only=True, slots=True)
class GitServer:
    """A running server over a folder of bare repositories."""

    root: Path
    server: ThreadingHTTPServer

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self.server.server_address[1])

    def url(self, name: str) -> str:
        """Give a repository's URL."""
        return f"http://127.0.0.1:{self.port}/{name}.git"


@contextmanager
def serving(root: Path, *, port: int = 0, password: str = "") -> Iterator[GitServer]:
    """Serve a folder while the context is open; with a password, only to user `git` who knows it."""
    with ThreadingHTTPServer(("127.0.0.1", port), _handler(root, password)) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield GitServer(root=root, server=server)
        finally:
            server.shutdown()
            thread.join()


def _handler(root: Path, password: str) -> type[BaseHTTPRequestHandler]:
    wanted = "Basic " + base64.b64encode(f"git:{password}".encode()).decode()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer(b"")

        def do_POST(self) -> None:
            # libgit2 pushes in chunks; http-backend wants to be told a length.
            chunked = self.headers.get("Transfer-Encoding", "").lower() == "chunked"
            self._answer(
                _chunks(self.rfile) if chunked else self.rfile.read(int(self.headers.get("Content-Length", "0")))
            )

        def _answer(self, body: bytes) -> None:
            if password and not hmac.compare_digest(self.headers.get("Authorization", ""), wanted):
                self.send_response(401)
                self.send_header("WWW-Authenticate", 'Basic realm="fleet"')
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            status, headers, answer = _backend(root, self.command, self.path, self.headers, body)
            self.send_response(status)
            for name, value in headers:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
            """Say nothing: requests are not news."""

    return Handler


def _backend(
    root: Path, method: str, target: str, headers: Any, body: bytes
) -> tuple[int, list[tuple[str, str]], bytes]:
    """Run git http-backend (CGI, RFC 3875) for one request."""
    parts = urlsplit(target)
    environment = {
        **os.environ,
        **_GIT,
        "GIT_PROJECT_ROOT": str(root),
        "GIT_HTTP_EXPORT_ALL": "1",
        "REQUEST_METHOD": method,
        "PATH_INFO": parts.path,
        "QUERY_STRING": parts.query,
        "CONTENT_TYPE": headers.get("Content-Type", ""),
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_CONTENT_ENCODING": headers.get("Content-Encoding", ""),
        "GIT_PROTOCOL": headers.get("Git-Protocol", ""),
        "REMOTE_USER": "git",
        "REMOTE_ADDR": "127.0.0.1",
    }
    git_path = shutil.which("git") or "git"
    answer = subprocess.run([git_path, "http-backend"], input=body, capture_output=True, check=False, env=environment)
    head, _, content = answer.stdout.partition(b"\r\n\r\n")
    status, found = 200, []
    for line in head.decode("latin-1").splitlines():
        name, _, value = line.partition(":")
        if name.lower() == "status":
            status = int(value.split()[0])
        elif name:
            found.append((name, value.strip()))
    return (status, found, content) if head else (500, [], answer.stderr)


def _chunks(stream: Any) -> bytes:
    """Read a chunked request body (RFC 9112, section 7.1)."""
    parts = []
    while size := int(stream.readline().split(b";")[0], 16):
        parts.append(stream.read(size))
        stream.readline()
    while stream.readline().strip():
        pass
    return b"".join(parts)


def _data(content: bytes) -> bytes:
    return b"data %d\n%s\n" % (len(content), content)


def main() -> None:
    """Serve until ended."""
    parser = argparse.ArgumentParser(description="Serve a folder of bare Git repositories over HTTP.")
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    with serving(options.root, port=options.port):
        threading.Event().wait()


if __name__ == "__main__":
    main()
