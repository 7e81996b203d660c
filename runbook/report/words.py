"""Every text of the report's page, by a name that all languages share: English, and what shows figures to people."""

from __future__ import annotations

from collections.abc import Mapping

from runbook.contents import CONTENTS
from runbook.report.chinese import CHINESE

ENGLISH: Mapping[str, str] = {
    "language": "en",
    "report": "Runbook report",
    "skip": "Skip to the content",
    "contents": "On this page",
    # states
    "pass": "passed",
    "fail": "failed",
    "blocked": "blocked",
    "skipped": "skipped",
    "open": "not ended",
    "interrupted": "interrupted",
    "applied": "applied",
    "unchanged": "unchanged",
    "pending": "pending",
    "failed": "failed",
    # the verdict, one for each exit code, and for a run that still goes on
    "verdict 0": "Passed",
    "verdict 1": "Failed",
    "verdict 3": "Blocked",
    "verdict 130": "Interrupted",
    "verdict open": "Not ended",
    "lede 0": "Every chapter that ran passed.",
    "lede 1": "Something does not hold. It is named first below.",
    "lede 3": "A prerequisite is missing, or nothing could be shown. Nothing is claimed that was not seen.",
    "lede 130": "The run was stopped before its end. What stands here was seen before that.",
    "lede open": "The run goes on, or its end was never written. What stands here was seen so far.",
    "check mode": "check mode: nothing was changed",
    "in the words of the run": "",  # they are English as the page is
    # first screen
    "site": "Site",
    "target": "Target",
    "hosts": "Hosts",
    "mode": "Mode",
    "started": "Started",
    "took": "Took",
    "run": "Run",
    "act": "act",
    "check": "check",
    "proven": "Proven",
    "not proven": "Not proven",
    "nothing proven": "Nothing was proven.",
    "nothing open": "Nothing was left open.",
    "all hosts": "all {} hosts",
    "more": "{} more",
    "chapters passed": "chapters passed",
    "verdicts hold": "verdicts hold",
    "changes": "changes",
    "changed": "Changes",
    "host changes": "1 change|{} changes",
    "claims open": "1 statement of the article|{} statements of the article",
    "claims judged": "claims judged",
    "not measurable here": "not measurable here",
    "no judge yet": "without a judge yet",
    "taken back": "{} taken back",
    "of": "of",
    # hosts
    "hosts title": "Hosts",
    "hosts intro": "What was asked, and what each host is. A board of chapters follows.",
    "host": "Host",
    "machine": "Machine",
    "system": "System",
    "kernel": "Kernel",
    "address": "Address",
    "roles": "Roles",
    "not asked": "not asked",
    "facts": "1 answer of {1}|{} answers of {}",
    "board": "Verdicts by host and chapter",
    "nothing judged": "nothing judged",
    # chapters
    "chapters title": "Chapters",
    "chapters intro": "In their order: what each found, what it changed, and every command it gave.",
    "what": "What",
    "state": "State",
    "why": "Why",
    "figures": "Figures",
    "journal line": "Journal",
    "lines": "lines",
    "notebook": "Executed notebook",
    "plans": "Plans and changes",
    "nothing to do": "nothing to do",
    "commands": "1 command|{} commands",
    "transfers": "1 transfer|{} transfers",
    "no output": "said nothing",
    "same script": "The same text as at line {}",
    "left out": "1 line left out; the whole is in {1}|{} lines left out; the whole is in {}",
    "exit": "exit",
    "no end": "no end",
    "attempts": "{} attempts; the last one counts",
    "as": "as root",
    "steps taken back": "1 step taken back|{} steps taken back",
    "undone": "takes back the step of line {}",
    "parameters": "Parameters",
    "pictures": "Figures",
    "as numbers": "As numbers",
    "picture changed": "The file of this figure is no longer what the journal says, so it is not drawn.",
    # claims
    "claims title": "Article says, measured here",
    "claims intro": "Each statement of the article, and what these hosts say about it.",
    "claims overview": "How the claims of each chapter came out",
    "claim": "Claim",
    "article says": "Article says",
    "measured here": "Measured here",
    "all": "All",
    "judged": "Judged",
    "not-measurable": "Not measurable here",
    "no judge": "Pending",
    "holds": "holds",
    "does not hold": "does not hold",
    "undecided": "recorded, not decided",
    "filter": "Show",
    "none of these": "None of these.",
    # timeline
    "timeline title": "Timeline",
    "timeline intro": "What ran where, and when, in seconds from the start of the run.",
    "seconds": "seconds",
    "step": "steps",
    "command": "commands",
    "transfer": "transfers",
    "chapter": "chapters",
    # the rest
    "gaps title": "Skipped, blocked and not measured",
    "gaps intro": "Skipped is not passed. Each of these says what was missing.",
    "risks title": "Risks and confirmations",
    "by": "By",
    "reason": "Reason",
    "until": "Until",
    "artifacts title": "Artefacts",
    "name": "Name",
    "size": "Size",
    "bytes": "bytes",
    "sha256": "SHA-256",
    "journal title": "Journal",
    "journal intro": "The truth behind this page: {} lines, each naming the one before. Its last is {}.",
    "journal excerpt": "Runs, chapters, steps and verdicts ({} of {} lines)",
    "time": "Time",
    "kind": "Kind",
    "about": "About",
    "verify": "`runbook verify {}` holds the chain and the artefacts against this page.",
    # bases of figures
    "emulated": "emulated",
    "simulated": "simulated",
    "estimated": "estimated",
    "native": "native",
    "bases": "Figures",
    "here": "this machine",
    # the chapters, as their contents have them
    **{f"title {one.name}": one.title for one in CONTENTS},
    **{f"asks {one.name}": one.asks for one in CONTENTS},
}

THIN = "\u202f"  # a narrow space that does not break

CATALOGUES: Mapping[str, Mapping[str, str]] = {"en": ENGLISH, "zh": CHINESE}


class Words(dict[str, str]):
    """A catalogue; a text that is missing in it is taken from English."""

    def __missing__(self, key: str) -> str:
        return ENGLISH[key]

    def counted(self, key: str, *values: object) -> str:
        """A text with its values filled in; before a `|` stands the form for exactly one."""
        one, _, many = self[key].rpartition("|")
        return (one if one and values[0] == 1 else many).format(*values)


def words(language: str) -> Words:
    """The catalogue of a language; English for one that nobody has written yet."""
    return Words(CATALOGUES.get(language, ENGLISH))


def shown_seconds(seconds: float) -> str:
    """A duration for people: `0.4 s`, `12 s`, `3 min 05 s`, `2 h 03 min`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if round(seconds) < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def shown_figure(value: float, unit: str) -> str:
    """A figure for people: sizes in binary units, short times in milliseconds, thousands set apart."""
    if unit == "bytes" and abs(value) >= 10 * 1024:
        for unit in ("KiB", "MiB", "GiB", "TiB"):
            value /= 1024
            if abs(value) < 1000 or unit == "TiB":
                break
        value = float(f"{value:.3g}")
    elif unit == "s" and 0 < abs(value) < 1:
        value, unit = float(f"{value * 1000:.3g}"), "ms"
    whole = value == int(value)
    text = f"{value:,.0f}" if whole else f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.1f}"
    return f"{text.replace(',', THIN)} {unit}".strip()
