"""Host names as Spin's URL library reads them (source: WHATWG URL Standard, host parsing; Unicode TS #46, non-transitional)."""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from urllib.parse import unquote_to_bytes

_FORBIDDEN = re.compile(r"[\x00-\x20\x7f%#/:<>?@\[\\\]^|]")
_NUMBER = re.compile(r"0[xX][0-9a-fA-F]*|[0-9]+")
_IGNORED = re.compile(r"[\t\r\n]")
_AUTHORITY_END = re.compile(r"[/\\?#]")
_MAX_PORT = 65535
_MOST_DIGITS = 5
_DOTS = str.maketrans({"。": ".", "．": ".", "｡": "."})  # noqa: RUF001 - the full stops that Unicode TS #46 maps to a dot


def host_fault(host: str) -> str:
    """Say why a URL can't have this host, or give an empty string."""
    if host.startswith("["):
        return "" if host.endswith("]") and _is_v6(host[1:-1]) else "invalid IPv6 address"
    try:
        text = unquote_to_bytes(host).decode("utf-8")
    except UnicodeDecodeError:
        return "invalid international domain name"
    text = unicodedata.normalize("NFKC", text.translate(_DOTS)).lower()
    if not text:
        return "empty host"
    if _FORBIDDEN.search(text) or any(not _label_is_good(label) for label in text.split(".")):
        return "invalid international domain name"
    labels = text.split(".")
    if labels[-1] == "" and len(labels) > 1:
        labels.pop()
    if _NUMBER.fullmatch(labels[-1]) and not _is_v4(labels):
        return "invalid IPv4 address"
    return ""


def http_url_fault(text: str) -> tuple[str, str, str]:
    """Read an http or https URL, or what stands in one after `http://`: gives its host, `:port` and a fault."""
    text = _IGNORED.sub("", text.strip("".join(map(chr, range(0x21)))))
    scheme, colon, rest = text.partition(":")
    if not colon or not re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*", scheme):
        return "", "", "relative URL without a base"
    if scheme.lower() not in {"http", "https"}:
        return "", "", "only http and https are allowed"
    rest = rest.lstrip("/\\")
    end = _AUTHORITY_END.search(rest)
    authority, after = (rest[: end.start()], rest[end.start() :]) if end else (rest, "")
    host, port, fault = _host_and_port(authority.rpartition("@")[2])
    fault = fault or host_fault(host)
    path = re.split(r"[?#]", after, maxsplit=1)[0].replace("\\", "/")
    if not fault and any(part.lower() not in {".", "..", "%2e", "%2e%2e", ".%2e", "%2e."} for part in path.split("/")[1:] if path != "/"):  # fmt: skip
        fault = "contains a path, should be host and optional port only"
    return host.lower(), f":{port}" if port else "", fault


def _host_and_port(authority: str) -> tuple[str, str, str]:
    found = re.fullmatch(r"(\[[^\]]*\]|[^:]*)(?::([0-9]*))?", authority)
    digits = (found[2] or "").lstrip("0") if found is not None else ""
    if found is None or len(digits) > _MOST_DIGITS or int(digits or 0) > _MAX_PORT:
        return authority, "", "invalid port number"
    return found[1], (digits or "0") if found[2] else "", ""


def _label_is_good(label: str) -> bool:
    if label.startswith("xn--"):
        try:
            label = label[4:].encode("ascii").decode("punycode")
        except (UnicodeError, ValueError):
            return False
        if label.isascii() or unicodedata.normalize("NFC", label) != label:
            return False
    if label.isascii():
        return True
    if unicodedata.category(label[0]).startswith("M"):
        return False
    return all(each.isascii() or unicodedata.category(each)[0] in "LMNS" or unicodedata.category(each) in {"Pd", "Po", "Pc"} for each in label)  # fmt: skip


def _is_v4(labels: list[str]) -> bool:
    """Tell whether numbers are an address: up to four, each in decimal, octal (0…) or hexadecimal (0x…)."""
    if len(labels) > 4:
        return False
    numbers = []
    for label in labels:
        if not _NUMBER.fullmatch(label) or len(label) > 20:
            return False
        digits, base = (label[2:] or "0", 16) if label[:2] in {"0x", "0X"} else (label, 8 if label[0] == "0" else 10)
        try:
            numbers.append(int(digits, base))
        except ValueError:
            return False
    return all(number <= 255 for number in numbers[:-1]) and numbers[-1] < 256 ** (5 - len(numbers))


def _is_v6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return "%" not in text
