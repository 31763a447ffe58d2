"""How long each one waits on the way of an answer. Whoever waits further out has more patience, so that what is told is the words
of whoever knows what is late."""

from __future__ import annotations

from typing import Final

TURN: Final = 4.0
"""seconds until a log is fetched, where others are fetched at this moment"""
NODE: Final = 8.0
"""seconds until a NodeManager has sent a log"""
LEADER: Final = 16.0
"""seconds until the controller that leads begins to answer one that stands by, and between two pieces of its answer"""
VIEWER: Final = 20.0
"""seconds until whoever looks has taken a piece of an answer; refresh.js gives up a page after as many"""
