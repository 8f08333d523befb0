"""From windows to figures: medians over the rounds, ratios, the table, the
record of machine and versions, the result file."""

import hashlib
import json
import os
import platform
import re
import statistics
import subprocess

from . import load
from .servers import find, httpd_program

RATED = ("rps", "cpu_us", "p50_us", "p99_us")
MEDIAN = RATED + ("p90_us", "max_us", "switches", "backend_us",
                  "generator_us", "others_cores")
BASES = ("proxy", "nginx")
NAMES = {"gateway": "mod_gateway", "proxy": "mod_proxy"}
NOISY = 0.1         # cores used by others from which a warning is due


def display(name):
    return NAMES.get(name, name)


def summarize(windows):
    """{case: {proxy: figures}} in the order of the cases.  A ratio is the
    median of the ratios within the rounds: what slows the machine for a
    while touches both sides of such a pair."""
    table = {}
    for case in load.CASES:
        mine = [w for w in windows if w["case"] == case.name]
        names = sorted({w["proxy"] for w in mine}, key=_order)
        if names:
            table[case.name] = {n: _figures(mine, n) for n in names}
    return table


def _order(name):
    order = ("gateway", "proxy", "nginx", "haproxy")
    return order.index(name)


def _figures(windows, name):
    mine = {w["round"]: w for w in windows if w["proxy"] == name}
    out = {"rounds": len(mine)}
    for metric in MEDIAN:
        values = [w[metric] for w in mine.values()]
        out[metric] = statistics.median(values)
        if metric in RATED:
            out[metric + "_range"] = [min(values), max(values)]
    out["errors"] = sum((w["errors"] != {}) for w in mine.values())
    for base in BASES:
        other = {w["round"]: w for w in windows if w["proxy"] == base}
        for metric in RATED:
            ratios = [mine[r][metric] / other[r][metric]
                      for r in mine if r in other and other[r][metric]]
            if ratios:
                key = "%s_to_%s" % (metric, base)
                out[key] = statistics.median(ratios)
                out[key + "_range"] = [min(ratios), max(ratios)]
    return out


def number(value):
    """Three significant places are all that such a measurement has."""
    if value >= 1000:
        return "{:,.0f}".format(value)
    if value >= 100:
        return "%.0f" % value
    return "%.1f" % value if value >= 10 else "%.2f" % value


def table_text(summary):
    texts = {c.name: c.text for c in load.CASES}
    titles = ("", "req/s", "/mod_proxy", "/nginx", "CPU us", "/mod_proxy",
              "/nginx", "p50 ms", "/mod_proxy", "/nginx", "p99 ms",
              "/mod_proxy", "/nginx", "switches", "backend us", "wrk us")
    rows = []
    for case, proxies in summary.items():
        rows.append([texts[case]])
        for name, f in proxies.items():
            row = ["  " + display(name) + (" INVALID" if f["errors"] else "")]
            for metric in RATED:
                scale = 1e-3 if metric in ("p50_us", "p99_us") else 1
                row.append(number(f[metric] * scale))
                for base in BASES:
                    ratio = f.get("%s_to_%s" % (metric, base))
                    row.append("-" if ratio is None else "%.2f" % ratio)
            row += [number(f[m]) for m in ("switches", "backend_us",
                                           "generator_us")]
            rows.append(row)
    return _columns(titles, rows)


