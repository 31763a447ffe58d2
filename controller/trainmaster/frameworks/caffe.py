"""Caffe: one process with all GPUs of its container. `caffe train --gpu all` finds them by itself.

No package of Caffe could be had to try it; its environment and restart are those of any single process.
"""

from __future__ import annotations

from trainmaster.frameworks import generic

TRAITS = generic.TRAITS
