"""docs/ci.md: what it tells a CI server to do is what the project takes."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from runbook.__main__ import parser

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "ci.md").read_text()


def block(title: str) -> dict[str, Any]:
    """The indented YAML below a heading."""
    text = PAGE.split(f"## {title}\n")[1].split("\n## ")[0]
    return yaml.safe_load("\n".join(line for line in text.splitlines() if line.startswith("    ") or not line))


def commands() -> list[str]:
    """Every call of the runbook on the page, in code or in a sentence, without the program's name."""
    found = re.findall(r"(?:`|\.venv/bin/)runbook ([a-z][^`|\n#]*)", PAGE)
    return [" ".join(one.split()) for one in found]


@pytest.mark.parametrize("text", sorted(set(commands())))
def test_a_command_of_the_page_is_one_that_there_is(text: str) -> None:
    words = shlex.split(text.replace("--keep N", "--keep 3"))
    assert callable(parser(words).parse_args(words).act)


def test_the_page_names_commands_and_make_targets_that_there_are() -> None:
    assert len(commands()) >= 8
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"`make ([a-z-]+)", PAGE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    for path in re.findall(r"`((?:tests|docs|setup|notebooks)/[\w./]+)`", PAGE):
        assert (ROOT / path).exists(), path


def test_the_jobs_are_yaml_that_set_up_run_and_keep_what_was_found() -> None:
    github = block("GitHub Actions")["jobs"]["rehearse"]
    steps = [str(step.get("run", step.get("uses"))) for step in github["steps"]]
    assert [one for one in steps if "setup/prepare" in one] and any("--junit junit.xml" in one for one in steps)
    assert "--privileged" in github["container"]["options"]
    gitlab = block("GitLab")
    for job in gitlab.values():
        assert "setup/prepare" in job["before_script"]
        assert any(f"--junit {job['artifacts']['reports']['junit']}" in line for line in job["script"])


def test_the_packages_that_a_job_installs_first_are_those_that_set_up_does_not_bring() -> None:
    """make, and what fetches the project; the rest is setup/prepare's."""
    for line in re.findall(r"apt-get install -y --no-install-recommends ([a-z -]+)", PAGE):
        assert set(line.split()) == {"git", "make", "ca-certificates"}
