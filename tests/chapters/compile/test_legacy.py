"""The legacy set of modules: what a vendor's old Go builds is the same service, and it runs."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from runbook.chapters.compile.build import build
from runbook.chapters.compile.decide import recipe_for
from runbook.chapters.compile.modules import LEGACY, MODERN, choose
from runbook.chapters.compile.observe import SERVICES, by_the_passport, ingredients
from runbook.chapters.compile.others import other_recipes
from runbook.chapters.compile.sources import read_sources
from runbook.chapters.compile.verify import fits
from runbook.chapters.portaudit.door import port_audit
from runbook.chapters.toolchain.observe import PREPARED, Go
from runbook.elf import read
from runbook.errors import Blocked
from runbook.remote.local import LocalShell
from runbook.site import ROOT, GoSource, Site, load_site
from runbook.site_tables import Toolchain
from runbook.targets import load_target
from runbook.verdict import State
from tests.chapters.gos import fake_go

DEBIAN = Path("/usr/lib/go-1.19")
TARGET = load_target("riscv64")


@pytest.fixture
def real() -> Site:
    """The rehearsal's site; no host is asked."""
    return load_site(ROOT / "sites" / "testbed.toml")


def by(site: Site, root: Path, modules: str = "auto") -> Site:
    return replace(site, toolchain=Toolchain(go=GoSource("dir", str(root)), modules=modules))


def said(program: Path, *words: str) -> str:
    """What a program for the target says of itself here, by emulation."""
    emulator = shutil.which(TARGET.names.qemu_user)
    if emulator is None:
        pytest.skip("no qemu-user-static")
    ran = subprocess.run([emulator, program, *words], capture_output=True, text=True, timeout=120,
                         env={"ETCD_UNSUPPORTED_ARCH": TARGET.goarch})
    return ran.stdout + ran.stderr


@pytest.mark.parametrize(("version", "wanted", "file", "why"), [
    ("1.26.8", "auto", MODERN, "Go 1.26.8 is new enough"),
    ("devel", "auto", MODERN, "new enough"),
    ("1.22.6", "auto", LEGACY, "the newest ask for Go 1.26"),
    ("1.16.4", "auto", LEGACY, "the newest ask for Go 1.26"),
    ("1.26.8", "legacy", LEGACY, "the site asks for them"),
    ("1.26.8", "modern", MODERN, "the site asks for them"),
])
def test_the_set_is_chosen_by_the_toolchains_version_and_the_choice_is_said(
    old_go: Go, version: str, wanted: str, file: str, why: str
) -> None:
    chosen = choose(SERVICES, replace(old_go, version=version), wanted)
    assert chosen.file == file and why in str(chosen)
    assert chosen.flags == (() if file == MODERN else ("-modfile=go.legacy.mod",))


def test_a_go_that_is_too_old_for_what_may_be_taken_is_refused_by_the_file(old_go: Go) -> None:
    with pytest.raises(Blocked, match=r"services/go.mod asks for Go 1.26, the site's is 1.16.4") as refused:
        choose(SERVICES, old_go, "modern")
    assert 'modules = "auto"' in refused.value.next
    with pytest.raises(Blocked, match=r"services/go.legacy.mod asks for Go 1.16, the site's is 1.15.15"):
        choose(SERVICES, replace(old_go, version="1.15.15"))


def test_another_go_than_the_passports_is_refused(old_go: Go) -> None:
    fake_go(old_go.root, lists="linux/sw64")
    digest = hashlib.sha256(old_go.program.read_bytes()).hexdigest()
    by_the_passport(old_go, f'[go]\nversion = "1.16.4"\nprogram_sha256 = "{digest}"\n')
    with pytest.raises(Blocked, match="passport is of Go 1.18.7 .* here is Go 1.16.4") as refused:
        by_the_passport(old_go, f'[go]\nversion = "1.18.7"\nprogram_sha256 = "{"0" * 64}"\n')
    assert "02_toolchain_build" in refused.value.next


def test_the_other_sets_files_do_not_change_what_is_built(services: Path, old_go: Go) -> None:
    go = replace(old_go, version="1.21")
    before = read_sources(services, "hello", go=go)
    for name in ("go.legacy.mod", "go.legacy.sum"):
        (services / name).write_text("module example.test/services\n\ngo 1.16\n")
    assert read_sources(services, "hello", go=go) == replace(before, modules=choose(services, go))
    legacy = read_sources(services, "hello", go=old_go)
    assert "go.legacy.mod" in legacy.files and "go.mod" in legacy.files, "go.mod marks the module's root"
    assert legacy.version != before.version


