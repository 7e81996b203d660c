"""What each host of a fleet returned, in the site's order; one host's failure hides no other's value."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from runbook.errors import RunbookError, together

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

    def rows(self) -> tuple[tuple[str, str], ...]:
        """Host and text; errors first, then those that differ from most, then the rest."""
        texts = {host: str(value).removeprefix(f"{host}: ") for host, value in self.by_host.items()}
        counts = Counter(texts[host] for host in self.good)
        usual = counts.most_common(1)[0][0] if counts and len(counts) < len(self.good) else None

        def oddness(host: str) -> int:
            return 0 if host in self.errors else 1 if usual is not None and texts[host] != usual else 2

        return tuple((host, texts[host]) for host in sorted(texts, key=oddness))

    def __str__(self) -> str:
        width = max((len(host) for host in self.by_host), default=0)
        pad = "\n" + " " * (width + 2)
        lines = [f"{host:<{width}}  {pad.join(text.splitlines())}" for host, text in self.rows()]
        return "\n".join(lines) or "no host"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        cells = []
        for host, text in self.rows():
            colour = ' style="color:#b00020"' if host in self.errors else ""
            name, said = html.escape(host), html.escape(text)
            cells.append(f"<tr{colour}><th>{name}</th><td><pre>{said}</pre></td></tr>")
        return f"<table>{''.join(cells)}</table>"
