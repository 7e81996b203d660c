"""A run as JUnit XML, which every CI server shows: one suite a chapter, one case a verdict."""

from __future__ import annotations

import os
import re
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from runbook.errors import UsageError
from runbook.report.summary import ChapterSummary, Summary
from runbook.verdict import State, Verdict

NOT_PASSED = {State.FAIL: "failure", State.BLOCKED: "error", State.SKIPPED: "skipped"}
"""What a case that did not pass holds: a failed one says something about the hosts, a blocked one about the run."""

FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What no XML 1.0 document may hold (section 2.2), however it is written."""


def write_junit(summary: Summary, path: Path) -> Path:
    """Writes the XML, whole or not at all. Raises UsageError where it cannot."""
    root = junit_of(summary)
    ElementTree.indent(root)
    new = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        new.write_bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True) + b"\n")
        new.replace(path)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}", next="name a file in a folder that can be written") from error
    return path


def junit_of(summary: Summary) -> Element:
    """The document: a chapter that did not end as its verdicts say has that as a case of its own."""
    root = Element("testsuites", name=summary.run, time=f"{summary.seconds:.3f}")
    for chapter in summary.chapters:
        suite = SubElement(root, "testsuite", name=chapter.name, time=f"{chapter.seconds:.3f}", hostname=summary.site)
        if summary.started:
            suite.set("timestamp", summary.started.removesuffix("Z"))
        _properties(suite, summary, chapter)
        _case(suite, chapter.name, "the chapter itself", chapter.state, chapter.reason, seconds=chapter.seconds)
        for verdict in chapter.verdicts:
            _verdict(suite, chapter.name, verdict)
    for element in (*root, root):
        _count(element)
    return root


def _properties(suite: Element, summary: Summary, chapter: ChapterSummary) -> None:
    """What a person needs to find the run again, and what it changed."""
    told = {"run": summary.run, "site": summary.site, "target": summary.target, "mode": summary.mode,
            "journal": f"{summary.lines} lines, {summary.head}"}
    told |= {f"changes.{host}": str(count) for host, count in chapter.changes.items()}
    properties = SubElement(suite, "properties")
    for name, value in told.items():
        SubElement(properties, "property", name=name, value=clean(value))


def _verdict(suite: Element, chapter: str, verdict: Verdict) -> None:
    name = f"{verdict.what} [{verdict.host}]" if verdict.host else verdict.what
    case = _case(suite, chapter, name, verdict.state, verdict.reason)
    told = [f"{name}: {figure}" for name, figure in verdict.figures.items()]
    if verdict.journal:
        told.append(f"journal: lines {verdict.journal[0]} to {verdict.journal[1]}")
    if told:
        SubElement(case, "system-out").text = clean("\n".join(told))


def _case(suite: Element, chapter: str, name: str, state: State, reason: str, *, seconds: float = 0.0) -> Element:
    case = SubElement(suite, "testcase", classname=chapter, name=clean(name), time=f"{seconds:.3f}")
    if state in NOT_PASSED:
        first = reason.splitlines()[0] if reason else str(state)
        told = SubElement(case, NOT_PASSED[state], message=clean(first))
        if state is not State.SKIPPED:
            told.set("type", str(state))
            told.text = clean(reason)
    return case


def _count(element: Element) -> None:
    cases = list(element.iter("testcase"))
    element.set("tests", str(len(cases)))
    for attribute, kind in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        element.set(attribute, str(sum(case.find(kind) is not None for case in cases)))


def clean(text: str) -> str:
    """The text without what XML forbids: a host may have said anything."""
    return FORBIDDEN.sub("\ufffd", text)