def markdown(result):
    """What table_text() shows, for documents; None without windows."""
    if not result["summary"]:
        return None
    texts = {c.name: c.text for c in load.CASES}
    lines = ["| | requests/s | / mod_proxy | / nginx | CPU us | / mod_proxy "
             "| / nginx | p50 ms | p99 ms | p99 / nginx | backend us "
             "| generator us |", "|---|" + "--:|" * 11]
    for case, proxies in result["summary"].items():
        lines.append("| **%s** |" % texts[case] + " |" * 11)
        for name, f in proxies.items():
            cells = [display(name) + (" (INVALID)" if f["errors"] else "")]
            for metric in ("rps", "cpu_us"):
                cells.append(number(f[metric]))
                cells += [_ratio(f, metric, base) for base in BASES]
            cells += [number(f["p50_us"] * 1e-3), number(f["p99_us"] * 1e-3),
                      _ratio(f, "p99_us", "nginx"), number(f["backend_us"]),
                      number(f["generator_us"])]
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _ratio(figures, metric, base):
    ratio = figures.get("%s_to_%s" % (metric, base))
    return "-" if ratio is None else "%.2f" % ratio


def _columns(titles, rows):
    full = [r for r in rows if len(r) > 1] + [list(titles)]
    widths = [max(len(r[i]) for r in full) for i in range(len(titles))]
    lines = []
    for row in [list(titles)] + rows:
        cells = [row[0].ljust(widths[0])]
        cells += [c.rjust(w) for c, w in zip(row[1:], widths[1:])]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def memory_text(results):
    rows = []
    for r in results:
        verdict = "flat" if r["flat"] else "NOT FLAT"
        if r["errors"]:
            verdict = "INVALID %s" % r["errors"]
        rows.append(["  " + display(r["proxy"])]
                    + ["%.1f" % (r[k] / (1 << 20)) for k in
                       ("start_bytes", "peak_bytes", "growth_bytes")]
                    + ["%.1f" % r["seconds"], verdict])
    return _columns(("1 GB, slow reader", "RSS MB", "peak MB", "growth MB",
                     "seconds", ""), rows)


def _kb(value):
    return "-" if value is None else "%.1f" % (value / 1024)


def slow_markdown(result):
    """The table of bench/slow."""
    s = result["settings"]
    lines = ["%d clients, one child, %d threads (AsyncRequestWorkerFactor "
             "%d)%s" % (s["clients"], s["threads"],
                        max(f["factor"] for f in result["found"].values()),
                        "" if s["clients"] == s["clients_wanted"] else
                        "; not %d because descriptors are limited to %d here"
                        % (s["clients_wanted"], s["descriptors"])), "",
             "| | " + " | ".join(display(n) for n in result["found"]) + " |",
             "|---|" + "--:|" * len(result["found"])]
    rows = (
        ("answered 200", "slow", lambda f: "%d" % f["ok"]),
        ("at the backend at once", "slow", lambda f: "%d" % f["at_once"]),
        ("first connect to last answer, s (gives up after 10)", "slow",
         lambda f: "%.2f" % f["seconds"]),
        ("latency p99, s", "slow",
         lambda f: "%.2f" % (f["figures"]["p99_us"] / 1e6)),
        ("KB per suspended request", "slow", lambda f: _kb(f["bytes_each"])),
        ("KB per idle kept-alive connection", "idle",
         lambda f: _kb(f["bytes_each"])),
        ("threads of the child", "slow", lambda f: f["most"]["threads"]),
        ("WebSockets open", "tunnels", lambda f: "%d" % f["ok"]),
        ("of them echo", "tunnels", lambda f: "%d" % f["echo"]["ok"]),
        ("KB per tunnel", "tunnels", lambda f: _kb(f["bytes_each"])),
        ("threads of the child", "tunnels", lambda f: f["most"]["threads"]),
        ("other requests per second, without and with", "tunnels",
         lambda f: "%s, %s" % tuple(
             number(sum(f[k]) / 2)
             for k in ("others_alone", "others_beside"))),
    )
    for text, part, cell in rows:
        mine = [f.get(part) for f in result["found"].values()]
        if any(mine):
            lines.append("| %s | %s |" % (text, " | ".join(
                str(cell(f)) if f else "-" for f in mine)))
    lines += [""] + ["Missed: %s." % m for m in result["missed"]]
    return "\n".join(lines) + "\n"


