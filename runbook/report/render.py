"""index.html: one file that tells a run and opens offline, from the journal and the summary alone."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from runbook.contents import CONTENTS
from runbook.entries import check, entries
from runbook.report import findings, view
from runbook.report.account import Account, account_of
from runbook.report.gantt import gantt, spans_of
from runbook.report.overview import claims_overview
from runbook.report.pictures import pictures
from runbook.report.summary import Summary, summary_of
from runbook.report.words import Words, shown_figure, shown_seconds, words
from runbook.show.figures import plotly_packed, timeline
from runbook.show.tables import MARKS
from runbook.site import Site, load_site
from runbook.verdict import State

NAME = "index.html"
TEMPLATES = Path(__file__).resolve().parent / "templates"
FIRST_FINDINGS = 6  # on the first screen; the rest is folded under them
OUTCOMES: Mapping[str, str] = {"0": "pass", "1": "fail", "3": "blocked", "130": "fail", "open": "blocked"}


def write_report(folder: Path) -> Path:
    """Writes index.html of the run in `folder`, whole or not at all. Raises JournalDamaged."""
    path, new = folder / NAME, folder / f".{NAME}.{os.getpid()}"
    new.write_text(page(folder))
    new.replace(path)
    return path


def page(folder: Path) -> str:
    """The page as text."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    journal = folder / "journal.jsonl"
    account, site = account_of(entries(journal)), load_site(folder / "site.toml")
    summary = summary_of(folder.name, account, site, check(journal).head)
    said = words(site.language)
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters |= {"seconds": shown_seconds, "figure": shown_figure}
    spans = list(spans_of(account, said["chapter"], said["here"]))
    return environment.get_template("page.html.j2").render(
        **_told(folder, account, summary, site, said),
        css=Markup((TEMPLATES / "page.css").read_text()),
        js=Markup((TEMPLATES / "page.js").read_text()),
        plotly=plotly_packed(),
        gantt=gantt(spans),
        # plotly writes `<` as \u003c, so nothing in a command can end the script's element
        timeline_json=Markup(timeline(spans).update_layout(showlegend=False).to_json()),
        empty=_empty(account, summary, site, bool(spans)),
    )


def _told(folder: Path, account: Account, summary: Summary, site: Site, said: Words) -> dict[str, object]:
    outcome = "open" if account.open else str(summary.exit_code)
    counts = {
        state: sum(one.state == state for one in summary.claims) for state in ("judged", "not-measurable", "pending")
    }
    return {
        "t": said,
        "marks": {**MARKS, "open": "…"},
        "most": FIRST_FINDINGS,
        "run": summary,
        "site": site,
        "outcome": outcome,
        "outcome_state": OUTCOMES[outcome],
        "titles": defaultdict(str, {title.name: said[f"title {title.name}"] for title in CONTENTS}),
        "pictures": pictures(folder, account),
        "overview": claims_overview(summary),
        "proven": findings.proven(summary),
        "gaps": findings.gaps(summary),
        "bases": view.bases(summary),
        "board": view.board(summary),
        "facts": account.facts(),
        "chapters": list(view.chapters(folder, account, summary)),
        "tiles": _tiles(account, summary, counts, said),
        "claim_counts": {"all": len(summary.claims), **counts},
        "claim_mark": view.claim_mark,
        "first_filter": "judged" if counts["judged"] else "all",
        "risks": _risks(account, site),
        "artifacts": account.notes("artifact"),
        "events": view.events(account),
        "about": view.about,
    }


def _tiles(
    account: Account, summary: Summary, claims: Mapping[str, int], said: Words
) -> list[tuple[object, object, str]]:
    verdicts = [verdict.state for _, verdict in summary.verdicts]
    ran = [chapter.state for chapter in summary.chapters]
    taken_back = view.undone(account)
    changed = sum(summary.changes.values())
    label = said["changes"] + (", " + said.counted("taken back", taken_back) if taken_back else "")
    return [
        (ran.count(State.PASS), len(ran), said["chapters passed"]),
        (verdicts.count(State.PASS), len(verdicts), said["verdicts hold"]),
        (changed, None, label),
        (claims["judged"], len(summary.claims), said["claims judged"]),
        (claims["not-measurable"], None, said["not measurable here"]),
        (claims["pending"], None, said["no judge yet"]),
    ]


def _risks(account: Account, site: Site) -> list[tuple[str, str, str, str]]:
    """What the site accepts, and what was approved during the run."""
    accepted = [(risk.risk, risk.by, risk.reason, str(risk.until)) for risk in site.accepted]
    approved = [
        tuple(str(one.get(name) or "") for name in ("what", "by", "reason", "until"))
        for one in account.of_kind("approval")
    ]
    return list(dict.fromkeys([*accepted, *approved]))  # type: ignore[list-item]


def _empty(account: Account, summary: Summary, site: Site, spans: bool) -> frozenset[str]:
    """The sections of the page that would have nothing in them."""
    there = {
        "claims": bool(summary.claims),
        "timeline": spans,
        "risks": bool(_risks(account, site)),
        "artifacts": bool(account.notes("artifact")),
    }
    return frozenset(name for name, full in there.items() if not full)
