"""What a component is granted: Spin denies at run time whatever isn't. Policy, `inspect` and the differences of a pull request read this."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields

from reconciler.manifest.model import Application, Component


@dataclass(frozen=True, kw_only=True, slots=True)
class Capabilities:
    """The grants of one component, each list sorted and without doubles; texts are as written, templates included.

    `hosts` are those it may reach, `stores` key-value stores, `databases` SQLite ones, `models` those for inference, `files` what it is
    given to read: patterns and `source → destination` of a manifest, paths of an artifact.
    """

    hosts: tuple[str, ...] = ()
    stores: tuple[str, ...] = ()
    databases: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    files: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        *,
        hosts: Iterable[str] = (),
        stores: Iterable[str] = (),
        databases: Iterable[str] = (),
        models: Iterable[str] = (),
        files: Iterable[str] = (),
    ) -> Capabilities:
        """Give capabilities in their one form, whatever the order they are written in."""
        return cls(
            hosts=_sorted(hosts),
            stores=_sorted(stores),
            databases=_sorted(databases),
            models=_sorted(models),
            files=_sorted(files),
        )

    def to_json(self) -> dict[str, list[str]]:
        """Give the stable JSON form: all five lists, always."""
        return {each.name: list(getattr(self, each.name)) for each in fields(self)}

    @classmethod
    def from_json(cls, value: Mapping[str, Iterable[str]]) -> Capabilities:
        """Read the JSON form; lists that are absent are empty."""
        return cls.of(**{each.name: value.get(each.name, ()) for each in fields(cls)})

    def without(self, other: Capabilities) -> Capabilities:
        """Give what is granted here and not there: of a newer one against an older one, what was gained."""
        return Capabilities.of(
            **{each.name: set(getattr(self, each.name)) - set(getattr(other, each.name)) for each in fields(self)}
        )

    def __bool__(self) -> bool:
        return any(getattr(self, each.name) for each in fields(self))


def _sorted(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(texts)))


def capabilities_of(application: Application) -> dict[str, Capabilities]:
    """Give what each component of a manifest is granted, by id."""
    return {name: _of(component) for name, component in application.components.items()}


def _of(component: Component) -> Capabilities:
    return Capabilities.of(
        hosts=component.allowed_outbound_hosts,
        stores=component.key_value_stores,
        databases=component.sqlite_databases,
        models=component.ai_models,
        files=(
            each if isinstance(each, str) else f"{each['source']} → {each['destination']}" for each in component.files
        ),
    )
