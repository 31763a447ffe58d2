"""Where the wires to the simulated YARN used to be: tests/yarn/wires.py has them."""

from __future__ import annotations

from yarn.wires import LARGE, NODE, Master, Nodes, Rm, Yarn

__all__ = ["LARGE", "NODE", "Master", "Nodes", "Rm", "Yarn"]
