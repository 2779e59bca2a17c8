"""What is fetched from where. Values only: the child process reads them too."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from reconciler.errors import InputError
from reconciler.git.names import valid_commit, valid_ref

_SCP = re.compile(r"(?:(?P<user>[A-Za-z0-9._-]+)@)?(?P<host>[A-Za-z0-9.-]+):(?P<path>[^:\s][^\s]*)")
_SCHEMES = frozenset({"https", "http", "ssh"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Credentials:
    """Who we are to the Git server: user and password (or token), or an SSH key with the hosts that are known."""

    username: str = ""
    password: str = ""
    identity: str = ""
    known_hosts: str = ""

    def __repr__(self) -> str:
        return "Credentials(hidden)"


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """A repository and what of it to follow: exactly one of branch, tag and commit."""

    url: str
    branch: str = ""
    tag: str = ""
    commit: str = ""
    credentials: Credentials = Credentials()

    @property
    def shown(self) -> str:
        """The URL without user name and password, for messages."""
        return shown_url(self.url)

    @property
    def refspec(self) -> str:
        """What is asked of the server, and where it is kept in our repository."""
        if self.commit:
            return f"+{self.commit}:refs/spinfleet/fetched"
        wanted = f"refs/heads/{self.branch}" if self.branch else f"refs/tags/{self.tag}"
        return f"+{wanted}:refs/spinfleet/fetched"


def shown_url(url: str) -> str:
    """Take user name and password out of a URL."""
    return re.sub(r"://[^/@]*@", "://", url)


def check(source: Source, *, local: bool = False) -> None:
    """Raise InputError where the source can't or may not be fetched. `local`: file URLs and paths are allowed."""
    try:
        split = urlsplit(source.url)
    except ValueError as error:  # brackets that hold no IPv6 address
        message = f"{source.shown}: not a Git URL"
        raise InputError(message, hint="use https://, ssh:// or user@host:path") from error
    scp = not split.scheme or ("://" not in source.url and _SCP.fullmatch(source.url))
    if split.scheme == "file" or (not split.scheme and source.url.startswith("/")):
        if not local:
            raise InputError(
                f"{source.shown}: local repositories are not fetched by an agent", hint="serve it over https or ssh"
            )
    elif not scp and split.scheme not in _SCHEMES:
        raise InputError(
            f"{source.shown}: {split.scheme or 'no'} scheme", hint="use https://, ssh:// or user@host:path"
        )
    elif scp and not _SCP.fullmatch(source.url):
        raise InputError(f"{source.shown}: not a Git URL", hint="use https://, ssh:// or user@host:path")
    if split.password or (split.scheme in {"http", "https"} and split.username):
        raise InputError(
            f"{source.shown}: the URL has a user name or password in it",
            hint="put them in the Secret that source.secretRef names",
        )
    if source.commit and not valid_commit(source.commit):
        raise InputError(f"{source.commit!r} is not a full commit id", hint="give all 40 hexadecimal digits")
    for name in (source.branch, source.tag):
        if name and not valid_ref(name):
            raise InputError(f"{name!r} is not a valid branch or tag name")
