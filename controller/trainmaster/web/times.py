"""How long each one waits on the way of an answer. Whoever waits further out has more patience, so that what is told is the words
of whoever knows what is late."""

from __future__ import annotations

from typing import Final

TURN: Final = 4.0
"""seconds until a log is fetched, or a request passed on, where others are at this moment"""
NODE: Final = 8.0
"""seconds until a NodeManager has sent a log: together with TURN less than LEADER"""
LEADER: Final = 16.0
"""seconds until the controller that leads begins to answer one that stands by, and between two pieces of its answer"""
VIEWER: Final = 30.0
"""seconds for which whoever looks may take nothing of an answer, and until he has taken all of one that is long or passed on;
refresh.js gives a page up after as many"""
