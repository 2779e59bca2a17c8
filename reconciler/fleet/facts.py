"""What there is to know of a tree, fact by fact, so that a change looks again at exactly what it bears on.

Each app and bundle keeps the facts that it was made of and judged by. The map of what a change bears on:

| what changed                       | facts that are other ones now        | what is looked at again                                  |
|------------------------------------|--------------------------------------|----------------------------------------------------------|
| a document                         | -                                    | what has its name, before or after                       |
| a spin.toml, a file of values      | `file PATH`                          | the apps that name it                                    |
| a file in a Bundle's folder        | `below FOLDER`, of each folder above | that bundle                                              |
| a file that comes or goes          | `files` as well                      | apps that name one which is not there: what was meant    |
| an app or bundle comes or goes     | `name NAME`, `names`                 | what waits for it; what waits for one that is not there  |
| a Rollout                          | `rollout NAME`                       | what names it                                            |
| a Rollout that comes or goes       | `rollouts` as well                   | what names one that is not there                         |
| a Cluster                          | `clusters`                           | every placement and stage                                |
| Fleet.spec.defaults or artifacts   | `common`                             | every app                                                |
| Fleet.spec.ignore                  | `ignored`                            | every bundle, and what has documents in files concerned  |

Cycles are looked for where somebody waits for another than before.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

#: A text that tells one fact from another.
Fact = str

FILES: Fact = "files"
NAMES: Fact = "names"
ROLLOUTS: Fact = "rollouts"
CLUSTERS: Fact = "clusters"
COMMON: Fact = "common"
IGNORED: Fact = "ignored"


def file(path: str) -> Fact:
    """Give the fact of what a file holds, or that there is none."""
    return f"file {path}"


def below(folder: str) -> Fact:
    """Give the fact of what the files below a folder hold; `folder` is empty for the root or ends in `/`."""
    return f"below {folder}"


def named(name: str) -> Fact:
    """Give the fact whether there is an app or bundle of a name."""
    return f"name {name}"


def rollout(name: str) -> Fact:
    """Give the fact of what a Rollout says, or that there is none."""
    return f"rollout {name}"


def folders_above(path: str) -> Iterator[str]:
    """Give the folders that a file is below, the root first."""
    yield ""
    end = path.find("/")
    while end >= 0:
        yield path[: end + 1]
        end = path.find("/", end + 1)


def of_files(changed: Iterable[str], before: Mapping[str, Any], now: Mapping[str, Any]) -> set[Fact]:
    """Give the facts that are other ones where the files at some paths are."""
    found: set[Fact] = set()
    for path in changed:
        found.add(file(path))
        found.update(below(folder) for folder in folders_above(path))
        if (path in before) != (path in now):
            found.add(FILES)
    return found


def of_names(others: Collection[str]) -> set[Fact]:
    """Give the facts that are other ones where apps or bundles of these names come or go."""
    return {NAMES, *map(named, others)} if others else set()


def of_rollouts(before: Mapping[str, Any], now: Mapping[str, Any]) -> set[Fact]:
    """Give the facts that are other ones where these are the Rollouts."""
    others = before.keys() ^ now.keys()
    changed = {name for name in before.keys() & now.keys() if before[name] != now[name]}
    return {rollout(name) for name in others | changed} | ({ROLLOUTS} if others else set())
