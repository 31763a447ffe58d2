"""When a line of a log was written, by the time that it begins with. Pure.

What stands before the time is what loggers write there: levels, names of loggers, and what is in brackets. A time in the words
of a line is one that the line is about.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Final

AHEAD: Final = timedelta(days=1)
"""how far a node may be ahead of here, by its clock and its zone: what is later is of the year before, where no year is told"""
_LONGEST: Final = 160
"""letters of a line in which its time must have ended"""
_HEAD: Final = r"""
    (?: (?> \x1b\[[\d;]*m | \[[^][]{0,40}\]:? | \([^()]{0,40}\):? | [\s|-]+
      | (?: trace|debug|info|notice|warn(?:ing)?|error|critical|fatal|severe ) \b (?: [:|] (?: [\w.-]{1,40} [:|] )? )?
      | <std(?:out|err)>:? | [\w.-]{1,40} (?: :[ ] | [ ]-[ ] )
    )){0,8}? (?: \[(?:[DIWEC][ ])? | \( )?
  | \{ .{0,80}? "@?(?:time|ts|timestamp|asctime|datetime)" \s* : \s* "
  | .{0,80}? (?<!\S) (?:time|ts|timestamp)="?
"""
"""the last two: of a line that is JSON, or logfmt. Each part is read in one way alone, so that no line takes long"""
_TIME: Final = re.compile(
    rf"""(?xi) (?: {_HEAD} )
    (?: (?P<day>\d{{4}}[-/]\d\d[-/]\d\d) [T\ ] (?P<time>\d\d:\d\d:\d\d) (?:[.,]\d{{1,9}})? (?P<zone>Z|[ ]?[+-]\d\d:?\d\d)?
      | (?P<short_day>\d\d/\d\d/\d\d) [ ] (?P<short_time>\d\d:\d\d:\d\d)
      | [IWEF] (?P<month>\d\d)(?P<date>\d\d) [ ] (?P<clock>\d\d:\d\d:\d\d)
    )"""
)
"""as Python's logging and ISO 8601 write it, Spark, and glog (TensorFlow, abseil)"""


def time_of(line: str) -> float | None:
    """Seconds since the epoch, by the time at its beginning; None where there is none. Without a zone it is this machine's."""
    found = _TIME.match(line[:_LONGEST])
    if found is None:
        return None
    try:
        return _moment(found).timestamp()
    except (ValueError, OverflowError, OSError):
        return None


def _moment(found: re.Match[str]) -> datetime:
    if found["clock"]:
        return _of_the_last_year(f"{found['month']}-{found['date']}T{found['clock']}")
    if short := found["short_day"]:
        return datetime.fromisoformat(f"20{short.replace('/', '-')}T{found['short_time']}")
    day, zone = found["day"].replace("/", "-"), (found["zone"] or "").strip().upper()
    return datetime.fromisoformat(f"{day}T{found['time']}{zone}")


def _of_the_last_year(told: str) -> datetime:
    latest = datetime.now().astimezone() + AHEAD
    moment = datetime.fromisoformat(f"{latest.year}-{told}").astimezone()
    return moment if moment <= latest else moment.replace(year=latest.year - 1)
