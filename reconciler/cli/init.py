"""`spinfleet init`: a new fleet repository, empty or with what runs already."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.output import output_option, write

if TYPE_CHECKING:
    from reconciler.convert.fleet import Converted
    from reconciler.convert.objects import Taken
    from reconciler.problems import Problem

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_KEPT = frozenset({"README.md", ".gitignore"})
_MANIFESTS = frozenset({".yaml", ".yml", ".json"})
_SCHEMAS = ("fleet", "cluster", "app", "bundle", "rollout")


@click.command()
@click.argument("path", type=click.Path(path_type=Path, file_okay=False), default=Path())
@click.option(
    "--from", "files", multiple=True, type=click.Path(path_type=Path, exists=True, allow_dash=True), metavar="PATH",
    help="Convert the Kubernetes manifests of a file (- for standard input), or of a folder and all below it; may be repeated.",
)  # fmt: skip
@click.option("--from-cluster", is_flag=True, help="Convert what runs in a cluster: SpinApps and what belongs to them.")
@click.option(
    "-n", "--namespace", help="Namespace to convert, and of objects in files that name none (default: default)."
)
@click.option("-A", "--all-namespaces", is_flag=True, help="With --from-cluster: convert every namespace.")
@click.option(
    "--kubeconfig",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Credentials (default: KUBECONFIG).",
)
@click.option("--context", help="Context of the kubeconfig.")
@click.option("--name", help="Name of the fleet (default: that of the folder).")
@click.option("--cluster", default="dev", show_default=True, metavar="NAME", help="Name of the cluster to begin with.")
@click.option("--offline", is_flag=True, help="Ask no registry for the spin.toml of what is converted.")
@click.option(
    "--registry-mirror", "mirrors", multiple=True, metavar="PREFIX=HOST", help="Ask HOST for artifacts of PREFIX."
)
@click.option("--plain-http", is_flag=True, help="Reach the mirrors over plain HTTP.")
@output_option
def init(
    path: Path,
    files: tuple[Path, ...],
    from_cluster: bool,
    namespace: str | None,
    all_namespaces: bool,
    kubeconfig: Path | None,
    context: str | None,
    name: str | None,
    cluster: str,
    offline: bool,
    mirrors: tuple[str, ...],
    plain_http: bool,
    form: str,
) -> int:
    """Write a new fleet repository into a folder (default: this one).

    With --from or --from-cluster, SpinApps with their autoscalers become Apps, and everything else goes unchanged into a Bundle;
    rendering the fleet gives the same objects back. Values of Secrets are never copied. No file is overwritten. Exits with 1 where
    a field that was given is not in the fleet any more, or the fleet is not valid; each is told.
    """
    from reconciler.convert.start import start, surroundings

    if files and from_cluster:
        raise click.UsageError("--from and --from-cluster exclude one another")
    if not from_cluster and (all_namespaces or kubeconfig or context):
        raise click.UsageError("--all-namespaces, --kubeconfig and --context belong to --from-cluster")
    fleet = _name_of(path, name)
    if _NAME.fullmatch(cluster) is None:
        raise click.BadParameter("lower case letters, digits and -", param_hint="--cluster")
    if not files and not from_cluster:
        texts = _write(path, start(fleet, cluster) | _schemas())
        _told(path, texts, form, None)
        _next_steps(path, cluster, converted=False)
        return 0
    taken, spec = (
        _from_cluster(namespace, all_namespaces, kubeconfig, context)
        if from_cluster
        else (_from_files(files, namespace), {})
    )
    manifests = {} if offline else _manifests(taken, mirrors, plain_http=plain_http)
    converted = _converted(taken, fleet, cluster, spec, manifests)
    texts = {**surroundings(fleet, cluster), **converted.files, **_schemas()}
    texts = _write(path, texts)
    _told(path, texts, form, converted)
    _next_steps(path, cluster, converted=True)
    for problem in converted.problems:
        click.echo(str(problem), err=True)
    lost = any(note.lost for entry in converted.entries for note in entry.notes)
    return 1 if lost or converted.problems else 0


def _name_of(path: Path, name: str | None) -> str:
    if name is not None:
        if _NAME.fullmatch(name) is None:
            raise click.BadParameter("lower case letters, digits and -", param_hint="--name")
        return name
    made = re.sub(r"[^a-z0-9]+", "-", path.resolve().name.lower()).strip("-")[:63].strip("-")
    return made or "fleet"


def _schemas() -> dict[str, str]:
    import json

    from reconciler.cli.schema import bundled

    return {
        f"schemas/{kind}.schema.json": json.dumps(bundled(kind), indent=2, ensure_ascii=False) + "\n"
        for kind in _SCHEMAS
    }


def _write(path: Path, texts: Mapping[str, str]) -> dict[str, str]:
    """Write the files, all or none of them: what stands there already is somebody's. Gives those written.

    A README and a .gitignore that are there stay; a repository may have them before it is a fleet.
    """
    from reconciler.errors import InputError

    texts = {each: text for each, text in texts.items() if each not in _KEPT or not (path / each).exists()}
    there = [each for each in sorted(texts) if (path / each).exists() or (path / each).is_symlink()]
    there += [each.name for each in path.glob("fleet.y*ml") if each.name not in there] if path.is_dir() else []
    if there:
        shown = ", ".join(there[:5]) + (f" and {len(there) - 5} more" if len(there) > 5 else "")
        raise InputError(
            f"{path} has {shown} already: nothing was written", hint="name another folder: spinfleet init NEW"
        )
    try:
        for each, text in texts.items():
            target = path / each
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("x", encoding="utf-8") as handle:
                handle.write(text)
    except OSError as error:
        raise InputError(f"{error.filename}: {error.strerror}", hint="name a folder that can be written to") from error
    return texts


def _from_files(files: tuple[Path, ...], namespace: str | None) -> Taken:
    import sys

    from reconciler.convert.objects import DEFAULT_NAMESPACE, take
    from reconciler.errors import InputError
    from reconciler.fleet.json_reader import read as read_json
    from reconciler.fleet.yaml_reader import read

    documents: list[Any] = []
    problems: list[Problem] = []
    unread: list[str] = []
    for each in [file for named in files for file in _below(named)]:
        data = sys.stdin.buffer.read() if str(each) == "-" else each.read_bytes()
        source = (read_json if each.suffix == ".json" else read)(data, str(each))
        found = [*source.problems, *(problem for document in source.documents for problem in document.problems)]
        if found:
            problems += found
            unread.append(str(each))
        documents += [document.value for document in source.documents]
    if unread:
        more = f" and {len(unread) - 5} more" if len(unread) > 5 else ""
        raise InputError(f"{', '.join(unread[:5])}{more} can't be read", problems=problems)
    return take(documents, namespace or DEFAULT_NAMESPACE)


def _below(path: Path) -> list[Path]:
    """Give a file as it is, and of a folder the files that can hold manifests; hidden ones are other tools'."""
    if not path.is_dir():
        return [path]
    found = (each for each in path.rglob("*") if each.suffix in _MANIFESTS and each.is_file())
    return sorted(each for each in found if not any(part.startswith(".") for part in each.relative_to(path).parts))


