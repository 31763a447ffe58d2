"""Of the ends of a gang that died together, which is likelier the first cause: by code and by last words. Pure.

Never here: which ends belong together (failures.py), or for how long they wait for each other (pending.py).
"""

from __future__ import annotations

from signal import SIGABRT, SIGHUP, SIGINT, SIGTERM

from trainmaster.plan.classify import NODE_UNFIT, NOT_EXECUTABLE, NOT_FOUND, signal_of
from trainmaster.plan.ends import FailureClass
from trainmaster.plan.last_words import failed_check
from trainmaster.plan.log_patterns import Sign, sign_of
from trainmaster.plan.log_registry import Kind

TOLD_TO_GO = frozenset({SIGTERM, SIGINT, SIGHUP, SIGABRT})
"""signals by which processes end that were told to go, or gave up because a neighbour did"""
LAST = 9
"""of ends whose words were left out: they were less likely than those that were kept"""


def first_cause_first(code: int, diagnostics: str = "") -> int:
    """Sort key for ends heard together, the likeliest first cause first.

    YARN's own words explain a gang's death better than signals, those better than what a process said, and whoever speaks of a
    mistake of its own comes before those that speak of a peer.
    """
    if code < 0:
        return 0
    if code in (NOT_FOUND, NOT_EXECUTABLE) or (signal_of(code) and signal_of(code) not in TOLD_TO_GO):
        return 1
    if code == NODE_UNFIT and failed_check(diagnostics):
        return 1
    sign = sign_of(diagnostics)
    if sign is None:
        return 4 if signal_of(code) else 6
    return _by_words(sign)


def _by_words(sign: Sign) -> int:
    pattern = sign.pattern
    if pattern.kind is not Kind.ROOT:
        return 7 if pattern.kind is Kind.CONSEQUENCE else 8
    certain = pattern.blame is not FailureClass.UNCLEAR
    return 2 if certain else 3 if pattern.name not in VAGUE else 5


VAGUE = frozenset({"runtime", "crash", "value"})
"""patterns that name an end, and not why it came"""
