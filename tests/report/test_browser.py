"""The report in a real browser: light and dark, narrow and wide, on paper, without scripts, and for every reader."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from runbook.report.render import write_report
from runbook.show.figures import bars
from runbook.show.picture import Picture
from tests.report.conftest import CHROMIUM, MOST_BYTES, Sample, compiled, deployed, start

READY = "document.querySelectorAll('.main-svg').length >= 4"  # two for each figure that plotly has drawn
RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]}}

pytestmark = pytest.mark.skipif(not CHROMIUM, reason="no chromium here; test_render.py reads the page's text")


def keep_picture(sample: Sample) -> None:
    """As a chapter keeps one: the figure among the artefacts, its caption and table in the journal."""
    picture = Picture("latency", "latency by route", bars({"/ping": 3.4, "/users": 9.1}, "ms"),
                      "<table><tr><th>route</th></tr><tr><td>/ping &lt;b&gt;</td></tr></table>")
    (sample.folder / "artifacts").mkdir(exist_ok=True)
    path = sample.folder / "artifacts" / "picture-latency.json"
    path.write_text(picture.json)
    sample.journal.write("note", about="artifact", name=path.name, path=f"artifacts/{path.name}",
                         size=path.stat().st_size, sha256=hashlib.sha256(path.read_bytes()).hexdigest())
    sample.journal.write("note", about="picture", name=picture.name, text=picture.caption, artifact=path.name,
                         table=picture.table)


@pytest.fixture
def whole(new_sample: Callable[..., Sample]) -> Path:
    """A run with everything that a page can have."""
    sample = new_sample()
    sample.chapter("00_start", lambda: start(sample))
    sample.chapter("03_static_compile", lambda: compiled(sample))
    sample.chapter("04_container_deploy", lambda: (deployed(sample), keep_picture(sample)))
    return sample.close("passed")


class Opened:
    """A page with what it asked for and what it complained of."""

    def __init__(self, browser: Browser, path: Path, *, width: int = 1600, dark: bool = False, **more: object) -> None:
        self.context = browser.new_context(viewport={"width": width, "height": 1000},
                                           color_scheme="dark" if dark else "light", **more)
        self.page: Page = self.context.new_page()
        self.asked: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("console", lambda said: self.complaints.append(said.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.goto(path.as_uri())

    def __enter__(self) -> Opened:
        return self

    def __exit__(self, *error: object) -> None:
        self.context.close()

    def drawn(self) -> Page:
        self.page.wait_for_function(READY, timeout=20_000)
        return self.page


@pytest.mark.parametrize("width", [400, 1600])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_it_asks_for_nothing_complains_of_nothing_and_is_no_wider_than_the_window(
    browser: Browser, whole: Path, width: int, dark: bool
) -> None:
    path = write_report(whole)
    with Opened(browser, path, width=width, dark=dark) as opened:
        page = opened.drawn()
        assert [url for url in opened.asked if not url.startswith(("data:", "blob:"))] == [path.as_uri()]
        assert opened.complaints == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.locator("#timeline-still").is_hidden()
        light = page.evaluate("getComputedStyle(document.body).backgroundColor").startswith("rgb(25")
        assert light is not dark


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [400, 1600])
def test_nothing_hinders_a_reader(browser: Browser, whole: Path, dark: bool, width: int) -> None:
    with Opened(browser, write_report(whole), width=width, dark=dark, bypass_csp=True) as opened:
        page = opened.drawn()
        page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
        found = Axe().run(page, options=RULES).response["violations"]
        told = [f"{one['id']}: {node['target']} {node['failureSummary']}" for one in found for node in one["nodes"][:3]]
        assert not told, "\n".join(told)


def test_the_keyboard_goes_from_top_to_bottom(browser: Browser, whole: Path) -> None:
    with Opened(browser, write_report(whole)) as opened:
        page = opened.drawn()
        places = []
        for _ in range(40):
            page.keyboard.press("Tab")
            places.append(page.evaluate(
                "(() => { const one = document.activeElement; return [one.getAttribute('href') || one.tagName,"
                " !!one.closest('main') * Math.round(one.getBoundingClientRect().top + scrollY),"
                " getComputedStyle(one).outlineStyle !== 'none'] })()"))
        assert places[0][0] == "#main", "the first stop leads to the content"
        assert all(seen for _, _, seen in places), "what has the focus can be seen"
        tops = [top for _, top, _ in places]  # 0 before the content: the first screen has two columns
        assert tops == sorted(tops) and len(set(tops)) > 10, places


def test_without_scripts_everything_is_still_there(browser: Browser, whole: Path) -> None:
    with Opened(browser, write_report(whole), java_script_enabled=False) as opened:
        page = opened.page
        assert page.locator("#timeline-still svg").is_visible()
        assert page.locator("#claims tbody tr").first.is_visible()
        assert page.locator("#claims .filter").is_hidden() and page.locator(".picture .draw").is_hidden()
        page.locator(".picture summary").click()
        assert page.get_by_role("cell", name="/ping <b>").is_visible()
        assert opened.complaints == []


def test_the_claims_are_filtered_by_how_they_came_out(browser: Browser, whole: Path) -> None:
    with Opened(browser, write_report(whole)) as opened:
        page = opened.drawn()
        shown = page.locator("#claims tbody tr[data-state]:visible")
        assert shown.count() == 2, "what was judged comes first"
        page.locator("#claims .filter button[value='all']").click()
        assert shown.count() == page.locator("#claims tbody tr[data-state]").count() > 50


def test_it_prints_without_what_only_a_screen_has(browser: Browser, whole: Path) -> None:
    with Opened(browser, write_report(whole), dark=True) as opened:
        page = opened.drawn()
        assert page.pdf(format="A4").startswith(b"%PDF-")
        page.emulate_media(media="print")
        assert page.locator("nav.toc").is_hidden()
        assert page.evaluate("getComputedStyle(document.body).backgroundColor").startswith("rgb(25")


def test_every_command_is_within_three_clicks(browser: Browser, whole: Path) -> None:
    with Opened(browser, write_report(whole)) as opened:
        page = opened.drawn()
        deep = page.evaluate("""Math.max(...Array.from(document.querySelectorAll('.told'), (one) => {
            let folds = 0;
            for (let at = one; at; at = at.parentElement) folds += at.tagName === 'DETAILS';
            return folds; }))""")
        assert deep <= 2, "a link to the chapter, and two folds"
        page.locator(".bricks a[href='#04_container_deploy']").click()
        chapter = page.locator("[id='04_container_deploy']")
        chapter.locator("summary", has_text="commands").click()
        chapter.locator(".told summary").first.click()
        assert chapter.locator(".told pre").first.is_visible()


def test_it_is_small_enough_to_be_sent(whole: Path) -> None:
    assert write_report(whole).stat().st_size <= MOST_BYTES


def test_a_figure_that_was_changed_is_not_drawn(browser: Browser, whole: Path) -> None:
    path = whole / "artifacts" / "picture-latency.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"data": []}))
    with Opened(browser, write_report(whole)) as opened:
        assert "no longer what the journal says" in opened.page.locator(".picture").inner_text()


def test_a_chinese_site_has_a_chinese_report(browser: Browser, whole: Path) -> None:
    site = whole / "site.toml"
    site.write_text(site.read_text().replace("protected = false", 'protected = false\nlanguage = "zh"'))
    with Opened(browser, write_report(whole)) as opened:
        page = opened.drawn()
        assert page.locator("html").get_attribute("lang") == "zh-CN"
        assert page.locator("h1").inner_text().endswith("通过")
        assert page.locator(".bricks").inner_text().count("静态编译") == 1
