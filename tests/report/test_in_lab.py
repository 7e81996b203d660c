"""A chapter by hand in a real JupyterLab: the board fills, Stop stops on the hosts, and what stands is said."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator

import pytest

pytest.importorskip("jupyterlab", reason="JupyterLab is not installed in this environment")
pytest.importorskip("playwright", reason="playwright is not installed in this environment")

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from runbook.entries import entries, spans
from runbook.hold import left
from runbook.remote.command import command
from runbook.remote.fleet import Fleet
from runbook.remote.unrecorded import Unrecorded
from runbook.site import load_site
from runbook.testbed.bed import Bed
from tests.report.conftest import CHROMIUM
from tests.report.in_lab import Lab, Notebook, write_notebook

pytestmark = [pytest.mark.skipif(not CHROMIUM, reason="no chromium here"), pytest.mark.timeout(600)]

OPEN, ACT = 0, 2
FILE = "/srv/runbook-test-lab"
SOON = 45_000  # milliseconds
AWAY = 30.0  # seconds in which what was stopped has to be gone from a host
RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}}


@pytest.fixture(scope="module")
def lab(bed: Bed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with Lab(bed.site_file, tmp_path_factory.mktemp("lab")) as lab:
        yield lab
    lab.undo()
    with Fleet.open(load_site(bed.site_file), hosts=("node1", "node2"), recorder=Unrecorded()) as fleet:
        fleet.run(command("test", "!", "-e", FILE)).values()


@pytest.fixture
def seconds() -> str:
    """For a `sleep` that no other process of this machine has: tells whose processes are left."""
    return str(random.randint(1_000_000, 9_000_000))


@pytest.fixture
def slow(bed: Bed, lab: Lab, seconds: str) -> str:
    """A notebook whose act changes a file on two hosts, and waits on one of them until somebody stops it."""
    same = "as wanted"
    cells = [
        f"from runbook import open_chapter\n"
        f"from runbook.plan import Plan, Plans, Replace, Restore, Run, Step\n"
        f"chapter = open_chapter('00_start', site={str(bed.site_file)!r})\nchapter",
        f"file = Step('the file is another one', (Replace({FILE!r}, '{seconds}\\n'),), (Restore({FILE!r}),))\n"
        f"waits = Step('the service is not running', (Run('sleep', '{seconds}'),), ())\n"
        f"plans = Plans({{'node1': Plan(file, waits), 'node2': Plan(file), 'node3': Plan(because={same!r})}})\nplans",
        "chapter.act(plans)",
        "chapter.observe(lambda chapter: 'it goes on')",
    ]
    for name in (f"slow-{seconds}.ipynb", f"again-{seconds}.ipynb"):
        write_notebook(lab.notebooks / name, cells)
    return name.replace("again", "slow")


def running(bed: Bed, seconds: str) -> list[str]:
    """What node1 itself says it runs of ours: the arguments of each such process."""
    asks = command("pgrep", "-a", "-f", f"^sleep {seconds}$", also={1: "there is none"})
    with Fleet.open(load_site(bed.site_file), hosts=("node1",), recorder=Unrecorded()) as fleet:
        return fleet["node1"].run(asks).text.splitlines()


def gone(bed: Bed, seconds: str) -> bool:
    until = time.monotonic() + AWAY
    while running(bed, seconds):
        if time.monotonic() > until:
            return False
        time.sleep(0.2)
    return True


def state(notebook: Notebook, host: str) -> list[str | None]:
    cells = notebook.cell(ACT).locator(f'tr[data-host="{host}"] td.rb-s')
    return [cells.nth(number).get_attribute("data-state") for number in range(cells.count())]


def by_the_board(notebook: Notebook) -> None:
    notebook.page.locator(".rb-stop").click()


def by_the_notebooks_own(notebook: Notebook) -> None:
    notebook.page.locator('jp-button[data-command="notebook:interrupt-kernel"], '
                          '[data-command="notebook:interrupt-kernel"]').first.click()


@pytest.mark.parametrize("stop", [by_the_board, by_the_notebooks_own])
def test_the_board_fills_and_stopping_it_stops_what_runs_on_the_host(
    bed: Bed, lab: Lab, browser: Browser, slow: str, seconds: str, stop: Callable[[Notebook], None]
) -> None:
    with Notebook(browser, lab, slow) as notebook:
        notebook.execute(OPEN, ACT - 1)
        assert notebook.cell(ACT - 1).locator(".rb-diff .add", has_text=seconds).first.is_visible(), "the plan's diff"
        notebook.start(ACT)
        notebook.page.wait_for_selector('tr[data-host="node1"] td[data-state="now"]:nth-of-type(2)', timeout=SOON)
        notebook.page.wait_for_selector('tr[data-host="node2"] td[data-state="applied"]', timeout=SOON)
        assert state(notebook, "node1") == ["applied", "now"] and state(notebook, "node2") == ["applied"]
        assert "as wanted" in notebook.cell(ACT).locator('tr[data-host="node3"]').inner_text()
        shown = notebook.cell(ACT).inner_text()
        assert "2 of 3 steps" in shown and f"sleep {seconds}" in shown
        assert running(bed, seconds), "it runs on the host before it is stopped"
        height = notebook.output(ACT).first.bounding_box()["height"]
        stop(notebook)
        notebook.page.wait_for_selector('.rb-card[data-state="stopped"]', timeout=SOON)
        notebook.ended(ACT)
        assert gone(bed, seconds), "the host itself says that it is not there any more"
        assert state(notebook, "node1") == ["applied", "stopped"]
        assert abs(notebook.output(ACT).first.bounding_box()["height"] - height) < 1, "nothing moves as the verb ends"
        assert notebook.page.locator(".rb-stop").count() == 0, "there is nothing to stop any more"
        assert "`act` was interrupted" in notebook.cell(ACT).inner_text()
        told = entries(lab.run / "journal.jsonl")  # whole and unbroken, or it raises
        assert not [span for span in spans(told, "command", "transfer", "step") if span.open]
        assert left(told) == (), "the hosts were let go"
        ended = [span.end for span in spans(told, "step") if span.end and span.end.get("interrupted")]
        assert ended and ended[-1].host == "node1"
        notebook.execute(ACT + 1)
        assert "it goes on" in notebook.cell(ACT + 1).inner_text()
        assert notebook.complaints == []


def test_another_kernel_says_from_the_journal_where_the_chapter_stands(
    lab: Lab, browser: Browser, slow: str
) -> None:
    with Notebook(browser, lab, slow) as notebook:
        notebook.execute(OPEN, ACT + 1)
    with Notebook(browser, lab, slow.replace("slow", "again")) as notebook:
        notebook.execute(OPEN, ACT)
        out_of_order = notebook.cell(ACT).inner_text()
        assert "`plans` is made by an earlier cell" in out_of_order and "in their order" in out_of_order
        line = notebook.cell(OPEN).locator(".rb-line").inner_text()
        assert "stopped after observe: decide, act, verify and record are missing" in line
        brick = notebook.cell(OPEN).locator('li[data-chapter="00_start"]')
        assert brick.get_attribute("data-state") == "open" and "begun" in brick.inner_text()


def test_registers_and_shell_scripts_are_no_formulas(lab: Lab, browser: Browser) -> None:
    """JupyterLab makes a formula of whatever stands between two dollars, in HTML as in Markdown."""
    cells = [
        "from IPython.display import HTML, Markdown, display",
        "from runbook.plan import Plan, Plans, Replace, Restore, Run, Step",
        "from runbook.remote.odd_ones import markdown_table, odd_first",
        "from runbook.show.tables import table",
        "said = 'from $16, $17 to $21, and as $$1 or $$2'",
        "runs = Run('sh', '-c', said)",
        "plan = Plan(Step(said, (Replace('/x', said + chr(10)), runs), (Restore('/x'), runs)))",
        "odd = odd_first({'node1': said, 'node2': said + ' again'})",
        "display(Markdown('the control: $x^2$'))",
        "display(plan, Plans({'node1': plan}), HTML(table((said,), [(said,)])), Markdown(markdown_table(odd)))",
    ]
    write_notebook(lab.notebooks / "dollars.ipynb", ["\n".join(cells)])
    with Notebook(browser, lab, "dollars.ipynb") as notebook:
        notebook.execute(0)
        notebook.page.wait_for_selector("mjx-container", timeout=SOON)
        notebook.page.wait_for_timeout(500)
        assert notebook.page.locator("mjx-container").count() == 1, "the control's"
        assert notebook.cell(0).inner_text().count("from $16, $17 to $21, and as $$1 or $$2") >= 12


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_first_notebook_by_hand_with_its_controls_and_its_bricks(
    lab: Lab, browser: Browser, dark: bool
) -> None:
    with Notebook(browser, lab, "00_start.ipynb", dark=dark) as notebook:
        ids = [cell["id"] for cell in notebook.told(lab)["cells"]]
        at = {name: number for number, name in enumerate(ids)}
        notebook.execute(at["parameters"], at["controls"])
        notebook.page.locator(".rb-hosts input").nth(1).check()
        notebook.page.get_by_text("only_hosts: list = ['node2']").wait_for(timeout=SOON)
        notebook.execute(at["open"])
        assert "Start on testbed: 1 hosts, act" in notebook.cell(at["open"]).inner_text(), "it set the name"
        notebook.execute(at["bricks"], at["observe"], at["decide"], at["act"], at["verify"], at["record"])
        notebook.execute(at["bricks"])
        bricks = notebook.cell(at["bricks"]).locator(".rb-bricks li")
        seen = [(one.get_attribute("data-chapter"), one.get_attribute("data-state")) for one in bricks.all()]
        assert seen[0] == ("00_start", "pass") and {state for _, state in seen[1:]} == {"none"}
        assert "passed" in bricks.first.inner_text() and "not yet" in bricks.nth(1).inner_text()
        assert bricks.nth(1).locator("a").get_attribute("href")
        boards = [one.get_attribute("data-state") for one in notebook.page.locator(".rb-card").all()]
        assert set(boards) <= {"done"}, "a board is for what takes time, and tells how it ended"
        for part in (".rb-bricks", ".rb-form", ".rb-position"):
            found = Axe().run(notebook.page, context=part, options=RULES).response["violations"]
            told = [f"{one['id']}: {node['target']} {node['failureSummary']}" for one in found for node in one["nodes"]]
            assert not told, "\n".join(told)


def test_what_is_stored_without_a_watcher_has_no_widget() -> None:
    from tests.test_notebooks import CONTENTS, cells

    stored = [kind for title in CONTENTS for cell in cells(title) for output in cell.get("outputs", ())
              for kind in output.get("data", {})]
    assert stored and not [kind for kind in stored if "widget" in kind]
