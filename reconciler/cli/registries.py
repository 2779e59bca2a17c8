"""How commands reach registries: options for people, in place of what a FleetSync's policy says to an agent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from reconciler.artifact.access import RegistryAccess

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
_OPTIONS = (
    click.option(
        "--registry-mirror", "mirrors", multiple=True, metavar="PREFIX=HOST", help="Ask HOST for artifacts of PREFIX."
    ),
    click.option("--plain-http", is_flag=True, help="Reach the registry, or the mirrors, over plain HTTP."),
    click.option("--registry-config", type=_FILE, metavar="FILE", help="Docker config with the login; without it, none is used."),
    click.option("--registry-ca", type=_FILE, metavar="FILE", help="PEM certificates that vouch for the registry, in place of the system's."),
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class RegistryOptions:
    """The options' values. A login is used for the host that stands in FILE and no other; helpers are not run."""

    mirrors: tuple[str, ...]
    plain_http: bool
    registry_config: Path | None
    registry_ca: Path | None

    def entries(self, reference: str, *, named: bool) -> tuple[RegistryAccess, ...]:
        """Give how registries are reached for one reference. Raises InputError.

        `named`: a person named the reference, and so its host, which may then be a private one. A host that only a repository
        names must be a public one, unless it is the prefix of a mirror or has a login.
        """
        from reconciler.artifact.access import RegistryAccess, access_for
        from reconciler.artifact.reference import Reference
        from reconciler.errors import InputError
        from reconciler.fleet.artifact_reference import read

        found = []
        for mirror in self.mirrors:
            prefix, equals, host = mirror.partition("=")
            if not prefix or not equals or not host:
                raise InputError(
                    f"--registry-mirror {mirror!r} is not PREFIX=HOST", hint="as in ghcr.io/acme=localhost:5000"
                )
            found.append(self._entry(prefix, host))
        parsed = read(reference)
        if isinstance(parsed, Reference) and (not found or access_for(parsed, found) is None):
            own = self._entry(parsed.registry, "")
            if named or own != RegistryAccess(prefix=parsed.registry):
                found.append(own)
        return tuple(found)

    def _entry(self, prefix: str, mirror: str) -> RegistryAccess:
        from reconciler.artifact.access import RegistryAccess
        from reconciler.artifact.docker_config import login_of

        entry = RegistryAccess(prefix=prefix, mirror=mirror)
        username = password = ""
        if self.registry_config is not None:
            text = self.registry_config.read_text(encoding="utf-8")
            username, password = login_of(text, entry.host, str(self.registry_config))
        authority = self.registry_ca.read_text(encoding="utf-8") if self.registry_ca is not None else ""
        return RegistryAccess(
            prefix=prefix, mirror=mirror, plain_http=self.plain_http, username=username, password=password, ca=authority
        )


#: Registries as they are, without a login.
NO_OPTIONS = RegistryOptions(mirrors=(), plain_http=False, registry_config=None, registry_ca=None)


def registry_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to a command, which gets them as one argument `registries`."""
    from functools import wraps

    @wraps(command)
    def gathered(
        *arguments: Any,
        mirrors: tuple[str, ...],
        plain_http: bool,
        registry_config: Path | None,
        registry_ca: Path | None,
        **more: Any,
    ) -> Any:
        options = RegistryOptions(
            mirrors=mirrors, plain_http=plain_http, registry_config=registry_config, registry_ca=registry_ca
        )
        return command(*arguments, registries=options, **more)

    decorated: Callable[..., Any] = gathered
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated
