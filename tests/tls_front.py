"""TLS in front of a server built without it: ``python tests/tls_front.py CERTIFICATE KEY HOST PORT TARGET_PORT``."""

from __future__ import annotations

import asyncio
import ssl
import sys
from contextlib import suppress


async def _pass_on(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await source.read(65536):
            target.write(data)
            await target.drain()
    target.close()


async def main(certificate: str, key: str, host: str, port: str, target_port: str) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        theirs, ours = await asyncio.open_connection(host, int(target_port))
        await asyncio.gather(_pass_on(reader, ours), _pass_on(theirs, writer))

    async with await asyncio.start_server(serve, host, int(port), ssl=context) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
