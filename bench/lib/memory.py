"""The memory case: one slow reader of 1 GB behind each proxy while the
resident memory of the proxy's processes is sampled."""

import socket
import time

from . import proc
from .servers import BIG

PAUSE = 2.0             # seconds without reading at the start
RATE = 128 << 20        # bytes per second afterwards
STEP = 0.05             # seconds between samples
RECEIVE_BUFFER = 256 << 10
FLAT = 16 << 20         # growth up to here is called flat
LIMIT_SECONDS = 60
HEAD_LIMIT = 64 << 10


def measure(field, name):
    """Warms up with a body of 10 MB, then samples during the download."""
    server = field.proxies[name]
    _download(server, "10m", lambda: None, slow=False)
    samples = []
    began = time.monotonic()

    def sample():
        samples.append((round(time.monotonic() - began, 2),
                        proc.rss_bytes(server.process.pid)))

    sample()
    errors = {}
    try:
        got = _download(server, "1g", sample, slow=True)
        if got != BIG:
            errors["bytes_missing"] = BIG - got
    except (OSError, ValueError) as problem:
        errors["download"] = str(problem)
    sample()
    start = samples[0][1]
    peak = max(rss for _, rss in samples)
    return {"proxy": name, "start_bytes": start, "peak_bytes": peak,
            "growth_bytes": peak - start, "flat": peak - start <= FLAT,
            "seconds": samples[-1][0], "errors": errors, "samples": samples}


def _download(server, path, sample, slow):
    """Returns how many bytes of the body came."""
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        s.settimeout(10)
        s.connect(("127.0.0.1", server.port["plain"]))
        s.sendall(b"GET /%s HTTP/1.1\r\nHost: localhost\r\n"
                  b"Connection: close\r\n\r\n" % path.encode())
        got, length = _head(s)
        end = time.monotonic() + LIMIT_SECONDS
        if slow:
            _pause(sample)
        began = last = time.monotonic()
        buffer = bytearray(128 << 10)
        while got < length and last < end:
            n = s.recv_into(buffer)
            if n == 0:
                break
            got += n
            now = time.monotonic()
            if now - last >= STEP:
                sample()
                last = now
            ahead = got / RATE - (now - began)
            if slow and ahead > 0.002:
                time.sleep(ahead)
        return got


def _pause(sample):
    end = time.monotonic() + PAUSE
    while time.monotonic() < end:
        time.sleep(STEP)
        sample()


def _head(s):
    """Reads the head; returns body bytes that came with it, Content-Length.
    ValueError when it is not a 200 with a length."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = s.recv(4096)
        if not more or len(data) > HEAD_LIMIT:
            raise ValueError("no complete response head")
        data += more
    head, body = data.split(b"\r\n\r\n", 1)
    lines = head.split(b"\r\n")
    length = [line.split(b":")[1] for line in lines[1:]
              if line.lower().startswith(b"content-length:")]
    if b" 200" not in lines[0] or len(length) != 1:
        raise ValueError("unexpected head: " + head.decode("latin-1"))
    return len(body), int(length[0])
