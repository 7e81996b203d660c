"""An interactive runbook: from bare servers of an unusual architecture to load-tested Go microservices."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runbook.by_hand import controls
    from runbook.opening import open_chapter

__all__ = ["controls", "open_chapter"]


def __getattr__(name: str) -> object:
    """What notebooks call. `open_chapter` brings the whole frame in; the command line's small verbs do not need it."""
    if name == "open_chapter":
        from runbook.opening import open_chapter

        return open_chapter
    if name == "controls":
        from runbook.by_hand import controls

        return controls
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
