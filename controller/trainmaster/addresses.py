"""What the servers of several controllers agree on, and how an address is written. Never here: what is answered."""

from __future__ import annotations

from typing import Final

VIA: Final = "1.1 trainmaster"
"""in the header Via of what one controller asks another: it is answered, and not passed on once more"""
REPORTS: Final = "/api/reports"
"""at the web server: where the controller's reports door is. Anybody is told, since it says nothing of jobs"""


def url_of(host: str, port: int) -> str:
    """Of a server that is bound to that address, without a slash at the end."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
