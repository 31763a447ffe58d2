"""What all tests share: how laws are drawn. No time is asserted; and CI draws the same examples each time, so that a red run is
the change's doing. Anybody's own run draws others.
"""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile("default", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "default")