def _from_cluster(
    namespace: str | None, all_namespaces: bool, kubeconfig: Path | None, context: str | None
) -> tuple[Taken, dict[str, Any]]:
    import asyncio

    from reconciler.cli.existing import existing
    from reconciler.convert.objects import DEFAULT_NAMESPACE, take

    if namespace and all_namespaces:
        raise click.UsageError("--namespace and --all-namespaces exclude one another")
    where = "" if all_namespaces else namespace or DEFAULT_NAMESPACE
    found = asyncio.run(existing(kubeconfig, context, where))
    return take(found.objects), {"capabilities": list(found.capabilities), "kubernetes": found.kubernetes}


def _manifests(taken: Taken, mirrors: tuple[str, ...], *, plain_http: bool) -> Mapping[str, str]:
    """Read the spin.toml of every SpinApp's artifact, where its registry has it for everybody."""
    import asyncio

    from reconciler.artifact.access import RegistryAccess
    from reconciler.cli.artifact_manifests import artifact_manifests
    from reconciler.convert.objects import images

    entries = [mirror.partition("=") for mirror in mirrors]
    registries = [RegistryAccess(prefix=prefix, mirror=host, plain_http=plain_http) for prefix, _, host in entries]
    found, failed = asyncio.run(artifact_manifests(images(taken), registries))
    for reference, reason in sorted(failed.items()):
        click.echo(f"{reference}: its spin.toml can't be had: {reason.removeprefix(f'{reference}: ')}", err=True)
    return found


def _converted(
    taken: Taken, fleet: str, cluster: str, spec: Mapping[str, Any], manifests: Mapping[str, str]
) -> Converted:
    from reconciler.convert.fleet import convert
    from reconciler.errors import InputError

    if not taken.objects:
        raise InputError(
            "there is nothing to convert",
            hint="name files with SpinApps, or a namespace that has some (-n NAMESPACE, or -A)",
        )
    return convert(taken, fleet=fleet, cluster=cluster, cluster_spec=spec, manifests=manifests)


def _told(path: Path, texts: Mapping[str, str], form: str, converted: Converted | None) -> None:
    """Tell what was written, and what became of each object."""
    entries = converted.entries if converted is not None else ()
    if form != "text":
        problems = [problem.to_json() for problem in converted.problems] if converted is not None else []
        objects = [entry.to_json() for entry in entries]
        write({"path": str(path), "files": sorted(texts), "objects": objects, "problems": problems}, form)
    for entry in entries:
        became = {"app": f"→ App in {entry.file}", "bundle": f"→ unchanged in {entry.file}", "left": "not taken"}
        click.echo(f"{entry.object} {became[entry.became]}", err=True)
        for note in entry.notes:
            mark = click.style("lost", fg="red") if note.lost else click.style("note", fg="yellow")
            click.echo(f"  {mark}: {note.field}{': ' if note.field else ''}{note.message}", err=True)
    if form == "text":
        shown = [each for each in sorted(texts) if not each.startswith("schemas/")]
        for each in shown:
            click.echo(str(path / each))


def _next_steps(path: Path, cluster: str, *, converted: bool) -> None:
    steps = [
        f"spinfleet validate {path}",
        f"spinfleet render --path {path} --cluster {cluster}",
    ]
    if converted:
        steps.insert(0, "put each app's own spin.toml in place of the placeholders, where there are some")
        version = f'write into clusters/{cluster}.yaml which Spin its nodes have (spin: "3.6"): apps are then held against that'
        steps.insert(1, version)
        steps.append(
            "suspend the tool that applies these objects now, then let the agent adopt them: see docs/migration.md"
        )
    else:
        steps.insert(
            0, "put your app in place of apps/hello: its spin.toml, and the artifact that spin registry push printed"
        )
    steps.append(f"commit, push, then in the cluster: spinfleet install --cluster {cluster} --url URL")
    click.echo("next:", err=True)
    for number, step in enumerate(steps, 1):
        click.echo(f"  {number}. {step}", err=True)
