"""Thousands of clients of one httpd child with few threads: requests that the
backend answers late, and WebSockets that say nothing."""

import collections
import json
import os
import re
import subprocess
import threading
import time
import urllib.request

from . import load, proc, servers, tools

THREADS = 25
STEP = 0.15             # seconds between two looks at the memory
PATIENCE = 10000        # ms until a client gives up
IDLE_MOST = 4000        # connections that tell what httpd's own one costs
SPARE = 500             # descriptors of a child besides clients and backends


def possible(wanted, limit):
    """How many clients the descriptors allow: each has a backend connection
    in the same child."""
    most = (limit - SPARE) // 2
    if most >= wanted:
        return wanted
    return most - most % 1000 if most > 1000 else most


def factor(count):
    """AsyncRequestWorkerFactor for so many connections of a child even when
    half of its threads are busy."""
    return -(-2 * count // THREADS) + 1


class Pit:
    """One httpd with one child, started anew for each measurement."""

    def __init__(self, field, slow, public, name, count):
        self.field = field
        self.slow = slow
        self.name = name
        self.server = servers.Server(name + "-pit", field.scratch)
        self.server.port = {"plain": servers.free_ports(1)[0]}
        values = dict(field.values(dict_port(self.server)), CHILDREN=1,
                      SERVER_LIMIT=1, THREADS=THREADS, REQUEST_WORKERS=THREADS,
                      THREAD_LIMIT=THREADS + servers.SPARE_SLOTS,
                      FACTOR=factor(count), USER=field.users["httpd"],
                      SLOW=slow.port["plain"], PUBLIC=public)
        for part in ("httpd-common", "slow-" + name):
            servers.fill(part + ".conf.in", self.server.path(part + ".conf"),
                         values)
        self.conf = self.server.path("slow-%s.conf" % name)

    def __enter__(self):
        self.server.start([servers.httpd_program(), "-DFOREGROUND", "-d",
                           self.server.dir, "-f", self.conf])
        for _ in range(20):
            fetch(self.port, "/small/1k")
            fetch(self.port, "/slow/")
        time.sleep(0.5)
        fetch(self.slow.port["plain"], "/stats")
        return self

    def __exit__(self, *_):
        self.server.stop()

    @property
    def port(self):
        return self.server.port["plain"]

    def pss(self):
        return proc.pss_bytes(self.server.process.pid)

    def child(self):
        """The one that serves: its threads and descriptors."""
        pids = [s.pid for s in proc.tree(self.server.process.pid,
                                         proc.all_stats())]
        pid = max(pids, key=proc.threads_of)
        return {"threads": proc.threads_of(pid),
                "descriptors": proc.descriptors_of(pid)}

    def log(self):
        """What its error log says, alike lines counted."""
        found = collections.Counter()
        with open(self.server.path("error.log"), errors="replace") as f:
            for line in f:
                if re.search(r"\[\w+:(warn|error|crit|alert|emerg)\]", line):
                    text = re.sub(r"^(\[[^]]*\] )+", "", line.strip())
                    text = re.sub(r"\d+\.\d+\.\d+\.\d+:\d+", "ADDR", text)
                    text = re.sub(r"0x[0-9a-f]+|\b\d{3,}\b", "N", text)
                    found[text[:200]] += 1
        return dict(found.most_common(10))


def dict_port(server):
    """Field.values() names ports that these servers do not have."""
    view = servers.Server.__new__(servers.Server)
    view.dir = server.dir
    view.port = dict({"tls": 0, "uptls": 0}, **server.port)
    return view


def fetch(port, path):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open("http://127.0.0.1:%d%s" % (port, path), timeout=5) as r:
        return r.read()


class Watch:
    """Looks at the memory of a server, and at what its backend is asked for,
    until it is left."""

    def __init__(self, pit):
        self.pit = pit
        self.peak = 0
        self.most = {"threads": 0, "descriptors": 0}
        self.end = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.end.wait(STEP):
            self.peak = max(self.peak, self.pit.pss())
            for name, value in self.pit.child().items():
                self.most[name] = max(self.most[name], value)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.end.set()
        self.thread.join()


class Crowd:
    """A running bench/lib/crowd.c."""

    def __init__(self, mode, count, ramp, port, path):
        self.process = subprocess.Popen(
            [tools.build("crowd"), mode, str(count), str(ramp),
             str(PATIENCE), str(port), path], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True,
            preexec_fn=proc.die_with_parent)
        self.first = self.read()

    def read(self):
        """What it prints until it is ready for a command, or ends."""
        lines = []
        for line in self.process.stdout:
            if line == "READY\n":
                break
            lines.append(line)
        return tools.figures("".join(lines))

    def say(self, word):
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()
        return self.read()

    def quit(self):
        found = self.say("quit")
        self.process.wait()
        return found


def idle(pit, count, ramp):
    """What httpd's own connection costs: kept alive after a static file."""
    count = min(count, IDLE_MOST)
    with pit:
        fetch(pit.port, "/hello.txt")
        before = pit.pss()
        crowd = Crowd("idle", count, ramp, pit.port, "/hello.txt")
        time.sleep(0.3)
        after = pit.pss()
        crowd.quit()
    ok = crowd.first["ok"]
    return {"count": count, "figures": crowd.first,
            "bytes_each": (after - before) / ok if ok else None}


def slow(pit, count, ramp, delay):
    """All ask at once for what takes delay ms."""
    with pit:
        before = pit.pss()
        with Watch(pit) as watch:
            figures = Crowd("requests", count, ramp, pit.port,
                            "/slow/x?delay=%d" % delay).first
        time.sleep(1)
        stats = json.loads(fetch(pit.slow.port["plain"], "/stats"))
        after = pit.pss()
        log = pit.log()
    there = stats["most_waiting"]
    return {"count": count, "delay_ms": delay, "figures": figures,
            "ok": figures["ok"], "seconds": figures["took_us"] / 1e6,
            "at_once": there, "pss_before": before, "pss_peak": watch.peak,
            "pss_after": after, "most": watch.most, "log": log,
            "bytes_each": (watch.peak - before) / there if there else None}


def others(pit, seconds):
    """Requests per second of somebody else, who needs threads too; 0 where
    the proxy has none left, and the generator does not come to its end."""
    case = load.CASES[0]
    try:
        figures, _ = load.wrk("http://127.0.0.1:%d/small/1k" % pit.port, case,
                              seconds, 1)
    except subprocess.TimeoutExpired:
        return 0.0
    return figures["requests"] / (figures["duration_us"] / 1e6)


def tunnels(pit, count, ramp, seconds):
    """WebSockets that say nothing while others go on."""
    with pit:
        alone = others(pit, seconds)
        before = pit.pss()
        crowd = Crowd("tunnels", count, ramp, pit.port, "/slow/ws")
        time.sleep(0.5)
        idle_pss = pit.pss()
        child = pit.child()
        open_now = json.loads(fetch(pit.slow.port["plain"],
                                    "/stats"))["tunnels"]
        beside = others(pit, seconds)
        echo = crowd.say("echo")
        again = others(pit, seconds)
        closed = crowd.quit()
        time.sleep(1)
        alone_after = others(pit, seconds)
        log = pit.log()
    figures = crowd.first
    base = (alone + alone_after) / 2
    return {"count": count, "ok": figures["ok"], "figures": figures,
            "open_at_backend": open_now, "most": child, "log": log,
            "pss_before": before, "pss_idle": idle_pss,
            "bytes_each": (idle_pss - before) / figures["ok"]
            if figures["ok"] else None,
            "echo": echo, "closed": closed,
            "others_alone": [alone, alone_after],
            "others_beside": [beside, again],
            "others_ratio": (beside + again) / 2 / base if base else None}


def start_backend(field):
    """bench/lib/backend.c under the field's folder."""
    server = servers.Server("slow", field.scratch)
    server.port = {"plain": servers.free_ports(1)[0]}
    server.start([tools.build("backend"), "slow", str(server.port["plain"])])
    return server


def make_public(folder):
    """Files that an unprivileged httpd may read."""
    os.chmod(folder, 0o755)
    with open(os.path.join(folder, "hello.txt"), "w") as f:
        f.write("hello\n")
    return folder