def noise_text(windows):
    if not windows:
        return ""
    noisy = [w for w in windows if w["others_cores"] > NOISY]
    if not noisy:
        return ""
    middle = statistics.median(w["others_cores"] for w in windows)
    return ("%d of %d windows saw other programs use more than %.1f cores "
            "(median %.2f): req/s and latency suffer from that"
            % (len(noisy), len(windows), NOISY, middle))


def lanes_text(windows):
    """Who served mod_gateway's requests, where the run asked for it."""
    texts = []
    for case in load.CASES:
        found = {}
        for w in windows:
            if w["case"] == case.name:
                for lane, n in w.get("lanes", {}).items():
                    found[lane] = found.get(lane, 0) + n
        if found:
            texts.append("%s: %s" % (case.name, ", ".join(
                "%s %d" % i for i in sorted(found.items(),
                                            key=lambda i: -i[1]))))
    return "lanes: " + "; ".join(texts) if texts else ""


def late_text(windows):
    """Who could not hold a rate that was set."""
    late = {}
    for w in windows:
        if w.get("late"):
            key = (w["case"], display(w["proxy"]))
            late[key] = late.get(key, 0) + 1
    return "; ".join("%s: %s could not hold the rate in %d windows"
                     % (case, name, n)
                     for (case, name), n in sorted(late.items()))


def _first_line(*argv):
    """The line with the version; some programs say it on stderr."""
    try:
        out = subprocess.run(argv, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    lines = (out.stdout + out.stderr).strip().splitlines()
    return lines[0].strip() if lines else "unknown"


def versions():
    wrk = _first_line("wrk", "-v")
    return {
        "httpd": re.sub(r"^Server version:\s*Apache/", "",
                        _first_line(httpd_program() or "apache2", "-v")),
        "nginx": re.sub(r"^nginx version:\s*nginx/", "",
                        _first_line(find("nginx") or "nginx", "-v")),
        "haproxy": re.sub(r"^HAProxy version (\S+).*", r"\1", _first_line(
            find("haproxy") or "haproxy", "-v")),
        "wrk": re.sub(r"\s*Copyright.*", "", wrk),
        "curl": " ".join(_first_line("curl", "-V").split()[:2]),
        "openssl": re.sub(r"^OpenSSL (\S+).*", r"\1",
                          _first_line("openssl", "version")),
        "python": platform.python_version(),
    }


def machine():
    cpu, memory = platform.machine(), 0
    with open("/proc/cpuinfo") as f:
        for line in f:
            if line.startswith("model name"):
                cpu = line.split(":", 1)[1].strip()
                break
    with open("/proc/meminfo") as f:
        memory = int(f.readline().split()[1]) // 1024
    return {"kernel": "%s %s" % (platform.system(), platform.release()),
            "arch": platform.machine(), "cpu": cpu, "memory_mb": memory,
            "cores": len(os.sched_getaffinity(0))}


def source(top, module):
    """Which commit was measured, and whether the tree was that commit."""
    def git(*args):
        out = subprocess.run(["git", "-C", top] + list(args),
                             capture_output=True, text=True)
        return out.stdout.strip() if out.returncode == 0 else None

    found = {"commit": git("rev-parse", "--short=12", "HEAD") or "none",
             "modified": bool(git("status", "--porcelain", "-uno", "--", ".",
                                  ":!bench/results"))}
    if os.path.exists(module):
        with open(module, "rb") as f:
            found["module_sha256"] = hashlib.sha256(f.read()).hexdigest()
    return found


def folder(out, result):
    """The new folder of one result."""
    path = os.path.join(out, "%s-%s%s" % (
        result["date"].replace(":", ""), result["source"]["commit"],
        "" if result["valid"] else "-invalid"))
    os.makedirs(path, exist_ok=True)
    return path


def write(path, result):
    with open(path, "w") as f:
        json.dump(result, f, indent=1)
        f.write("\n")
