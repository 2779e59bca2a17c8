"""`spinfleet inspect`: what an artifact holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.output import output_option, write
from reconciler.cli.registries import RegistryOptions, registry_options
from reconciler.problems import printable

if TYPE_CHECKING:
    from reconciler.artifact.inspection import Inspection

#: What the five lists of capabilities are called for people.
_LISTS = {
    "hosts": "hosts",
    "stores": "key-value stores",
    "databases": "databases",
    "models": "models",
    "files": "files",
}
_MOST_FILES = 5


@click.command()
@click.argument("reference", metavar="REF")
@registry_options
@output_option
def inspect(reference: str, registries: RegistryOptions, form: str) -> int:
    """Show what an artifact holds: triggers, components, their worlds and capabilities, layers, signatures.

    REF names a digest or a tag. Nothing of it is run, and nothing is judged: that is what `verify` does.
    """
    import asyncio

    from reconciler.artifact.verify import Verifier
    from reconciler.errors import ArtifactError
    from reconciler.local.binary import cache_folder

    entries = registries.entries(reference, named=True)

    async def run() -> Inspection:
        async with Verifier(registries=entries, cache=cache_folder() / "verdicts") as verifier:
            return await verifier.inspect(reference)

    try:
        found = asyncio.run(run()).to_json()
    except ArtifactError as error:
        click.echo(f"{click.style('error', fg='red')}: [{error.code}] {printable(error.message)}", err=True)
        if error.hint:
            click.echo(f"  hint: {error.hint}", err=True)
        return 1
    if form == "text":
        _show(_shown(found))
    else:
        write(found, form)
    return 0


def _shown(value: Any) -> Any:
    """Give what was found as a terminal may have it: an artifact's names are its publisher's."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, Mapping):
        return {_shown(key): _shown(each) for key, each in value.items()}
    return [_shown(each) for each in value] if isinstance(value, list) else value


def _show(found: Mapping[str, Any]) -> None:
    app = found["application"]
    head = " ".join(filter(None, (app["name"], app["version"]))) if app else "a single Wasm layer"
    click.echo(f"{click.style(head, bold=True)}\n{found['reference']}\ndigest {found['digest']}")
    _section("Triggers", [_trigger(each) for each in found["triggers"]])
    for component in found["components"]:
        _section(f"Component {component['id']}", _component(component))
    _section("Layers", [f"{_size(each['size'])}  {_kind(each)}  {each['digest'][:19]}…" for each in found["layers"]])
    _section(
        "Signatures, not verified", [f"{each['storage']}  {each['place']}" for each in found["signatures"]] or ["none"]
    )


def _section(title: str, lines: list[str]) -> None:
    click.echo(f"\n{click.style(title, bold=True)}")
    for line in lines:
        click.echo(f"  {line}")


def _trigger(trigger: Mapping[str, Any]) -> str:
    config = trigger["config"]
    route = config.get("route", config.get("channel", ""))
    where = "private" if isinstance(route, Mapping) else str(route)
    return f"{trigger['type']} {where} → {trigger['component'] or 'a static response'}".replace("  ", " ")


def _component(component: Mapping[str, Any]) -> list[str]:
    lines = []
    for key, label in _LISTS.items():
        names = component["capabilities"][key]
        shown = names[:_MOST_FILES] if key == "files" else names
        more = f" and {len(names) - len(shown)} more" if len(names) > len(shown) else ""
        if names:
            lines.append(f"{label}: {', '.join(shown)}{more}")
    lines.append(f"Spin: {', '.join(component['spin']) or 'no version that is known'}")
    if component["importsWithoutGrant"]:
        lines.append(f"imported without a grant: {', '.join(component['importsWithoutGrant'])}")
    return lines


def _kind(layer: Mapping[str, Any]) -> str:
    if "fault" in layer:
        return f"{click.style('refused', fg='red')}: {layer['fault']}"
    name = str(layer["mediaType"]).removeprefix("application/")
    exports = f", exports {', '.join(layer['exports'][:3])}" if layer.get("exports") else ""
    return f"{layer['kind']}{exports}" if "kind" in layer else name


def _size(count: int) -> str:
    return f"{count / 1024 / 1024:7.1f} MiB" if count >= 1024 * 1024 else f"{count / 1024:7.1f} KiB"
