"""The command `spinfleet`. Each subcommand is a file that is imported only when it runs, so that `--help` costs little."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

import click

from reconciler import __version__

#: Name, module and one line of help: listing the commands imports none of them.
COMMANDS = {
    "init": ("reconciler.cli.init", "Begin a fleet repository, new or from what runs already."),
    "validate": ("reconciler.cli.validate", "Check a fleet, or a single spin.toml."),
    "render": ("reconciler.cli.render", "Show the objects that a cluster would get."),
    "diff": ("reconciler.cli.diff", "Show what would change in a live cluster."),
    "check": ("reconciler.cli.check", "Show what merging a change would do to every cluster."),
    "verify": ("reconciler.cli.verify", "Verify an artifact, step by step."),
    "inspect": ("reconciler.cli.inspect", "Show what an artifact holds, without running any of it."),
    "promote": ("reconciler.cli.promote", "Move an app to another artifact: one edit, verified, one commit."),
    "update": ("reconciler.cli.update", "Move apps to the newest versions that their policies allow."),
    "explain": ("reconciler.cli.explain", "Show each value of an app and where it comes from."),
    "schema": ("reconciler.cli.schema", "Print a JSON Schema, for editors."),
    "agent": ("reconciler.cli.agent", "Run the agent of a cluster."),
    "install": ("reconciler.cli.install", "Install the agent in a cluster, or print what that takes."),
    "uninstall": ("reconciler.cli.uninstall", "Take Spinfleet out of a cluster; workloads stay."),
    "status": ("reconciler.cli.status", "Show what a cluster's agent is doing."),
    "history": ("reconciler.cli.history", "Show what a cluster has released."),
    "sync": ("reconciler.cli.control", "Ask the agent to sync now."),
    "suspend": ("reconciler.cli.control", "Stop syncing and healing."),
    "resume": ("reconciler.cli.control", "Go on after a suspend."),
    "approve": ("reconciler.cli.approve", "Say yes to what an agent holds back."),
    "demo": ("reconciler.cli.demo", "Run a fleet on this machine."),
    "action": ("reconciler.cli.action", "Run a step of the GitHub Action."),
    "completion": ("reconciler.cli.completion", "Print shell completion."),
}


class LazyGroup(click.Group):
    """A group that knows its commands by name and imports one when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Give the names in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Import a command."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(importlib.import_module(COMMANDS[cmd_name][0]), cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Say which command was probably meant."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            import difflib

            near = difflib.get_close_matches(args[0], COMMANDS, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise click.UsageError(f"There is no command {args[0]!r}.{hint}", ctx=ctx)
        return super().resolve_command(ctx, args)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="spinfleet")
def cli() -> None:
    """GitOps for fleets of Kubernetes clusters that run Spin apps through SpinKube.

    Exit codes: 0 fine, 1 problems or differences, 2 could not.
    """


def main() -> None:
    """Run the command line and end with its exit code."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run a command line; gives the exit code. Expected failures are told in a line or two, without a traceback."""
    from reconciler.errors import SpinfleetError

    try:
        result: Any = cli.main(args=arguments, prog_name="spinfleet", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return 2
    except click.Abort:
        return 130
    except BrokenPipeError:
        # Whoever read our output has enough; the rest is not an error.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except SpinfleetError as error:
        return _told(error)
    except Exception as error:
        if os.environ.get("SPINFLEET_DEBUG"):
            raise
        click.echo(f"error: internal: {type(error).__name__}: {error}", err=True)
        click.echo("  hint: this is a fault of Spinfleet; set SPINFLEET_DEBUG=1 for the traceback", err=True)
        return 2
    return result if isinstance(result, int) else 0


def _told(error: Any) -> int:
    from reconciler.errors import InputError

    for problem in getattr(error, "problems", ()):
        click.echo(str(problem), err=True)
    click.echo(f"error: {error.message}", err=True)
    if error.hint:
        click.echo(f"  hint: {error.hint}", err=True)
    return 1 if isinstance(error, InputError) and error.problems else 2
