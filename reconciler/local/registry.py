"""A real OCI registry (distribution's) on a loopback port, with its storage in a folder."""

from __future__ import annotations

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
{authentication}
"""


@dataclass(kw_only=True, slots=True)
class Registry:
    """A running registry. `host` is what stands before the first slash of its references."""

    host: str
    storage: Path
    processes: Processes

    @classmethod
    def start(cls, components: Components, folder: Path, *, htpasswd: Path | None = None) -> Registry:
        """Start one over plain HTTP, with basic authentication where a password file is named."""
        (port,) = free_ports(1)
        storage = folder / "storage"
        storage.mkdir(parents=True, exist_ok=True)
        authentication = f"auth: {{htpasswd: {{realm: spinfleet, path: {htpasswd}}}}}" if htpasswd else ""
        config = folder / "config.yml"
        config.write_text(_CONFIG.format(storage=storage, port=port, authentication=authentication), encoding="utf-8")
        processes = Processes(folder / "logs")
        process = processes.start(
            "registry",
            [*components.command("registry"), "serve", str(config)],
            environment={"OTEL_TRACES_EXPORTER": "none"},
        )
        registry = cls(host=f"127.0.0.1:{port}", storage=storage, processes=processes)
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
        try:
            with urllib.request.urlopen(f"http://{self.host}/v2/", timeout=2):
                return True
        except urllib.error.HTTPError as error:
            return error.code == 401
        except OSError:
            return False
