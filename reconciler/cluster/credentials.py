"""Credentials for an API server, read and renewed through the kubernetes package: kubeconfig, token file, exec plugin, pod."""

from __future__ import annotations

import asyncio
import logging
import os
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from reconciler.errors import UnavailableError

logger = logging.getLogger(__name__)

_HINT = "name a kubeconfig with --kubeconfig or KUBECONFIG, and a context with --context"

Load = Callable[[Any], Awaitable[None]]


@dataclass(kw_only=True, slots=True)
class Credentials:
    """Where an API server is and how to be known there. `configuration` is the kubernetes package's, `load` fills it."""

    configuration: Any
    load: Load
    _tls: ssl.SSLContext | None = None
    _generation: int = 0
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    @classmethod
    async def read(cls, kubeconfig: Path | None = None, context: str | None = None) -> Credentials:
        """Read a kubeconfig where one is named, else the pod's own credentials, else the user's kubeconfig.

        Raises UnavailableError where there are none that can be used.
        """
        from kubernetes.aio import config  # 0.3 s that only commands with a cluster should pay
        from kubernetes.aio.client.configuration import Configuration

        async def from_pod(configuration: Any) -> None:
            config.load_incluster_config(client_configuration=configuration)

        async def from_kubeconfig(configuration: Any) -> None:
            _some_there(kubeconfig)
            file = str(kubeconfig) if kubeconfig else None
            await config.load_kube_config(
                config_file=file, context=context, client_configuration=configuration, persist_config=False
            )

        configuration = Configuration()
        if kubeconfig is None and context is None:
            try:
                await from_pod(configuration)
                return cls(configuration=configuration, load=from_pod)
            except config.ConfigException:
                logger.debug("not in a pod; reading the kubeconfig")
        credentials = cls(configuration=configuration, load=from_kubeconfig)
        await credentials._reload()
        return credentials

    @property
    def server(self) -> str:
        """The API server's base URL, without a slash at its end."""
        return str(self.configuration.host).rstrip("/")

    @property
    def generation(self) -> int:
        """How often the credentials have been renewed; see `renew`."""
        return self._generation

    async def authorization(self) -> str:
        """Give the Authorization header, empty where a client certificate speaks for us. A pod's token is read anew each minute."""
        token = await self.configuration.get_api_key_with_prefix("BearerToken", alias="authorization")
        return str(token or "").strip()

    async def renew(self, generation: int) -> None:
        """Read everything anew after a 401, once for all requests that were refused with the same `generation`.

        Raises UnavailableError where it cannot be read any more.
        """
        async with self._lock:
            if generation != self._generation:
                return  # another request has done it meanwhile
            await self._reload()
            self._generation += 1
            if self._tls is not None:
                _present(self.configuration, self._tls)

    async def _reload(self) -> None:
        try:
            await self.load(self.configuration)
        except OSError as error:
            raise UnavailableError(f"no usable cluster credentials: {error}", hint=_HINT) from error
        except (ValueError, TypeError, LookupError, AttributeError, yaml.YAMLError, _config_exception()) as error:
            # A kubeconfig's content may hold keys and tokens, and a parser's message quotes it: only the kind is told.
            told = str(error) if isinstance(error, _config_exception()) else f"malformed ({type(error).__name__})"
            raise UnavailableError(f"no usable cluster credentials: {told}", hint=_HINT) from None

    def authority(self) -> bytes:
        """Give the configured certificate authority as PEM text, empty where there is none."""
        configuration = self.configuration
        if configuration.ca_cert_data:
            data = configuration.ca_cert_data
            return data if isinstance(data, bytes) else str(data).encode()
        return Path(configuration.ssl_ca_cert).read_bytes() if configuration.ssl_ca_cert else b""

    def tls(self) -> ssl.SSLContext:
        """Give the TLS settings of connections to this server; certificates that are renewed later appear in it."""
        if self._tls is None:
            try:
                self._tls = _context(self.configuration)
            except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
                raise UnavailableError(f"unusable certificate or key in the kubeconfig: {error}", hint=_HINT) from error
        return self._tls


def contexts(kubeconfig: Path | None = None) -> frozenset[str]:
    """Give the names of a kubeconfig's contexts. Raises UnavailableError where it can't be read."""
    from kubernetes.aio.config.kube_config import KUBE_CONFIG_DEFAULT_LOCATION, KubeConfigMerger

    _some_there(kubeconfig)
    try:
        # The package's own list of contexts asks for a current one, which a kubeconfig need not have.
        found = KubeConfigMerger(str(kubeconfig) if kubeconfig else KUBE_CONFIG_DEFAULT_LOCATION).config
        return frozenset(str(each.value["name"]) for each in found["contexts"])
    except (OSError, ValueError, TypeError, LookupError, AttributeError, yaml.YAMLError, _config_exception()) as error:
        # As above: what a parser says may quote keys and tokens.
        raise UnavailableError(f"the kubeconfig can't be read ({type(error).__name__})", hint=_HINT) from None


def _some_there(kubeconfig: Path | None) -> None:
    """Hold that there is a kubeconfig at all: of none the package says that a key is missing."""
    from kubernetes.aio.config.kube_config import KUBE_CONFIG_DEFAULT_LOCATION

    named = str(kubeconfig or KUBE_CONFIG_DEFAULT_LOCATION)
    if not any(Path(each).expanduser().is_file() for each in named.split(os.pathsep) if each):
        where = f"at {named}" if named else "named by KUBECONFIG, which is empty"
        raise UnavailableError(f"there is no kubeconfig {where}", hint=_HINT)


def _context(configuration: Any) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=configuration.ssl_ca_cert, cadata=configuration.ca_cert_data)
    # Private clusters' own authorities often lack the key usages that Python's strict mode asks for.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if not configuration.verify_ssl:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    _present(configuration, context)
    return context


def _present(configuration: Any, context: ssl.SSLContext) -> None:
    if configuration.cert_file:
        context.load_cert_chain(configuration.cert_file, keyfile=configuration.key_file)


def _config_exception() -> type[Exception]:
    from kubernetes.aio.config import ConfigException

    kind: type[Exception] = ConfigException
    return kind
