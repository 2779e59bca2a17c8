"""What an answer of a registry means for who asked: usable, to be asked again, or not to be had."""

from __future__ import annotations

import random
import time
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import aiohttp

from reconciler.errors import UnavailableError

#: No registry makes us wait longer than this before we look again (hazards: "Retry-After, cap 60 s").
LONGEST_WAIT = 60.0
_WORDS = {
    400: ("artifact.unsupported", "it does not understand the request", ""),
    405: ("artifact.unsupported", "it does not know the request", ""),
    406: ("artifact.unsupported", "it does not have this type", ""),
    401: ("artifact.unauthorized", "it does not know who we are", "check the Secret that spec.policy.registries names"),
    403: ("artifact.unauthorized", "not allowed", "check that this login may read the repository"),
    404: ("artifact.not-found", "not found", "check that it was pushed, and whether it may be read without a login"),
    429: ("artifact.busy", "too many requests", "a login, or a mirror, raises the limit"),
}


def check_answer(response: aiohttp.ClientResponse) -> aiohttp.ClientResponse:
    """Give an answer back if its body is the bytes themselves. Raises UnavailableError where they are packed."""
    encoding = response.headers.get("Content-Encoding", "").strip().lower()
    if encoding in {"", "identity"}:
        return response
    response.release()
    raise UnavailableError(
        f"{place(response)} sends its bytes packed ({encoding[:40]}), which was not asked for",
        hint="look for a proxy that changes answers", code="artifact.encoding",
    )  # fmt: skip


def busy_for(response: aiohttp.ClientResponse, tries: int) -> float | None:
    """Give how many seconds to wait before the next try; None where trying again soon is no use."""
    if response.status != 429 and response.status < 500:
        return None
    asked = _retry_after(response.headers.get("Retry-After", ""))
    if asked is not None:
        return min(max(asked, 0.0), LONGEST_WAIT)
    return float(2**tries) * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load


def _retry_after(text: str) -> float | None:
    """Read Retry-After: seconds or a date (RFC 9110, section 10.2.3)."""
    if text.isascii() and text.isdecimal() and len(text) < 10:
        return float(text)
    try:
        return parsedate_to_datetime(text).timestamp() - time.time() if text else None
    except (ValueError, OverflowError):
        return None


def refused(response: aiohttp.ClientResponse, path: str, *, retry_after: float | None = None) -> UnavailableError:
    """Give the error of an answer that is not what was asked for. Never a refusal of the artifact: it says nothing of its bytes."""
    status = response.status
    code, words, hint = _WORDS.get(status, ("artifact.unavailable", f"HTTP {status}", ""))
    if status in {301, 302, 303, 307, 308}:
        code, words = "artifact.redirect", "too many redirects"
    if status >= 500:
        code = "artifact.busy" if status == 503 else "artifact.unavailable"
    return UnavailableError(f"{place(response)}{path}: {words}", hint=hint, code=code, retry_after=retry_after)


def place(response: aiohttp.ClientResponse) -> str:
    """Give the server that answered, without what its URL may hold of tokens."""
    return urlsplit(str(response.url)).netloc
