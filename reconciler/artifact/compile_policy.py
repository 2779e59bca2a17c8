"""Whether a binary is compiled when it is looked at, as `Fleet.spec.artifacts.compile` says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from reconciler.errors import InputError
from reconciler.fleet.quantity import quantity


@dataclass(frozen=True, kw_only=True, slots=True)
class CompilePolicy:
    """Binaries of fewer than `below` bytes are compiled: 0 for none of them, None for all."""

    below: int | None

    def wants(self, size: int) -> bool:
        """Tell whether a binary of so many bytes is compiled."""
        return self.below is None or size < self.below


NEVER, ALWAYS = CompilePolicy(below=0), CompilePolicy(below=None)
#: What a Fleet that says nothing gets (design: `compile: {ifSmaller: 8Mi}`).
DEFAULT = CompilePolicy(below=8 * 1024 * 1024)


def compile_policy(value: Any) -> CompilePolicy:
    """Read `Never`, `Always` or `{ifSmaller: QUANTITY}`; the default where it is None. Raises InputError."""
    if value is None:
        return DEFAULT
    if value in ("Never", "Always"):
        return NEVER if value == "Never" else ALWAYS
    size = quantity(value.get("ifSmaller")) if isinstance(value, dict) else None
    if size is None or size < 0:
        raise InputError(f"compile: {value!r} is not known", hint="write Never, Always or {ifSmaller: 8Mi}")
    return CompilePolicy(below=int(size))
