"""A Spin application as its spin.toml says, normalised to version 2's shape (source: spinframework/spin, crates/manifest)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.problems import Problem


@dataclass(frozen=True, kw_only=True, slots=True)
class Variable:
    """An application variable: required, or with a default; exactly one of them."""

    name: str
    default: str | None = None
    required: bool = False
    secret: bool = False
    description: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Trigger:
    """One trigger. `component` is the id of the component that answers, None for a static response.

    `config` holds the type's own fields as written (`route`, `channel`, `executor`, …). `line` counts from 1.
    """

    type: str
    id: str | None = None
    component: str | None = None
    config: Mapping[str, Any] = field(default_factory=dict)
    line: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Component:
    """One component. Hosts, stores, databases and models are the text as written, templates included."""

    id: str
    source: str | Mapping[str, Any]
    description: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    files: tuple[str | Mapping[str, str], ...] = ()
    exclude_files: tuple[str, ...] = ()
    allowed_outbound_hosts: tuple[str, ...] = ()
    key_value_stores: tuple[str, ...] = ()
    sqlite_databases: tuple[str, ...] = ()
    ai_models: tuple[str, ...] = ()
    dependencies: Mapping[str, Any] = field(default_factory=dict)
    dependencies_inherit_configuration: bool = False
    targets: tuple[Any, ...] = ()
    build: Mapping[str, Any] | None = None
    profiles: Mapping[str, Any] = field(default_factory=dict)
    line: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Application:
    """A whole application. `manifest_version` is that of the file; the shape is version 2's either way."""

    manifest_version: int
    name: str
    version: str = ""
    description: str = ""
    authors: tuple[str, ...] = ()
    targets: tuple[Any, ...] = ()
    trigger_settings: Mapping[str, Any] = field(default_factory=dict)
    variables: Mapping[str, Variable] = field(default_factory=dict)
    triggers: tuple[Trigger, ...] = ()
    components: Mapping[str, Component] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Parsed:
    """What reading a spin.toml gave. `application` is None exactly where a problem is an error."""

    application: Application | None
    problems: tuple[Problem, ...] = ()
