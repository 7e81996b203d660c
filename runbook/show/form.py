"""The form of a notebook's controls: a widget for each parameter, and the parameters cell that says the same."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping, Sequence
from html import escape
from pathlib import Path
from typing import Any, Protocol

import ipywidgets

from runbook.errors import RunbookError
from runbook.show.style import STYLE
from runbook.site import ROOT, load_site

Set = Callable[[object], None]
WIDE = ipywidgets.Layout(width="34em")


class Parameter(Protocol):
    """What a form knows of one parameter."""

    name: str
    type: type
    value: object
    help: str

    def line(self, value: object) -> str: ...


class Form:
    """Sets a name as soon as its widget changes; `box` is what is shown."""

    def __init__(self, parameters: Sequence[Parameter], names: MutableMapping[str, object]) -> None:
        self._parameters = parameters
        self._names = names
        self._before = {one.name: one.value for one in parameters}
        self._hosts = ipywidgets.HBox()
        self._hosts.add_class("rb-hosts")
        self._same = ipywidgets.HTML()
        rows = [self._row(one) for one in parameters]
        self.box = ipywidgets.VBox([ipywidgets.HTML(STYLE), *rows, self._same])
        self.box.add_class("rb-form")
        self._offer_hosts()
        self._say()

    def _row(self, one: Parameter) -> ipywidgets.Widget:
        note = ipywidgets.HTML(f"<span>{escape(one.help)}</span>")
        note.add_class("rb-note")
        row = ipywidgets.HBox([*self._widgets(one), note])
        row.add_class("rb-row")
        return row

    def _widgets(self, one: Parameter) -> list[ipywidgets.Widget]:
        """What sets one parameter; each widget's label is the parameter's name."""
        if one.name == "only_hosts":
            label = ipywidgets.Label(one.name)
            label.add_class("rb-name")
            return [label, self._hosts]
        known = {"description": one.name, "style": {"description_width": "9em"}}
        value: Any = one.value
        if one.name == "site":
            made: ipywidgets.Widget = ipywidgets.Dropdown(options=sites(str(value)), value=value, layout=WIDE, **known)
        elif one.type is bool:
            made = ipywidgets.Checkbox(value=value, layout=ipywidgets.Layout(width="16em"), **known)
        elif one.type is int:
            made = ipywidgets.IntText(value=value, layout=ipywidgets.Layout(width="16em"), **known)
        else:
            text = ", ".join(map(str, value)) if one.type is list else str(value)
            made = ipywidgets.Text(value=text, layout=WIDE, **known)
        made.add_class(f"rb-set-{one.name}")
        made.observe(lambda change: self._set(one, change["new"]), "value")
        return [made]

    def _set(self, one: Parameter, value: object) -> None:
        if one.type is list and isinstance(value, str):
            value = [part.strip() for part in value.split(",") if part.strip()]
        self._names[one.name] = value
        if one.name == "site":
            self._names["only_hosts"] = []  # another site has other hosts
            self._offer_hosts()
        self._say()

    def _offer_hosts(self) -> None:
        """A box to tick for each host of the site, or why the site cannot be read."""
        try:
            hosts = [host.name for host in load_site(str(self._names["site"])).hosts]
        except RunbookError as error:
            self._hosts.children = [ipywidgets.HTML(f"<span>{escape(error.what)}</span>")]
            return
        boxes = []
        chosen = self._names["only_hosts"]
        for name in hosts:
            box = ipywidgets.Checkbox(value=name in chosen, description=name, indent=False,  # type: ignore[operator]
                                      layout=ipywidgets.Layout(width="auto"))
            box.observe(lambda _: self._hosts_chosen(), "value")
            boxes.append(box)
        self._hosts.children = boxes

    def _hosts_chosen(self) -> None:
        ticked = [box.description for box in self._hosts.children if box.value]
        self._names["only_hosts"] = [] if len(ticked) == len(self._hosts.children) else ticked
        self._say()

    def _say(self) -> None:
        """The lines that a parameters cell would have instead: the form is never the only way."""
        changed = [one.line(self._names[one.name]) for one in self._parameters
                   if self._names[one.name] != self._before[one.name]]
        told = "\n".join(changed)
        text = (f'The same, in the parameters cell:<pre class="rb-same">{escape(told)}</pre>'
                "It holds from the next cell on.") if changed else "As the parameters cell has it."
        self._same.value = f'<div class="rb" data-changed="{len(changed)}">{text}</div>'


def form(parameters: Sequence[Parameter], names: MutableMapping[str, object]) -> ipywidgets.Widget:
    """The form as a widget; it sets `names`."""
    return Form(parameters, names).box


def sites(now: str) -> tuple[str, ...]:
    """The site files that can be chosen: the one of now, and those of the project, from its root."""
    found = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "sites").glob("*.toml"))
    own = Path(now).resolve()
    return (now, *(one for one in found if one != now and (ROOT / one).resolve() != own))
