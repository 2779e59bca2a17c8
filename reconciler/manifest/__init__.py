"""spin.toml, versions 1 and 2, to an Application or the problems that it has. Pure."""

from reconciler.manifest.model import Application, Component, Parsed, Trigger, Variable
from reconciler.manifest.parse import parse

__all__ = ["Application", "Component", "Parsed", "Trigger", "Variable", "parse"]
