"""The cases, and one measured window: wrk against one proxy for some seconds
between two readings of the kernel's accounts."""

import os
import resource
import subprocess
import time
from collections import namedtuple

from . import proc
from .servers import SIZES

LUA = os.path.join(os.path.dirname(__file__), "wrk.lua")
TIMEOUT = 10        # seconds until wrk calls a request timed out
SETTLE = 0.1        # seconds for the proxy to see that the clients left

Case = namedtuple("Case", "name path connections front close text")

CASES = [
    Case("small16", "1k", 16, "plain", False, "1 KB, keep-alive, 16 conn."),
    Case("small64", "1k", 64, "plain", False, "1 KB, keep-alive, 64 conn."),
    Case("small256", "1k", 256, "plain", False,
         "1 KB, keep-alive, 256 conn."),
    Case("close", "1k", 64, "plain", True, "1 KB, Connection: close, 64"),
    Case("100k", "100k", 64, "plain", False, "100 KB, keep-alive, 64 conn."),
    Case("10m", "10m", 16, "plain", False, "10 MB, keep-alive, 16 conn."),
    Case("tls", "1k", 64, "tls", False, "1 KB, TLS front, 64 conn."),
    Case("tls-backend", "1k", 64, "uptls", False, "1 KB, TLS backend, 64"),
]
GROUPS = {"small": ["small16", "small64", "small256"]}
ERRORS = ("connect_errors", "read_errors", "write_errors", "status_errors",
          "timeouts")


def wrk(url, case, seconds, threads):
    """Runs the generator; its figures as a dict, and its own CPU seconds."""
    argv = ["wrk", "-t", str(min(threads, case.connections)),
            "-c", str(case.connections), "-d", "%ds" % seconds,
            "--timeout", "%ds" % TIMEOUT, "-s", LUA]
    if case.close:
        argv += ["-H", "Connection: close"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    # subprocess.run ends wrk itself when the time is over.
    out = subprocess.run(argv + [url], stdin=subprocess.DEVNULL,
                         capture_output=True, text=True,
                         timeout=seconds + 2 * TIMEOUT,
                         preexec_fn=proc.die_with_parent)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    figures = {}
    for line in out.stdout.splitlines():
        if line.startswith("BENCH "):
            _, name, value = line.split()
            figures[name] = int(value)
    if out.returncode or "requests" not in figures:
        raise subprocess.SubprocessError(
            "wrk failed: " + (out.stderr or out.stdout))
    cpu = (after.ru_utime + after.ru_stime
           - before.ru_utime - before.ru_stime)
    return figures, cpu


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


def window(field, name, case, seconds, threads):
    """One measurement.  Units are in the names; *_us are per request, except
    the latencies."""
    server, backend = field.proxies[name], field.backend
    url = server.url(case.front, case.path)
    roots = [server.process.pid, backend.process.pid]
    server.empty_log()
    switches = proc.context_switches(roots[0])
    mine = time.process_time()
    busy = proc.machine_busy_seconds()
    cpu = proc.cpu_seconds(roots)
    figures, generator = wrk(url, case, seconds, threads)
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


def requests_served(figures, case):
    """When the time is over, requests are under way.  For 10 MB bodies they
    are a large part of the work, so there the bytes are counted."""
    if SIZES[case.path] >= 1 << 20:
        return figures["bytes"] / SIZES[case.path]
    return figures["requests"]
