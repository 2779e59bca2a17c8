"""How Kubernetes writes quantities, times, bytes and names. Each is one linear pass over a bounded text."""

from __future__ import annotations

import binascii
import re
from collections.abc import Mapping
from typing import Any

#: Source: apimachinery, resource.ParseQuantity. Suffixes of an exponent take a sign.
_QUANTITY = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([numkMGTPE]|[KMGTPE]i|[eE][+-]?[0-9]+)?")
#: Source: Go's time.RFC3339, as metav1.Time reads it: seconds may have a fraction, the date must exist.
_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T([01]\d|2[0-3]):[0-5]\d:[0-5]\d([.,]\d+)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)", re.ASCII
)
_MICRO = re.compile(r"\.[0-9]{6}(?:Z|[+-][0-9:]{5})$")
_LONGEST = 1024

#: Names (source: apimachinery, util/validation).
DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
DNS_LABEL_1035 = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[-a-z0-9.]{1,253}")
_SUBDOMAIN_PART = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_QUALIFIED_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
#: All annotations of one object together, in bytes (source: apimachinery, api/validation.TotalAnnotationSizeLimitB).
MOST_ANNOTATIONS = 256 * 1024
#: Source: apimachinery, path.IsValidPathSegmentName.
_PATH_SEGMENT = re.compile(r"(?!\.{1,2}$)[^/%]{1,253}")


def is_quantity(text: str) -> bool:
    """Tell whether a text is a quantity: 100m, 1Gi, 1.5, 1e3."""
    return len(text) <= _LONGEST and _QUANTITY.fullmatch(text.strip()) is not None


def is_time(text: str) -> bool:
    """Tell whether a text is a time of RFC 3339 whose day exists."""
    found = _TIME.fullmatch(text) if len(text) <= _LONGEST else None
    if found is None:
        return False
    year, month, day = int(found[1]), int(found[2]), int(found[3])
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    days = (31, 29 if leap else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
    return 1 <= month <= 12 and 1 <= day <= days[month - 1]


def is_micro_time(text: str) -> bool:
    """Tell whether a text is a time of RFC 3339 with exactly six digits of a second's fraction, as metav1.MicroTime wants it."""
    return is_time(text) and _MICRO.search(text) is not None


def is_base64(text: str) -> bool:
    """Tell whether a text is standard base64 with its padding; line breaks don't count (source: Go's encoding/base64)."""
    try:
        binascii.a2b_base64(text.replace("\n", "").replace("\r", ""), strict_mode=True)
    except (binascii.Error, ValueError):
        return False
    return True


def is_dns_label(text: str) -> bool:
    """Tell whether a text is a label of RFC 1123."""
    return DNS_LABEL.fullmatch(text) is not None


def is_subdomain(text: str) -> bool:
    """Tell whether a text is a subdomain of RFC 1123, at most 253 characters."""
    return _SUBDOMAIN.fullmatch(text) is not None and all(_SUBDOMAIN_PART.fullmatch(part) for part in text.split("."))


def is_path_segment(text: str) -> bool:
    """Tell whether a text can be a segment of a path: the least that every name keeps."""
    return _PATH_SEGMENT.fullmatch(text) is not None


def is_qualified_name(text: str) -> bool:
    """Tell whether a text can be the key of a label or an annotation: a name, with or without `prefix/`."""
    prefix, slash, name = text.rpartition("/")
    return _QUALIFIED_NAME.fullmatch(name) is not None and (not slash or is_subdomain(prefix))


def is_annotation_key(text: str) -> bool:
    """Tell whether a text can be the key of an annotation: as that of a label, and its prefix may be written in capitals."""
    return is_qualified_name(text.lower())


def annotations_size(pairs: Mapping[Any, Any]) -> int:
    """Give what all annotations of an object take together, in bytes; of values that are no text nothing is counted."""
    return sum(len(_bytes(key)) + len(_bytes(value)) for key, value in pairs.items() if isinstance(value, str))


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def is_label_value(text: str) -> bool:
    """Tell whether a text can be the value of a label."""
    return _LABEL_VALUE.fullmatch(text) is not None
