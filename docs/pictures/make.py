"""The README's pictures, in light and dark: a rehearsal in a terminal, its report, and a chapter by hand.

`.venv/bin/python docs/pictures/make.py`, as root on Debian 12 with chromium: about three minutes on an idle machine.
It rehearses once for the terminal and the report; then it works by hand in JupyterLab, on a run that takes over
what the rehearsal measured, and takes back what it changed.
"""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from shutil import which

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from playwright.sync_api import Browser, Page, sync_playwright  # noqa: E402

from docs.pictures.screen import Screen  # noqa: E402
from runbook.testbed.bed import borrowed  # noqa: E402
from tests.report.in_lab import RUNBOOK, Lab, Notebook  # noqa: E402

HERE = Path(__file__).parent
SITE = ROOT / "sites" / "testbed.toml"
COLUMNS, ROWS = 104, 40
SCHEMES = ("light", "dark")
BY_HAND = "04_container_deploy"
BEFORE = "00,01,02,03"
CARD = """<!doctype html><meta charset="utf-8"><style>
:root{color-scheme:light dark;--page:#fff;--paper:#fbfbfa;--bar:#eceeef;--ink:#1d2127;--line:#d5d8dc;--soft:#667080;
--c31:#b3261e;--c32:#14713f;--c33:#855600;--c36:#0b6a80;--c90:#667080}
@media (prefers-color-scheme:dark){:root{--page:#0d1117;--paper:#15191f;--bar:#20262e;--ink:#e4e8ee;--line:#323a45;
--soft:#97a1af;--c31:#ff9c93;--c32:#7fd6a4;--c33:#f0c266;--c36:#6fd0e6;--c90:#97a1af}}
body{margin:0;background:var(--page);padding:14px;width:max-content}
main{border:1px solid var(--line);border-radius:11px;overflow:hidden;background:var(--paper);color:var(--ink)}
header{background:var(--bar);border-bottom:1px solid var(--line);padding:9px 16px;font:600 13px system-ui,sans-serif;
color:var(--soft)}
header i{display:inline-block;width:11px;height:11px;border-radius:50%;background:var(--line);margin-right:7px;
vertical-align:-1px}
header b{margin-left:10px;font-weight:600}
pre{margin:0;padding:16px 18px 18px;font:13.5px/1.55 "DejaVu Sans Mono",ui-monospace,monospace}
.bold{font-weight:700}.c31{color:var(--c31)}.c32{color:var(--c32)}.c33{color:var(--c33)}.c36{color:var(--c36)}
.c90{color:var(--c90)}</style><main><header><i></i><i></i><i></i><b>TITLE</b></header><pre>TEXT</pre></main>"""


def recorded(command: Sequence[str], environment: Mapping[str, str]) -> Iterator[str]:
    """What the program writes to its terminal, piece by piece. Raises CalledProcessError where it fails."""
    outer, inner = pty.openpty()
    fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    own = {**os.environ, **environment, "TERM": "xterm-256color", "COLUMNS": str(COLUMNS)}
    program = subprocess.Popen(command, env=own, stdin=inner, stdout=inner, stderr=inner, cwd=ROOT)
    os.close(inner)
    rest = b""
    while True:
        ready, _, _ = select.select([outer], [], [], 1.0)
        try:
            data = os.read(outer, 65536) if ready else b""
        except OSError:  # EIO: nobody has the other end open any more
            break
        if ready and not data:
            break
        rest += data
        try:
            text, rest = rest.decode(), b""
        except UnicodeDecodeError:  # in the middle of a letter
            continue
        yield text
    os.close(outer)
    if program.wait():
        raise subprocess.CalledProcessError(program.returncode, command)


def fullest(pieces: Iterator[str]) -> str:
    """The screen when most was to be seen on it, as HTML: chapters that passed, and hosts that are at work."""
    screen, best, height = Screen(COLUMNS), "", 0
    try:
        for piece in pieces:
            screen.feed(piece)
            if screen.height >= height:
                best, height = screen.html(), screen.height
    except subprocess.CalledProcessError as error:  # a load test, say, on a machine that is busy with other work
        raise SystemExit(f"{screen.text()}\nno pictures: {error}") from None
    return best


@contextmanager
def a_page(browser: Browser, scheme: str, width: int, height: int) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
    yield context.new_page()
    context.close()


def terminal(browser: Browser, title: str, text: str) -> None:
    for scheme in SCHEMES:
        with a_page(browser, scheme, 1100, 700) as page:
            page.set_content(CARD.replace("TITLE", title).replace("TEXT", text))
            page.locator("body").screenshot(path=HERE / f"terminal-{scheme}.png")


def report(browser: Browser, path: Path) -> None:
    for scheme in SCHEMES:
        with a_page(browser, scheme, 1280, 1000) as page:
            page.goto(path.as_uri())
            page.wait_for_timeout(2_000)  # the figures are drawn
            page.screenshot(path=HERE / f"report-{scheme}.png")


def notebook(browser: Browser, lab: Lab) -> None:
    """The board of hosts x steps while it acts, light; the same a moment later, dark."""
    with Notebook(browser, lab, f"{BY_HAND}.ipynb", width=1280, height=900) as opened:
        ids = [cell["id"] for cell in opened.told(lab)["cells"]]
        code = [number for number, cell in enumerate(opened.told(lab)["cells"]) if cell["cell_type"] == "code"]
        act = ids.index("act")
        opened.execute(*[number for number in code if number < act])
        opened.page.get_by_role("tab", name="File Browser").first.click()  # closes the side bar
        opened.start(act)
        opened.page.wait_for_selector('.rb-card td[data-state="now"]')
        opened.cell(act - 1).evaluate("one => one.scrollIntoView({block: 'center'})")
        opened.page.wait_for_timeout(700)
        opened.page.screenshot(path=HERE / "notebook-light.png")
        opened.turn_dark()
        opened.cell(act - 1).evaluate("one => one.scrollIntoView({block: 'center'})")
        opened.page.wait_for_timeout(300)
        opened.page.screenshot(path=HERE / "notebook-dark.png")
        opened.ended(act)


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="runbook-pictures-") as folder, borrowed(SITE), \
            sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=which("chromium"), args=["--no-sandbox"])
        began = time.monotonic()
        reports = Path(folder) / "reports"
        shown = fullest(recorded([*RUNBOOK, "rehearse"], {"RUNBOOK_REPORTS": str(reports)}))
        terminal(browser, "runbook rehearse", shown)
        report(browser, reports / "latest" / "index.html")
        print(f"rehearsed, {time.monotonic() - began:.0f} s", flush=True)
        with Lab(SITE, Path(folder)) as lab:
            subprocess.run([*RUNBOOK, "run", "--site", str(SITE), "--resume", lab.run.name, "--only", BEFORE],
                           env=lab.environment, cwd=ROOT, check=True, stderr=subprocess.DEVNULL)
            notebook(browser, lab)
        lab.undo()
        print(f"by hand, {time.monotonic() - began:.0f} s", flush=True)
    for picture in sorted(one for scheme in SCHEMES for one in HERE.glob(f"*-{scheme}.png")):
        print(f"{picture.name}: {picture.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
