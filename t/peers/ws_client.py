#!/usr/bin/python3
"""A WebSocket client of python3-websockets, for the tests:
ws_client.py URL CA-FILE

Goes through all that ws_server.* knows and prints how it went, as JSON.
"""
import asyncio
import json
import os
import ssl
import sys

import websockets


async def talk(url, context, said):
    async with websockets.connect(url, ssl=context, subprotocols=["chat"],
                                  max_size=None) as socket:
        said["protocol"] = socket.subprotocol
        said["extensions"] = [type(e).__name__ for e in getattr(
            socket, "protocol", socket).extensions]
        await socket.send("hällo")
        said["echo"] = await socket.recv() == "hällo"
        block = os.urandom(1000000)
        await socket.send(block)
        said["binary"] = await socket.recv() == block
        await socket.send(["a", "b", "c"])
        said["text"] = await socket.recv()
        await (await socket.ping())
        said["ping"] = True
        await socket.send("ping")
        said["pong"] = await socket.recv()
        await socket.send("flood 2000")
        said["flood"] = sum([len(await socket.recv()) for _ in range(2000)])
        await socket.send("close 4001 enough")
        try:
            await socket.recv()
        except websockets.ConnectionClosed:
            said["code"] = socket.close_code
            said["reason"] = socket.close_reason


def main():
    url, ca = sys.argv[1:3]
    context = None
    if url.startswith("wss:"):
        context = ssl.create_default_context(cafile=ca)
    said = {}
    try:
        asyncio.run(asyncio.wait_for(talk(url, context, said), 30))
    except Exception as problem:
        said["error"] = repr(problem)
    print(json.dumps(said))


main()
