"""Says hello, and to whom: the component of the `hello` app, built with componentize-py."""

from componentize_py_types import Ok
from wit_world import exports
from wit_world.imports.types import Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam


class IncomingHandler(exports.IncomingHandler):
    """Answers each request with one line of text."""

    def handle(self, request: IncomingRequest, response_out: ResponseOutparam) -> None:
        """Greet the path: /ada gives `Hello, ada!`."""
        name = (request.path_with_query() or "/").partition("?")[0].strip("/").split("/")[-1] or "world"
        headers = Fields()
        headers.append("content-type", b"text/plain; charset=utf-8")
        response = OutgoingResponse(headers)
        body = response.body()
        ResponseOutparam.set(response_out, Ok(response))
        with body.write() as stream:
            stream.blocking_write_and_flush(f"Hello, {name}!\n".encode())
        OutgoingBody.finish(body, None)
