"""Why something went wrong: the rules by which a failure that a client saw, or
a line of the error log, is explained.  What no rule explains is a fault."""

import collections
import re
import time

SLACK = 0.3             # seconds between what we did and when it showed
AT_ONCE = 1.5           # httpd closes what it keeps itself when a child ends
IDLE_KEPT = 6.0         # adopted ones are kept no longer than this
CLOSING = 15.0          # until whatever is open must be over
TALK_PAUSE = 1.0        # between two messages of a tunnel, at most


class Events:
    """What the soak did to the server and its backends, by time."""

    def __init__(self):
        self.restarts = []
        self.kills = []         # backend, killed at, answers again from
        self.gone = []          # when a child was first not seen any more;
                                # not those that a restart ended
        self.told = []          # when a child was told to end, by its log

    def killed_during(self, began, ended, name=None):
        return any(began - SLACK <= at <= ended + SLACK
                   and (name is None or name == which)
                   for which, at, _ in self.kills)

    def restart_before(self, at, within):
        return any(-SLACK <= at - r <= within for r in self.restarts)

    def child_ends(self, at, within):
        """Had a child been told to end, by a restart, MaxConnectionsPerChild
        or because the server has more than it needs, not longer ago than
        this?"""
        return self.restart_before(at, within) \
            or any(-SLACK <= at - t <= within for t in self.told)


def killed_in_flight(f, events):
    if not f.get("target", "").startswith("/pair"):
        return False
    if f["what"] == "tunnel":
        # a client that was silent sees the end when it asks again
        return events.killed_during(f["began"] - TALK_PAUSE, f["at"],
                                    f.get("backend"))
    if f["what"] == "cut":
        return events.killed_during(f["began"], f["at"], f.get("backend"))
    return f.get("method") == "POST" and f["what"] == "status" \
        and f["answered"] in (502, 503, 504) \
        and events.killed_during(f["began"], f["at"])


def idle_race(f, events):
    return f["what"] == "stale" and f["idle"] >= 4.5


def idle_while_ending(f, events):
    return f["what"] == "stale" and f["idle"] >= 0.9 \
        and events.child_ends(f["at"], IDLE_KEPT)


def not_adopted(f, events):
    return f["what"] == "stale" and f["served"] == 1 \
        and events.child_ends(f["at"], AT_ONCE)


def tunnel_over(f, events):
    return f["what"] == "tunnel" and events.child_ends(f["at"], CLOSING)


def cgi_daemon(f, events):
    return f.get("target") == "/cgi/count" and f["what"] == "status" \
        and f["answered"] in (500, 503) \
        and events.restart_before(f["at"], 3.0)


# Name, what it means, the most of them in 1,000 requests, predicate.
RULES = (
    ("killed-in-flight", "a POST, a response that had begun or a tunnel was "
     "on the backend that was killed: nobody may repeat it", 5,
     killed_in_flight),
    ("idle-race", "the request met the end of KeepAliveTimeout (RFC 9112 "
     "9.3.1: the client repeats it)", 1, idle_race),
    ("idle-while-ending", "idle for 0.9 s or more on a child that ends; the "
     "request met the close (RFC 9112 9.3.1)", 1, idle_while_ending),
    ("not-adopted", "the second request of a connection that httpd itself "
     "kept, on a child that ends: httpd closes those at once", 2,
     not_adopted),
    ("tunnel-over", "a WebSocket on a child that ends", 2, tunnel_over),
    ("cgi-daemon", "mod_cgid's daemon is replaced at a restart", 2,
     cgi_daemon),
)


def explain(f, events):
    for name, _text, _most, rule in RULES:
        if rule(f, events):
            return name
    return None


def judge(fails, events, requests):
    """(failures by rule, those that no rule explains, rules over their
    limit)."""
    by_rule = collections.defaultdict(list)
    rest = []
    for f in fails:
        name = explain(f, events)
        if name is None:
            rest.append(f)
        else:
            by_rule[name].append(f)
    over = ["%s: %d, more than %g of 1,000 requests" % (
                name, len(by_rule[name]), most)
            for name, _text, most, _rule in RULES
            if len(by_rule[name]) > max(3, most * requests / 1000)]
    return by_rule, rest, over


def short_rule(name):
    return next(r[1] for r in RULES if r[0] == name)


# --- the error log -----------------------------------------------------------

CRASH = re.compile(r"AH0005[0-4]|exit signal|Sanitizer|runtime error:"
                   r"|child process .* still did not exit")

# A line of level warn or above, and why it is right here.
EXPECTED = (
    (r"/down/x|127\.0\.0\.1:@NOBODY@", "the backend that is not there"),
    (r"127\.0\.0\.1:@KILLED@|balancer://pair", "the backend that is killed"),
    (r"AH01617|AH01618|password mismatch", "wrong passwords are sent"),
    (r"AH03490|AH00484|AH00288|AH00485|AH10159",
     "scoreboard: children of before are still closing down"),
    (r"AH01239|AH01240", "mod_cgid's daemon ends with the restart"),
    (r"AH01906|AH01873", "the certificate and the cache of this server"),
    (r"AH01251|AH01252|AH01257|AH02833: .*ScriptSock",
     "mod_cgid's daemon is replaced, and its socket with it"),
)
TOLD = re.compile(r"^\[\w+ (\w+ +\d+ [\d:]+)(\.\d+) (\d+)\] .* GW02061:")
LEVELS = re.compile(r"^\[[^]]*\] \[[^]:]*:(warn|error|crit|alert|emerg)\]")


def told_to_end(lines):
    """When children were told to end, in seconds since 1970."""
    found = []
    for line in lines:
        m = TOLD.match(line)
        if m:
            when = time.strptime(f"{m[1]} {m[3]}", "%b %d %H:%M:%S %Y")
            found.append(time.mktime(when) + float(m[2]))
    return found


def audit(lines, ports):
    """(expected lines by reason, others by text, crashes)."""
    rules = [(re.compile(re.sub(r"@([A-Z]+)@", lambda m: str(
        ports[m.group(1).lower()]), pattern)), why)
        for pattern, why in EXPECTED]
    expected, rest = collections.Counter(), collections.Counter()
    crashes = []
    for line in lines:
        line = line.rstrip("\n")
        if CRASH.search(line):
            crashes.append(line[:400])
        elif LEVELS.match(line) or not line.startswith("["):
            why = next((w for p, w in rules if p.search(line)), None)
            if why:
                expected[why] += 1
            else:
                rest[alike(line)] += 1
    return dict(expected), dict(rest.most_common(40)), crashes


def alike(line):
    line = re.sub(r"^\[[^]]*\] ", "", line)
    line = re.sub(r"\[(pid|client|remote) [^]]*\] ?", "", line)
    return re.sub(r"(?<![A-Z0-9])\d{2,}", "N", line)[:300]
