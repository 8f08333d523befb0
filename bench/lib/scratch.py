"""The folder below the build folder where a run lives."""

import fcntl
import os
import shutil

from .servers import SetupError


def folder(build):
    """bench/run of the build folder, emptied; locked: one run at a time.  The
    lock is held until the file that comes with it is closed."""
    top = os.path.join(build, "bench")
    os.makedirs(top, exist_ok=True)
    lock = open(os.path.join(top, "lock"), "w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise SetupError("another run of bench/ is at work")
    run = os.path.join(top, "run")
    shutil.rmtree(run, ignore_errors=True)
    os.mkdir(run)
    return run, lock
