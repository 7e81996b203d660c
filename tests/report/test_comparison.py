"""Two runs compared: what is worse is told from what is noise, and from what is only different."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from runbook.__main__ import main
from runbook.journal import Journal
from runbook.report.comparison import BETTER, OTHER, WORSE, Comparison, Told, compare
from runbook.report.comparison_page import page
from runbook.report.noise import Noise, interval_of
from tests.report.conftest import CHROMIUM, Sample, figure, passed

Measured = Callable[..., Path]


@pytest.fixture
def measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Measured:
    """Writes a run that measured the figures given, as `reports/NAME`."""
    monkeypatch.setenv("RUNBOOK_REPORTS", str(tmp_path))

    def write(name: str, state: str = "pass", **figures: object) -> Path:
        sample = Sample(tmp_path / name)
        sample.chapter("08_load_test", lambda: sample.verdict("the service bears it", state, "so", **figures), state)
        return sample.close("passed" if state == "pass" else "failed")

    return write


def compared(first: Path, second: Path, *earlier: Path) -> Comparison:
    return compare(Told.of(first), Told.of(second), Noise(), [Told.of(one).summary for one in earlier])


def ways(found: Comparison) -> dict[str, str]:
    return {one.what: one.way for one in found.differences}


def test_a_run_is_no_worse_than_itself(passed_run: Path) -> None:
    found = compared(passed_run, passed_run)
    assert found.differences == () and found.within > 0 and not found.regressed


def test_a_verdict_that_no_longer_holds_is_worse_and_one_that_holds_now_is_better(measured: Measured) -> None:
    good, bad = measured("20261123-120000-sample"), measured("20261123-130000-sample", "fail")
    assert ways(compared(good, bad))["load_test: the service bears it"] == WORSE
    assert ways(compared(bad, good))["load_test: the service bears it"] == BETTER


def test_a_verdict_that_had_passed_and_is_gone_is_worse(measured: Measured, passed_run: Path) -> None:
    found = compared(passed_run, measured("20261123-150000-sample"))
    assert ways(found)["container_deploy: answers /ping (node1)"] == WORSE


@pytest.mark.parametrize(
    ("before", "after", "way"),
    [
        (figure(100, "ms"), figure(120, "ms"), None),
        (figure(100, "ms"), figure(130, "ms"), WORSE),
        (figure(100, "ms"), figure(60, "ms"), BETTER),
        (figure(0.2, "ms"), figure(0.9, "ms"), None),
        (figure(1000, "1/s"), figure(700, "1/s"), WORSE),
        (figure(1000, "1/s"), figure(1400, "1/s"), BETTER),
        (figure(0, "requests"), figure(1, "requests"), WORSE),
        (figure(2, "CPUs"), figure(4, "CPUs"), OTHER),
        (figure(4096, "bytes"), figure(4097, "bytes"), OTHER),
        (figure(100, "ms"), figure(130, "ms", basis="emulated"), OTHER),
        (figure(100, "ms"), figure(130, "s"), OTHER),
    ],
)
def test_a_figure_is_held_against_its_noise(measured: Measured, before: object, after: object, way: str | None) -> None:
    first, second = measured("20261123-120000-sample", p50=before), measured("20261123-130000-sample", p50=after)
    assert ways(compared(first, second)).get("load_test.p50") == way


def test_a_rate_may_differ_by_its_own_intervals(measured: Measured) -> None:
    first = measured("20261123-120000-sample", answered=figure(100, "1/s"), interval_95=figure(30, "1/s"))
    second = measured("20261123-130000-sample", answered=figure(60, "1/s"), interval_95=figure(12, "1/s"))
    assert ways(compared(first, second)) == {}
    assert interval_of("load_test.answered.node1") == "load_test.interval_95.node1" and interval_of("a.p50") == ""


def test_what_earlier_runs_varied_by_is_noise(measured: Measured) -> None:
    times = (100, 180, 140)
    earlier = [measured(f"20261123-10000{at}-sample", p50=figure(ms, "ms")) for at, ms in enumerate(times)]
    first = measured("20261123-120000-sample", p50=figure(100, "ms"))
    second = measured("20261123-130000-sample", p50=figure(175, "ms"))
    assert ways(compared(first, second, *earlier)) == {}
    assert ways(compared(first, second, *earlier[:2])) == {"load_test.p50": WORSE}


def test_facts_hashes_claims_plans_and_versions_are_told_as_different(tmp_path: Path) -> None:
    other = passed(tmp_path / "20261123-160000-sample")
    again = tmp_path / "20261123-170000-sample"
    sample = Sample(again)

    def otherwise() -> None:
        sample.fact("node1", "uname", {"machine": "x86_64", "release": "7.0.1"}, "x86_64, Linux 7.0.1")
        sample.journal.write("note", "node1", about="plan", plan=[], diff="+++ /etc/other\n+a", because="")
        sample.claim("1-b", False, "an INTERP was found")
        sample.journal.write("note", about="artifact", name="users", path="artifacts/users", size=4, sha256="f" * 64)

    sample.chapter("04_container_deploy", otherwise)
    sample.close("passed")
    found = compared(other, again)
    seen = {one.kind: one for one in found.differences if one.after != "not there"}
    assert seen["facts"].after == "x86_64, Linux 7.0.1"
    assert ("node1: kernel", "7.0.1") in [(one.what, one.after) for one in found.of("run")]
    assert seen["hashes"].after == "f" * 64
    assert {one.what: one.after for one in found.of("claims")}["1-b"] == "does not hold"
    assert "+++ /etc/other" in [one.after for one in found.of("plans")][0]


def test_signatures_that_each_run_makes_anew_are_no_difference(tmp_path: Path) -> None:
    runs = []
    for at, digit in (("18", "a"), ("19", "b")):
        sample = Sample(tmp_path / f"20261123-{at}0000-sample")
        plan = "".join(f"place /opt/users/{name} (0644 root:root): sha256 {digit * 64}\n"
                       for name in ("envelope.json", "trust.json"))

        def work(sample: Sample = sample, digit: str = digit, plan: str = plan) -> None:
            sample.journal.write("note", "node1", about="plan", plan=[], diff=plan, because="")
            for name in ("users.intoto.json", "trust.json"):
                sample.journal.write("note", about="artifact", name=name, path=f"artifacts/{name}", size=4,
                                     sha256=digit * 64)

        sample.chapter("04_container_deploy", work)
        sample.close("passed")
        runs.append(sample.folder)
    found = compared(*runs)
    assert not [*found.of("hashes"), *found.of("plans")]


def test_the_command_ends_with_1_where_the_second_is_worse(
    measured: Measured, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    measured("20261123-120000-sample", p50=figure(100, "ms"))
    measured("20261123-130000-sample", p50=figure(150, "ms"))
    names = ["20261123-120000-sample", "20261123-130000-sample"]
    assert main(["compare", *names, "--html", str(tmp_path / "c.html")]) == 1
    said = capsys.readouterr().out
    assert "regressed: 1 worse" in said and "✗ load_test.p50: 100 ms → 150 ms" in said
    assert "Regressed" in (tmp_path / "c.html").read_text()
    assert main(["compare", *names, "--noise", "60", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["regressed"] is False


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--noise", "-1"), "expected 0 to 1000 per cent"),
        (("--html", "/nowhere/c.html"), "name a file in a folder"),
    ],
)
def test_a_wrong_call_is_refused(measured: Measured, capsys: pytest.CaptureFixture[str], words: tuple[str, ...],
                                 says: str) -> None:
    measured("20261123-120000-sample")
    assert main(["compare", "20261123-120000-sample", "20261123-120000-sample", *words]) == 2
    assert says in capsys.readouterr().err


def test_runs_of_two_targets_are_not_compared(measured: Measured, capsys: pytest.CaptureFixture[str]) -> None:
    first = measured("20261123-120000-sample")
    second = first.with_name("20261123-130000-sample")
    second.mkdir()
    shutil.copy(first / "site.toml", second)
    with Journal(second) as journal:
        journal.begin("run", site="sample", target="arm64", mode="act", version="0.1.0")
    assert main(["compare", first.name, second.name]) == 2
    assert "compare two runs of one site and target" in capsys.readouterr().err


@pytest.mark.skipif(not CHROMIUM, reason="no chromium here")
def test_its_page_asks_for_nothing_and_fits_a_telephone(
    browser: Browser, measured: Measured, tmp_path: Path
) -> None:
    evil = "</td><script>alert(1)</script>"
    first = measured("20261123-120000-sample", p50=figure(100, "ms"))
    second = measured("20261123-130000-sample", "fail", p50=figure(150, "ms"), **{evil: figure(1, "ms")})
    path = tmp_path / "c.html"
    path.write_text(page(compared(first, second)))
    opened = browser.new_page(viewport={"width": 400, "height": 900})
    asked, said = [], []
    opened.on("request", lambda request: asked.append(request.url))
    opened.on("console", lambda line: said.append(line.text))
    opened.goto(path.as_uri())
    assert [url for url in asked if not url.startswith("data:")] == [path.as_uri()] and said == []
    assert opened.locator("h1").inner_text() == "Regressed" and opened.locator("script").count() == 0
    assert opened.evaluate("document.documentElement.scrollWidth") <= 400
