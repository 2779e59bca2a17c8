"""Encrypted values: the keys, and an object in plain for as long as it takes to send or compare it.

What is wanted is kept with marks, whose digest says nothing of the values. Only this module puts values in their place; decrypted
documents are let go a moment later, and nothing of them is ever logged.
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from reconciler.agent.desired import Desired
from reconciler.agent.parent import secret_text
from reconciler.agent.source import secret_of
from reconciler.cluster.connection import Connection
from reconciler.errors import ClusterError, InputError, UnavailableError
from reconciler.problems import Problem
from reconciler.sops.decrypt import Identities, NoKeyError, decrypt, identities
from reconciler.sops.sealed import Path, Place, Sealed, SealedFile

logger = logging.getLogger(__name__)

#: Suffix of the keys of the Secret that hold age keys, as Flux has it.
_SUFFIX = ".agekey"
#: Seconds for which the documents of the last file stay, so that one with many objects is decrypted once.
_KEPT = 1.0


@dataclass(kw_only=True, slots=True, repr=False)
class Decryption:
    """Puts values in place of marks. `secret` names the Secret in the FleetSync's namespace that holds the keys; empty for none."""

    connection: Connection
    namespace: str
    secret: str
    _keys: Identities = field(default_factory=lambda: Identities(()))
    _fault: str = ""
    _last: tuple[SealedFile, tuple[Any, ...]] | None = None

    async def refresh(self) -> None:
        """Read the keys anew. What goes wrong is told by what can't be decrypted: the other apps go on."""
        if not self.secret:
            return
        try:
            secret = await secret_of(self.connection, self.namespace, self.secret)
            names = sorted(name for name in secret.get("data") or {} if name.endswith(_SUFFIX))
            self._keys = identities({name: secret_text(secret, name) for name in names})
            self._fault = "" if names else f"Secret {self.namespace}/{self.secret} has no key that ends in {_SUFFIX}"
        except (InputError, ClusterError) as error:
            self._keys, self._fault = Identities(()), error.message
        except UnavailableError as error:
            logger.warning("reading Secret %s/%s: %s", self.namespace, self.secret, error.message)

    def problem(self, sealed: Iterable[Sealed]) -> tuple[Problem, bool] | None:
        """Tell why a release's encrypted values can't be had, and whether another key may help; None where they can."""
        for file in {id(each.file): each.file for each in sealed}.values():
            try:
                self._documents(file)
            except InputError as error:
                code = "sops.no-key" if isinstance(error, NoKeyError) else "sops.changed"
                again = isinstance(error, NoKeyError)
                message = error.message.removeprefix(f"{file.path}: ")
                hint = f"{self._fault}; {error.hint}" if self._fault else error.hint
                return Problem(path=file.path, code=code, message=message, hint=hint), again
        return None

    def object(self, wanted: Desired) -> dict[str, Any]:
        """Give a wanted object in plain. Raises InputError where its values can't be decrypted any more."""
        obj = wanted.object()
        if wanted.sealed is not None:
            documents = self._documents(wanted.sealed.file)
            for place in wanted.sealed.places:
                _put(obj, place, _at(documents[place.document], place.source))
        return obj

    def comparable(self, wanted: Desired) -> dict[str, Any] | None:
        """Give a wanted object in plain, or None where that can't be had: it then counts as not known to be as wanted."""
        try:
            return self.object(wanted)
        except InputError:
            return None

    def body(self, wanted: Desired) -> bytes:
        """Give the JSON to send. Raises InputError."""
        if wanted.sealed is None:
            return wanted.body
        return json.dumps(self.object(wanted), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()

    def _documents(self, file: SealedFile) -> tuple[Any, ...]:
        if self._last is None or self._last[0] is not file:
            if not self.secret:
                raise NoKeyError(
                    f"{file.path}: it is encrypted, and the FleetSync has no spec.decryption",
                    hint="set spec.decryption.secretRef to a Secret with an age key as NAME.agekey",
                )
            self._last = (file, decrypt(file, self._keys))
            asyncio.get_running_loop().call_later(_KEPT, self._forget)
        return self._last[1]

    def _forget(self) -> None:
        self._last = None


def _put(obj: dict[str, Any], place: Place, value: Any) -> None:
    """Put a value in place of its mark. Data of a Secret is text; what was written as stringData is sent as data (plan.prepare)."""
    target = place.target
    if obj["kind"] == "Secret" and target[0] in {"data", "stringData"}:
        text = ("true" if value else "false") if isinstance(value, bool) else str(value)
        value = base64.b64encode(text.encode()).decode() if target[0] == "stringData" else text
        target = ("data", *target[1:])
    holder: Any = obj
    for part in target[:-1]:
        holder = holder[part]
    holder[target[-1]] = value


def _at(value: Any, path: Path) -> Any:
    for part in path:
        value = value[part]
    return value
