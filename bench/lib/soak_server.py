"""What the soak runs against: httpd with all that it serves, backends, and
what is done to them while the traffic goes on."""

import asyncio
import base64
import hashlib
import os
import random
import re
import signal
import subprocess
import time

from . import crowds, proc, servers, tools

CHILDREN, THREADS = 3, 25
# Children of before need slots beside the new ones.
SERVER_LIMIT = 24
LIFE = 400              # MaxConnectionsPerChild
SAMPLE = 2.0            # seconds between two looks at the processes
SAMPLE_SANITIZED = 5.0
DOWNTIME = (0.5, 4.0)   # seconds that a killed backend stays away
BACKENDS = ("killed", "other", "safe")
CGI = """#!/bin/sh
n=$(wc -c)
printf 'Content-Type: text/plain\\r\\n\\r\\n%d\\n' "$n"
"""


def preload_of(module):
    """The run-time libraries that a module built with sanitizers needs to be
    loaded first."""
    out = subprocess.run(["readelf", "-d", module], capture_output=True,
                         text=True)
    found = []
    for name in re.findall(r"NEEDED.*\[(lib(?:[atu]bsan|asan|tsan"
                           r"|clang_rt)[^\]]*)\]", out.stdout):
        for compiler in ("gcc", "clang"):
            path = subprocess.run([compiler, "-print-file-name=" + name],
                                  capture_output=True, text=True
                                  ).stdout.strip()
            if os.path.isabs(path):
                found.append(os.path.realpath(path))
                break
    return found


class Soak:
    """The httpd and its backends.  public: a folder that an unprivileged
    httpd may read."""

    def __init__(self, field, public, module, balancer, more, delay):
        self.field = field
        self.public = public
        self.preload = preload_of(module)
        self.backends = {}
        self.generation = set()
        self.server = servers.Server("soak", field.scratch)
        self.server.port = dict(zip(("plain", "tls"),
                                    servers.free_ports(2)))
        self.ports = dict(zip(BACKENDS + ("nobody",), servers.free_ports(4)))
        lines = list(more)
        if delay is not None:
            lines += ['LoadModule t_suspend_module "%s"' % os.path.join(
                os.path.dirname(module), "mod_t_suspend.so"),
                "TSuspendDelay %d" % delay]
        self.templates = dict(
            field.values(crowds.dict_port(self.server)),
            CHILDREN=CHILDREN, SERVER_LIMIT=SERVER_LIMIT, THREADS=THREADS,
            REQUEST_WORKERS=CHILDREN * THREADS, FACTOR=20,
            THREAD_LIMIT=THREADS + servers.SPARE_SLOTS, LIFE=LIFE,
            GATEWAY=module, BALANCER=balancer, MORE="\n".join(lines),
            USER=field.users["httpd"], PUBLIC=public,
            NOBODY=self.ports["nobody"], **{
                name.upper(): self.ports[name] for name in BACKENDS})
        self.make_public()
        self.configure()

    def make_public(self):
        os.chmod(self.public, 0o755)
        os.makedirs(os.path.join(self.public, "docs"))
        os.makedirs(os.path.join(self.public, "cgi"))
        word = base64.b64encode(hashlib.sha1(b"secret").digest()).decode()
        files = {"docs/hello.txt": "hello\n", "docs/big.bin": "b" * 300000,
                 "users": "soak:{SHA}%s\n" % word, "cgi/count": CGI}
        for name, text in files.items():
            path = os.path.join(self.public, name)
            with open(path, "w") as f:
                f.write(text)
            os.chmod(path, 0o755)

    def configure(self):
        for part in ("httpd-common", "soak"):
            servers.fill(part + ".conf.in", self.server.path(part + ".conf"),
                         self.templates)

    def start(self):
        for name in BACKENDS:
            self.start_backend(name)
        env = {}
        if self.preload:
            log = "log_path=" + os.path.join(self.public, "report")
            env = {"LD_PRELOAD": ":".join(self.preload),
                   "ASAN_OPTIONS": "detect_leaks=0:"
                   "detect_odr_violation=0:" + log,
                   "UBSAN_OPTIONS": "print_stacktrace=1:" + log}
            # The children write their reports there.
            os.chmod(self.public, 0o777)
        self.server.start(
            [servers.httpd_program(), "-DFOREGROUND", "-DBENCH_TLS", "-d",
             self.server.dir, "-f", self.server.path("soak.conf")], env)

    def start_backend(self, name):
        server = servers.Server.__new__(servers.Server)
        server.name = name
        server.dir = self.server.dir
        server.port = {"plain": self.ports[name]}
        server.process = None
        server.start([tools.build("backend"), name, str(self.ports[name])])
        self.backends[name] = server

    def stop(self):
        self.server.stop()
        for server in self.backends.values():
            server.stop()

    def restart(self):
        os.kill(self.server.process.pid, signal.SIGUSR1)

    def processes(self):
        return proc.tree(self.server.process.pid, proc.all_stats())

    def children(self):
        """Those with threads: not mod_cgid's daemon, not its scripts."""
        return {s.pid: s for s in self.processes()
                if s.pid != self.server.process.pid
                and s.parent == self.server.process.pid
                and proc.threads_of(s.pid) > 3}

    def reports(self):
        found = []
        for name in sorted(os.listdir(self.public)):
            if name.startswith("report"):
                found.append(servers.tail(os.path.join(self.public, name),
                                          60))
        return found


