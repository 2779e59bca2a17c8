"""Opening a pull request through GitHub's API (source: docs.github.com, REST API, "Create a pull request")."""

from __future__ import annotations

import json
import os
import re
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from reconciler.errors import InputError, UnavailableError

#: `https://host/owner/name`, `ssh://git@host/owner/name`, `git@host:owner/name`, each with or without `.git`.
_REMOTE = re.compile(
    r"(?:(?:https?|ssh)://(?:[^/@]*@)?(?P<host>[^/]+)/|(?:[^/@:]+@)(?P<scp>[^/:]+):/?)"
    r"(?P<owner>[A-Za-z0-9._-]+)/(?P<name>[A-Za-z0-9._-]+?)(?:\.git)?/?"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class PullRequests:
    """The pull requests of a repository. The token is sent to `api` and nowhere else, not even by a redirect."""

    api: str
    owner: str
    name: str
    token: str = field(repr=False)

    @classmethod
    def at(cls, remote: str) -> PullRequests:
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
        token = os.environ.get("GITHUB_TOKEN") or os.environ.get("GH_TOKEN") or ""
        if not token:
            raise InputError("--open-pr needs a token", hint="set GITHUB_TOKEN, with the right to write pull requests")
        api = os.environ.get("GITHUB_API_URL") or "https://api.github.com"
        return cls(api=api.rstrip("/"), owner=found["owner"], name=found["name"], token=token)

    def open(self, *, head: str, base: str, title: str, body: str) -> str:
        """Open a pull request from one branch of the repository to another; gives its URL. Raises UnavailableError."""
        request = urllib.request.Request(  # noqa: S310 - the API of GitHub or of the server that the environment names
            f"{self.api}/repos/{self.owner}/{self.name}/pulls",
            json.dumps({"head": head, "base": base, "title": title, "body": body}).encode(),
            {
                "Accept": "application/vnd.github+json",
                "Authorization": f"Bearer {self.token}",
                "Content-Type": "application/json",
                "X-GitHub-Api-Version": "2022-11-28",
            },
            method="POST",
        )
        try:
            with urllib.request.build_opener(_NoRedirects).open(request, timeout=30) as response:
                answer = json.load(response)
        except urllib.error.HTTPError as error:
            raise UnavailableError(
                f"the branch {head} is pushed, and GitHub refused the pull request: {_said(error)}"
            ) from error
        except (OSError, ValueError) as error:
            raise UnavailableError(f"the branch {head} is pushed, and no pull request was opened: {error}") from error
        url = answer.get("html_url") if isinstance(answer, dict) else None
        return url if isinstance(url, str) else ""


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object, **__: object) -> None:
        """Follow none: the token would go along."""


def _said(error: urllib.error.HTTPError) -> str:
    try:
        value = json.loads(error.read(65536))
        told = [
            value.get("message"),
            *(each.get("message") for each in value.get("errors") or () if isinstance(each, dict)),
        ]
    except (AttributeError, ValueError, OSError):
        told = []
    return f"{error.code} {'; '.join(str(each)[:300] for each in told if each) or error.reason}"
