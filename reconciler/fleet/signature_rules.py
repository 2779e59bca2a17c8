"""Who must have signed which artifacts: one value for the rules of a Fleet and of a FleetSync, keys and trust roots read in. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from reconciler.fleet.patterns import matches

#: Names under which one and the same registry answers: a rule for one of them must hold for all.
_ALIASES = {"index.docker.io": "docker.io", "registry-1.docker.io": "docker.io"}


@dataclass(frozen=True, kw_only=True, slots=True)
class SigningKey:
    """A public key and what it is called; `pem` is its text."""

    name: str
    pem: str


@dataclass(frozen=True, kw_only=True, slots=True)
class SignerIdentity:
    """A signer without a key of their own: the issuer who vouches for it, and the exact subject or a pattern of subjects."""

    issuer: str
    subject: str = ""
    subject_pattern: str = ""

    def covers(self, issuer: str, subject: str) -> bool:
        """Tell whether this names a signer; the issuer counts exactly, always."""
        if not issuer or issuer != self.issuer or not subject:
            return False
        return subject == self.subject if self.subject else matches(self.subject_pattern, subject)

    def __str__(self) -> str:
        return f"{self.subject or self.subject_pattern} ({self.issuer})"


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class SignatureRule:
    """What artifacts of a pattern need. `require` counts distinct signers; `trust_root` is a TrustedRoot's JSON or empty.

    `log_required`: a signature by a key needs an entry in a transparency log too; keyless ones always need it, or a timestamp.
    `attestations` are predicate types, each wanted from one of the signers.
    """

    match: str
    require: int = 1
    keys: tuple[SigningKey, ...] = ()
    identities: tuple[SignerIdentity, ...] = ()
    log_required: bool = False
    trust_root: str = ""
    attestations: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"SignatureRule({self.match!r}, {self.digest})"

    @property
    def digest(self) -> str:
        """A hash over all that decides: what was found under one rule says nothing about another."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()

    def covers(self, registry: str, repository: str) -> bool:
        """Tell whether the rule is for a repository: tag and digest don't count, nor do the host's case and standard port."""
        return matches(_normal(self.match), _normal(f"{registry}/{repository}"))


def first_match(rules: Iterable[SignatureRule], registry: str, repository: str) -> SignatureRule | None:
    """Give the rule that counts: the first that is for the repository."""
    return next((rule for rule in rules if rule.covers(registry, repository)), None)


def rule_of(written: Mapping[str, Any], keys: Sequence[SigningKey], trust_root: str) -> SignatureRule:
    """Give a rule as written in a Fleet or FleetSync, with its keys and trust root read from where it names them."""
    return SignatureRule(
        match=written["match"],
        require=written.get("require", 1),
        keys=tuple(keys),
        identities=tuple(
            SignerIdentity(
                issuer=each["issuer"],
                subject=each.get("subject", ""),
                subject_pattern=each.get("subjectPattern", ""),
            )
            for each in written.get("identities") or ()
        ),
        log_required=written.get("transparencyLog") == "Require",
        trust_root=trust_root,
        attestations=tuple(each["predicateType"] for each in written.get("attestations") or ()),
    )


def _normal(text: str) -> str:
    host, slash, rest = text.partition("/")
    host = host.lower().removesuffix(":443")
    return f"{_ALIASES.get(host, host)}{slash}{rest}"
