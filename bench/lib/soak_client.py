"""A client that knows exactly what went wrong: HTTP/1.1 and WebSockets over
one connection, on asyncio."""

import asyncio
import base64
import hashlib
import os
import socket
import struct
import time

LETTERS = (b"abcdefghijklmnopqrstuvwxyz" * 10240)
PERIOD = 26
TIMEOUT = 30.0          # seconds for one exchange
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Fail(Exception):
    """What a client saw that it should not have; facts by name."""

    def __init__(self, what, **facts):
        super().__init__(what)
        self.what = what
        self.facts = facts


class Answer:
    def __init__(self, status, fields):
        self.status = status
        self.fields = fields
        self.length = 0
        self.body = b""         # of short ones

    def get(self, name):
        return self.fields.get(name)


class Client:
    """One connection.  served: answers on it; idle: for how long nothing had
    gone over it before the last request."""

    def __init__(self, port, tls):
        self.port = port
        self.tls = tls
        self.served = 0
        self.last = 0.0
        self.open = False
        self.request = {}       # facts about the request under way
        self.late = False

    async def connect(self):
        try:
            self.reader, self.writer = await asyncio.open_connection(
                "127.0.0.1", self.port, ssl=self.tls, limit=1 << 18)
        except OSError as problem:
            raise Fail("connect", error=str(problem))
        self.open = True
        self.served = 0
        self.last = time.time()
        return self

    def close(self, reset=False):
        """Leaves; with reset the server sees RST."""
        if not self.open:
            return
        self.open = False
        try:
            if reset:
                s = self.writer.get_extra_info("socket")
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                             struct.pack("ii", 1, 0))
            self.writer.transport.abort()
        except (OSError, AttributeError, ValueError):
            pass

    def gone(self):
        """Has the server closed, as far as is known here?"""
        return not self.open or self.reader.at_eof() \
            or self.writer.transport.is_closing()

    # --- asking ----------------------------------------------------------

    def head(self, method, target, fields):
        lines = ["%s %s HTTP/1.1" % (method, target), "Host: soak.test"]
        lines += ["%s: %s" % f for f in fields]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    def begin(self, method, target, more=None):
        now = time.time()
        self.request = dict({
            "began": now, "method": method, "target": target,
            "served": self.served, "idle": now - self.last,
            "tls": bool(self.tls), "answered": None, "backend": None},
            **(more or {}))

    def fail(self, what, **facts):
        known = dict(self.request, **facts)
        if self.late:
            what = "timeout"
        self.close()
        return Fail(what, **known)

    async def exchange(self, method, target, fields=(), pieces=(),
                       expect=False, keep=None):
        """One request and its answer, bounded in time."""
        timer = asyncio.get_running_loop().call_later(TIMEOUT, self.too_late)
        try:
            self.begin(method, target)
            await self.send(method, target, fields, pieces, expect)
            return await self.take(method, keep)
        finally:
            timer.cancel()

    def too_late(self):
        self.late = True
        self.writer.transport.abort()

    async def send(self, method, target, fields, pieces, expect):
        """A body that the server does not want any more is no fault yet: its
        answer will tell."""
        fields = list(fields)
        if expect:
            fields.append(("Expect", "100-continue"))
        try:
            self.writer.write(self.head(method, target, fields))
            if expect:
                await self.writer.drain()
                await asyncio.sleep(0.05)
            for piece in pieces:
                if isinstance(piece, float):
                    await asyncio.sleep(piece)
                    continue
                self.writer.write(piece)
                await self.writer.drain()
        except (OSError, RuntimeError):
            self.request["send_failed"] = True

    # --- answers ---------------------------------------------------------

    async def take(self, method, keep):
        while True:
            answer = await self.take_head()
            if answer.status >= 200:
                break
        self.request["answered"] = answer.status
        self.request["backend"] = answer.get("x-backend")
        if method != "HEAD" and answer.status not in (204, 304):
            await self.take_body(answer, keep)
        self.served += 1
        self.last = time.time()
        if (answer.get("connection") or "").lower() == "close":
            self.close()
        return answer

    async def take_head(self):
        try:
            head = await self.reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError as problem:
            raise self.fail("cut" if problem.partial else self.nothing())
        except asyncio.LimitOverrunError:
            raise self.fail("framing")
        except (OSError, RuntimeError) as problem:
            raise self.fail(self.nothing(), error=str(problem))
        lines = head[:-4].decode("latin-1").split("\r\n")
        words = lines[0].split(" ", 2)
        if len(words) < 2 or words[0] != "HTTP/1.1" \
                or not words[1].isdigit():
            raise self.fail("framing", line=lines[0][:100])
        fields = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            fields[name.lower()] = value.strip()
        return Answer(int(words[1]), fields)

    def nothing(self):
        """No byte of an answer: what every client may repeat (RFC 9112
        9.3.1) when the connection had served before."""
        return "stale" if self.served else "lost"

    async def take_body(self, answer, keep):
        chunked = "chunked" in (answer.get("transfer-encoding") or "")
        if not chunked and answer.get("content-length") is None:
            raise self.fail("framing", line="neither length nor chunks")
        try:
            if not chunked:
                await self.take_bytes(answer, int(answer.get(
                    "content-length")), keep)
                return
            while True:
                line = await self.reader.readuntil(b"\r\n")
                size = int(line.split(b";")[0], 16)
                if size == 0:
                    break
                await self.take_bytes(answer, size, keep)
                if await self.reader.readexactly(2) != b"\r\n":
                    raise self.fail("framing", line="end of chunk")
            await self.reader.readuntil(b"\r\n")
        except asyncio.IncompleteReadError:
            raise self.fail("cut", got=answer.length)
        except asyncio.LimitOverrunError:
            raise self.fail("framing", line="no end of line")
        except ValueError as problem:
            raise self.fail("framing", line=str(problem)[:100])
        except (OSError, RuntimeError) as problem:
            raise self.fail("cut", got=answer.length, error=str(problem))

    async def take_bytes(self, answer, size, keep):
        """keep: a callable that is given each piece and its offset."""
        left = size
        while left:
            data = await self.reader.read(min(left, 1 << 16))
            if not data:
                raise asyncio.IncompleteReadError(b"", left)
            if keep is not None:
                await keep(data, answer.length, self)
            elif len(answer.body) < 4096:
                answer.body += data
            answer.length += len(data)
            left -= len(data)

    # --- WebSockets ------------------------------------------------------

    async def upgrade(self, target):
        key = base64.b64encode(os.urandom(16))
        timer = asyncio.get_running_loop().call_later(TIMEOUT, self.too_late)
        try:
            self.begin("GET", target, {"tunnel": True})
            await self.send("GET", target, [
                ("Upgrade", "websocket"), ("Connection", "Upgrade"),
                ("Sec-WebSocket-Version", "13"),
                ("Sec-WebSocket-Key", key.decode())], (), False)
            answer = await self.take_head()
        finally:
            timer.cancel()
        self.request["answered"] = answer.status
        self.request["backend"] = answer.get("x-backend")
        if answer.status != 101:
            raise self.fail("status")
        want = base64.b64encode(hashlib.sha1(key + GUID).digest()).decode()
        if answer.get("sec-websocket-accept") != want:
            raise self.fail("framing", line="Sec-WebSocket-Accept")
        return answer

    def frame(self, op, data):
        mask = os.urandom(4)
        if len(data) < 126:
            head = struct.pack("!BB", 128 | op, 128 | len(data))
        else:
            head = struct.pack("!BBH", 128 | op, 128 | 126, len(data))
        long_mask = (mask * (len(data) // 4 + 1))[:len(data)]
        body = (int.from_bytes(data, "big")
                ^ int.from_bytes(long_mask, "big")).to_bytes(len(data), "big")
        self.writer.write(head + mask + body)

    async def take_frame(self):
        """The next frame; its operation and data."""
        timer = asyncio.get_running_loop().call_later(TIMEOUT, self.too_late)
        try:
            op, size = await self.reader.readexactly(2)
            if size == 126:
                size, = struct.unpack("!H", await self.reader.readexactly(2))
            return op & 15, await self.reader.readexactly(size)
        except (asyncio.IncompleteReadError, OSError, RuntimeError):
            raise self.fail("tunnel")
        finally:
            timer.cancel()


async def letters(data, offset, client):
    """Checks a piece of the body that bench/lib/backend.c makes up."""
    at = offset % PERIOD
    if data != LETTERS[at:at + len(data)]:
        raise client.fail("body", got=offset)


async def slow_letters(data, offset, client):
    await letters(data, offset, client)
    await asyncio.sleep(0.01)
