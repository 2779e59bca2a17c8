"""`spinfleet completion`: shell completion."""

from __future__ import annotations

import click


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> int:
    """Print completion for a SHELL: source it from the shell's start-up file."""
    from click.shell_completion import get_completion_class

    from reconciler.cli.main import cli

    made = get_completion_class(shell)
    assert made is not None  # noqa: S101 - click has these three
    click.echo(made(cli, {}, "spinfleet", "_SPINFLEET_COMPLETE").source())
    return 0
