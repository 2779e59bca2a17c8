"""Pull requests: opening one for a branch, finding the one that a workflow ran for, and the one comment that a report keeps up to date there."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from reconciler.errors import InputError
from reconciler.github.api import Repository

#: `https://host/owner/name`, `ssh://git@host/owner/name`, `git@host:owner/name`, each with or without `.git`.
_REMOTE = re.compile(
    r"(?:(?:https?|ssh)://(?:[^/@]*@)?(?P<host>[^/]+)/|(?:[^/@:]+@)(?P<scp>[^/:]+):/?)"
    r"(?P<owner>[A-Za-z0-9._-]+)/(?P<name>[A-Za-z0-9._-]+?)(?:\.git)?/?"
)


def repository_of(remote: str) -> Repository:
    """Find the repository that a remote's URL names. Raises InputError.

    It is on github.com, or on the server that GITHUB_SERVER_URL names (in a workflow of GitHub Enterprise it is set, with GITHUB_API_URL).
    """
    found = _REMOTE.fullmatch(remote)
    server = os.environ.get("GITHUB_SERVER_URL") or "https://github.com"
    host = (found["host"] or found["scp"]).partition(":")[0] if found is not None else ""
    if found is None or host != urlsplit(server).hostname:
        shown = re.sub(r"//[^/@]*@", "//", remote)  # a URL may hold a password
        raise InputError(
            f"{shown} is not a repository on {server}, and --open-pr opens pull requests on GitHub only",
            hint="push with --branch alone and open it there; for GitHub Enterprise set GITHUB_SERVER_URL and GITHUB_API_URL",
        )
    return Repository.of_environment(f"{found['owner']}/{found['name']}")


def open_pull_request(repository: Repository, *, head: str, base: str, title: str, body: str) -> str:
    """Open a pull request from one branch of the repository to another; gives its URL. Raises UnavailableError."""
    answer = repository.call("POST", "pulls", {"head": head, "base": base, "title": title, "body": body})
    url = answer.get("html_url") if isinstance(answer, dict) else None
    return url if isinstance(url, str) else ""


def find_pull_request(
    repository: Repository, *, owner: str, branch: str, fork: str, commit: str
) -> Mapping[str, Any] | None:
    """Give the open pull request whose head is this commit of this repository; None where there is none, or several. Raises UnavailableError.

    It is looked up by what GitHub says of the run, never by anything that the run itself made: that is whatever its author likes.
    """
    found = [
        each
        for each in repository.pages("pulls", state="open", head=f"{owner}:{branch}")
        if _at(each, "head", "sha") == commit and _at(each, "head", "repo", "full_name") == fork
    ]
    return found[0] if len(found) == 1 else None


def keep_comment(repository: Repository, number: int, text: str, *, author: str, only_update: bool = False) -> str:
    """Write a report as the comment of a pull request that has its first line, the marker; gives `created`, `updated`, `unchanged` or `none`.

    A comment is taken over only if its author is the one that these are written by: anybody can write a marker. With `only_update`
    none is made where there is none yet. Raises UnavailableError.
    """
    marker = text.partition("\n")[0]
    for each in repository.pages(f"issues/{number}/comments"):
        body = str(each.get("body") or "")
        if _at(each, "user", "login") == author and body.partition("\n")[0].rstrip("\r") == marker:
            if body.replace("\r\n", "\n").rstrip() == text.rstrip():
                return "unchanged"
            repository.call("PATCH", f"issues/comments/{int(each['id'])}", {"body": text})
            return "updated"
    if only_update:
        return "none"
    repository.call("POST", f"issues/{number}/comments", {"body": text})
    return "created"


def _at(value: Any, *keys: str) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value
