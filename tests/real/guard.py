"""Ends a test cluster when the test run is no more: `guard.py PID FOLDER MODULE CLASS`.

A killed run can't clean up after itself.
"""

import importlib
import os
import select
import sys
from pathlib import Path

if __name__ == "__main__":
    run, folder, module, name = int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], sys.argv[4]
    select.select([os.pidfd_open(run)], [], [])

    # Only now: while it waits the guard stays small.
    getattr(importlib.import_module(module), name)(folder).down()
