"""What each host of a fleet returned, in the site's order; one host's failure hides no other's value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from runbook.errors import RunbookError, together
from runbook.remote.odd_ones import OddRow, markdown_table, odd_first, text_table

T = TypeVar("T")


@dataclass(frozen=True)
class Outcomes(Generic[T]):
    """A value or an error for each host. `outcomes["node1"]` is the value, or raises the error."""

    by_host: Mapping[str, T | RunbookError]

    def __getitem__(self, host: str) -> T:
        value = self.by_host[host]
        if isinstance(value, RunbookError):
            raise value
        return value

    def __iter__(self) -> Iterator[str]:
        return iter(self.by_host)

    def __len__(self) -> int:
        return len(self.by_host)

    @property
    def ok(self) -> bool:
        return not self.errors

    @property
    def errors(self) -> dict[str, RunbookError]:
        return {host: value for host, value in self.by_host.items() if isinstance(value, RunbookError)}

    @property
    def good(self) -> dict[str, T]:
        """The values of the hosts that returned one."""
        return {host: value for host, value in self.by_host.items() if not isinstance(value, RunbookError)}

    def values(self) -> tuple[T, ...]:
        """All values in the hosts' order; raises the first error, which names the others, where there is one."""
        if self.errors:
            raise together(self.errors.values())
        return tuple(self[host] for host in self.by_host)

    def rows(self) -> tuple[OddRow, ...]:
        """A row for all hosts that said the same: errors first, then those that differ from most, then the rest."""
        return odd_first(self.by_host)

    def __str__(self) -> str:
        return text_table(self.rows())

    __repr__ = __str__

    def _repr_markdown_(self) -> str:
        return markdown_table(self.rows())