class Watch:
    """Memory, descriptors and children over time."""

    def __init__(self, soak, events):
        self.soak = soak
        self.events = events
        self.began = time.time()
        self.samples = []
        self.by_child = {}
        self.step = SAMPLE_SANITIZED if soak.preload else SAMPLE

    async def run(self):
        known = {}
        while True:
            children = self.soak.children()
            now = time.time()
            for pid in set(known) - set(children):
                if not self.restarted_since(known[pid]):
                    self.events.gone.append(now)
            known = {pid: known.get(pid, now) for pid in children}
            self.look(now, children)
            await asyncio.sleep(self.step)

    def restarted_since(self, at):
        return any(r >= at for r in self.events.restarts)

    def look(self, now, children):
        parent = self.soak.server.process.pid
        total, fds, most = 0, 0, 0
        for pid in children:
            size = proc.pss_of(pid)
            n = proc.descriptors_of(pid)
            total += size
            fds += n
            most = max(most, n)
            mine = self.by_child.setdefault(
                pid, {"first": now, "pss": 0, "descriptors": 0})
            mine["last"] = now
            mine["pss"] = max(mine["pss"], size)
            mine["descriptors"] = max(mine["descriptors"], n)
        self.samples.append({
            "s": round(now - self.began, 1), "children": len(children),
            "pss": total, "descriptors": fds, "most_descriptors": most,
            "parent_pss": proc.pss_of(parent),
            "parent_descriptors": proc.descriptors_of(parent)})


async def restart_now_and_then(soak, events, every):
    while True:
        await asyncio.sleep(every)
        events.restarts.append(time.time())
        soak.restart()


async def kill_now_and_then(soak, events, every, seed):
    rng = random.Random(seed)
    while True:
        await asyncio.sleep(every * rng.uniform(0.6, 1.4))
        victim = soak.backends["killed"]
        at = time.time()
        os.kill(victim.process.pid, signal.SIGKILL)
        victim.process.wait()
        await asyncio.sleep(rng.uniform(*DOWNTIME))
        soak.start_backend("killed")
        events.kills.append(("killed", at, time.time()))


def established(port):
    """Connections to this port of the loopback that a server has not closed:
    ESTABLISHED or CLOSE_WAIT."""
    count = 0
    with open("/proc/net/tcp") as f:
        next(f)
        for line in f:
            words = line.split()
            if int(words[1].split(":")[1], 16) == port \
                    and words[3] in ("01", "08"):
                count += 1
    return count
