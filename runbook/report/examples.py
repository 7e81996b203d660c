"""An example of each command, as its `--help` shows it; a test has the parser take every one."""

from __future__ import annotations

from collections.abc import Mapping

OF_COMMANDS: Mapping[str, tuple[str, ...]] = {
    "rehearse": (
        "runbook rehearse",
        "runbook rehearse --keep --only 04_container_deploy   # with what it builds on; leave it standing",
        "runbook rehearse -p 08_load_test.repeats=1 --json",
    ),
    "run": (
        "runbook run --site sites/ward-7.toml --check",
        "runbook run --site sites/ward-7.toml --confirm ward-7",
        "runbook run --site sites/ward-7.toml --resume latest --confirm ward-7   # after whatever ended it",
        "runbook run --site sites/ward-7.toml --afresh --only 08_load_test --cell-seconds 7200",
    ),
    "undo": ("runbook undo latest --confirm ward-7", "runbook undo latest --chapter 05_etcd_mtls"),
    "status": ("runbook status", "runbook status latest --hosts"),
    "verify": ("runbook verify latest",),
    "compare": ("runbook compare 20260101-120000-ward-7 latest --html compared.html",),
    "prune": ("runbook prune --keep 5",),
    "doctor": ("runbook doctor --site sites/ward-7.toml",),
    "new-site": ("runbook new-site sites/ward-7.toml --hosts list.txt",),
    "new-keys": ("runbook new-keys keys --site sites/ward-7.toml",),
    "completion": (
        'runbook completion bash   # eval "$(.venv/bin/runbook completion bash)" in ~/.bashrc',
        "runbook completion zsh",
    ),
    "port-audit": ("runbook port-audit services --target T --package ./users",),
    "compatibility": ("runbook compatibility",),
    "testbed": (
        "runbook testbed up",
        "runbook testbed fault partition node2 all",
        "runbook testbed heal node2",
        "runbook testbed down",
    ),
    "lab": ("runbook lab",),
    "outputs": ("runbook outputs",),
}


def epilog(name: str) -> str:
    """What stands below the options of a command."""
    lines = OF_COMMANDS.get(name, ())
    return "\n".join([f"example{'s' * (len(lines) > 1)}:", *(f"  {line}" for line in lines)]) if lines else ""
