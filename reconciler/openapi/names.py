"""How objects of a kind may be called (source: the ValidateName functions of each API group)."""

from __future__ import annotations

from collections.abc import Callable

from reconciler.openapi.grammar import DNS_LABEL_1035, is_dns_label, is_path_segment, is_subdomain

_LABEL = "lower case letters, digits and -, at most 63, beginning and ending with a letter or digit"
_LABEL_1035 = "lower case letters, digits and -, at most 63, beginning with a letter"
_SUBDOMAIN = "lower case letters, digits, - and ., at most 253, beginning and ending with a letter or digit"
_SEGMENT = "no / and no %"
_LONGEST_CRON_JOB = 52
_LONGEST_JOB = 63
#: From this version on a Service may be called as any label (source: feature gate RelaxedServiceNameValidation).
_RELAXED_SERVICE = (1, 36)

Rule = tuple[Callable[[str], object], str]

_SUBDOMAIN_RULE: Rule = (is_subdomain, _SUBDOMAIN)
_LABEL_RULE: Rule = (is_dns_label, _LABEL)
_SEGMENT_RULE: Rule = (is_path_segment, _SEGMENT)
_STRICT_SERVICE: Rule = (DNS_LABEL_1035.fullmatch, _LABEL_1035)


def _shorter(most: int, kind: str) -> Rule:
    return lambda name: len(name) <= most and is_subdomain(name), f"{_SUBDOMAIN}; a {kind}'s at most {most}"


_RULES: dict[tuple[str, str], Rule] = {
    ("", "Namespace"): _LABEL_RULE,
    ("", "Service"): _LABEL_RULE,
    ("apps", "StatefulSet"): _LABEL_RULE,
    # The names of their pods and labels are made of them.
    ("batch", "CronJob"): _shorter(_LONGEST_CRON_JOB, "CronJob"),
    ("batch", "Job"): _shorter(_LONGEST_JOB, "Job"),
    ("policy", "PodDisruptionBudget"): _SEGMENT_RULE,
}
_GROUPS: dict[str, Rule] = {"rbac.authorization.k8s.io": _SEGMENT_RULE}


def name_fault(group: str, kind: str, name: str, version: tuple[int, ...]) -> str:
    """Say what names of a kind are made of in a Kubernetes version, where this one is not; else give an empty text."""
    fits, wanted = _RULES.get((group, kind)) or _GROUPS.get(group) or _SUBDOMAIN_RULE
    if (group, kind) == ("", "Service") and version < _RELAXED_SERVICE:
        fits, wanted = _STRICT_SERVICE
    return "" if fits(name) else wanted
