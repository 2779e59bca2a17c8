"""A TLS connection that waits keeps little memory: a FleetSync has one for each kind that it watches."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

from reconciler.cluster.connection import TLS_BUFFER
from reconciler.local.certificates import issue, new_authority

_SENT = b"x" * 1_000_000


async def _answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(_SENT)
    await writer.drain()
    writer.close()


async def _read(certificate: Path, key: Path) -> tuple[bytes, int]:
    """Give what a server sent, and the size of the buffer that the connection keeps to read into."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, key)
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    async with await asyncio.start_server(_answer, "127.0.0.1", 0, ssl=server) as listening:
        host, port = listening.sockets[0].getsockname()
        reader, writer = await asyncio.open_connection(host, port, ssl=client)
        kept = len(writer.transport._ssl_protocol.get_buffer(-1))  # type: ignore[attr-defined]
        received = await reader.read()
        writer.close()
    return received, kept


def test_a_tls_connection_keeps_a_small_buffer_and_reads_long_answers_all_the_same(tmp_path: Path) -> None:
    certificate, key = issue(new_authority(), tmp_path, "server", common_name="localhost", server=True)
    assert asyncio.run(_read(certificate, key)) == (_SENT, TLS_BUFFER)
