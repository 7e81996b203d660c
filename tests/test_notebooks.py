"""The notebooks as they lie in git: doors without logic, with outputs that mean something."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from runbook.contents import COMMON_PARAMETERS, CONTENTS, Title
from runbook.report.parameters import parameters_of

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"
VERBS = ("observe", "decide", "act", "verify", "record")
chapters = pytest.mark.parametrize("title", CONTENTS, ids=lambda title: title.name)


def cells(title: Title) -> list[dict]:
    return json.loads((NOTEBOOKS / f"{title.name}.ipynb").read_text())["cells"]


def code(title: Title) -> list[dict]:
    return [cell for cell in cells(title) if cell["cell_type"] == "code"]


@chapters
def test_a_cell_calls_and_holds_no_logic(title: Title) -> None:
    for cell in code(title):
        lines = [line for line in "".join(cell["source"]).splitlines() if line.strip()]
        assert len(lines) <= 10, cell["id"]
        logic = re.compile(r"\s*(def|for|while|try|with|class|lambda)\b|\s*[!%]")
        assert not [line for line in lines if logic.match(line)], cell["id"]


@chapters
def test_the_five_verbs_come_in_their_order(title: Title) -> None:
    """What needs two rounds decides and acts twice; what is made here before, as an image is, has no such heading."""
    called: list[tuple[str, str]] = []  # the verb of a heading, and the code below it
    for cell in cells(title):
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            called += [(verb, "") for verb in re.findall(r"^## (\w+)", source.lower(), re.MULTILINE)]
        elif called:
            called[-1] = (called[-1][0], called[-1][1] + source)
    done = [(verb, text) for verb, text in called if verb in VERBS]
    assert re.fullmatch(r"observe(,decide,act)+,verify,record", ",".join(verb for verb, _ in done))
    for verb, text in done:
        assert f"chapter.{verb}(" in text or (verb == "observe" and re.search(r"door\.\w+\(chapter", text)), verb


@chapters
def test_its_parameters_are_those_that_the_contents_name(title: Title) -> None:
    found = parameters_of(NOTEBOOKS / f"{title.name}.ipynb")
    assert {name: one.type for name, one in found.items()} == {**COMMON_PARAMETERS, **title.parameters}
    assert all(one.help for one in found.values())


@chapters
def test_its_outputs_are_stored_and_name_nothing_that_varies(title: Title) -> None:
    for number, cell in enumerate(code(title), 1):
        assert cell["execution_count"] == number, f"{cell['id']}: run `make outputs`"
        for output in cell["outputs"]:
            assert output["output_type"] in ("execute_result", "display_data"), (cell["id"], output)
            text = "".join(output["data"].get("text/plain", ""))
            assert not re.search(r"\b[0-9a-f]{12,}\b|\b\d{8}-\d{6}\b|\d\.\d+ m?s\b", text), (cell["id"], text)


class Outside(HTMLParser):
    """What of a page's text has a dollar that a viewer could take for the beginning of a formula."""

    KEPT = ("script", "noscript", "style", "textarea", "pre", "code")  # MathJax 3: options.skipHtmlTags

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[tuple[str, bool]] = []
        self.found: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("br", "hr", "img", "input", "col", "path", "rect", "line", "circle"):
            ignored = "mathjax_ignore" in (dict(attrs).get("class") or "").split()
            self.open.append((tag, ignored or tag in self.KEPT))

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if "$" in data and data != "$" and not any(ignored for _, ignored in self.open):
            self.found.append(data)


@pytest.mark.parametrize("title", CONTENTS, ids=lambda title: title.name)
def test_no_output_holds_what_a_viewer_takes_for_a_formula(title: Title) -> None:
    shown = ["".join(output["data"]["text/html"]) for cell in code(title) for output in cell["outputs"]
             if "text/html" in output.get("data", {})]
    assert shown and not [text for html in shown for text in Outside(html).found]


def test_such_a_one_would_be_found() -> None:
    assert Outside("<p>from $1 to $2</p><pre>$3</pre><p class='mathjax_ignore'><b>$4</b></p><b>$</b>").found == [
        "from $1 to $2"]


def test_each_notebook_links_to_its_neighbours_and_the_contents_to_all() -> None:
    order = [title.name for title in CONTENTS]
    for at, title in enumerate(CONTENTS):
        first = "".join(cells(title)[0]["source"])
        links = re.findall(r"\((\d\d_\w+)\.ipynb\)", first)
        wanted = ([order[at - 1]] if at else []) + ([order[at + 1]] if at + 1 < len(order) else [])
        assert links == wanted, title.name
    contents = "".join("".join(cell["source"]) for cell in cells(CONTENTS[0]) if cell["cell_type"] == "markdown")
    assert set(re.findall(r"\((\d\d_\w+)\.ipynb\)", contents)) == set(order[1:])
