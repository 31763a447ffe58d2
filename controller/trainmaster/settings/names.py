"""Variables that look like settings, and what was meant by one that is none. Never here: a setting."""

from __future__ import annotations

import re
from collections.abc import Set
from difflib import get_close_matches

OTHERS = frozenset({"TRAINMASTER_CONFIG", "TRAINMASTER_NAMESPACE", "TRAINMASTER_KILL_AT"})
"""read elsewhere: the settings' file, the command line's namespace, and an aid of our own tests"""
OF_PROCESSES = frozenset(
    f"TRAINMASTER_{name}"
    for name in [
        "JOB",
        "NAMESPACE",
        "ROLE",
        "INDEX",
        "RUN",
        "GENERATION",
        "REPLICAS",
        "PORT",
        "PORTS",
        "CLUSTER",
    ]
)
"""what a job's process is told: no mistake where a command runs in one"""
OF_REPORTS = frozenset({"TRAINMASTER_STATUS_URL", "TRAINMASTER_STATUS_TOKEN", "TRAINMASTER_PEER_SECRET"})
"""the same, where there is a reports door, or where its peers are to know it"""
RENAMED = {"port": "web_port", "TRAINMASTER_PORT": "TRAINMASTER_WEB_PORT"}
OF_SERVICES = re.compile(r"\w+_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_\w+)?)?)")
"""what Kubernetes sets for a Service whose name begins with trainmaster (makeLinkVariables in pkg/kubelet/envvars)"""


def did_you_mean(name: str, known: Set[str]) -> str:
    """The known name that was probably meant, as the end of a sentence; empty where none is near."""
    if name in RENAMED:
        return f": it is called {RENAMED[name]}"
    near = get_close_matches(name.upper(), {each.upper() for each in known}, n=1, cutoff=0.8)
    found = next((each for each in known if near and each.upper() == near[0]), "")
    return f": did you mean {found}?" if found else ""
