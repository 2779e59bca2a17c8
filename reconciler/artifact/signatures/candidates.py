"""Fetching what may be signatures of an artifact, from where cosign keeps them: every byte bounded and held against its digest."""

from __future__ import annotations

import io
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from reconciler.artifact.json_text import parse_json
from reconciler.artifact.reference import Reference, digest_of
from reconciler.artifact.registry import RegistryClient
from reconciler.artifact.signatures.claims import BUNDLE_TYPES, SIGNATURE_PREDICATE
from reconciler.artifact.signatures.model import Candidate, Storage, shown
from reconciler.errors import ArtifactError, UnavailableError

INDEX_TYPE = "application/vnd.oci.image.index.v1+json"
MAX_CANDIDATES = 20
#: A simple-signing payload is a few hundred bytes; an attestation may carry a bill of materials.
_MAX_PAYLOAD = 64 * 1024
_MAX_STATEMENT = 4 * 1024 * 1024
_MAX_ANNOTATION = 64 * 1024
_LAYER_TYPES = {
    "application/vnd.dev.cosign.simplesigning.v1+json": (Storage.SIMPLE_SIGNING, _MAX_PAYLOAD),
    "application/vnd.dsse.envelope.v1+json": (Storage.ENVELOPE, _MAX_STATEMENT),
}
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_PREDICATE_ANNOTATION = "dev.sigstore.bundle.predicateType"
_LEGACY_PREDICATE_ANNOTATION = "predicateType"


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where a candidate lies: a layer of a legacy tag (`layer` set), or a referrer's manifest."""

    origin: str
    digest: str
    storage: Storage
    layer: Mapping[str, Any] | None = None


