"""Five small projects with the names of the GNU toolchain's: they configure, make and install in a second.

What they install are the distribution's own tools under other names, so that every check has something to try.
"""

from __future__ import annotations

import hashlib
import shutil
import tarfile
from pathlib import Path

import pytest

TRIPLET = "riscv64-linux-gnu"
LIBRARY = Path("/usr") / TRIPLET / "lib"

CONFIGURE = """#!/bin/sh
set -e
for word; do
  case $word in
    --prefix=*) prefix=${word#*=};;
    --with-headers=*) headers=${word#*=};;
    CC=*) cc=${word#*=};;
  esac
done
[ -z "$headers" ] || [ -f "$headers/linux/version.h" ] || { echo 'error: linux kernel headers missing' >&2; exit 1; }
[ -z "$cc" ] || "$cc" --version >/dev/null
source=$(cd "$(dirname "$0")" && pwd)
printf 'prefix = %s\\nsource = %s\\n' "$prefix" "$source" >config.mk
printf 'include config.mk\\ninclude %s/rules.mk\\n' "$source" >Makefile
"""
WRAPPERS = """
all: {tools}
$(TOOLS):
\tprintf '#!/bin/sh\\nexec /usr/bin/{triplet}-%s "$$@"\\n' $@ >$@.new
\tchmod 755 $@.new && mv $@.new $@
install {more}: all
\tmkdir -p $(prefix)/bin
\tfor tool in $(TOOLS); do cp $$tool $(prefix)/bin/{triplet}-$$tool; done
"""
BINUTILS = "TOOLS = as ld\n" + WRAPPERS.format(tools="as ld", triplet=TRIPLET, more="nothing")
GCC = ("TOOLS = gcc g++\nall-gcc all-target-libgcc: all\n"
       + WRAPPERS.format(tools="gcc g++", triplet=TRIPLET, more="install-gcc install-target-libgcc"))
LINUX = """
headers_install:
\ttest $(ARCH) = riscv
\tmkdir -p $(INSTALL_HDR_PATH)/include/linux $(INSTALL_HDR_PATH)/include/asm
\techo '#define LINUX_VERSION_CODE 393473' >$(INSTALL_HDR_PATH)/include/linux/version.h
\techo '/* numbers */' >$(INSTALL_HDR_PATH)/include/asm/unistd.h
"""
GLIBC = f"""
all: libc.so.6
libc.so.6:
\tcp {LIBRARY}/libc.so.6 {LIBRARY}/libc.a {LIBRARY}/crt1.o {LIBRARY}/ld-linux-riscv64-lp64d.so.1 .
install: all
\tmkdir -p $(DESTDIR)/lib
\tcp libc.so.6 libc.a crt1.o ld-linux-riscv64-lp64d.so.1 $(DESTDIR)/lib
"""
RULES = {"binutils": BINUTILS, "gcc": GCC, "glibc": GLIBC}


def needs_the_cross_compiler() -> None:
    compilers = all(shutil.which(f"{TRIPLET}-{name}") for name in ("gcc", "g++"))
    if not compilers or not (LIBRARY / "libc.a").exists():
        pytest.skip(f"no {TRIPLET}-gcc and g++ with their libraries on this machine: setup/debian installs them")


def write_projects(folder: Path) -> Path:
    """The four projects' sources as folders below `folder`."""
    for name, rules in RULES.items():
        home = folder / name
        home.mkdir(parents=True)
        (home / "configure").write_text(CONFIGURE)
        (home / "configure").chmod(0o755)
        (home / "rules.mk").write_text(rules)
    (folder / "linux").mkdir()
    (folder / "linux" / "Makefile").write_text(LINUX)
    return folder


def archived(folder: Path) -> tuple[Path, str]:
    """The folder as an archive beside it, and its SHA-256."""
    archive = folder.with_suffix(".tar.gz")
    with tarfile.open(archive, "w:gz") as made:
        made.add(folder, folder.name)
    return archive, hashlib.sha256(archive.read_bytes()).hexdigest()


def write_recipe(folder: Path, sources: Path, more: str = "") -> Path:
    """A recipe with the five stages of GNU over those projects, binutils from an archive."""
    archive, sha256 = archived(sources / "binutils")
    file = folder / "stages.toml"
    file.write_text(f"""target = "riscv64"
prefix = "{folder}/cross"
work = "{folder}/work"
nice = 0
{more}
[[source]]
name = "binutils"
from = "archive:{archive}#sha256={sha256}"

[[source]]
name = "linux"
from = "dir:{sources}/linux"

[[source]]
name = "gcc"
from = "dir:{sources}/gcc"

[[source]]
name = "glibc"
from = "dir:{sources}/glibc"
""")
    return file
