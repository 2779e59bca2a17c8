"""Step 8 of verification: a rule's signatures, as numbered steps that fail closed.

1. The rule can be used: every key is one.             4. Each claim's signature is by a key of the rule, or by an identity
2. Candidates are fetched, at most 20.                 5. that is proven by certificate and log; a key's is logged if asked to be
3. Each is read: its claim is about this very digest.  6. Distinct signers are counted.   7. Attestations wanted are there.

A candidate that is no good never hides one that is. What could not be fetched counts only where the rest does not suffice: then
the verification is incomplete, and no refusal.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

from reconciler.artifact.signatures.candidates import Candidates, Place
from reconciler.artifact.signatures.claims import Claim, claim_of
from reconciler.artifact.signatures.keyless import Proven, verify_keyless
from reconciler.artifact.signatures.log_entry import verify_entry
from reconciler.artifact.signatures.model import Signed, Signer, shown
from reconciler.artifact.signatures.signers import distinct
from reconciler.errors import ArtifactError, InputError, UnavailableError
from reconciler.fleet.signature_rules import SignatureRule
from reconciler.public_keys import PublicKey, load_public_key

#: Which of several findings is told: the one that says most about what happened.
_TELLING = (
    "artifact.signature-policy",
    "artifact.signature-expired",
    "artifact.signature-identity",
    "artifact.signature-log",
    "artifact.signature-digest",
    "artifact.signature-key",
    "artifact.signature-invalid",
)
_SIGN = "sign it by its digest: cosign sign REPOSITORY@DIGEST"
_HINTS = {
    "artifact.signature-expired": "sign it again: the log entry or timestamp must be from within the certificate's life",
    "artifact.signature-identity": "sign it with the workflow that the rule names, or correct the rule's identities",
    "artifact.signature-log": "sign it with a transparency log that the rule's trustRoot names",
    "artifact.signature-digest": "sign the digest that Git names: cosign sign REPOSITORY@DIGEST",
    "artifact.signature-key": "sign it with a key of the rule, or add the signer's key to the rule",
    "artifact.signature-invalid": "sign it again with cosign",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class _Good:
    """A claim that a signer of the rule has made; `predicate` is empty for a signature."""

    signer: Signer
    predicate: str


@dataclass(kw_only=True, slots=True)
class _Findings:
    """What was found so far: what counts, and why the rest does not."""

    good: list[_Good] = field(default_factory=list)
    faults: list[ArtifactError] = field(default_factory=list)
    unread: list[UnavailableError] = field(default_factory=list)


async def verify_signatures(candidates: Candidates, rule: SignatureRule, manifest: bytes) -> Signed:
    """Verify an artifact's signatures against a rule; gives who signed. `manifest` is the artifact's own, proven by its digest.

    Raises ArtifactError (what there is does not suffice) and UnavailableError (it could not be completed).
    """
    # 1.
    keys = _keys(rule)
    # 2. and 3.
    places = await candidates.places()
    found = _Findings()
    claims = [claim async for claim in _claims(candidates, places, found)]
    # 4. and 5.
    for claim in claims:
        if not claim.keyless:
            message = claim.message if claim.message is not None else manifest
            await asyncio.to_thread(_by_key, claim, message, keys, rule, found)
    await _by_identity([claim for claim in claims if claim.keyless], rule, candidates.digest, found)
    # 6. and 7.
    return _judge(rule, found, nothing=not places and not candidates.faults)


def _keys(rule: SignatureRule) -> list[PublicKey]:
    """Step 1."""
    if not 1 <= rule.require <= len(rule.keys) + len(rule.identities):
        raise _unusable(f"it requires {rule.require} signers and names {len(rule.keys) + len(rule.identities)}")
    found = []
    for key in rule.keys:
        try:
            found.append(load_public_key(key.pem))
        except InputError as error:
            raise _unusable(f"key {key.name}: {error.message}") from error
    return found


async def _claims(candidates: Candidates, places: Sequence[Place], found: _Findings) -> AsyncIterator[Claim]:
    """Steps 2 and 3."""
    async for candidate in candidates.read(places):
        try:
            # A large statement takes a while to parse: not on the loop.
            yield await asyncio.to_thread(claim_of, candidate, candidates.digest)
        except ArtifactError as error:
            found.faults.append(error)
    found.faults += [fault for fault in candidates.faults if isinstance(fault, ArtifactError)]
    found.unread += [fault for fault in candidates.faults if isinstance(fault, UnavailableError)]


def _by_key(claim: Claim, message: bytes, keys: Sequence[PublicKey], rule: SignatureRule, found: _Findings) -> None:
    """Steps 4 and 5 for signatures by a key."""
    made = [
        (at, key, signature)
        for at, key in enumerate(keys)
        for signature in claim.signatures
        if key.verifies(signature, message)
    ]
    if not made:
        names = ", ".join(key.name for key in rule.keys) or "it names none"
        found.faults.append(_fault("key", f"{claim.origin}: none of the rule's keys made it ({names})"))
    for at, key, signature in made:
        if rule.log_required:
            try:
                _logged(claim, key, signature, message, rule.trust_root)
            except ArtifactError as error:
                found.faults.append(error)
                continue
        signer = Signer(id=f"sha256:{key.fingerprint}", entry=f"keys/{at}", name=f"key {rule.keys[at].name}")
        found.good.append(_Good(signer=signer, predicate=claim.predicate))


def _logged(claim: Claim, key: PublicKey, signature: bytes, message: bytes, trust_root: str) -> None:
    """See that one of the claim's log entries holds. Raises the last entry's fault."""
    fault = _fault("log", f"{claim.origin}: it has no entry in a transparency log, and the rule requires one")
    for entry in claim.entries:
        try:
            verify_entry(entry, trust_root, key, signature, message, claim.origin)
        except ArtifactError as error:
            fault = error
        else:
            return
    raise fault


async def _by_identity(claims: Sequence[Claim], rule: SignatureRule, digest: str, found: _Findings) -> None:
    """Steps 4 and 5 for signatures by an identity."""
    if not rule.identities:
        found.faults += [
            _fault("key", f"{each.origin}: it is keyless, and the rule names keys only") for each in claims
        ]
        return
    bundled = [each for each in claims if each.bundle]
    found.faults += [
        _fault("invalid", f"{each.origin}: a keyless signature in cosign's legacy storage, which can't prove that it was logged; sign with cosign 3")
        for each in claims
        if not each.bundle
    ]  # fmt: skip
    if not bundled:
        return
    try:
        answers = await verify_keyless(
            [(each.origin, each.bundle) for each in bundled], digest=digest, trust_root=rule.trust_root
        )
    except ArtifactError as error:
        found.faults.append(error)
        return
    except UnavailableError as error:
        found.unread.append(error)
        return
    for claim, answer in zip(bundled, answers, strict=True):
        if isinstance(answer, ArtifactError):
            found.faults.append(answer)
        elif answer.payload != claim.payload:
            found.faults.append(_fault("invalid", f"{claim.origin}: what was verified is not what was read"))
        else:
            _identified(claim, answer, rule, found)


def _identified(claim: Claim, proven: Proven, rule: SignatureRule, found: _Findings) -> None:
    who = f"{shown(proven.subject, 300)} ({shown(proven.issuer, 300)})"
    covering = [at for at, each in enumerate(rule.identities) if each.covers(proven.issuer, proven.subject)]
    if not covering:
        found.faults.append(_fault("identity", f"{claim.origin}: signed by {who}, whom the rule does not name"))
    for at in covering:
        signer = Signer(id=f"{proven.issuer} {proven.subject}", entry=f"identities/{at}", name=who)
        found.good.append(_Good(signer=signer, predicate=claim.predicate))


def _judge(rule: SignatureRule, found: _Findings, *, nothing: bool) -> Signed:
    """Steps 6 and 7."""
    signers = distinct(each.signer for each in found.good if not each.predicate)
    attested = {each.predicate for each in found.good}
    lacking = [each for each in rule.attestations if each not in attested]
    if len(signers) >= rule.require and not lacking:
        return Signed(signers=signers, attestations=rule.attestations)
    if found.unread:
        first = found.unread[0]
        raise UnavailableError(f"its signatures could not all be read: {first.message}", hint=first.hint)
    if nothing:
        raise _fault("missing", f"it is not signed, and the rule for {rule.match} requires it", _SIGN)
    if signers and len(signers) < rule.require:
        names = ", ".join(each.name for each in signers)
        message = f"signed by {len(signers)} of the {rule.require} distinct signers that the rule for {rule.match} requires ({names})"
        raise _fault("too-few", message + _reasons(found.faults), "have another of the rule's signers sign it")
    if signers:
        message = f"no attestation of type {lacking[0]} by one of the rule's signers"
        hint = f"cosign attest --type {lacking[0]}"
        raise ArtifactError("artifact.attestation-missing", message + _reasons(found.faults), hint=hint)
    faults = sorted(found.faults, key=_telling)
    if not faults:
        only = f"there are attestations, and no signature; the rule for {rule.match} requires one"
        raise _fault("missing", only, _SIGN)
    code = faults[0].code if faults[0].code in _TELLING else "artifact.signature-invalid"
    message = f"no signature that the rule for {rule.match} accepts" + _reasons(faults)
    raise ArtifactError(code, message, hint=faults[0].hint or _HINTS.get(code, ""))


def _telling(fault: ArtifactError) -> int:
    return _TELLING.index(fault.code) if fault.code in _TELLING else len(_TELLING)


def _reasons(faults: Sequence[ArtifactError]) -> str:
    told = "; ".join(fault.message for fault in faults[:3])
    more = f"; and {len(faults) - 3} more" if len(faults) > 3 else ""
    return f": {told}{more}" if told else ""


def _fault(kind: str, message: str, hint: str = "") -> ArtifactError:
    return ArtifactError(f"artifact.signature-{kind}", message, hint=hint)


def _unusable(why: str) -> ArtifactError:
    return _fault("policy", f"the rule can't be kept: {why}", "correct the rule")