@dataclass(kw_only=True, slots=True)
class Candidates:
    """The candidates of one artifact. `faults` fills up with what could not be read; a fetch that failed may be worth another try."""

    client: RegistryClient
    repository: str
    digest: str
    predicates: frozenset[str]
    faults: list[ArtifactError | UnavailableError] = field(default_factory=list)
    _payloads: dict[str, bytes] = field(default_factory=dict)

    async def places(self) -> list[Place]:
        """List them without reading them. Raises ArtifactError where there are more than 20, UnavailableError where it can't be told."""
        stem = self.digest.replace(":", "-")
        found = await self._layers(f"{stem}.sig", Storage.SIMPLE_SIGNING)
        if self.predicates:
            found += await self._layers(f"{stem}.att", Storage.ENVELOPE)
        found += await self._referrers()
        if len(found) > MAX_CANDIDATES:
            raise ArtifactError(
                "artifact.signature-too-many",
                f"{len(found)} signatures and attestations stand beside it, and at most {MAX_CANDIDATES} are looked at",
                hint="remove those that are not needed from the registry (cosign clean)",
            )
        return found

    async def read(self, places: Sequence[Place]) -> AsyncIterator[Candidate]:
        """Read them one by one. One that can't be read is noted in `faults` and does not hide the others."""
        for place in places:
            try:
                candidate = await self._candidate(place)
            except (ArtifactError, UnavailableError) as error:
                self.faults.append(error)
            else:
                if candidate is not None:
                    yield candidate

    async def _layers(self, tag: str, storage: Storage) -> list[Place]:
        """Legacy storage: each layer of a tag's manifest."""
        reference = Reference(registry=self.client.registry, repository=self.repository, tag=tag)
        try:
            data = await self.client.manifest(reference)
        except UnavailableError as error:
            if error.code == "artifact.not-found":
                return []
            raise
        except ArtifactError as error:
            self.faults.append(error)
            return []
        try:
            layers = _list(parse_json(data, f"tag {tag}"), "layers", f"tag {tag}")
            found = [_layer_place(each, f"tag {tag}, layer {at}", storage) for at, each in enumerate(layers)]
        except ArtifactError as error:
            self.faults.append(error)
            return []
        return [place for place in found if self._wanted(_annotations(place.layer).get(_LEGACY_PREDICATE_ANNOTATION))]

    async def _referrers(self) -> list[Place]:
        """Bundles: manifests that refer to the artifact."""
        found: dict[str, Place] = {}
        for page in await self._referrer_pages():
            try:
                listed = _list(parse_json(page, "the list of referrers"), "manifests", "the list of referrers")
            except ArtifactError as error:
                self.faults.append(error)
                continue
            for each in listed:
                if not isinstance(each, dict) or str(each.get("artifactType")) not in BUNDLE_TYPES:
                    continue
                if not self._wanted(_annotations(each).get(_PREDICATE_ANNOTATION)):
                    continue
                digest = str(each.get("digest"))
                found[digest] = Place(origin=f"referrer {shown(digest, 19)}", digest=digest, storage=Storage.BUNDLE)
        return list(found.values())

    async def _referrer_pages(self) -> list[bytes]:
        """Give the referrers API's answer; of a registry without it, the index under the fallback tag (OCI distribution 1.1)."""
        try:
            return await self.client.pages(self.repository, f"referrers/{self.digest}", INDEX_TYPE)
        except UnavailableError as error:
            if error.code not in {"artifact.not-found", "artifact.unsupported"}:
                raise
        tag = Reference(registry=self.client.registry, repository=self.repository, tag=self.digest.replace(":", "-"))
        try:
            return [await self.client.manifest(tag)]
        except UnavailableError as error:
            if error.code == "artifact.not-found":
                return []
            raise

    def _wanted(self, predicate: str | None) -> bool:
        """Tell whether something can count; what its label says can only leave it out, never let it in."""
        return predicate is None or predicate == SIGNATURE_PREDICATE or predicate in self.predicates

    async def _candidate(self, place: Place) -> Candidate | None:
        if place.layer is not None:
            return await self._layer(place, place.layer)
        reference = Reference(registry=self.client.registry, repository=self.repository, digest=place.digest)
        if not _DIGEST.fullmatch(place.digest):
            raise _fault(place.origin, "its digest is not sha256")
        data = await self.client.manifest(reference)
        if digest_of(data, place.digest) != place.digest:
            raise ArtifactError("artifact.digest", f"{place.origin}: the registry's bytes have another digest")
        manifest = parse_json(data, place.origin)
        layers = _list(manifest, "layers", place.origin)
        subject, annotations = manifest.get("subject"), _annotations(manifest)
        if not isinstance(subject, dict) or subject.get("digest") != self.digest:
            raise _fault(place.origin, "it refers to another artifact")
        if len(layers) != 1 or not isinstance(layers[0], dict) or str(layers[0].get("mediaType")) not in BUNDLE_TYPES:
            raise _fault(place.origin, "it is not one bundle")
        if not self._wanted(annotations.get(_PREDICATE_ANNOTATION)):
            return None
        content = await self._blob(layers[0], place.origin, _MAX_STATEMENT)
        return Candidate(origin=place.origin, storage=Storage.BUNDLE, content=content, annotations=annotations)

    async def _layer(self, place: Place, layer: Mapping[str, Any]) -> Candidate:
        storage, most = _LAYER_TYPES.get(str(layer.get("mediaType")), (None, 0))
        if storage is not place.storage:
            raise _fault(place.origin, f"media type '{shown(layer.get('mediaType'))}' is not that of a signature")
        annotations = _annotations(layer)
        if any(len(value) > _MAX_ANNOTATION for value in annotations.values()):
            raise _fault(place.origin, f"an annotation has more than {_MAX_ANNOTATION} characters")
        content = await self._blob(layer, place.origin, most)
        return Candidate(origin=place.origin, storage=storage, content=content, annotations=annotations)

    async def _blob(self, descriptor: Mapping[str, Any], origin: str, most: int) -> bytes:
        digest, size = descriptor.get("digest"), descriptor.get("size")
        if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
            raise _fault(origin, "its digest is not sha256")
        if not isinstance(size, int) or isinstance(size, bool) or not 0 < size <= most:
            raise _fault(origin, f"it says it has {shown(size, 20)} bytes, and at most {most} are read")
        if digest not in self._payloads:  # cosign signs the same payload again and again
            into = io.BytesIO()
            await self.client.blob(self.repository, digest, size, into)
            self._payloads[digest] = into.getvalue()
        return self._payloads[digest]


def _layer_place(layer: Any, origin: str, storage: Storage) -> Place:
    if not isinstance(layer, dict):
        raise _fault(origin, "it is no descriptor")
    return Place(origin=origin, digest=str(layer.get("digest")), storage=storage, layer=layer)


def _list(document: Any, name: str, origin: str) -> Sequence[Any]:
    found = document.get(name) if isinstance(document, dict) else None
    if not isinstance(found, list):
        raise _fault(origin, f"it has no {name}")
    return found


def _annotations(document: Any) -> dict[str, str]:
    found = document.get("annotations") if isinstance(document, dict) else None
    return {key: value for key, value in found.items() if isinstance(value, str)} if isinstance(found, dict) else {}


def _fault(origin: str, why: str) -> ArtifactError:
    return ArtifactError("artifact.signature-invalid", f"{origin}: {why}")
