"""The mixed traffic of the soak: sessions of one connection each, in which
kinds of requests follow each other at random."""

import asyncio
import base64
import collections
import random
import time

from .soak_client import Client, Fail, letters, slow_letters

THINK = 0.7             # seconds between requests, at most, most of the time
LINGER = 7.0            # longer than the server keeps a connection
IDLE_THINK = (1.5, 4.0)
EXAMPLES = 400          # failures that are kept one by one
USER = ("soak", "secret")


def kinds():
    """Name, weight, coroutine function(traffic, client, rng)."""
    return (("small", 40, small), ("large", 3, large), ("slow", 3, slow),
            ("aborted", 4, aborted), ("pipelined", 5, pipelined),
            ("chunked upload", 5, chunked_upload), ("upload", 5, upload),
            ("websocket", 3, websocket), ("static", 12, static),
            ("cgi", 2, cgi), ("protected", 5, protected), ("head", 3, head),
            ("secure", 4, secure), ("down", 1, down), ("slow reader", 1,
                                                       slow_reader))


class Traffic:
    """All sessions.  done: answers by kind; fails: what went wrong, one by
    one, for the judge."""

    def __init__(self, ports, tls, clients, idlers, seed, without=()):
        self.ports = ports
        self.tls = tls
        self.clients = clients
        self.idlers = idlers
        self.rng = random.Random(seed)
        self.kinds = [k for k in kinds() if k[0] not in without]
        self.weights = [k[1] for k in self.kinds]
        self.done = collections.Counter()
        self.again = 0
        self.fails = []
        self.lost_fails = 0
        self.number = 0
        self.ended = False

    def note(self, kind, problem):
        if len(self.fails) >= EXAMPLES * 10:
            self.lost_fails += 1
            return
        self.fails.append(dict(problem.facts, kind=kind, what=problem.what,
                               at=time.time()))

    def client(self, rng):
        if rng.random() < 0.3:
            return Client(self.ports["tls"], self.tls)
        return Client(self.ports["plain"], None)

    def next_id(self):
        self.number += 1
        return str(self.number)

    def place(self, rng):
        return "/pair" if rng.random() < 0.5 else "/one"

    async def get(self, client, target, keep=None, method="GET", want=200,
                  fields=(), pieces=(), expect=False):
        """One exchange with everything that can be checked."""
        number = self.next_id()
        answer = await client.exchange(
            method, target, list(fields) + [("X-Request-Id", number)],
            pieces, expect, keep)
        self.check(client, answer, number, want)
        return answer

    def check(self, client, answer, number, want):
        echoed = answer.get("x-request-id")
        if echoed is not None and echoed != number:
            raise client.fail("mixed", line=echoed)
        if answer.status != want:
            raise client.fail("status", body=answer.body[:200].decode(
                "latin-1"))

    async def run(self):
        tasks = [asyncio.ensure_future(self.customer(random.Random(
            self.rng.random()))) for _ in range(self.clients)]
        tasks += [asyncio.ensure_future(self.idler(random.Random(
            self.rng.random()))) for _ in range(self.idlers)]
        await asyncio.gather(*tasks)

    async def customer(self, rng):
        await asyncio.sleep(rng.random() * 2)
        while not self.ended:
            await self.session(rng)

    async def session(self, rng):
        client = self.client(rng)
        name = "connect"
        try:
            await client.connect()
            for _ in range(rng.choice((1, 1, 2, 5, 10, 30))):
                name, _weight, kind = rng.choices(self.kinds,
                                                  self.weights)[0]
                await self.one(name, kind, client, rng)
                if client.gone() or self.ended:
                    break
                if rng.random() < 0.4:
                    await asyncio.sleep(rng.random() * THINK)
                    if client.gone():
                        self.done["closed in a pause"] += 1
                        break
            if client.open and rng.random() < 0.05:
                await self.wait_for_end(client)
        except Fail as problem:
            self.note(name, problem)
        finally:
            client.close(reset=rng.random() < 0.2)

    async def one(self, name, kind, client, rng):
        """What may be repeated is, once, as any client does; it counts as a
        failure all the same."""
        try:
            await kind(self, client, rng)
        except Fail as problem:
            if problem.what != "stale" or problem.facts["method"] == "POST":
                raise
            self.note(name, problem)
            self.again += 1
            client.late = False
            await client.connect()
            await kind(self, client, rng)
        self.done[name] += 1

    async def wait_for_end(self, client):
        """The server closes what is idle too long, and says nothing."""
        client.begin("-", "-")
        try:
            data = await asyncio.wait_for(client.reader.read(1), LINGER)
        except asyncio.TimeoutError:
            raise client.fail("kept", line="idle for %g s" % LINGER)
        except OSError:
            data = b""
        if data:
            raise client.fail("framing", line="bytes on an idle connection")
        self.done["closed when idle"] += 1

    async def idler(self, rng):
        """Long pauses: found closed before it asks is no fault."""
        await asyncio.sleep(rng.random() * 4)
        while not self.ended:
            client = self.client(rng)
            try:
                await client.connect()
                while not client.gone() and not self.ended:
                    await self.one("idle", small, client, rng)
                    await asyncio.sleep(rng.uniform(*IDLE_THINK))
            except Fail as problem:
                self.note("idle", problem)
            finally:
                client.close()


