"""A plan: steps with their reasons, what they do, what they change, and how they are taken back."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from types import MappingProxyType

from runbook.action import (
    Action,
    Folder,
    Place,
    Remove,
    RemoveFolder,
    Replace,
    Restore,
    Run,
    action_of,
)
from runbook.as_json import line_of, to_json
from runbook.diff import STYLE, VERBATIM, coloured
from runbook.remote.secret import KNOWN

__all__ = [
    "Action", "Folder", "Place", "Plan", "Plans", "Remove", "RemoveFolder", "Replace", "Restore", "Run",
    "Step",
]


@dataclass(frozen=True)
class Step:
    """Why something changes, what is done for it, and what takes it back, each in the order of doing."""

    why: str
    do: tuple[Action, ...] = ()
    undo: tuple[Action, ...] = ()

    def __post_init__(self) -> None:
        if not self.why or not self.do:
            raise ValueError("a step has a reason and something to do")
        for action in self.do + self.undo:
            if not isinstance(action, Action):
                raise TypeError(f"{self.why}: {action!r} is no action")
        if any(isinstance(action, Restore) for action in self.do):
            raise ValueError(f"{self.why}: Restore belongs to an undo: nothing was kept before the step")

    @property
    def diff(self) -> str:
        """What changes: the unified diff of each file, one line for anything else; never a secret."""
        return "\n".join(action.diff for action in self.do)

    @property
    def id(self) -> str:
        """The same for the same step in every run: twelve hex digits of the hash of what it does."""
        line = line_of({"step": to_json(self.to_dict(), mask=KNOWN.mask)})
        return hashlib.sha256(line).hexdigest()[:12]

    def to_dict(self) -> dict[str, object]:
        return {
            "why": self.why,
            "do": [action.to_dict() for action in self.do],
            "undo": [action.to_dict() for action in self.undo],
        }

    @classmethod
    def from_dict(cls, raw: Mapping[str, object]) -> Step:
        """Raises RunbookError where an action cannot be had back."""
        do, undo = raw["do"], raw["undo"]
        return cls(str(raw["why"]), tuple(map(action_of, do)), tuple(map(action_of, undo)))  # type: ignore[call-overload]


@dataclass(frozen=True, repr=False)
class Plan:
    """Steps in their order; an empty plan is false and says by `because` why nothing is to be done."""

    steps: tuple[Step, ...] = ()
    because: str = ""

    def __init__(self, *steps: Step, because: str = "") -> None:
        if not steps and not because:
            raise ValueError("an empty plan says why nothing is to be done: Plan(because=…)")
        object.__setattr__(self, "steps", steps)
        object.__setattr__(self, "because", because)

    def __bool__(self) -> bool:
        return bool(self.steps)

    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps)

    def __len__(self) -> int:
        return len(self.steps)

    def __add__(self, other: Plan) -> Plan:
        because = "; ".join(dict.fromkeys(filter(None, (self.because, other.because))))
        return Plan(*self.steps, *other.steps, because=because)

    @property
    def diff(self) -> str:
        return "\n".join(step.diff for step in self.steps)

    def __str__(self) -> str:
        if not self.steps:
            return f"nothing to do: {self.because}"
        count = "1 step" if len(self.steps) == 1 else f"{len(self.steps)} steps"
        return KNOWN.mask(f"{count}: {'; '.join(step.why for step in self.steps)}")

    __repr__ = __str__

    def to_dict(self) -> dict[str, object]:
        return {"steps": [step.to_dict() for step in self.steps], "because": self.because}

    def _repr_html_(self) -> str:
        return f'{STYLE}<div class="{VERBATIM}">{_page(self)}</div>'


@dataclass(frozen=True, repr=False)
class Plans:
    """A plan for each host, in the hosts' order."""

    by_host: Mapping[str, Plan]

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_host", MappingProxyType(dict(self.by_host)))

    def __getitem__(self, host: str) -> Plan:
        return self.by_host[host]

    def __iter__(self) -> Iterator[str]:
        return iter(self.by_host)

    def __len__(self) -> int:
        return len(self.by_host)

    def items(self) -> Iterator[tuple[str, Plan]]:
        yield from self.by_host.items()

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do on any host."""
        return not any(self.by_host.values())

    @property
    def diff(self) -> str:
        """The diffs of the hosts that change, each below its host's name; hosts with one diff share it."""
        return "\n\n".join(f"{', '.join(hosts)}:\n{plan.diff}" for hosts, plan in self._alike() if plan)

    def __str__(self) -> str:
        return "\n".join(f"{host}: {plan}" for host, plan in self.items()) or "no host"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        parts = []
        for hosts, plan in self._alike():
            names = escape(", ".join(hosts))
            title = f"<summary><b>{names}</b> {escape(str(plan))}</summary>"
            parts.append(f"<details class='{VERBATIM}'{' open' if plan else ''}>{title}{_page(plan)}</details>")
        return STYLE + ("".join(parts) or "no host")

    def _alike(self) -> list[tuple[list[str], Plan]]:
        """Hosts whose plans change the same are shown once."""
        groups: dict[tuple[str, str], tuple[list[str], Plan]] = {}
        for host, plan in self.items():
            groups.setdefault((str(plan), plan.diff), ([], plan))[0].append(host)
        return list(groups.values())


def _page(plan: Plan) -> str:
    if not plan:
        return f"<p>{escape(str(plan))}</p>"
    parts = []
    for step in plan:
        back = "; ".join(str(action) for action in step.undo) or "nothing: it stays"
        parts.append(f"<p>{escape(KNOWN.mask(step.why))}</p>{coloured(step.diff)}"
                     f"<p><small>taken back by: {escape(back)}</small></p>")
    return "".join(parts)
