"""What the kernel accounts to a tree of processes: CPU time, context
switches, resident memory; and starting and ending such a tree by its pids."""

import ctypes
import os
import signal
import subprocess
import time

TICK = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
PR_SET_PDEATHSIG = 1


class Stat:
    """The fields of /proc/PID/stat that are used here (see proc(5))."""

    def __init__(self, pid):
        with open("/proc/%d/stat" % pid, "rb") as f:
            line = f.read()
        # The name may hold spaces and parentheses: count from its end.
        fields = line[line.rindex(b")") + 2:].split()
        self.pid = pid
        self.state = fields[0].decode()
        self.parent = int(fields[1])
        self.own_ticks = int(fields[11]) + int(fields[12])
        self.reaped_ticks = int(fields[13]) + int(fields[14])
        self.start = int(fields[19])


def all_stats():
    found = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                found[int(name)] = Stat(int(name))
            except (OSError, ValueError):
                pass
    return found


def tree(root, stats):
    """root and all its descendants, from one reading of /proc."""
    children = {}
    for stat in stats.values():
        children.setdefault(stat.parent, []).append(stat.pid)
    found, queue = [], [root]
    while queue:
        pid = queue.pop()
        if pid in stats:
            found.append(stats[pid])
            queue.extend(children.get(pid, ()))
    return found


def cpu_seconds(roots):
    """CPU time of each tree.  The time of a child that ended is in its
    parent's reaped_ticks, so nothing is lost or counted twice."""
    stats = all_stats()
    return [sum(s.own_ticks + s.reaped_ticks for s in tree(r, stats)) / TICK
            for r in roots]


def context_switches(root):
    """Voluntary and involuntary switches of all threads alive."""
    total = 0
    for stat in tree(root, all_stats()):
        folder = "/proc/%d/task" % stat.pid
        try:
            tasks = os.listdir(folder)
        except OSError:
            continue
        for task in tasks:
            try:
                with open("%s/%s/status" % (folder, task)) as f:
                    total += sum(int(line.split()[1]) for line in f
                                 if "ctxt_switches" in line)
            except OSError:
                pass
    return total


def rss_bytes(root):
    total = 0
    for stat in tree(root, all_stats()):
        try:
            with open("/proc/%d/statm" % stat.pid) as f:
                total += int(f.read().split()[1]) * PAGE
        except OSError:
            pass
    return total


def pss_bytes(root):
    """Memory of the tree, shared pages divided among those who share them."""
    return sum(pss_of(s.pid) for s in tree(root, all_stats()))


def pss_of(pid):
    try:
        with open("/proc/%d/smaps_rollup" % pid) as f:
            for line in f:
                if line.startswith("Pss:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


def descriptors_of(pid):
    try:
        return len(os.listdir("/proc/%d/fd" % pid))
    except OSError:
        return 0


def threads_of(pid):
    try:
        return len(os.listdir("/proc/%d/task" % pid))
    except OSError:
        return 0


def machine_busy_seconds():
    """CPU time spent by anybody on this machine, stolen time included."""
    with open("/proc/stat") as f:
        v = [int(x) for x in f.readline().split()[1:9]]
    user, nice, system, _idle, _iowait, irq, softirq, steal = v
    return (user + nice + system + irq + softirq + steal) / TICK


def die_with_parent():
    """For a child about to be executed: it ends when the bench dies."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def start(argv, stdout, stderr, more_env=None):
    """Starts a server in the foreground, in a session of its own (Ctrl-C is
    for the bench alone); it ends when the bench dies, however it dies."""
    env = dict(os.environ, LC_ALL="C", TZ="UTC", **(more_env or {}))
    return subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=stdout,
                            stderr=stderr, env=env, start_new_session=True,
                            preexec_fn=die_with_parent)


def stop(process, seconds=5.0):
    """Ends the process and whatever descendants it leaves behind.  A pid is
    only killed when it is still the process that was seen before."""
    if process.poll() is not None:
        return
    members = tree(process.pid, all_stats())
    process.terminate()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    end = time.monotonic() + 1.0
    while time.monotonic() < end and any(_same(m) for m in members):
        time.sleep(0.02)
    for member in members:
        if _same(member):
            try:
                os.kill(member.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass


def _same(old):
    try:
        now = Stat(old.pid)
    except (OSError, ValueError):
        return False
    return now.start == old.start and now.state != "Z"
