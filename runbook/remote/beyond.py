"""What a fleet needs to have its hosts asked by workers; Dask is imported at the first use of it, not before."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from runbook.remote.round import FirstFailure
from runbook.remote.shell import Recorder
from runbook.site import Site

if TYPE_CHECKING:
    from runbook.remote.spread import Spread


class Beyond:
    """A site's workers, reached when they are first needed; shared by a fleet and its parts."""

    def __init__(self, site: Site, recorder: Recorder) -> None:
        self._site = site
        self._recorder = recorder
        self._spread: Spread | None = None

    def carry(self, function: Callable[..., Any], data: Mapping[str, tuple[Any, ...]], again: bool,
              first_failure: FirstFailure) -> dict[str, Any]:
        """As `Spread.carry`."""
        if self._spread is None:
            from runbook.remote.spread import Spread

            self._spread = Spread(self._site.ssh.spread)
        return self._spread.carry(self._site, function, data, recorder=self._recorder, again=again,
                                  first_failure=first_failure)

    def close(self) -> None:
        if self._spread is not None:
            self._spread.close()
            self._spread = None
