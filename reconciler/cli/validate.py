"""`spinfleet validate`: a fleet, or one spin.toml."""

from __future__ import annotations

from pathlib import Path

import click

from reconciler.cli.output import output_option, problems_json, show_problems, write


@click.command()
@click.argument("path", type=click.Path(path_type=Path), default=Path())
@click.option(
    "--cluster", "clusters", multiple=True, metavar="NAME", help="Check only for these clusters (default: every one)."
)
@click.option("--revision", metavar="REV", help="Check this commit of the repository at PATH, not its files.")
@output_option
def validate(path: Path, clusters: tuple[str, ...], revision: str | None, form: str) -> int:
    """Check a fleet folder (default: this one), or a single spin.toml.

    Exits with 0 where everything is valid (warnings included), 1 where there are errors, 2 where it could not be read.
    """
    if path.is_file():
        from reconciler.cli.single import validate_file

        problems = validate_file(path)
        tree = None
        summary = str(path)
    else:
        from reconciler.cli.fleets import check_fleet, open_tree

        tree = open_tree(path, revision)
        problems, summary = check_fleet(tree, clusters)

    def read(name: str) -> bytes | None:
        if tree is None:
            return path.read_bytes()
        return tree.read(name) if name in tree.files else None

    result = problems_json(problems)
    if form != "text":
        write(result, form)
    else:
        show_problems(problems, read)
        errors = sum(1 for problem in problems if problem.severity == "error")
        warnings = len(problems) - errors
        counts = ", ".join(part for part in (_count(errors, "error"), _count(warnings, "warning")) if part)
        click.echo(f"{summary}: {counts or 'valid'}", err=bool(errors))
    return 0 if result["valid"] else 1


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}" if number else ""
