"""The backend and the proxies: their configurations filled in from
bench/conf, started in the foreground, awaited, ended by pid."""

import grp
import os
import pwd
import random
import re
import shutil
import socket
import subprocess
import time

from . import proc

CONF = os.path.join(os.path.dirname(os.path.dirname(__file__)), "conf")
PROXIES = ("gateway", "proxy", "nginx", "haproxy")
SIZES = {"1k": 1 << 10, "100k": 100 << 10, "10m": 10 << 20}
BIG = 1 << 30
FRONTS = ("plain", "tls", "uptls")
# Threads of one httpd child, or processes of prefork.  All 256 connections may
# land on one child, and the event MPM closes kept-alive connections of a child
# whose threads are all busy: the client would see errors.
WORKERS = 288
# Room in the scoreboard for threads that are not the MPM's.
SPARE_SLOTS = 96
START_SECONDS = 15


class SetupError(Exception):
    """The run cannot start or go on; the text says why."""


def find(name):
    path = os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin:/sbin"
    return shutil.which(name, path=path)


def httpd_program():
    named = os.environ.get("HTTPD")
    return named or find("apache2") or find("httpd")


def httpd_modules():
    named = os.environ.get("HTTPD_MODULES")
    if named:
        return named
    apxs = os.environ.get("APXS") or find("apxs") or find("apxs2")
    if apxs:
        out = subprocess.run([apxs, "-q", "LIBEXECDIR"], text=True,
                             capture_output=True)
        if out.returncode == 0 and out.stdout.strip():
            return out.stdout.strip()
    return "/usr/lib/apache2/modules"


def free_ports(count):
    """Ports that nobody listens on; all are held until all are chosen."""
    held = []
    try:
        for _ in range(count):
            s = socket.socket()
            s.bind(("127.0.0.1", 0))
            held.append(s)
        return [s.getsockname()[1] for s in held]
    finally:
        for s in held:
            s.close()


