"""JupyterLab as a person has it: `runbook lab` on a site, and a notebook of it in headless Chromium."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from playwright.sync_api import Browser, Locator, Page, Route, TimeoutError

RUNBOOK = (sys.executable, "-m", "runbook")
START_SECONDS = 150
CELL_SECONDS = 120_000  # playwright counts milliseconds
PROMPT = "document.querySelectorAll('.jp-Notebook .jp-Cell')[number].querySelector('.jp-InputPrompt').textContent"
SETTINGS = "**/lab/api/settings**"
THEMES = "@jupyterlab/apputils-extension:themes"


class Lab:
    """`runbook lab` while it is entered, with the run that it opened; its reports are in a folder of the test's own."""

    def __init__(self, site: Path, folder: Path) -> None:
        self._site = site
        self._reports = folder / "reports"
        self._said = folder / "said"

    def __enter__(self) -> Lab:
        with self._said.open("w") as said:
            self._lab = subprocess.Popen([*RUNBOOK, "lab", "--site", str(self._site)], env=self.environment,
                                         stdout=said, stderr=said, start_new_session=True)
        until = time.monotonic() + START_SECONDS
        while not (found := re.search(r"(http://127\.0\.0\.1:\d+)/lab\S*\?token=(\w+)", self._said.read_text())):
            assert time.monotonic() < until and self._lab.poll() is None, self._said.read_text()
            time.sleep(0.1)
        self.url, self.token = found.groups()
        return self

    def __exit__(self, *error: object) -> None:
        os.killpg(self._lab.pid, signal.SIGTERM)
        self._lab.wait(60)

    @property
    def environment(self) -> dict[str, str]:
        """For a command that is to find the run."""
        own = {name: value for name, value in os.environ.items() if name != "RUNBOOK_RUN"}
        return {**own, "RUNBOOK_REPORTS": str(self._reports)}

    def undo(self) -> None:
        """Takes back what was changed by hand, when the lab has ended."""
        subprocess.run([*RUNBOOK, "undo", self.run.name], env=self.environment, capture_output=True, timeout=100)

    @property
    def run(self) -> Path:
        """The run's folder."""
        return (self._reports / "latest").resolve()

    @property
    def notebooks(self) -> Path:
        return self.run / "notebooks"

    def journal(self) -> list[dict]:
        return [json.loads(line) for line in (self.run / "journal.jsonl").read_text().splitlines()]


class Notebook:
    """One notebook, open in a browser; its cells are counted from 0."""

    def __init__(self, browser: Browser, lab: Lab, name: str, *, dark: bool = False, width: int = 1500,
                 height: int = 1100, scale: float = 1) -> None:
        self._name = name
        self._context = browser.new_context(viewport={"width": width, "height": height}, device_scale_factor=scale,
                                            color_scheme="dark" if dark else "light")
        self.page: Page = self._context.new_page()
        self.complaints: list[str] = []
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        if dark:
            self.page.route(SETTINGS, _in_the_dark)
        self.page.goto(f"{lab.url}/lab/tree/{name}?token={lab.token}&reset")
        self.page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=CELL_SECONDS)
        self.idle()

    def __enter__(self) -> Notebook:
        return self

    def __exit__(self, *error: object) -> None:
        self._context.close()

    def turn_dark(self) -> None:
        """Chooses JupyterLab's dark theme while the notebook is open, in this page alone: nothing is kept."""
        self.page.route(SETTINGS, _in_the_dark)
        self.page.locator(".lm-MenuBar-itemLabel", has_text="Settings").click()
        self.page.locator(".lm-Menu-itemLabel", has_text="Theme").first.hover()
        self.page.locator(".lm-Menu-itemLabel", has_text="JupyterLab Dark").first.click()
        self.page.wait_for_function("document.body.dataset.jpThemeLight === 'false'", timeout=CELL_SECONDS)

    def idle(self) -> None:
        """Waits until the kernel is there and does nothing."""
        self.page.get_by_text("(ipykernel) | Idle").wait_for(timeout=CELL_SECONDS)

    def cell(self, number: int) -> Locator:
        return self.page.locator(".jp-Notebook .jp-Cell").nth(number)

    def start(self, number: int) -> None:
        """Runs a cell, as Ctrl-Enter does, and does not wait for its end."""
        before = self.count(number)
        prompt = self.cell(number).locator(".jp-InputPrompt")
        for _ in range(5):  # a page that is still busy with itself takes no key
            prompt.scroll_into_view_if_needed()
            prompt.click()
            self.page.keyboard.press("Control+Enter")
            try:
                self.page.wait_for_function(f"([number, before]) => ({PROMPT}) !== before", arg=[number, before],
                                            timeout=5_000)
                return
            except TimeoutError:
                continue
        raise AssertionError(f"cell {number} does not start")

    def execute(self, *numbers: int) -> None:
        """Runs cells one after the other, each to its end."""
        for number in numbers:
            self.start(number)
            self.ended(number)

    def ended(self, number: int) -> None:
        """Waits until a cell that was started has its number, and so has ended."""
        self.page.wait_for_function(f"(number) => /\\d/.test({PROMPT})", arg=number, timeout=CELL_SECONDS)

    def told(self, lab: Lab) -> dict:
        """The notebook as it lies in the run's folder."""
        return json.loads((lab.notebooks / self._name).read_text())

    def count(self, number: int) -> str:
        return self.cell(number).locator(".jp-InputPrompt").text_content() or ""

    def output(self, number: int) -> Locator:
        return self.cell(number).locator(".jp-OutputArea-output")


def write_notebook(path: Path, cells: Sequence[str]) -> None:
    """A notebook of code cells; one that is tagged `parameters` is the first."""
    told = [{"cell_type": "code", "id": f"cell-{number}", "metadata": {}, "execution_count": None, "outputs": [],
             "source": source} for number, source in enumerate(cells)]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}}
    path.write_text(json.dumps({"cells": told, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}))


def _in_the_dark(route: Route) -> None:
    """Answers for the settings as the server does, with JupyterLab's dark theme chosen; nothing is stored."""
    if route.request.method != "GET":
        route.fulfill(status=204)
        return
    answer = route.fetch()
    told = answer.json()
    every = told.get("settings") if isinstance(told.get("settings"), list) else [told]  # all plugins, or one
    for one in every:
        if one.get("id") == THEMES:
            one["raw"] = json.dumps({"theme": "JupyterLab Dark"})
            one["settings"] = {"theme": "JupyterLab Dark"}
    route.fulfill(response=answer, json=told)
