"""`runbook compare`: two runs by name, held against how far the site's other runs were spread."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from runbook.errors import ParameterError, RunbookError, UsageError
from runbook.report.comparison import Comparison, Told, compare
from runbook.report.comparison_page import write_page
from runbook.report.noise import Noise
from runbook.report.summary import Summary, summarize
from runbook.run import all_runs, folder_of

MOST_EARLIER = 10  # runs that say how far a figure varies; more would only say it again


def compare_runs(first: str, second: str, *, percent: float = 25.0, page: str = "") -> tuple[Comparison, str]:
    """The comparison and what a terminal says of it; `page` is a file to write it into.

    Raises UsageError for a run that is not there or a file that cannot be written, JournalDamaged.
    """
    if not 0 <= percent <= 1000:
        raise ParameterError(f"--noise {percent:g}: expected 0 to 1000 per cent", next="25 is a start")
    folders = [folder_of(name) for name in (first, second)]
    told = [Told.of(folder) for folder in folders]
    earlier = list(_earlier(told[0].summary, folders))
    found = compare(told[0], told[1], Noise(percent / 100), earlier)
    text = f"{found}\nnoise: {percent:g} % of a time or a rate, and the spread of {len(earlier)} other runs"
    if page:
        try:
            text += f"\npage: {write_page(found, Path(page))}"
        except OSError as error:
            raise UsageError(f"{page}: {error.strerror}", next="name a file in a folder that can be written") from error
    return found, text


def _earlier(like: Summary, but: list[Path]) -> Iterator[Summary]:
    """The newest other runs of the same site and target that passed; a damaged one says nothing."""
    count = 0
    for run in all_runs(like.site):
        if run.folder.resolve() in but or count == MOST_EARLIER:
            continue
        try:
            summary = summarize(run.folder)
        except RunbookError:
            continue
        if summary.ok and not run.is_open and summary.target == like.target:
            count += 1
            yield summary
