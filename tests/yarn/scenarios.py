"""All stories of what YARN does."""

from __future__ import annotations

from yarn import stories_anew, stories_gentle, stories_managers, stories_nodes
from yarn.telling import STORIES, Story

__all__ = ["STORIES", "Story", "stories_anew", "stories_gentle", "stories_managers", "stories_nodes"]
