"""A real OCI registry (distribution's) on a loopback port, with its storage in a folder."""

from __future__ import annotations

import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from reconciler.local.binary import Components
from reconciler.local.ports import free_ports
from reconciler.local.processes import Processes, wait_until

_CONFIG = """\
version: 0.1
log: {{accesslog: {{disabled: true}}, level: warn}}
storage:
  filesystem: {{rootdirectory: {storage}}}
  delete: {{enabled: true}}
  redirect: {{disable: true}}
http:
  addr: 127.0.0.1:{port}
{tls}
{authentication}
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenService:
    """Who gives tokens for a registry (distribution's `auth: token`): where to ask, and the keys (a JWKS file) that sign them."""

    realm: str
    service: str
    issuer: str
    keys: Path


@dataclass(frozen=True, kw_only=True, slots=True)
class Protection:
    """How a registry is protected: TLS by a certificate and its key; a login by a password file or by tokens."""

    certificate: tuple[Path, Path] | None = None
    htpasswd: Path | None = None
    tokens: TokenService | None = None

    def tls(self) -> str:
        """Give its part of the configuration."""
        if self.certificate is None:
            return ""
        return f"  tls: {{certificate: {self.certificate[0]}, key: {self.certificate[1]}}}"

    def authentication(self) -> str:
        """Give its part of the configuration."""
        if self.tokens is not None:
            each = self.tokens
            return (
                f"auth: {{token: {{realm: '{each.realm}', service: '{each.service}', issuer: '{each.issuer}',"
                f" jwks: {each.keys}, signingalgorithms: [ES256]}}}}"
            )
        return f"auth: {{htpasswd: {{realm: spinfleet, path: {self.htpasswd}}}}}" if self.htpasswd is not None else ""


_OPEN = Protection()


@dataclass(kw_only=True, slots=True)
class Registry:
    """A running registry. `host` is what stands before the first slash of its references."""

    host: str
    storage: Path
    processes: Processes
    secure: bool = False

    @classmethod
    def start(cls, components: Components, folder: Path, protection: Protection = _OPEN) -> Registry:
        """Start one, over plain HTTP and open to all unless it is protected. What lies in `folder/storage` is served."""
        (port,) = free_ports(1)
        storage = folder / "storage"
        storage.mkdir(parents=True, exist_ok=True)
        config = folder / "config.yml"
        settings = {"tls": protection.tls(), "authentication": protection.authentication()}
        config.write_text(_CONFIG.format(storage=storage, port=port, **settings), encoding="utf-8")
        processes = Processes(folder / "logs")
        process = processes.start(
            "registry",
            [*components.command("registry"), "serve", str(config)],
            environment={"OTEL_TRACES_EXPORTER": "none"},
        )
        registry = cls(
            host=f"127.0.0.1:{port}", storage=storage, processes=processes, secure=protection.certificate is not None
        )
        try:
            wait_until(registry._ready, processes=[process], what="the registry")
        except BaseException:
            registry.stop()
            raise
        return registry

    def stop(self) -> None:
        """End it."""
        self.processes.stop(patience=2.0)

    def _ready(self) -> bool:
        if self.secure:
            # Whether its certificate is trusted is for its users to say.
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        else:
            context = None
        try:
            with urllib.request.urlopen(f"http{'s' * self.secure}://{self.host}/v2/", timeout=2, context=context):  # noqa: S310 - to ourselves
                return True
        except urllib.error.HTTPError as error:
            return error.code == 401
        except OSError:
            return False