def unprivileged_user():
    """Whom servers that are started as root become."""
    for name in ("www-data", "apache", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return entry.pw_name, grp.getgrgid(entry.pw_gid).gr_name
    raise SetupError("started as root, and there is none of the users "
                     "www-data, apache, nobody to run the servers as")


def user_lines():
    if os.geteuid() != 0:
        return {"nginx": "", "httpd": "", "haproxy": "", "backend": ""}
    user, group = unprivileged_user()
    return {"nginx": "user %s %s;" % (user, group),
            "httpd": "User %s\nGroup %s" % (user, group),
            "haproxy": "user %s\n    group %s" % (user, group),
            # Its workers read the bodies, maybe below a private folder.
            "backend": "user root;"}


def fill(template, target, values):
    with open(os.path.join(CONF, template)) as f:
        text = f.read()

    def value(match):
        try:
            return str(values[match.group(1)])
        except KeyError:
            raise SetupError("bench/conf/%s: no value for %s"
                             % (template, match.group(0)))

    with open(target, "w") as f:
        f.write(re.sub(r"@([A-Z_]+)@", value, text))


def tail(path, lines=15):
    try:
        with open(path, errors="replace") as f:
            return "".join(f.readlines()[-lines:])
    except OSError:
        return ""


class Server:
    """One started program with its folder and its three listeners."""

    def __init__(self, name, folder):
        self.name = name
        self.dir = os.path.join(folder, name)
        self.port = {}
        self.process = None
        os.mkdir(self.dir)

    def path(self, name):
        return os.path.join(self.dir, name)

    def url(self, front, path):
        scheme = "https" if front == "tls" else "http"
        return "%s://127.0.0.1:%d/%s" % (scheme, self.port[front], path)

    def start(self, argv, more_env=None):
        # Appending, so that truncating the log in between takes effect.
        with open(self.path("access.log"), "ab") as out, \
                open(self.path("stderr.log"), "ab") as err:
            self.process = proc.start(argv, out, err, more_env)
        end = time.monotonic() + START_SECONDS
        for port in self.port.values():
            while not _answers(port):
                if self.process.poll() is not None:
                    self._fail("did not start")
                if time.monotonic() > end:
                    self._fail("does not listen after %d s" % START_SECONDS)
                time.sleep(0.05)

    def _fail(self, why):
        raise SetupError("%s %s:\n%s%s" % (
            self.name, why, tail(self.path("stderr.log")),
            tail(self.path("error.log"))))

    def stop(self):
        if self.process is not None:
            proc.stop(self.process)

    def alive(self):
        return self.process.poll() is None

    def empty_log(self):
        os.truncate(self.path("access.log"), 0)


def _answers(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


class Field:
    """Everything that runs: one backend, the chosen proxies."""

    def __init__(self, scratch, only, fronts, mpm, module, big,
                 directives=(), lanes=False):
        self.scratch = scratch
        self.fronts = [f for f in FRONTS if f in fronts]
        self.mpm = mpm
        self.module = module
        self.directives = directives
        self.lanes = lanes
        self.cores = len(os.sched_getaffinity(0))
        self.token = "%016x" % random.SystemRandom().getrandbits(64)
        self.users = user_lines()
        self.ca = os.path.join(scratch, "cert.pem")
        self.bodies = os.path.join(scratch, "bodies")
        self.proxies = {}
        self.backend = None
        self._make_bodies(big)
        self._make_certificate()
        try:
            self._start_backend()
            for name in only:
                self._start_proxy(name)
        except BaseException:
            self.stop()
            raise

    def _make_bodies(self, big):
        os.mkdir(self.bodies)
        source = random.Random(1)
        for name, size in SIZES.items():
            with open(os.path.join(self.bodies, name), "wb") as f:
                f.write(source.randbytes(size))
        if big:
            with open(os.path.join(self.bodies, "1g"), "wb") as f:
                f.truncate(BIG)

    def _make_certificate(self):
        """One self-signed certificate for fronts and backend.  Its DNS name
        is an address because some of the programs compare text only."""
        key = os.path.join(self.scratch, "key.pem")
        out = subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
             "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
             "-subj", "/CN=127.0.0.1", "-addext",
             "subjectAltName=DNS:127.0.0.1,DNS:localhost,IP:127.0.0.1",
             "-keyout", key, "-out", self.ca],
            stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if out.returncode:
            raise SetupError("openssl req failed:\n" + out.stderr)
        with open(os.path.join(self.scratch, "both.pem"), "w") as both:
            for name in (self.ca, key):
                with open(name) as f:
                    both.write(f.read())
        os.chmod(os.path.join(self.scratch, "both.pem"), 0o600)

    def values(self, server):
        """What the templates of bench/conf may ask for."""
        children = WORKERS if self.mpm == "prefork" else max(2, self.cores)
        threads = 1 if self.mpm == "prefork" else WORKERS
        values = {
            "DIR": server.dir, "CORES": self.cores,
            "WORKERS": max(2, self.cores), "FILES": 20000,
            "CERT": self.ca, "CA": self.ca, "TOKEN": self.token,
            "KEY": os.path.join(self.scratch, "key.pem"),
            "PEM": os.path.join(self.scratch, "both.pem"),
            "BODIES": self.bodies, "MPM": self.mpm,
            "CHILDREN": children, "SERVER_LIMIT": children,
            "THREADS": threads,
            "THREAD_LIMIT": threads + SPARE_SLOTS, "FACTOR": 2,
            "REQUEST_WORKERS": children * threads,
            "MORE": "\n".join(self.directives),
            "GATEWAY": self.module, "MODULES": httpd_modules(),
            "PORT": server.port["plain"], "PORT_TLS": server.port["tls"],
            "PORT_UPTLS": server.port.get("uptls", 0),
        }
        if self.backend is not None:
            values["BACKEND"] = self.backend.port["plain"]
            values["BACKEND_TLS"] = self.backend.port["tls"]
        return values

    def _start_backend(self):
        server = Server("backend", self.scratch)
        ports = free_ports(2)
        server.port = dict(zip(("plain", "tls"), ports))
        values = dict(self.values(server), USER=self.users["backend"])
        fill("backend.conf.in", server.path("nginx.conf"), values)
        self.backend = server
        server.start(nginx_command(server))

    def _start_proxy(self, name):
        server = Server(name, self.scratch)
        self.proxies[name] = server
        server.port = dict(zip(FRONTS, free_ports(3)))
        values = self.values(server)
        if name == "nginx":
            values["USER"] = self.users["nginx"]
            fill("nginx.conf.in", server.path("nginx.conf"), values)
            argv = nginx_command(server)
        elif name == "haproxy":
            values["USER"] = self.users["haproxy"]
            fill("haproxy.cfg.in", server.path("haproxy.cfg"), values)
            argv = [find("haproxy"), "-db", "-f", server.path("haproxy.cfg")]
        else:
            values["USER"] = self.users["httpd"]
            for part in ("common", name):
                fill("httpd-%s.conf.in" % part,
                     server.path("httpd-%s.conf" % part), values)
            argv = [httpd_program(), "-DFOREGROUND", "-d", server.dir,
                    "-f", server.path("httpd-%s.conf" % name)]
            # Fronts that no case asks for are left out, so that a module
            # without TLS can be measured as well.
            argv += ["-DBENCH_" + f.upper() for f in self.fronts]
            argv += ["-DBENCH_LANES"] * (self.lanes and name == "gateway")
            for front in FRONTS[1:]:
                if front not in self.fronts:
                    del server.port[front]
        server.start(argv)

    def stop(self):
        for server in list(self.proxies.values()):
            server.stop()
        if self.backend is not None:
            self.backend.stop()


def nginx_command(server):
    return [find("nginx"), "-e", server.path("error.log"), "-p", server.dir,
            "-c", server.path("nginx.conf")]
