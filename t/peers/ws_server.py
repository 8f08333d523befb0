#!/usr/bin/python3
"""A WebSocket server of python3-websockets, for the tests: ws_server.py PORT

Sends back what comes; "close CODE REASON" makes it close, "ping" makes it
ping and say "pong" when the answer came, "flood N" makes it send N messages of
1000 bytes.
"""
import asyncio
import sys

import websockets


async def talk(socket, path=None):
    async for message in socket:
        words = message.split(" ") if isinstance(message, str) else [""]
        if words[0] == "close":
            await socket.close(int(words[1]), words[2])
        elif words[0] == "ping":
            await (await socket.ping(b"are you there"))
            await socket.send("pong")
        elif words[0] == "flood":
            for _ in range(int(words[1])):
                await socket.send("x" * 1000)
        else:
            await socket.send(message)


async def main():
    async with websockets.serve(talk, "127.0.0.1", int(sys.argv[1]),
                                subprotocols=["chat"], max_size=None):
        await asyncio.Future()


asyncio.run(main())