# --- the kinds ---------------------------------------------------------------

async def small(t, client, rng):
    size = rng.choice((0, 10, 500, 2000))
    answer = await t.get(client, "%s/s?size=%d%s" % (
        t.place(rng), size, rng.choice(("", "&chunked=1"))), letters)
    whole(client, answer, size)


def whole(client, answer, size):
    if answer.length != size:
        raise client.fail("body", got=answer.length)


async def large(t, client, rng):
    size = rng.randrange(1, 12 << 20)
    answer = await t.get(client, "%s/l?size=%d%s" % (
        t.place(rng), size, rng.choice(("", "&chunked=1"))), letters)
    whole(client, answer, size)


async def slow_reader(t, client, rng):
    size = 6 << 20
    answer = await t.get(client, "/one/r?size=%d" % size, slow_letters)
    whole(client, answer, size)


async def slow(t, client, rng):
    answer = await t.get(client, "%s/w?size=10&delay=%d" % (
        t.place(rng), rng.randrange(50, 3000)), letters)
    whole(client, answer, 10)


async def head(t, client, rng):
    await t.get(client, "/one/h?size=5000", method="HEAD")


async def secure(t, client, rng):
    answer = await t.get(client, "/secure/" + rng.choice(("1k", "1k",
                                                          "100k")))
    if answer.length not in (1 << 10, 100 << 10):
        raise client.fail("body", got=answer.length)


async def down(t, client, rng):
    await t.get(client, "/down/x", want=503)


async def static(t, client, rng):
    name, size = rng.choice((("hello.txt", 6), ("big.bin", 300000)))
    answer = await t.get(client, "/" + name)
    whole(client, answer, size)


async def cgi(t, client, rng):
    data = b"x" * rng.randrange(1, 3000)
    answer = await t.get(client, "/cgi/count", method="POST", pieces=[data],
                         fields=[("Content-Length", str(len(data)))])
    if answer.body.split() != [str(len(data)).encode()]:
        raise client.fail("body", line=answer.body[:100].decode("latin-1"))


async def protected(t, client, rng):
    right = rng.random() < 0.7
    word = USER[1] if right else "wrong"
    login = base64.b64encode(("%s:%s" % (USER[0], word)).encode()).decode()
    answer = await t.get(client, "/private/p?size=100",
                         letters if right else None,
                         want=200 if right else 401,
                         fields=[("Authorization", "Basic " + login)])
    if right:
        whole(client, answer, 100)


def counted(client, answer, length, total):
    words = answer.body.split()
    if len(words) != 3 or words[1:] != [b"%d" % length,
                                        b"%d" % (total & 0xffffffff)]:
        raise client.fail("body", line=answer.body[:100].decode("latin-1"))


def data_of(rng, most):
    size = rng.randrange(1, most)
    return bytes([rng.randrange(256)]) * size


