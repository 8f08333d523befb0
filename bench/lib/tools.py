"""The programs of bench/lib that are written in C: built when they are needed,
and what they print."""

import os
import subprocess

from .servers import SetupError

HERE = os.path.dirname(os.path.abspath(__file__))
FLAGS = ["-std=gnu99", "-O2", "-Wall", "-Wextra", "-Wno-unused-parameter",
         "-D_GNU_SOURCE"]
LIBRARIES = {"backend": ["-lcrypto"], "crowd": ["-lcrypto"]}

_folder = None


def prepare(build):
    """Names the build folder; before anything else."""
    global _folder
    _folder = os.path.join(build, "bench", "bin")


def build(name):
    """The program's path, newer than its source."""
    source = os.path.join(HERE, name + ".c")
    target = os.path.join(_folder, name)
    try:
        if os.path.getmtime(target) > os.path.getmtime(source):
            return target
    except OSError:
        pass
    os.makedirs(_folder, exist_ok=True)
    try:
        out = subprocess.run(
            [os.environ.get("CC") or "cc"] + FLAGS + ["-o", target, source]
            + LIBRARIES.get(name, []), capture_output=True, text=True)
    except OSError as problem:
        raise SetupError("a C compiler is needed: %s" % problem)
    if out.returncode:
        raise SetupError("bench/lib/%s.c: %s" % (name, out.stderr))
    return target


def figures(text):
    """What stands in lines "BENCH name number"."""
    found = {}
    for line in text.splitlines():
        if line.startswith("BENCH "):
            _, name, value = line.split()
            found[name] = int(value)
    return found
