"""A stub of GitHub's API over HTTP: no public instance can be had in a test."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """What a client asked for; the body is parsed, None where there was none."""

    method: str
    path: str
    authorization: str
    body: Any


@contextmanager
def github_api(answer: Callable[[Request], tuple[int, Any]]) -> Iterator[str]:
    """Serve what a function answers, a status and a value to be sent as JSON; gives the URL."""

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"] or 0)) or b"null")
            authorization = self.headers["Authorization"]
            status, value = answer(Request(method=self.command, path=self.path, authorization=authorization, body=body))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(value).encode())

        do_GET = do_POST = do_PATCH = _answer  # noqa: N815 - http.server's names

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
