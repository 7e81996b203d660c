"""Make a GOROOT of the Go toolchain module with a Go that is too old to do so itself (before 1.21).

    python setup/unpack_toolchain.py GO VERSION FOLDER

The module is an ordinary one, golang.org/toolchain@v0.0.1-goVERSION.OS-ARCH, so any Go downloads it and
checks it against the checksum database; setup/toolchain.sum is a second, committed opinion on its sum. Two
things tell it from a GOROOT (https://go.dev/doc/toolchain, cmd/go/internal/toolchain): every go.mod in it is
named _go.mod, and, as in all module zips, no file is executable.
"""

import json
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

MODULE = "golang.org/toolchain"
SUMS = Path(__file__).with_name("toolchain.sum")
EXECUTABLES = ("bin/", "pkg/tool/")  # what cmd/go itself makes executable in a toolchain
DOWNLOAD_SECONDS = 500


def output_of(*command: str) -> str:
    """Standard output of a command; ends the program with the command's own words where it fails."""
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=DOWNLOAD_SECONDS, cwd=tempfile.gettempdir()
    )
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr or done.stdout}")
    return done.stdout


def committed_sum(version: str) -> str:
    """The sum of setup/toolchain.sum for this version of the module; ends the program where there is none."""
    for line in SUMS.read_text().splitlines():
        module, of, digest = line.split()
        if (module, of) == (MODULE, version):
            return digest
    sys.exit(
        f"{SUMS} has no sum for {MODULE} {version}.\n"
        f"  mend it: add what a Go from 1.21 on prints as Sum: go mod download -json {MODULE}@{version}"
    )


def unpack(module_zip: Path, prefix: str, folder: Path) -> None:
    """Write the module's files below folder, which appears whole or not at all."""
    part = folder.with_name(f"{folder.name}.part")
    for leftover in (part, folder):
        shutil.rmtree(leftover, ignore_errors=True)
    with zipfile.ZipFile(module_zip) as archive:
        for entry in archive.infolist():
            name = entry.filename.removeprefix(prefix)
            if name == entry.filename:
                sys.exit(f"{module_zip}: {entry.filename} is outside {prefix}")
            if name.rpartition("/")[2] == "_go.mod":
                name = name.removesuffix("_go.mod") + "go.mod"
            place = part / name
            place.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(entry) as source, place.open("wb") as target:
                shutil.copyfileobj(source, target)
            if name.startswith(EXECUTABLES):
                place.chmod(0o755)
    part.rename(folder)


def main(go: str, go_version: str, folder: str) -> None:
    system, machine = output_of(go, "env", "GOOS", "GOARCH").split()
    version = f"v0.0.1-go{go_version}.{system}-{machine}"
    wanted = committed_sum(version)
    got = json.loads(output_of(go, "mod", "download", "-json", f"{MODULE}@{version}"))
    if got["Sum"] != wanted:
        sys.exit(f"{MODULE} {version} has the sum {got['Sum']}, {SUMS} wants {wanted}: it was not unpacked.")
    unpack(Path(got["Zip"]), f"{MODULE}@{version}/", Path(folder))


if __name__ == "__main__":
    main(*sys.argv[1:])
