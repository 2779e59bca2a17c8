"""A repository of a registry as a value, and a small server of it: what it holds can be bent in ways that a real registry refuses."""

from __future__ import annotations

import base64
import hashlib
import json
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"


def digest_of(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


@dataclass
class Repository:
    """Manifests by digest and by tag, blobs by digest. `referrers`: whether the server has the referrers API.

    `index_type` is the media type of its answers.
    """

    name: str = "acme/app"
    manifests: dict[str, bytes] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    referrers: bool = False
    status: dict[str, int] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    page: int = 100
    index_type: str = INDEX
    host: str = ""

    def put_blob(self, data: bytes, media_type: str, **more: Any) -> dict[str, Any]:
        """Keep a blob; gives its descriptor."""
        self.blobs[digest_of(data)] = data
        return {"mediaType": media_type, "digest": digest_of(data), "size": len(data), **more}

    def put_manifest(self, manifest: dict[str, Any] | bytes, *tags: str) -> str:
        """Keep a manifest under its digest and tags; gives its digest."""
        data = manifest if isinstance(manifest, bytes) else json.dumps(manifest).encode()
        for name in (digest_of(data), *tags):
            self.manifests[name] = data
        return digest_of(data)

    def tagged(self, tag: str) -> dict[str, Any]:
        """Give a tag's manifest as a dict to change; put it back with put_manifest."""
        value: dict[str, Any] = json.loads(self.manifests[tag])
        return value

    def push(self, host: str) -> None:
        """Push everything to a real registry on loopback."""
        base = f"http://{host}/v2/{self.name}"
        for digest, data in self.blobs.items():
            location = _send("POST", f"{base}/blobs/uploads/", b"", "")
            _send(
                "PUT", f"{location}{'&' if '?' in location else '?'}digest={digest}", data, "application/octet-stream"
            )
        for name, data in sorted(self.manifests.items(), key=lambda each: b'"manifests"' in each[1]):
            _send("PUT", f"{base}/manifests/{name}", data, INDEX if b'"manifests"' in data else MANIFEST)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        """Serve it over plain HTTP; gives the host."""
        app = web.Application()
        app.router.add_get("/v2/{name:.+}/manifests/{reference}", self._manifest)
        app.router.add_get("/v2/{name:.+}/blobs/{digest}", self._blob)
        app.router.add_get("/v2/{name:.+}/referrers/{digest}", self._referring)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            self.host = f"127.0.0.1:{runner.addresses[0][1]}"
            yield self.host
        finally:
            await runner.cleanup()

    def _fault(self, what: str) -> web.Response | None:
        self.asked.append(what)
        status = next((status for part, status in self.status.items() if part in what), 0)
        return web.Response(status=status, headers={"Retry-After": "0"}) if status else None

    async def _manifest(self, request: web.Request) -> web.Response:
        name = request.match_info["reference"]
        if (fault := self._fault(f"manifests/{name}")) is not None:
            return fault
        if name not in self.manifests:
            return web.Response(status=404)
        data = self.manifests[name]
        return web.Response(body=data, content_type=INDEX if b'"manifests"' in data else MANIFEST)

    async def _blob(self, request: web.Request) -> web.Response:
        digest = request.match_info["digest"]
        if (fault := self._fault(f"blobs/{digest}")) is not None:
            return fault
        return web.Response(body=self.blobs[digest]) if digest in self.blobs else web.Response(status=404)

    async def _referring(self, request: web.Request) -> web.Response:
        digest = request.match_info["digest"]
        if (fault := self._fault(f"referrers/{digest}")) is not None:
            return fault
        if not self.referrers:
            return web.Response(status=404)
        found = []
        for name, data in self.manifests.items():
            manifest = json.loads(data)
            if name.startswith("sha256:") and (manifest.get("subject") or {}).get("digest") == digest:
                more = {key: manifest[key] for key in ("artifactType", "annotations") if key in manifest}
                found.append({"mediaType": MANIFEST, "digest": name, "size": len(data), **more})
        start = int(request.query.get("from", "0"))
        body = {"schemaVersion": 2, "mediaType": INDEX, "manifests": found[start : start + self.page]}
        headers = {}
        if start + self.page < len(found):
            headers["Link"] = f'</v2/{self.name}/referrers/{digest}?from={start + self.page}>; rel="next"'
        return web.Response(body=json.dumps(body).encode(), content_type=self.index_type, headers=headers)


def _send(method: str, url: str, data: bytes, kind: str) -> str:
    request = urllib.request.Request(url, data, {"Content-Type": kind} if kind else {}, method=method)  # noqa: S310 - loopback
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
        return str(answer.headers.get("Location", ""))


def recorded(path: Path) -> tuple[Repository, dict[str, Any]]:
    """Read a repository that was recorded from a real registry; gives it, and the record."""
    record = json.loads(path.read_text())
    return Repository(
        manifests={name: data.encode() for name, data in record["manifests"].items()},
        blobs={digest: base64.b64decode(data) for digest, data in record["blobs"].items()},
    ), record
