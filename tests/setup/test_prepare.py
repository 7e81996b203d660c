"""Set-up does nothing twice, says what it cannot do, and leaves the machine's services alone."""

import os
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ABSENT = "no-such-package-anywhere"
POLICY = Path("/usr/sbin/policy-rc.d")
needs_debian_root = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("apt-get") is None, reason="apt installs as root on Debian only"
)


def ran(*command: str | Path, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=ROOT, **options)


def test_a_prepared_machine_is_left_alone_within_two_seconds() -> None:
    ran("setup/prepare")
    began = time.monotonic()
    done = ran("setup/prepare")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert time.monotonic() - began < 2


def test_the_console_script_is_in_the_environment() -> None:
    assert os.access(ROOT / ".venv/bin/runbook", os.X_OK)


def test_the_services_are_built_offline_by_the_go_that_they_ask_for() -> None:
    wanted = re.search(r"^toolchain (go\S+)$", (ROOT / "services/go.mod").read_text(), re.MULTILINE)
    assert wanted is not None
    names = ("GOVERSION", "GOTOOLCHAIN", "GOPROXY", "GOFLAGS", "GOWORK", "GOROOT")
    told = ran("setup/in-services", "go", "env", *names, env=os.environ | {"GOFLAGS": "-mod=mod"})
    root = str((ROOT / ".cache/go").resolve())
    *settings, used = told.stdout.splitlines()
    assert settings == [wanted[1], "local", "off", "-mod=readonly -tags=nomsgpack", "off"]
    assert str(Path(used).resolve()) == root
    assert ran("setup/in-services", "go", "list", "-deps", "./...").returncode == 0


@needs_debian_root
def test_without_root_what_is_missing_is_named_with_the_mending_command() -> None:
    nobody = 65534
    with tempfile.TemporaryDirectory() as folder:  # pytest's own folders are closed to others
        Path(folder).chmod(0o755)
        script = shutil.copytree(ROOT / "setup", f"{folder}/setup") + "/debian"
        done = ran(script, "bash", ABSENT, user=nobody)
    assert done.returncode == 0, done.stderr
    assert f"sudo apt-get install --no-install-recommends {ABSENT}\n" in done.stdout


def test_without_apt_set_up_goes_on_and_says_what_the_testbed_needs(tmp_path: Path) -> None:
    for tool in ("bash", "dirname", "sed"):
        (tmp_path / tool).symlink_to(str(shutil.which(tool)))
    done = ran("setup/debian", env={"PATH": str(tmp_path)})
    assert done.returncode == 0, done.stderr
    assert "testbed" in done.stdout and "containerd" in done.stdout


@needs_debian_root
def test_a_failed_installation_says_so_and_restores_the_service_policy(tmp_path: Path) -> None:
    configuration = tmp_path / "apt.conf"
    configuration.write_text(
        f'Dir::Etc::sourcelist "/dev/null";\nDir::Etc::sourceparts "-";\nDir::State::Lists "{tmp_path}";\n'
    )
    before = POLICY.read_bytes() if POLICY.exists() else None
    done = ran("setup/debian", ABSENT, env=os.environ | {"APT_CONFIG": str(configuration)})
    assert done.returncode == 1
    assert f"Unable to locate package {ABSENT}" in done.stderr
    assert f"mend it: apt-get install --yes --no-install-recommends {ABSENT}" in done.stderr
    assert (POLICY.read_bytes() if POLICY.exists() else None) == before
    assert not POLICY.with_name("policy-rc.d.kept-by-runbook").exists()