def test_each_module_has_a_legacy_set_for_the_oldest_port(old_go: Go) -> None:
    for module in (SERVICES, SERVICES / "etcd", SERVICES / "load"):
        assert choose(module, old_go).file == LEGACY, module


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("modules", "root", "gin"), [("newest", PREPARED, "v1.12.0"), ("legacy", DEBIAN, "v1.8.1")])
def test_the_service_of_either_set_is_built_and_serves(
    real: Site, local: LocalShell, tmp_path: Path, modules: str, root: Path, gin: str
) -> None:
    """The newest by the project's Go, the legacy one by Debian's old one; both run by emulation."""
    if not (root / "bin" / "go").exists():
        pytest.skip(f"no Go in {root}: run setup/prepare")
    seen = ingredients(by(real, root), local)
    assert f", {modules} modules: " in str(seen)
    built = build(recipe_for("users", seen.sources, seen.go, TARGET, tmp_path), local, tmp_path / "builds")
    assert fits(built).state is State.PASS, fits(built).reason
    assert read(built.path).go.dependencies["github.com/gin-gonic/gin"] == gin
    assert said(built.path, "-version") == f"users {seen.sources.version} linux/riscv64 go{seen.go.version}\n"
    with serving(built.path) as ask:
        assert ask("/ping") == {"message": "pong", "version": seen.sources.version, "goarch": "riscv64"}
        assert ask("/healthz") == {"status": "ok"}


@contextmanager
def serving(program: Path) -> Iterator[Callable[[str], dict]]:
    """The service on a free port of loopback; it stops in order when asked to."""
    emulator = shutil.which(TARGET.names.qemu_user)
    with subprocess.Popen([emulator, program, "-listen", "127.0.0.1:0"], stderr=subprocess.PIPE, text=True) as service:
        try:
            listening = json.loads(service.stderr.readline())
            assert listening["msg"] == "listening", listening

            def ask(path: str) -> dict:
                with urllib.request.urlopen(f"http://{listening['address']}{path}", timeout=30) as answer:
                    return json.load(answer)

            yield ask
            service.terminate()
            assert service.wait(30) == 0 and '"msg":"stopped"' in service.stderr.read()
        finally:
            service.kill()


def test_the_audit_by_an_old_go_is_of_what_that_go_would_compile(tmp_path: Path) -> None:
    if not (DEBIAN / "bin" / "go").exists():
        pytest.skip("no golang-1.19: run setup/debian")
    file, module = tmp_path / "site.toml", str(SERVICES / "load")
    rehearsal = (ROOT / "sites" / "testbed.toml").read_text()
    file.write_text(rehearsal.replace("[[accept]]", f'[toolchain]\ngo = "dir:{DEBIAN}"\n\n[[accept]]', 1))
    assert port_audit(module, TARGET.name, site=str(file))[0] == 0
    file.write_text(file.read_text().replace("[toolchain]\n", '[toolchain]\nmodules = "modern"\n'))
    code, said = port_audit(module, TARGET.name, site=str(file))
    assert code == 1 and "newer Go" in said, said


def released(version: str) -> Path:
    """The GOROOT of a released toolchain, which Go itself fetches."""
    asked = subprocess.run([PREPARED / "bin" / "go", "env", "GOROOT"], capture_output=True, text=True, timeout=600,
                           env={"GOTOOLCHAIN": f"go{version}", "GOENV": "off", "GOFLAGS": "-mod=mod",
                                "HOME": str(Path.home()), "PATH": "/usr/bin:/bin"})
    assert asked.returncode == 0, asked.stderr
    return Path(asked.stdout.strip())


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("version", ["1.16.15", "1.17.13", "1.18.10", "1.20.14", "1.21.13", "1.22.12"])
def test_every_go_that_ports_are_made_of_builds_all_that_is_deployed_and_it_runs(
    real: Site, local: LocalShell, tmp_path: Path, version: str
) -> None:
    """Both forms, etcd, its tools and the load driver; the ports of SW64 that were seen are of these."""
    site = by(real, released(version))
    seen = ingredients(site, local, machines={"node1": "riscv64", "node3": "riscv64"})
    recipes = [recipe_for("users", seen.sources, seen.go, TARGET, tmp_path),
               *other_recipes(seen, site, TARGET, tmp_path)]
    assert [one.service for one in recipes] == ["users", "users-echo", "etcd", "etcdutl", "etcdctl", "vegeta"]
    for recipe in recipes:
        built = build(recipe, local, tmp_path / "builds")
        assert fits(built).state is State.PASS, fits(built).reason
        words = ["version"] if recipe.service in ("etcdutl", "etcdctl") else ["-version"]
        assert version in said(built.path, *words) or recipe.package
        if recipe.package and recipe.service != "vegeta":
            assert "3.5.5" in said(built.path, *words)


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("root", [DEBIAN, "1.16.15", "1.22.12"], ids=str)
def test_the_services_own_tests_pass_with_the_legacy_set(root: Path | str) -> None:
    """Against a real etcd of the newest version: that is what an old client may meet."""
    go = root if isinstance(root, Path) else released(root)
    flags = f"-mod=readonly -tags=nomsgpack -modfile={LEGACY}"
    ran = subprocess.run([go / "bin" / "go", "test", "./..."], cwd=SERVICES, capture_output=True, text=True,
                         timeout=1500, env={"GOENV": "off", "GOFLAGS": flags, "GOPROXY": "off", "GOTOOLCHAIN": "local",
                              "CGO_ENABLED": "0", "HOME": str(Path.home()), "PATH": "/usr/bin:/bin"})
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stdout.count("ok ") == 5
