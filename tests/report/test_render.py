"""index.html: one file, complete, that asks nobody for anything."""

from __future__ import annotations

import base64
import gzip
import re
import shutil
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from runbook.report.render import page, write_report
from runbook.report.words import CATALOGUES, ENGLISH, shown_figure, shown_seconds, words

ASKING = {"src", "href", "srcset", "action", "data", "poster", "formaction", "xlink:href", "background"}


class Page(HTMLParser):
    """Elements, ids, links and the text that a reader sees."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[tuple[str, str]] = []
        self.ids: list[str] = []
        self.open: list[str] = []
        self.unclosed: list[str] = []
        self.text = ""
        self.styles = ""
        self.scripts = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.ids += [named["id"]] if named.get("id") else []
        self.links += [(tag, value) for name, value in attrs if name in ASKING and value]
        self.styles += named.get("style") or ""
        self.scripts += tag == "script" and named.get("type") is None
        if tag not in ("meta", "link", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        self.text += " "
        if self.open and self.open[-1] == tag:
            self.open.pop()
        else:
            self.unclosed.append(f"</{tag}> in {self.open[-3:]}")

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "style":
            self.styles += data
        elif self.open and self.open[-1] != "script":
            self.text += data


@pytest.fixture
def seen(passed_run: Path) -> Page:
    return Page(page(passed_run))


def test_it_asks_nobody_for_anything(seen: Page) -> None:
    for tag, link in seen.links:
        assert link.startswith(("#", "data:", "notebooks/", "artifacts/")), f"<{tag}> asks for {link}"
    assert "@import" not in seen.styles
    assert not re.findall(r"url\((?!data:)", seen.styles)


def test_the_browser_is_told_to_ask_nobody_either(passed_run: Path) -> None:
    assert "default-src 'none'" in page(passed_run)


def test_plotly_is_in_it_once(passed_run: Path, seen: Page) -> None:
    (packed,) = re.findall(r'id="plotly">([^<]*)<', page(passed_run))
    assert gzip.decompress(base64.b64decode(packed)).count(b"plotly.js v") == 1
    assert seen.scripts == 1


def test_every_element_is_closed_and_every_id_is_one(seen: Page) -> None:
    assert seen.unclosed == [] and seen.open == []
    assert len(seen.ids) == len(set(seen.ids))


def test_every_link_within_the_page_arrives(seen: Page) -> None:
    inner = {link[1:] for _, link in seen.links if link.startswith("#")}
    assert inner <= set(seen.ids)


@pytest.mark.parametrize(
    "said",
    [
        "Passed",
        "sample",
        "riscv64",
        "emulated",
        "14 of 15",
        "cache lines",
        "not measurable here: the emulator has none",
        "Debian GNU/Linux 12 (bookworm)",
        "what runs is what was built",
        "+MemoryMax=256M",
        "it runs as wanted already",
        "systemctl restart users.service",
        "compiling package 199",
        "176 lines left out; the whole is in logs/node1.log",
        "A pure Go binary needs no libc",
        "does not hold",
        "etcd-unsupported-architecture",
        "0f2dfc3ad8c7fd8d",
        "numa: not answered",
    ],
)
def test_a_reader_finds(seen: Page, said: str) -> None:
    assert " ".join(said.split()) in " ".join(seen.text.split())


def test_a_failed_run_says_so_first_and_why(failed_run: Path) -> None:
    seen = Page(page(failed_run))
    text = " ".join(seen.text.split())
    assert text.index("Failed") < text.index("Not proven") < text.index("Proven clocks agree")
    assert "it has an INTERP segment: /lib/ld-linux.so.1" in text
    assert "it builds on 03_static_compile, which failed" in text


def test_a_long_script_is_told_once_and_the_others_point_to_it(new_sample: Callable) -> None:
    sample = new_sample()
    script = "\n".join(f"printf '%s\\n' line-{number}" for number in range(15))

    def work() -> None:
        for host in ("node1", "node2"):
            sample.command(host, "sh", "-c", script, "sh", f"for {host}", said=b"well\n")
            sample.command(host, "true")

    sample.chapter("00_start", work, "pass")
    text = page(sample.close("passed", ""))
    seen = Page(text)
    assert seen.text.count("for node2") == 1, "its line is cut before the arguments"
    assert seen.text.count("line-14") == 1 and seen.text.count("well") == 2
    (first,) = re.findall(r'<a href="#(told-\d+)">The same text as at line \d+</a>', text)
    assert first in seen.ids


def test_what_a_host_says_is_text_and_never_markup(new_sample: Callable) -> None:
    evil = "</script><script>alert(1)</script>"
    sample = new_sample()

    def work() -> None:
        sample.command("node1", "echo", evil, said=evil.encode())
        sample.verdict(evil, "fail", evil, "node1")
        sample.step("node1", evil, diff=evil)

    sample.chapter("00_start", work, "fail", evil)
    text = page(sample.close("failed", evil))
    assert evil not in text
    assert Page(text).scripts == 1


def test_a_run_that_still_goes_on_does_not_look_passed(new_sample: Callable) -> None:
    sample = new_sample()
    sample.chapter("00_start", lambda: sample.verdict("it", "pass", "so"))
    text = Page(page(sample.folder)).text
    assert "Not ended" in text and "The run goes on" in text


def test_a_log_that_was_deleted_costs_its_excerpt_and_nothing_else(passed_run: Path) -> None:
    shutil.rmtree(passed_run / "logs")
    text = Page(page(passed_run)).text
    assert "compiling package 199" not in text and "what runs is what was built" in text


def test_of_a_long_script_the_page_has_both_ends_and_where_the_whole_is(new_sample: Callable) -> None:
    sample = new_sample()
    script = "\n".join(f"line {number}" for number in range(100))
    sample.chapter("00_start", lambda: sample.command("node1", "sh", "-c", script, "sh"))
    text = Page(page(sample.close("passed"))).text
    assert "line 19" in text and "line 94" in text and "line 50" not in text
    assert "74 lines left out; the whole is in journal.jsonl:3" in text


def test_of_an_argument_that_is_a_whole_file_the_page_has_the_beginning(new_sample: Callable) -> None:
    sample = new_sample()
    argument = "base64:begin" + "A" * 25_000 + "end"
    sample.chapter("00_start", lambda: sample.command("node1", "verify", argument))
    text = Page(page(sample.close("passed"))).text
    assert "base64:begin" in text and "AAAend" not in text and "A …" in text and text.count("A") < 2_000


def test_a_report_is_written_whole(passed_run: Path) -> None:
    assert write_report(passed_run).read_text().endswith("</html>\n") or write_report(passed_run).stat().st_size > 0
    assert [path.name for path in passed_run.glob(".index*")] == []


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (14_680_064, "bytes", "14 MiB"),
        (4096, "bytes", "4\u202f096 bytes"),
        (0.0044, "s", "4.4 ms"),
        (2, "CPUs", "2 CPUs"),
        (48_500.0, "requests/s", "48\u202f500 requests/s"),
        (3.14159, "s", "3.142 s"),
    ],
)
def test_a_figure_is_shown_as_people_read_it(value: float, unit: str, shown: str) -> None:
    assert shown_figure(value, unit) == shown


def test_a_duration_is_shown_as_people_say_it() -> None:
    assert [shown_seconds(one) for one in (0.42, 12.3, 59.7, 185, 7380)] == [
        "0.4 s",
        "12 s",
        "1 min 00 s",
        "3 min 05 s",
        "2 h 03 min",
    ]


def test_one_is_not_many() -> None:
    said = words("en")
    assert [said.counted("commands", count) for count in (0, 1, 2)] == ["0 commands", "1 command", "2 commands"]


def test_a_language_without_a_catalogue_reads_english() -> None:
    assert words("eo")["hosts title"] == "Hosts"


def test_each_catalogue_has_every_text_with_the_same_places_for_values() -> None:
    for name, other in CATALOGUES.items():
        assert other.keys() == ENGLISH.keys(), f"{name}: {other.keys() ^ ENGLISH.keys()}"
        for key, text in other.items():
            values = (7, "x", "y")
            assert words(name).counted(key, *values).count("7") == words("en").counted(key, *values).count("7"), key
            assert "{" not in words(name).counted(key, *values), text
