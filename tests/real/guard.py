"""Ends a test cluster when the test run is no more: `guard.py PID FOLDER`. A killed run can't clean up after itself."""

import os
import select
import sys
from pathlib import Path

if __name__ == "__main__":
    run, folder = int(sys.argv[1]), Path(sys.argv[2])
    select.select([os.pidfd_open(run)], [], [])

    from trainmaster.local.cluster import LocalHadoop  # only now: while it waits the guard stays small

    LocalHadoop(folder).down()
