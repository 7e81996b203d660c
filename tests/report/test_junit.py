"""JUnit XML: what a CI server reads of a run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pytest

from runbook.errors import UsageError
from runbook.report.junit import junit_of, write_junit
from runbook.report.summary import summarize
from tests.report.conftest import Sample, deployed

# The order that the schema of Jenkins' xUnit plugin (junit-10.xsd) wants; others take any.
CHILDREN = {
    "testsuites": ("testsuite",),
    "testsuite": ("properties", "testcase"),
    "testcase": ("skipped", "error", "failure", "system-out"),
}


def suite(root: Element, name: str) -> Element:
    found = root.find(f"testsuite[@name='{name}']")
    assert found is not None
    return found


def case(root: Element, chapter: str, name: str) -> Element:
    return next(one for one in suite(root, chapter).iter("testcase") if one.get("name") == name)


def test_each_verdict_is_a_case_of_its_chapters_suite(passed_run: Path) -> None:
    summary = summarize(passed_run)
    root = junit_of(summary)
    assert [one.get("name") for one in root] == [chapter.name for chapter in summary.chapters]
    verdicts = sum(len(chapter.verdicts) for chapter in summary.chapters)
    assert root.get("tests") == str(verdicts + len(summary.chapters)), "and the chapter itself is one"
    answers = case(root, "04_container_deploy", "answers /ping [node1]")
    assert answers.get("classname") == "04_container_deploy" and len(answers) == 1
    assert "latency: 4.25 ms (emulated)" in str(answers.findtext("system-out")), "what was emulated says so"
    changes = {one.get("name"): one.get("value") for one in suite(root, "04_container_deploy").iter("property")}
    assert changes["changes.node1"] == "2" and summary.head in str(changes["journal"])


def test_what_was_skipped_is_not_passed(passed_run: Path) -> None:
    root = junit_of(summarize(passed_run))
    skipped = case(root, "01_abi_inspection", "cache lines [node3]").find("skipped")
    assert skipped is not None and skipped.get("message") == "not measurable here: the emulator has none"
    assert root.get("failures") == root.get("errors") == "0" and int(root.get("skipped", "0")) >= 1


def test_a_failure_says_why_and_what_waits_for_it_is_an_error(failed_run: Path) -> None:
    root = junit_of(summarize(failed_run))
    failure = case(root, "03_static_compile", "the binary is static [node1]").find("failure")
    assert failure is not None and failure.get("message") == "it has an INTERP segment: /lib/ld-linux.so.1"
    blocked = case(root, "04_container_deploy", "the chapter itself").find("error")
    assert blocked is not None and blocked.text == "it builds on 03_static_compile, which failed"
    assert root.get("errors") == suite(root, "04_container_deploy").get("errors") == "1"
    assert root.get("failures") == "2", "the verdict, and its chapter"


def test_the_elements_come_in_the_order_that_the_strictest_reader_wants(failed_run: Path, passed_run: Path) -> None:
    for folder in (failed_run, passed_run):
        for element in junit_of(summarize(folder)).iter():
            order = CHILDREN.get(element.tag, ("property",))
            assert [order.index(child.tag) for child in element] == sorted(order.index(child.tag) for child in element)


def test_whatever_a_host_said_the_file_can_be_read_back(new_sample: Callable[..., Sample], tmp_path: Path) -> None:
    said = 'a bell \x07, half a pair \ud800, <tag> & "quotes" ]]>, 申威'
    sample = new_sample()
    sample.chapter("04_container_deploy", lambda: (deployed(sample), sample.verdict("it says", "fail", said, "node1")),
                   "fail", said)
    path = write_junit(summarize(sample.close("failed")), tmp_path / "made" / "junit.xml")
    read = case(ElementTree.parse(path).getroot(), "04_container_deploy", "it says [node1]").find("failure")
    assert read is not None and str(read.text).endswith('<tag> & "quotes" ]]>, 申威') and "\x07" not in str(read.text)
    assert sorted(one.name for one in path.parent.iterdir()) == ["junit.xml"], "nothing half written stays"


def test_a_place_that_cannot_be_written_is_said(passed_run: Path, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(UsageError, match="taken"):
        write_junit(summarize(passed_run), tmp_path / "taken" / "junit.xml")

