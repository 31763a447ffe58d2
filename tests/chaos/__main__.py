"""`python -m chaos`: a cluster of its own, one long run, and its report."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path
from random import Random

from chaos.proxy import Network
from chaos.run import run
from chaos.yard import Yard, options
from real.cluster import running
from real.rooms import FolderRoom


def main() -> int:
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0, help="how long things break")
    parser.add_argument("--jobs", type=int, default=20, help="how many train at one time")
    parser.add_argument("--interval", type=float, default=3.0, help="seconds between two faults")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--in-place", action="store_true", help="with the setting restart_in_place")
    choices = parser.parse_args()
    chance = Random(choices.seed)
    folder = Path(tempfile.mkdtemp(prefix="trainmaster-chaos-"))
    with running(folder / "hadoop", options(folder)) as hadoop, Network(chance) as network:
        os.environ["HADOOP_CONF_DIR"] = str(hadoop.conf_dir)
        room = FolderRoom(f"{hadoop.addresses.hdfs}/chaos", hadoop, folder)
        try:
            settings = {"TRAINMASTER_RESTART_IN_PLACE": str(choices.in_place).lower()}
            yard = Yard(hadoop, room, network, folder, chance, **settings)
            report = run(yard, choices.seconds, choices.jobs, choices.interval)
        finally:
            room.close()
    sys.stdout.write(f"{report}\nlogs are in {folder}\n")
    return 1 if report.found else 0


if __name__ == "__main__":
    sys.exit(main())
