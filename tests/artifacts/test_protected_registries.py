"""Real registries behind TLS, passwords and tokens are read with what the policy configures for exactly that host, and with nothing else."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from reconciler.artifact.access import RegistryAccess
from reconciler.artifact.model import Verdict, VerdictStatus
from reconciler.artifact.verify import Verifier
from reconciler.local.binary import find_or_build
from reconciler.local.certificates import Authority, issue, new_authority
from reconciler.local.ports import free_ports
from reconciler.local.publish import assemble_application, push
from reconciler.local.registry import Protection, Registry, TokenService
from reconciler.manifest import parse

pytestmark = pytest.mark.cluster

MANIFEST = b'spin_manifest_version = 2\n[application]\nname = "a"\n[[trigger.http]]\nroute = "/..."\ncomponent = "m"\n[component.m]\nsource = "m.wasm"\n'
#: The password is hunter2.
HTPASSWD = "robot:$2y$05$abcdefghijklmnopqrstuuoXuKqgZXLiJqzfmMXDDhSFPIvxV7t8.\n"


@dataclass
class Stored:
    """A folder in which a registry has stored one artifact under two repositories."""

    folder: Path
    digest: str
    authority: Authority

    def certificate(self) -> tuple[Path, Path]:
        return issue(self.authority, self.folder, "registry", common_name="registry", server=True)

    @property
    def ca(self) -> str:
        return self.authority.pem().decode()


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory, component: bytes) -> Stored:
    folder = tmp_path_factory.mktemp("stored")
    application = parse(MANIFEST, "spin.toml").application
    assert application is not None
    artifact = assemble_application(application, {"m": component})
    opened = Registry.start(find_or_build(), folder)
    try:
        for repository in ("acme/one", "acme/two"):
            push(artifact, opened.host, repository)
    finally:
        opened.stop()
    return Stored(folder, artifact.digest, new_authority())


async def verify(
    registry: Registry, stored: Stored, cache: Path, *entries: RegistryAccess, name: str = "one"
) -> Verdict:
    async with Verifier(registries=entries, cache=cache) as verifier:
        return await verifier.verify(f"{registry.host}/acme/{name}@{stored.digest}")


@pytest.fixture(scope="module")
def with_password(stored: Stored) -> Iterator[Registry]:
    (stored.folder / "htpasswd").write_text(HTPASSWD)
    protection = Protection(certificate=stored.certificate(), htpasswd=stored.folder / "htpasswd")
    registry = Registry.start(find_or_build(), stored.folder, protection)
    yield registry
    registry.stop()


async def test_a_password_and_an_authority_of_ones_own_open_it(
    with_password: Registry, stored: Stored, tmp_path: Path
) -> None:
    entry = RegistryAccess(prefix=with_password.host, username="robot", password="hunter2", ca=stored.ca)
    assert (await verify(with_password, stored, tmp_path, entry)).status is VerdictStatus.VERIFIED


async def test_another_authority_does_not(with_password: Registry, stored: Stored, tmp_path: Path) -> None:
    for ca in ("", new_authority().pem().decode()):
        entry = RegistryAccess(prefix=with_password.host, username="robot", password="hunter2", ca=ca)
        verdict = await verify(with_password, stored, tmp_path, entry)
        assert (verdict.status, verdict.code) == (VerdictStatus.INCOMPLETE, "artifact.unavailable")
        assert "its certificate is not trusted: " in verdict.message
        assert "caSecretRef" in verdict.hint


async def test_a_wrong_password_or_none_is_incomplete_and_not_shown(
    with_password: Registry, stored: Stored, tmp_path: Path
) -> None:
    for username, password in (("robot", "wr0ng"), ("", "")):
        entry = RegistryAccess(prefix=with_password.host, username=username, password=password, ca=stored.ca)
        verdict = await verify(with_password, stored, tmp_path, entry)
        assert (verdict.status, verdict.code) == (VerdictStatus.INCOMPLETE, "artifact.unauthorized")
        assert "wr0ng" not in json.dumps(verdict.to_json())


async def test_the_login_of_another_entry_is_not_used(with_password: Registry, stored: Stored, tmp_path: Path) -> None:
    other = RegistryAccess(prefix="registry.example", username="robot", password="hunter2", ca=stored.ca)
    mine = RegistryAccess(prefix=with_password.host, ca=stored.ca)
    assert (await verify(with_password, stored, tmp_path, other, mine)).code == "artifact.unauthorized"


async def test_of_two_entries_for_one_server_the_longest_prefix_decides_all(
    with_password: Registry, stored: Stored, tmp_path: Path
) -> None:
    """Another tenant's entry for the same host lends neither its authority nor its login."""
    host = with_password.host
    good = {"username": "robot", "password": "hunter2", "ca": stored.ca}
    entries = [RegistryAccess(prefix=f"{host}/acme/one", **good), RegistryAccess(prefix=f"{host}/acme", ca=stored.ca)]
    assert (await verify(with_password, stored, tmp_path, *entries)).status is VerdictStatus.VERIFIED
    assert (await verify(with_password, stored, tmp_path, *entries, name="two")).code == "artifact.unauthorized"
    unvouched = [RegistryAccess(prefix=f"{host}/acme/one", **good), RegistryAccess(prefix=f"{host}/acme")]
    verdict = await verify(with_password, stored, tmp_path, *unvouched, name="two")
    assert (verdict.code, "certificate" in verdict.message.lower()) == ("artifact.unavailable", True)


