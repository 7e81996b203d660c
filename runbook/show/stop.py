"""The button that stops: an interrupt of this kernel, asked of the notebook's server by the browser itself."""

from __future__ import annotations

import re
from pathlib import Path

import anywidget
import traitlets
from ipykernel.connect import get_connection_file

NAME = re.compile(r"kernel-(.+)\.json")  # how a Jupyter server calls the connection file of a kernel


class StopButton(anywidget.AnyWidget):
    """`kernel` is the number that the server knows this kernel by; empty where no server started it."""

    _esm = Path(__file__).parent / "stop.js"
    kernel = traitlets.Unicode().tag(sync=True)


def stop_button() -> StopButton:
    """A button for the kernel that this process is."""
    found = NAME.fullmatch(Path(get_connection_file()).name)
    return StopButton(kernel=found.group(1) if found else "")
