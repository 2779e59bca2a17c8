"""Every parser that is fuzzed: its target's name and the module that has it."""

from __future__ import annotations

from tests.fuzz import of_artifacts, of_fleets, of_manifests, of_the_agent
from tests.fuzz.model import Target

MODULES = (of_manifests, of_fleets, of_artifacts, of_the_agent)
TARGETS: dict[str, Target] = {name: target for module in MODULES for name, target in module.TARGETS.items()}


def module_of(target: str) -> str:
    """Give the module that has a target: a child imports no other."""
    return next(module.__name__ for module in MODULES if target in module.TARGETS)