async def test_a_mirror_is_asked_in_place_of_the_host_that_git_names(
    with_password: Registry, stored: Stored, tmp_path: Path
) -> None:
    entry = RegistryAccess(
        prefix="ghcr.io/acme", mirror=with_password.host, username="robot", password="hunter2", ca=stored.ca
    )
    async with Verifier(registries=[entry], cache=tmp_path) as verifier:
        verdict = await verifier.verify(f"ghcr.io/acme/one@{stored.digest}")
    assert verdict.status is VerdictStatus.VERIFIED


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@dataclass
class Tokens:
    """A token service: gives ES256 tokens (distribution's token specification) to who knows the password."""

    key: ec.EllipticCurvePrivateKey
    url: str
    asked: list[dict[str, str]] = field(default_factory=list)

    def keys(self) -> str:
        numbers = self.key.public_key().public_numbers()
        point = {name: _base64url(value.to_bytes(32, "big")) for name, value in (("x", numbers.x), ("y", numbers.y))}
        key = {"kty": "EC", "crv": "P-256", "kid": "tests", "use": "sig", "alg": "ES256", **point}
        return json.dumps({"keys": [key]})

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append({**request.query, "authorization": request.headers.get("Authorization", "")})
        if request.headers.get("Authorization") != "Basic " + base64.b64encode(b"robot:hunter2").decode():
            return web.Response(status=401)
        kind, name, actions = request.query["scope"].split(":")
        access = [{"type": kind, "name": name, "actions": actions.split(",")}]
        now = int(time.time())
        claims = {"iss": "tests", "sub": "robot", "aud": request.query["service"], "exp": now + 300, "nbf": now - 10, "iat": now, "jti": "1", "access": access}  # fmt: skip
        head = {"typ": "JWT", "alg": "ES256", "kid": "tests"}
        signed = ".".join(_base64url(json.dumps(part).encode()) for part in (head, claims))
        r, s = decode_dss_signature(self.key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        signature = _base64url(r.to_bytes(32, "big") + s.to_bytes(32, "big"))
        return web.json_response({"token": f"{signed}.{signature}", "expires_in": 300})


@pytest.fixture
async def tokens() -> AsyncIterator[Tokens]:
    service = Tokens(ec.generate_private_key(ec.SECP256R1()), f"http://127.0.0.1:{free_ports(1)[0]}")
    app = web.Application()
    app.router.add_get("/token", service.answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", int(service.url.rpartition(":")[2])).start()
    yield service
    await runner.cleanup()


@pytest.fixture
def with_tokens(stored: Stored, tokens: Tokens) -> Iterator[Registry]:
    keys = stored.folder / "keys.json"
    keys.write_text(tokens.keys())
    service = TokenService(realm=f"{tokens.url}/token", service="the-registry", issuer="tests", keys=keys)
    registry = Registry.start(
        find_or_build(), stored.folder, Protection(certificate=stored.certificate(), tokens=service)
    )
    yield registry
    registry.stop()


async def test_tokens_are_fetched_with_the_token_services_own_login_one_for_each_repository(
    with_tokens: Registry, tokens: Tokens, stored: Stored, tmp_path: Path
) -> None:
    host = tokens.url.removeprefix("http://")
    entries = [
        RegistryAccess(prefix=with_tokens.host, ca=stored.ca),
        RegistryAccess(prefix=host, plain_http=True, username="robot", password="hunter2"),
    ]
    for name in ("one", "two"):
        verdict = await verify(with_tokens, stored, tmp_path / name, *entries, name=name)
        assert verdict.status is VerdictStatus.VERIFIED, verdict.message
    scopes = [asked["scope"] for asked in tokens.asked]
    assert scopes == ["repository:acme/one:pull", "repository:acme/two:pull"]
    assert {asked["service"] for asked in tokens.asked} == {"the-registry"}


async def test_a_token_service_that_was_not_named_is_not_asked_over_plain_http(
    with_tokens: Registry, tokens: Tokens, stored: Stored, tmp_path: Path
) -> None:
    entry = RegistryAccess(prefix=with_tokens.host, username="robot", password="hunter2", ca=stored.ca)
    verdict = await verify(with_tokens, stored, tmp_path, entry)
    assert (verdict.status, verdict.code) == (VerdictStatus.INCOMPLETE, "artifact.token")
    assert tokens.asked == []


async def test_what_one_repository_gave_is_not_thereby_in_another(
    with_password: Registry, stored: Stored, tmp_path: Path
) -> None:
    entry = RegistryAccess(prefix=with_password.host, username="robot", password="hunter2", ca=stored.ca)
    async with Verifier(registries=[entry], cache=tmp_path) as verifier:
        assert (
            await verifier.verify(f"{with_password.host}/acme/one@{stored.digest}")
        ).status is VerdictStatus.VERIFIED
        verdict = await verifier.verify(f"{with_password.host}/acme/three@{stored.digest}")
    assert (verdict.status, verdict.code) == (VerdictStatus.INCOMPLETE, "artifact.not-found")


async def test_a_digest_by_sha512_is_checked_by_sha512(with_password: Registry, stored: Stored, tmp_path: Path) -> None:
    entry = RegistryAccess(prefix=with_password.host, username="robot", password="hunter2", ca=stored.ca)
    blobs = stored.folder / "storage/docker/registry/v2/blobs/sha256"
    manifest = (blobs / stored.digest[7:9] / stored.digest[7:] / "data").read_bytes()
    digest = f"sha512:{hashlib.sha512(manifest).hexdigest()}"
    async with Verifier(registries=[entry], cache=tmp_path) as verifier:
        verdict = await verifier.verify(f"{with_password.host}/acme/one@{digest}")
    # The registry has it by another digest only: it was asked for this one, and nothing was guessed.
    assert (verdict.status, verdict.code) == (VerdictStatus.INCOMPLETE, "artifact.not-found")
