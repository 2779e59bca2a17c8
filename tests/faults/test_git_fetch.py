"""Fetching over HTTP, SSH and file, and every way in which a Git server can fail or lie."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import asyncssh
import psutil
import pytest

from reconciler.errors import InputError, UnavailableError
from reconciler.git.fetch import Bounds, fetch, fetched_commit, is_ancestor
from reconciler.git.snapshot import Snapshot
from reconciler.git.source import Credentials, Source
from reconciler.local import gitserver


@pytest.fixture
def repository(tmp_path: Path) -> gitserver.Repository:
    (tmp_path / "git").mkdir()
    made = gitserver.create(tmp_path / "git", "fleet")
    made.commit({"fleet.yaml": "a: b\n"})
    return made


@pytest.fixture
def url(tmp_path: Path, repository: gitserver.Repository) -> Iterator[str]:
    with gitserver.serving(tmp_path / "git") as server:
        yield server.url("fleet")


async def test_a_branch_is_fetched_and_news_is_told(url: str, repository: gitserver.Repository, tmp_path: Path) -> None:
    source, mine = Source(url=url, branch="main"), tmp_path / "mine"
    first = await fetch(source, mine)
    assert (first.commit, first.previous, first.rewritten) == (repository.tip, "", False)
    assert Snapshot(mine, first.commit).read("fleet.yaml") == b"a: b\n"
    assert (await fetch(source, mine)).previous == first.commit
    second = repository.commit({"fleet.yaml": "c: d\n"})
    news = await fetch(source, mine)
    assert (news.commit, news.previous, news.rewritten) == (second, first.commit, False)
    assert is_ancestor(mine, first.commit, second)
    assert not is_ancestor(mine, second, first.commit)
    assert fetched_commit(mine) == second


async def test_tags_and_single_commits_are_fetched_too(
    url: str, repository: gitserver.Repository, tmp_path: Path
) -> None:
    old = repository.tip
    gitserver.git("tag", "-a", "v1", "-m", "one", cwd=repository.path)
    repository.commit({"new": "x"})
    assert (await fetch(Source(url=url, tag="v1"), tmp_path / "tag")).commit == old
    assert (await fetch(Source(url=url, commit=old), tmp_path / "commit")).commit == old


async def test_a_replaced_history_is_told(url: str, repository: gitserver.Repository, tmp_path: Path) -> None:
    source, mine = Source(url=url, branch="main"), tmp_path / "mine"
    first = await fetch(source, mine)
    gitserver.git("update-ref", "-d", "refs/heads/main", cwd=repository.path)
    repository.commit({"fleet.yaml": "other: history\n"})
    news = await fetch(source, mine)
    assert news.rewritten
    assert news.previous == first.commit


async def test_a_file_is_fetched_only_where_that_is_allowed(repository: gitserver.Repository, tmp_path: Path) -> None:
    source = Source(url=f"file://{repository.path}", branch="main")
    with pytest.raises(InputError, match="local repositories"):
        await fetch(source, tmp_path / "mine")
    assert (await fetch(source, tmp_path / "mine", local=True)).commit == repository.tip


async def test_what_is_not_there_is_an_input_error(url: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no heads/nope"):
        await fetch(Source(url=url, branch="nope"), tmp_path / "mine")


async def test_a_password_is_given_and_a_wrong_one_only_once(tmp_path: Path, repository: gitserver.Repository) -> None:
    with gitserver.serving(tmp_path / "git", password="hunter2") as server:
        good = Source(
            url=server.url("fleet"), branch="main", credentials=Credentials(username="git", password="hunter2")
        )
        assert (await fetch(good, tmp_path / "mine")).commit == repository.tip
        with pytest.raises(InputError, match="does not accept the credentials") as raised:
            await fetch(
                replace(good, credentials=Credentials(username="git", password="wrong-one")), tmp_path / "other"
            )
        assert "wrong-one" not in raised.value.message
        with pytest.raises(InputError, match="none that fit are configured"):
            await fetch(replace(good, credentials=Credentials()), tmp_path / "other")


async def test_nobody_at_home_and_nonsense_are_unavailable(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError):
        await fetch(Source(url="http://127.0.0.1:1/x.git", branch="main"), tmp_path / "mine")
    with (
        _http(lambda _: (200, {"Content-Type": "text/html"}, b"<html>sign in</html>")) as port,
        pytest.raises(UnavailableError),
    ):
        await fetch(Source(url=f"http://127.0.0.1:{port}/x.git", branch="main"), tmp_path / "mine")


async def test_a_redirect_elsewhere_never_gets_the_credentials(tmp_path: Path) -> None:
    heard: list[str] = []

    def elsewhere(request: BaseHTTPRequestHandler) -> tuple[int, dict[str, str], bytes]:
        heard.append(request.headers.get("Authorization", ""))
        return 401, {"WWW-Authenticate": 'Basic realm="x"'}, b""

    with (
        _http(elsewhere) as evil,
        _http(lambda request: (302, {"Location": f"http://localhost:{evil}{request.path}"}, b"")) as port,
    ):
        source = Source(
            url=f"http://127.0.0.1:{port}/x.git",
            branch="main",
            credentials=Credentials(username="git", password="hunter2"),
        )
        with pytest.raises((InputError, UnavailableError)) as raised:
            await fetch(source, tmp_path / "mine")
    assert set(heard) <= {""}
    assert "hunter2" not in raised.value.message


async def test_a_broken_repository_of_ours_is_fetched_anew(
    url: str, repository: gitserver.Repository, tmp_path: Path
) -> None:
    source, mine = Source(url=url, branch="main"), tmp_path / "mine"
    await fetch(source, mine)
    shutil.rmtree(mine / "objects")
    (mine / "objects").mkdir()
    (mine / "HEAD").write_text("nonsense")
    repository.commit({"new": "x"})
    assert (await fetch(source, mine)).commit == repository.tip
    assert "new" in Snapshot(mine, repository.tip).files


async def test_a_small_pack_with_a_huge_file_costs_the_agent_nothing(
    repository: gitserver.Repository, url: str, tmp_path: Path
) -> None:
    repository.commit({"bomb": b"\0" * 300_000_000})
    before = psutil.Process().memory_info().rss
    try:
        fetched = await fetch(
            Source(url=url, branch="main"), tmp_path / "mine", bounds=Bounds(memory=250_000_000, seconds=60)
        )
    except UnavailableError:
        return  # ended by its bounds: as good
    with pytest.raises(InputError, match="300000000 bytes"):
        Snapshot(tmp_path / "mine", fetched.commit).read("bomb")
    assert psutil.Process().memory_info().rss - before < 50_000_000


async def test_a_fetch_beyond_its_bounds_is_ended(repository: gitserver.Repository, url: str, tmp_path: Path) -> None:
    repository.commit({"noise": os.urandom(3_000_000)})
    with pytest.raises(UnavailableError):
        await fetch(Source(url=url, branch="main"), tmp_path / "mine", bounds=Bounds(file_size=1_000_000))


async def test_a_server_that_says_nothing_is_given_up_in_time(tmp_path: Path) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()  # until the other side gives up
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        with pytest.raises(UnavailableError):
            await asyncio.wait_for(
                fetch(
                    Source(url=f"http://127.0.0.1:{port}/x.git", branch="main"),
                    tmp_path / "mine",
                    bounds=Bounds(seconds=2),
                ),
                20,
            )
    finally:
        server.close()


@contextlib.contextmanager
def _http(answer: object) -> Iterator[int]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, body = answer(self)  # type: ignore[operator]
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


class _Ssh:
    """A real SSH server that runs git-upload-pack for the one key it knows."""

    def __init__(self, port: int, host_key: asyncssh.SSHKey, user_key: asyncssh.SSHKey) -> None:
        self.port, self.host_key, self.user_key = port, host_key, user_key

    def known_hosts(self, key: asyncssh.SSHKey | None = None) -> str:
        text = (key or self.host_key).export_public_key().decode().strip()
        return f"[127.0.0.1]:{self.port} {' '.join(text.split()[:2])}\n"

    def identity(self, key: asyncssh.SSHKey | None = None) -> str:
        return (key or self.user_key).export_private_key("openssh").decode()


@pytest.fixture
async def ssh(repository: gitserver.Repository) -> AsyncIterator[_Ssh]:
    host_key, user_key = (
        asyncssh.generate_private_key("ssh-ed25519"),
        asyncssh.generate_private_key("ssh-ed25519"),
    )

    async def upload(process: asyncssh.SSHServerProcess[bytes]) -> None:
        assert process.command is not None
        assert process.command.startswith("git-upload-pack ")
        child = await asyncio.create_subprocess_exec(
            "git-upload-pack",
            str(repository.path),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=dict(os.environ),
        )
        assert child.stdin is not None
        assert child.stdout is not None
        incoming = asyncio.create_task(_copied(process.stdin.read, child.stdin))
        while data := await child.stdout.read(65536):
            process.stdout.write(data)
        incoming.cancel()
        await asyncio.wait([incoming])
        process.exit(await child.wait())

    server = await asyncssh.listen(
        "127.0.0.1", 0, server_host_keys=[host_key], process_factory=upload, encoding=None,
        authorized_client_keys=asyncssh.import_authorized_keys(user_key.export_public_key().decode()),
    )  # fmt: skip
    yield _Ssh(server.get_port(), host_key, user_key)
    server.close()
    await server.wait_closed()


async def _copied(read: Callable[[int], Awaitable[bytes]], into: asyncio.StreamWriter) -> None:
    while data := await read(65536):
        into.write(data)
        await into.drain()
    into.close()


def _over(ssh: _Ssh, **credentials: str) -> Source:
    return Source(
        url=f"ssh://git@127.0.0.1:{ssh.port}/fleet.git", branch="main", credentials=Credentials(**credentials)
    )


async def test_ssh_with_a_known_host_and_key_works(ssh: _Ssh, repository: gitserver.Repository, tmp_path: Path) -> None:
    source = _over(ssh, identity=ssh.identity(), known_hosts=ssh.known_hosts())
    assert (await fetch(source, tmp_path / "mine")).commit == repository.tip


async def test_an_unknown_or_wrong_host_key_is_refused(ssh: _Ssh, tmp_path: Path) -> None:
    for known in ("", ssh.known_hosts(asyncssh.generate_private_key("ssh-ed25519"))):
        with pytest.raises(InputError, match="host key is not known"):
            await fetch(_over(ssh, identity=ssh.identity(), known_hosts=known), tmp_path / "mine")


async def test_a_key_that_the_server_does_not_know_is_refused_and_not_shown(ssh: _Ssh, tmp_path: Path) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519")
    with pytest.raises(InputError, match="does not accept the credentials") as raised:
        await fetch(_over(ssh, identity=ssh.identity(other), known_hosts=ssh.known_hosts()), tmp_path / "mine")
    assert "PRIVATE KEY" not in raised.value.message


def test_an_idle_poll_is_cheap(url: str, tmp_path: Path) -> None:
    asyncio.run(fetch(Source(url=url, branch="main"), tmp_path / "mine"))
    packs = set((tmp_path / "mine" / "objects").rglob("*"))
    asyncio.run(fetch(Source(url=url, branch="main"), tmp_path / "mine"))
    assert set((tmp_path / "mine" / "objects").rglob("*")) == packs
