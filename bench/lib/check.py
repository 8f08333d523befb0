"""Proof, before anything is measured, that each proxy does what its figures
will claim: it forwards to this run's backend, whole bodies, over kept
connections, with the TLS that was asked for, and writes its access log."""

import hashlib
import json
import os
import socket
import ssl
import subprocess
import time

from .servers import SetupError

REQUESTS = 3


def check_all(field, wanted):
    """wanted: the (front, path) pairs of the chosen cases.  Returns what TLS
    was agreed on, for the record."""
    agreed = {}
    for name, server in field.proxies.items():
        for front in field.fronts:
            _check_forwarding(field, server, front)
        for front, path in sorted(wanted):
            _check_body(field, server, front, path)
        _check_log(server)
        if "tls" in field.fronts:
            agreed[name] = _front_tls(field, server)
    if len(set(agreed.values())) > 1:
        raise SetupError("the fronts agree on different TLS: %s" % agreed)
    return dict(agreed)


def _curl(field, server, *args):
    out = subprocess.run(
        ["curl", "-q", "-sS", "--fail", "--noproxy", "*", "-m", "20",
         "--cacert", field.ca, *args], capture_output=True)
    if out.returncode:
        raise SetupError("%s: curl %s: %s" % (
            server.name, args[-1], out.stderr.decode(errors="replace")))
    return out.stdout


def _require(condition, server, front, what, seen):
    if not condition:
        raise SetupError("%s (%s): %s; seen: %s"
                         % (server.name, front, what, seen))


def _check_forwarding(field, server, front):
    """Several requests on one client connection: the last must reach the
    backend on a connection that has served others before."""
    url = server.url(front, "check")
    out = _curl(field, server, *[url] * REQUESTS)
    seen = [json.loads(line) for line in out.decode().splitlines()]
    _require(len(seen) == REQUESTS, server, front, "answers missing", seen)
    for one in seen:
        _require("127.0.0.1" in one["for"], server, front,
                 "no X-Forwarded-For reached the backend", one)
        _require(one["tls"] == ("TLSv1.3" if front == "uptls" else ""),
                 server, front, "wrong TLS towards the backend", one)
    _require(seen[-1]["requests"] > 1, server, front,
             "connections to the backend are not kept", seen)


def _check_body(field, server, front, path):
    got = server.path("got")
    head = _curl(field, server, "-D", "-", "-o", got,
                 server.url(front, path)).decode("latin-1")
    _require(" 200 " in head.split("\n")[0] + " ", server, front,
             "not 200", head)
    _require("x-bench-backend: " + field.token in head.lower(), server,
             front, "the answer is not from this run's backend", head)
    with open(os.path.join(field.bodies, path), "rb") as f:
        want = hashlib.sha256(f.read()).digest()
    with open(got, "rb") as f:
        have = hashlib.sha256(f.read()).digest()
    _require(want == have, server, front, "body differs: " + path, head)
    os.unlink(got)


def _check_log(server):
    """Every proxy pays for one log line per request, or none may."""
    end = time.monotonic() + 2
    lines = 0
    while lines < REQUESTS and time.monotonic() < end:
        with open(server.path("access.log"), "rb") as f:
            lines = f.read().count(b"/check")
        time.sleep(0.05)
    _require(lines >= REQUESTS, server, "log",
             "the access log does not grow", lines)


def _front_tls(field, server):
    context = ssl.create_default_context(cafile=field.ca)
    with socket.create_connection(("127.0.0.1", server.port["tls"]), 5) as s:
        with context.wrap_socket(s, server_hostname="127.0.0.1") as t:
            return "%s %s" % (t.version(), t.cipher()[0])
