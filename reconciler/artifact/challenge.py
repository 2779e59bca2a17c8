"""What a registry asks for when it says 401 (source: RFC 9110, section 11.6.1, and the distribution token specification)."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from reconciler.errors import UnavailableError

_LONGEST = 8192
#: A scheme, or a parameter with its value; one pass, no nesting.
_PART = re.compile(
    r"(?:(?P<name>[A-Za-z0-9._-]{1,64})\s{0,8}=\s{0,8}(?:\"(?P<quoted>[^\"\\]*)\"|(?P<plain>[^\s,\"]*))|(?P<scheme>[A-Za-z0-9-]{1,64}))",
    re.ASCII,
)
_TOKEN = re.compile(r"[\x21-\x7e]{1,32768}", re.ASCII)
#: Tokens that say nothing of their life last a minute (the token specification's default), and at most an hour.
_SHORTEST, _LONGEST_LIFE = 60.0, 3600.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Challenge:
    """One way to sign in: `scheme` is `basic` or `bearer`, the rest a bearer's."""

    scheme: str
    realm: str = ""
    service: str = ""


def challenge_of(headers: Sequence[str]) -> Challenge | None:
    """Read WWW-Authenticate headers; bearer is taken before basic. None where neither is there."""
    found: dict[str, dict[str, str]] = {}
    current: dict[str, str] = {}
    for header in headers:
        for part in _PART.finditer(header[:_LONGEST]):
            if part["scheme"]:
                current = found.setdefault(part["scheme"].lower(), {})
            else:
                current.setdefault(
                    part["name"].lower(), part["quoted"] if part["quoted"] is not None else part["plain"]
                )
    for scheme in ("bearer", "basic"):
        if scheme in found:
            fields = found[scheme]
            return Challenge(scheme=scheme, realm=fields.get("realm", ""), service=fields.get("service", ""))
    return None


def token_of(data: bytes, registry: str) -> tuple[str, float]:
    """Read a token service's answer: the token, and the seconds it may be used for. Raises UnavailableError."""
    try:
        body = json.loads(data)
        token = body.get("token") or body.get("access_token")
        lasts = body.get("expires_in") or _SHORTEST
    except (ValueError, AttributeError, RecursionError):
        token = lasts = None
    if not isinstance(token, str) or not _TOKEN.fullmatch(token) or not isinstance(lasts, (int, float)):
        raise UnavailableError(f"{registry}: its token service gives no token", code="artifact.token")
    return token, min(max(float(lasts), _SHORTEST), _LONGEST_LIFE)
