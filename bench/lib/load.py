"""The cases, and one measured window: a generator against one proxy for some
seconds between two readings of the kernel's accounts.  wrk asks as fast as it
can; rate.c at a rate that was decided before, for latency at part load."""

import os
import resource
import subprocess
import time
from collections import namedtuple

from . import proc, tools
from .servers import SIZES

LUA = os.path.join(os.path.dirname(__file__), "wrk.lua")
TIMEOUT = 10        # seconds until wrk calls a request timed out
SETTLE = 0.1        # seconds for the proxy to see that the clients left

HALF = 0.5          # of the requests per second at full load
NICE = -5           # of rate.c, where allowed: it must send on time

# load: full, or whose half: nginx's (the same rate for all) or their own.
Case = namedtuple("Case", "name path connections front close load text")

CASES = [
    Case("small16", "1k", 16, "plain", False, "full",
         "1 KB, keep-alive, 16 conn."),
    Case("small64", "1k", 64, "plain", False, "full",
         "1 KB, keep-alive, 64 conn."),
    Case("small256", "1k", 256, "plain", False, "full",
         "1 KB, keep-alive, 256 conn."),
    Case("close", "1k", 64, "plain", True, "full",
         "1 KB, Connection: close, 64"),
    Case("half", "1k", 64, "plain", False, "half",
         "1 KB, half of nginx's load"),
    Case("half-own", "1k", 64, "plain", False, "own",
         "1 KB, half of its own load"),
    Case("100k", "100k", 64, "plain", False, "full",
         "100 KB, keep-alive, 64 conn."),
    Case("10m", "10m", 16, "plain", False, "full",
         "10 MB, keep-alive, 16 conn."),
    Case("tls", "1k", 64, "tls", False, "full",
         "1 KB, TLS front, 64 conn."),
    Case("tls-backend", "1k", 64, "uptls", False, "full",
         "1 KB, TLS backend, 64"),
]
GROUPS = {"small": ["small16", "small64", "small256"],
          "latency": ["half", "half-own"]}
ERRORS = ("connect_errors", "read_errors", "write_errors", "status_errors",
          "timeouts")
CALIBRATIONS = 3
CALIBRATION = next(c for c in CASES if c.name == "small64")


def _run(argv, seconds, nice=0):
    """Runs a generator; its figures as a dict, and its own CPU seconds."""
    def prepare():
        proc.die_with_parent()
        try:
            os.nice(nice)
        except OSError:
            pass

    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    # subprocess.run ends the generator itself when the time is over.
    out = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True,
                         text=True, timeout=seconds + 2 * TIMEOUT,
                         preexec_fn=prepare)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    figures = tools.figures(out.stdout)
    if out.returncode or "requests" not in figures:
        raise subprocess.SubprocessError(
            "%s failed: %s" % (argv[0], out.stderr or out.stdout))
    return figures, (after.ru_utime + after.ru_stime
                     - before.ru_utime - before.ru_stime)


def wrk(url, case, seconds, threads):
    argv = ["wrk", "-t", str(min(threads, case.connections)),
            "-c", str(case.connections), "-d", "%ds" % seconds,
            "--timeout", "%ds" % TIMEOUT, "-s", LUA]
    if case.close:
        argv += ["-H", "Connection: close"]
    return _run(argv + [url], seconds)


def constant(server, case, seconds, rate):
    """What is late when the window ends is overload, which is no error: a
    proxy is asked for more than it can do when nginx's half is that much."""
    figures, cpu = _run(
        [tools.build("rate"), "-c", str(case.connections), "-s", str(seconds),
         str(server.port[case.front]), "/" + case.path, "%.0f" % rate],
        seconds, NICE)
    renamed = {"connect": "connect_errors", "status": "status_errors"}
    for name in ("connect", "stale", "lost", "cut", "status", "framing",
                 "mixed"):
        to = renamed.get(name, "read_errors")
        figures[to] = figures.get(to, 0) + figures.pop("error_" + name)
    figures["late"] = figures.pop("error_timeout")
    figures.update(rate=rate, write_errors=0, timeouts=0)
    return figures, cpu


def rates(field, threads):
    """What half load means in this run: {case: {proxy: requests/s}}.  Full
    load is the best of some windows: what disturbs can only slow down."""
    full = dict.fromkeys(field.proxies, 0.0)
    for name in list(full) * CALIBRATIONS:
        w = window(field, name, CALIBRATION, 1, threads, None)
        if w["errors"]:
            raise subprocess.SubprocessError("calibration of %s: %s"
                                             % (name, w["errors"]))
        full[name] = max(full[name], w["rps"])
    base = full.get("nginx", max(full.values()))
    return {c.name: {n: HALF * (base if c.load == "half" else full[n])
                     for n in full}
            for c in CASES if c.load != "full"}


def faults(figures, case):
    """What makes a window invalid, by name.  wrk counts 4xx and 5xx as
    status errors, not other answers that are not 200: those show as fewer
    bytes than bodies of the right size would need."""
    found = {name: figures[name] for name in ERRORS if figures[name]}
    least = figures["requests"] * SIZES[case.path]
    if figures["requests"] == 0:
        found["no_requests"] = 1
    if figures["bytes"] < least:
        found["missing_bytes"] = least - figures["bytes"]
    return found


def window(field, name, case, seconds, threads, rate):
    """One measurement.  Units are in the names; *_us are per request, except
    the latencies.  rate: in requests per second, None for a full load."""
    server, backend = field.proxies[name], field.backend
    url = server.url(case.front, case.path)
    roots = [server.process.pid, backend.process.pid]
    server.empty_log()
    switches = proc.context_switches(roots[0])
    mine = time.process_time()
    busy = proc.machine_busy_seconds()
    cpu = proc.cpu_seconds(roots)
    if rate is None:
        figures, generator = wrk(url, case, seconds, threads)
    else:
        figures, generator = constant(server, case, seconds, rate)
    time.sleep(SETTLE)
    cpu = [b - a for a, b in zip(cpu, proc.cpu_seconds(roots))]
    busy = proc.machine_busy_seconds() - busy
    mine = time.process_time() - mine
    switches = proc.context_switches(roots[0]) - switches
    found = faults(figures, case)
    for one in (server, backend):
        if not one.alive():
            found[one.name + "_ended"] = 1
    count = requests_served(figures, case)
    per = 1e6 / count if count else 0.0
    if field.lanes and name == "gateway":
        figures["lanes"] = _lanes(server)
    others = busy - sum(cpu) - generator - mine
    elapsed = figures["duration_us"] / 1e6
    return dict(
        figures, proxy=name, case=case.name, errors=found,
        served=round(count, 2), rps=count / elapsed,
        cpu_us=cpu[0] * per, backend_us=cpu[1] * per,
        generator_us=generator * per,
        switches=switches / count if count else 0.0,
        proxy_cpu_s=cpu[0], backend_cpu_s=cpu[1], generator_cpu_s=generator,
        others_cores=max(0.0, others / (elapsed + SETTLE)))


def _lanes(server):
    """Requests of this window by GATEWAY_LANE."""
    found = {}
    with open(server.path("access.log"), errors="replace") as f:
        for line in f:
            lane = line.rstrip("\n").partition(" lane=")[2] or "?"
            found[lane] = found.get(lane, 0) + 1
    return found


def requests_served(figures, case):
    """When the time is over, requests are under way.  For 10 MB bodies they
    are a large part of the work, so there the bytes are counted."""
    if SIZES[case.path] >= 1 << 20:
        return figures["bytes"] / SIZES[case.path]
    return figures["requests"]
