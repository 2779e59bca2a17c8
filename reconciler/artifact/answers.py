"""What an answer of a registry means for who asked: usable, to be asked again, or not to be had."""

from __future__ import annotations

import os
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
_UP = "check the address, and whether the registry is up"
_AUTHORITY = "name the authority that issued it: caSecretRef in the policy, --registry-ca on the command line"
_PLAIN = "where it is meant to speak plain HTTP, say so: plainHTTP in the policy, --plain-http on the command line"
#: What OpenSSL calls an answer that is no TLS at all.
_NO_TLS = frozenset({"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG"})


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


def broken(error: Exception) -> tuple[str, str]:
    """Say what went wrong in a connection, and what to do. Without the URL: a redirect's may hold a signature that opens it."""
    if isinstance(error, TimeoutError):
        return "no answer in time", _UP
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        reason = getattr(error.certificate_error, "verify_message", "") or str(error.certificate_error)
        return f"its certificate is not trusted: {reason}"[:300], _AUTHORITY
    if isinstance(error, aiohttp.ClientConnectorSSLError):
        reason = str(getattr(error.os_error, "reason", "") or error.os_error)
        return (
            ("it does not speak TLS", _PLAIN)
            if reason in _NO_TLS
            else (f"no agreement on TLS: {reason}"[:300], "see which versions of TLS it offers")
        )
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "its name has no address", "check the name, and what resolves names here"
    if isinstance(error, aiohttp.ClientConnectorError):
        number = error.os_error.errno
        return f"no connection: {os.strerror(number).lower() if number else error.os_error}"[:300], _UP
    if isinstance(error, aiohttp.ClientResponseError):
        return f"{type(error).__name__} {error.message}"[:300], ""
    return type(error).__name__ if isinstance(error, aiohttp.InvalidURL) else f"{type(error).__name__} {error}"[
        :300
    ], ""
