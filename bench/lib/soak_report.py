"""What a soak found: its faults, and the page about it."""

import statistics

from . import soak_judge

MB = 1 << 20
GROWTH = 1.15           # of memory, that is called flat ...
GROWTH_BYTES = 4 * MB   # ... or so little
MORE_DESCRIPTORS = 32
WARM_SECONDS = 40       # until the first children are as large as they get
IDLE_DESCRIPTORS = 200  # of a child that nobody asks


def faults(r):
    found = []
    if r["unexplained_count"]:
        found.append("%d failures that no rule explains"
                     % r["unexplained_count"])
    found += r["over"]
    if r["not_kept"]:
        found.append("%d more failures than are kept" % r["not_kept"])
    if r["crashes"]:
        found.append("%d crashes or sanitizer reports" % len(r["crashes"]))
    if r["log_others"]:
        found.append("%d lines in the error log that are not expected"
                     % sum(r["log_others"].values()))
    if r["stuck"]:
        found.append("clients that did not come to an end")
    left = r["left"]
    if left["client_connections"]:
        found.append("%d client connections left open"
                     % left["client_connections"])
    if left["children"] != r["settings"]["children"]:
        found.append("%d children, not %d" % (left["children"],
                                              r["settings"]["children"]))
    if max(left["descriptors"], default=0) > IDLE_DESCRIPTORS:
        found.append("%d descriptors in an idle child"
                     % max(left["descriptors"]))
    return found + growth(r)


def thirds(values):
    """The median of the first and of the last third."""
    n = max(1, len(values) // 3)
    return statistics.median(values[:n]), statistics.median(values[-n:])


def trends(r):
    """{what: (at first, at last)} of memory and descriptors."""
    found = {}
    quiet = [s for s in r["samples"] if s["s"] >= r["quiet_from"]]
    steady = quiet[len(quiet) // 4:]    # the first of them fill their pools
    before = [s for s in r["samples"]
              if WARM_SECONDS <= s["s"] < r["quiet_from"]]
    if len(before) >= 12:
        found["memory of the parent, restarts"] = thirds(
            [s["parent_pss"] for s in before])
        found["descriptors of the parent, restarts"] = thirds(
            [s["parent_descriptors"] for s in before])
        found["memory of all children, restarts"] = thirds(
            [s["pss"] for s in before])
    if len(steady) >= 12:
        found["memory of all children, no restarts"] = thirds(
            [s["pss"] for s in steady])
        found["descriptors of all children, no restarts"] = thirds(
            [s["descriptors"] for s in steady])
    return found


def growth(r):
    found = []
    for what, (first, last) in trends(r).items():
        if what.startswith("descriptors"):
            bad = last > first + MORE_DESCRIPTORS
        else:
            # A sanitizer keeps what was freed.
            bad = not r["settings"]["sanitized"] and last > max(
                first * GROWTH, first + GROWTH_BYTES)
        if bad:
            found.append("%s: from %s to %s" % (what, show(what, first),
                                                show(what, last)))
    return found


def show(what, value):
    if what.startswith("descriptors"):
        return "%d" % value
    return "%.1f MB" % (value / MB)


def markdown(r):
    s = r["settings"]
    minutes = s["minutes"]
    lines = [
        "%g minutes, commit %s%s%s%s: %d answers, %d graceful restarts, %d "
        "times a backend killed, %d children ended by MaxConnectionsPerChild."
        % (minutes, r["source"]["commit"],
           " (modified)" if r["source"]["modified"] else "",
           ", built with sanitizers" if s["sanitized"] else "",
           ", %d ms delay after suspend" % s["suspend_delay"]
           if s["suspend_delay"] is not None else "",
           r["requests"], len(r["restarts"]), len(r["kills"]),
           r["children_ended"]), ""]
    if s["without"]:
        lines += ["Left out: %s." % s["without"], ""]
    lines += ["**%s**" % ("No fault." if not r["faults"] else
                          "Faults: " + "; ".join(r["faults"]) + "."), ""]
    lines += ["| failures | count | why |", "|---|--:|---|"]
    for name, f in r["explained"].items():
        lines.append("| %s | %d | %s |" % (name, f["count"],
                                           soak_judge.short_rule(name)))
    lines.append("| not explained | %d | %s |" % (r["unexplained_count"],
                                                  kinds_of(r)))
    found = trends(r)
    if found:
        lines += ["", "| | at first | at last |", "|---|--:|--:|"]
    for what, (first, last) in found.items():
        lines.append("| %s | %s | %s |" % (what, show(what, first),
                                           show(what, last)))
    lines += ["", "Answers: " + ", ".join(
        "%s %d" % i for i in sorted(r["done"].items(),
                                    key=lambda i: -i[1])) + ".",
        "", "Lanes: " + ", ".join("%s %d" % (n or "(none)", c)
                                  for n, c in r["lanes"].items()) + ".", ""]
    for title, found in (("Expected in the error log", r["log_expected"]),
                         ("Not expected in the error log", r["log_others"])):
        if found:
            lines += [title + ":", ""] + ["* %d: %s" % (n, text)
                                          for text, n in found.items()] + [""]
    if r["crashes"]:
        lines += ["Crashes:", "", "```"] + r["crashes"][:20] + ["```", ""]
    return "\n".join(lines) + "\n"


def kinds_of(r):
    found = {}
    for f in r["unexplained"]:
        key = "%s: %s%s" % (f["kind"], f["what"], " %s" % f["answered"]
                            if f.get("answered") else "")
        found[key] = found.get(key, 0) + 1
    return ", ".join("%s (%d)" % i for i in found.items())
