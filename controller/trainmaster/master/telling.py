"""Events of a job in the log and the counters. Never here: who else is shown them (publisher.py)."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from trainmaster.master.measures import Measures
from trainmaster.plan.values import Event

log = logging.getLogger(__name__)

LOGGED = 50
"""events of one pass in the log"""


def tell(events: Sequence[Event], who: Mapping[str, str], measures: Measures) -> None:
    """All are counted; thousands of one pass (a rack is lost) are not all written out while other jobs wait."""
    for event in events:
        measures.event(event.warning, event.reason)
    for event in events[:LOGGED]:
        level = logging.WARNING if event.warning else logging.INFO
        log.log(level, event.message, extra={**who, "reason": event.reason})
    if (left := len(events) - LOGGED) > 0:
        log.info("and more of the same pass", extra={**who, "events": left})
