"""What was to be reached, and what was measured."""

SMALL = ("small16", "small64", "small256")

# Case(s), figure, what it is compared with, bound; met when at least (rps) or
# at most (all others) that much.
GOALS = (
    ("small", "rps", "proxy", 2.5),
    ("small", "rps", "nginx", 1.0),
    ("small", "cpu_us", "nginx", 1.25),
    ("tls", "rps", "nginx", 1.0),
    ("tls-backend", "rps", "nginx", 1.0),
    ("100k", "rps", "nginx", 1.0),
    ("10m", "rps", "nginx", 1.0),
    ("close", "cpu_us", "proxy", 1.0),
    ("half", "p99_us", "nginx", 1.2),
)
FIGURES = {"rps": "requests per second", "cpu_us": "CPU per request",
           "p99_us": "p99 latency"}
CASES = {"small": "1 KB, 16, 64, 256 connections", "tls": "TLS front",
         "tls-backend": "TLS backend", "100k": "100 KB", "10m": "10 MB",
         "close": "Connection: close", "half": "1 KB at half of nginx's load"}
NAMES = {"proxy": "mod_proxy", "nginx": "nginx"}


def table(summary):
    lines = ["| case | figure of mod_gateway | goal | measured | |",
             "|---|---|--:|--:|---|"]
    for case, metric, base, bound in GOALS:
        cases = SMALL if case == "small" else (case,)
        key = "%s_to_%s" % (metric, base)
        found = [summary[c]["gateway"][key] for c in cases
                 if c in summary and key in summary[c].get("gateway", {})]
        goal = "%s %g x %s" % ("at least" if metric == "rps" else "at most",
                               bound, NAMES[base])
        if not found:
            lines.append("| %s | %s | %s | - | not measured |"
                         % (CASES[case], FIGURES[metric], goal))
            continue
        worst = min(found) if metric == "rps" else max(found)
        worst = round(worst, 2)
        met = worst >= bound if metric == "rps" else worst <= bound
        lines.append("| %s | %s | %s | %s | %s |" % (
            CASES[case], FIGURES[metric], goal,
            ", ".join("%.2f" % f for f in found),
            "reached" if met else "missed by %.0f %%"
            % (100 * abs(worst / bound - 1))))
    return "\n".join(lines)