async def upload(t, client, rng):
    data = data_of(rng, rng.choice((100, 20000, 2 << 20)))
    half = len(data) // 2
    pieces = [data] if rng.random() < 0.6 else \
        [data[:half], rng.random() / 2, data[half:]]
    answer = await t.get(
        client, t.place(rng) + "/u", method="POST", pieces=pieces,
        expect=rng.random() < 0.2,
        fields=[("Content-Length", str(len(data)))])
    counted(client, answer, len(data), data[0] * len(data))


async def chunked_upload(t, client, rng):
    pieces, length, total = [], 0, 0
    for _ in range(rng.randrange(1, 8)):
        data = data_of(rng, rng.choice((10, 2000, 60000)))
        length += len(data)
        total += data[0] * len(data)
        pieces.append(b"%x\r\n" % len(data) + data + b"\r\n")
        if rng.random() < 0.3:
            pieces.append(rng.random() / 4)
    last = b"0\r\nX-Trailer: 1\r\n\r\n" if rng.random() < 0.3 \
        else b"0\r\n\r\n"
    if rng.random() < 0.3:
        pieces += [last[:-2], rng.random() / 2, last[-2:]]
    else:
        pieces.append(last)
    answer = await t.get(client, t.place(rng) + "/c", method="POST",
                         pieces=pieces,
                         fields=[("Transfer-Encoding", "chunked")])
    counted(client, answer, length, total)


async def pipelined(t, client, rng):
    """Several heads in one segment; the answers in order.  After the first
    the others cannot be told apart from stale ones: served says it."""
    asked = []
    out = b""
    for _ in range(rng.randrange(2, 8)):
        size, number = rng.randrange(1, 3000), t.next_id()
        target = rng.choice(("/one/q?size=%d" % size, "/hello.txt"))
        asked.append((target, size, number))
        out += client.head("GET", target, [("X-Request-Id", number)])
    client.begin("GET", "pipeline")
    timer = asyncio.get_running_loop().call_later(30, client.too_late)
    try:
        client.writer.write(out)
        for i, (target, size, number) in enumerate(asked):
            client.request.update(target=target, in_pipeline=i)
            static_one = target == "/hello.txt"
            answer = await client.take("GET", None if static_one else letters)
            t.check(client, answer, number, 200)
            whole(client, answer, 6 if static_one else size)
            if not client.open:
                break
    finally:
        timer.cancel()


async def aborted(t, client, rng):
    """Leaves in the middle; nothing is expected but that nobody minds."""
    which = rng.randrange(4)
    client.begin("GET", "aborted")
    try:
        if which == 0:
            client.writer.write(client.head(
                "GET", "%s/w?size=10&delay=2000" % t.place(rng), ()))
        elif which == 1:
            client.writer.write(client.head(
                "GET", "%s/l?size=9000000" % t.place(rng), ()))
            await client.reader.read(1000)
        elif which == 2:
            client.writer.write(client.head(
                "POST", "%s/u" % t.place(rng),
                [("Content-Length", "100000")]) + b"x" * rng.randrange(90000))
        else:
            client.writer.write(client.head(
                "POST", "%s/c" % t.place(rng),
                [("Transfer-Encoding", "chunked")]) + b"5\r\nabc")
        await client.writer.drain()
        await asyncio.sleep(rng.choice((0, 0.01, 0.3)))
    except (OSError, RuntimeError):
        pass
    client.close(reset=rng.random() < 0.5)


async def websocket(t, client, rng):
    await client.upgrade(t.place(rng) + "/ws")
    for _ in range(rng.choice((1, 3, 10, 40))):
        data = bytes([rng.randrange(256)]) * rng.choice((0, 5, 125, 126,
                                                         4000))
        op = rng.choice((1, 2, 9))
        if op == 9:
            data = data[:125]
        client.request["began"] = time.time()
        client.frame(op, data)
        got = await client.take_frame()
        if got != (10 if op == 9 else op, data):
            raise client.fail("body", line="echo")
        if rng.random() < 0.5:
            await asyncio.sleep(rng.random())
    client.frame(8, b"\x03\xe8")
    op, _data = await client.take_frame()
    if op != 8:
        raise client.fail("framing", line="close frame")
    client.close()
