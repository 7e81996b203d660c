"""`python -m bench.growth [FILE.png]`: how a fleet's cost grows, drawn from results.json; as a picture by chromium."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

from bench.measure import RESULTS
from runbook.errors import RunbookError
from runbook.show.curves import growth
from runbook.site import ROOT

COUNTS = (1, 10, 20, 100)
PICTURE = ROOT / "docs" / "pictures" / "fleets.png"
WIDTH, HEIGHT = 1100, 440


def panels(measures: list[dict[str, Any]]) -> dict[str, dict[str, list[tuple[float, float]]]]:
    """Seconds and MiB of each contender by the number of hosts, from the measures of `fleet-N`. Raises KeyError where
    one was not measured."""
    by_name = {one["name"]: one for one in measures}
    found: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for what, suffix, unit in (("seconds, ten commands on each host", "", 1.0), ("MiB at the peak", "-memory", 2**20)):
        lines = found.setdefault(what, {})
        for count in COUNTS:
            one = by_name[f"fleet-{count}{suffix}"]
            for name, spread in {"ours": one["ours"], **one["peers"]}.items():
                lines.setdefault(name, []).append((count, spread["median"] / unit))
    return found


def draw(measures: list[dict[str, Any]], to: Path, title: str = "") -> None:
    """Writes the picture, by chromium. Raises KeyError as `panels` does, and RunbookError without chromium."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium")
    if chromium is None:
        raise RunbookError("no chromium here, which makes a picture of a figure", next="`apt-get install chromium`")
    figure = growth(panels(measures), "hosts", title)
    page_text = figure.update_layout(width=WIDTH, height=HEIGHT, paper_bgcolor="white", plot_bgcolor="white",
                                     margin={"l": 70, "r": 20, "t": 70, "b": 60}).to_html(include_plotlyjs=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, device_scale_factor=1.5)
        page.set_content(page_text)
        page.wait_for_selector(".scatterlayer")
        page.locator(".js-plotly-plot").screenshot(path=str(to))
        browser.close()


def main() -> int:
    try:
        draw(json.loads(RESULTS.read_text())["measures"], Path(sys.argv[1]) if len(sys.argv) > 1 else PICTURE)
    except (KeyError, RunbookError) as error:
        print(f"not measured yet: {error}" if isinstance(error, KeyError) else error, file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
