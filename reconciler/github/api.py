"""GitHub's REST API, as far as it is needed (source: docs.github.com, REST API, version 2022-11-28)."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from reconciler.errors import InputError, UnavailableError

_LARGEST_ANSWER = 32 * 1024 * 1024
_PAGE = 100
_MOST_PAGES = 50


@dataclass(frozen=True, kw_only=True, slots=True)
class Repository:
    """One repository behind the API. The token is sent to `api` and nowhere else, not even by a redirect."""

    api: str
    name: str
    token: str = field(repr=False)

    @classmethod
    def of_environment(cls, name: str) -> Repository:
        """Give a repository, `owner/name`, with the token and the API of the environment. Raises InputError where there is no token."""
        token = os.environ.get("GITHUB_TOKEN") or os.environ.get("GH_TOKEN") or ""
        if not token:
            raise InputError(
                "a token of GitHub is needed", hint="set GITHUB_TOKEN, with the right to write pull requests"
            )
        api = os.environ.get("GITHUB_API_URL") or "https://api.github.com"
        return cls(api=api.rstrip("/"), name=name, token=token)

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None, **query: str | int) -> Any:
        """Make one call below `/repos/<name>/`; gives the parsed answer. Raises UnavailableError with GitHub's words."""
        url = f"{self.api}/repos/{quote(self.name)}/{path}" + (f"?{urlencode(query)}" if query else "")
        headers = {
            "Accept": "application/vnd.github+json",
            "Authorization": f"Bearer {self.token}",
            "Content-Type": "application/json",
            "User-Agent": "spinfleet",
            "X-GitHub-Api-Version": "2022-11-28",
        }
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(url, data, headers, method=method)  # noqa: S310 - the API that the environment names
        try:
            with urllib.request.build_opener(_NoRedirects).open(request, timeout=30) as response:
                return json.loads(response.read(_LARGEST_ANSWER) or b"null")
        except urllib.error.HTTPError as error:
            raise UnavailableError(f"GitHub: {method} {path}: {_said(error)}") from error
        except (OSError, ValueError) as error:
            raise UnavailableError(f"GitHub: {method} {path}: {error}") from error

    def pages(self, path: str, **query: str | int) -> Iterator[Mapping[str, Any]]:
        """Give the items of a list, page by page; 5,000 at most."""
        for page in range(1, _MOST_PAGES + 1):
            found = self.call("GET", path, None, **query, per_page=_PAGE, page=page)
            items = [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []
            yield from items
            if len(items) < _PAGE:
                return


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object, **__: object) -> None:
        """Follow none: the token would go along."""


def _said(error: urllib.error.HTTPError) -> str:
    try:
        value = json.loads(error.read(65536))
        errors = [each.get("message") for each in value.get("errors") or () if isinstance(each, dict)]
        told = [value.get("message"), *errors]
    except (AttributeError, ValueError, OSError):
        told = []
    return f"{error.code} {'; '.join(str(each)[:300] for each in told if each) or error.reason}"
