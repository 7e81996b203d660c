"""Building a service on a host of the site: twice, in two folders, under a lease; the binaries come back verified."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, field, replace
from pathlib import Path

from runbook.chapters.buildhost.bench import Bench
from runbook.chapters.buildhost.carried import carried
from runbook.chapters.buildhost.decide import FOLDER
from runbook.chapters.buildhost.go import go_there
from runbook.chapters.buildhost.parcel import KEY_LENGTH, parcel
from runbook.chapters.compile.build import LIMIT, Built, Made, provided, taken_or_made
from runbook.chapters.compile.decide import PRIVATE, Recipe
from runbook.chapters.compile.private import IN_FOLDER, asking_for_modules, downloaded
from runbook.chapters.compile.private import LIMIT as VERIFYING
from runbook.chapters.compile.refusal import refused_there
from runbook.digest import sha256_of
from runbook.errors import CommandFailed, TransferFailed
from runbook.remote.command import Command, Script
from runbook.remote.strict import StrictShell

MODULES, COMPILED, HOME, WORK = (f"{FOLDER}/{name}" for name in ("modules", "compiled", "home", "work"))
"""On the host: the modules, Go's cache of what it compiled, what a build sees as its home folder, and a folder for
each build, which goes when its binaries have come back."""
BUILD = r"""
set -eu
work=$1 sources=$2 home=$3
shift 3
mkdir -p -- "$work" "$home"
cd -- "$work"
if [ ! -f built/told ]; then
    rm -rf -- first another tmp new built
    mkdir another tmp new
    cp -R -- "$sources" first
    cp -R -- "$sources" another/folder
    read -r before rest </proc/uptime
    (cd first && "$@")
    read -r after rest </proc/uptime
    (cd another/folder && "$@")
    mv -- first/.built new/first
    mv -- another/folder/.built new/again
    (cd new && sha256sum first again) >told
    echo "uptime $before $after" >>told
    rm -rf -- first another tmp
    mv -- told new/told
    mv -- new built
fi
cat built/told
"""
"""In the folder `$1` of the sources `$2`, by the command that follows `$3`, which writes `.built`. What was finished
when nobody was there is not built again."""
TOLD = re.compile(r"([0-9a-f]{64})  first\n([0-9a-f]{64})  again\nuptime ([\d.]+) ([\d.]+)\n")


@dataclass
class OnHost:
    """Builds on one bench; `own_go` is the folder of the host's own Go, empty where the site's is sent."""

    bench: Bench
    own_go: str = ""
    _gos: dict[Path, str] = field(default_factory=dict)
    _verified: set[str] = field(default_factory=set)
    _bringing: threading.Lock = field(default_factory=threading.Lock)

    @property
    def name(self) -> str:
        return self.bench.name

    @property
    def shell(self) -> StrictShell:
        return self.bench.shell

    @property
    def at_once(self) -> int:
        """Builds: the compiler uses all processors by itself, as on this machine."""
        return max(2, self.bench.seen.processors // 4)

    def build(self, recipe: Recipe, local: StrictShell, kept: Path, keep: int) -> Built:
        """As `build` of this machine; what was kept of the same host is taken. Raises BuildFailed, Blocked where the
        host cannot, TransferFailed where what came is not what was made, and the errors of a host."""
        def twice(new: Path, first: Path, again: Path) -> Made:
            modules = provided(recipe, local, new / "first")
            there, sources = self._brought(recipe, new / "first", modules)
            work = f"{WORK}/{recipe.key[:KEY_LENGTH]}"
            there = replace(there, environment=(*there.environment, ("TMPDIR", f"{work}/tmp")))
            words = Script(BUILD, limit=LIMIT).command(work, sources, HOME, *there.words(Path(".built")))
            seconds = self._carried(recipe, words, work, new / "log", first, again)
            return Made(seconds, modules)

        return taken_or_made(recipe, kept, keep, twice, self.name)

    def _brought(self, recipe: Recipe, folder: Path, modules: tuple[str, ...]) -> tuple[Recipe, str]:
        """The recipe as it is carried out there, and the folder of its sources; all that it takes is on the host."""
        with self._bringing:
            self.bench.renew()
            root = recipe.go.root
            if root not in self._gos:
                self._gos[root] = go_there(self.bench, root, self.own_go)
                self.bench.trim()
            there = _there(recipe, self._gos[root])
            sources = self.bench.bring(parcel(folder, recipe.sources.files), "sources")
            self.bench.add(parcel(PRIVATE, downloaded(recipe, folder, modules)), MODULES)
            pinned = f"{recipe.sources.sha256} {recipe.sources.modules.file}"
            if modules and pinned not in self._verified:
                self._verify(there, sources)
                self._verified.add(pinned)
        return there, sources

    def _verify(self, there: Recipe, sources: str) -> None:
        """Holds the modules on the host against their sums: one that was changed is compiled without a word."""
        try:
            self.shell.run(Script(IN_FOLDER, limit=VERIFYING).command(
                sources, *asking_for_modules(there), "mod", "verify"))
        except CommandFailed as error:
            wrong = refused_there(there, self.name, sources, error.tail, "its modules do not hold")
            wrong.next = f"remove {MODULES} on {self.name} (`chmod -R u+w` first) and begin again: they are sent anew"
            raise wrong from error

    def _carried(self, recipe: Recipe, words: Command, work: str, log: Path, first: Path, again: Path) -> float:
        told = bytearray()
        ended = carried(self.shell, words, name=f"compile {recipe.key[:KEY_LENGTH]}", log=log, heard=told.extend)
        found = TOLD.search(told.decode("utf-8", "replace"))
        if ended.exit_code or found is None:
            raise refused_there(recipe, self.name, work, log.read_text("utf-8", "replace"), ended.how())
        for name, file, wanted in (("first", first, found[1]), ("again", again, found[2])):
            self.shell.get(f"{work}/built/{name}", file)
            if sha256_of(file) != wanted:
                raise TransferFailed(self.name, f"{work}/built/{name} is not what was made there: {wanted}",
                                     next="it was changed since it was built: begin again")
        first.chmod(0o755)
        self.bench.drop(work)
        return float(found[4]) - float(found[3])


def _there(recipe: Recipe, root: str) -> Recipe:
    """The same recipe with the host's places; nothing of them gets into the binary."""
    places = {"PATH": f"{root}/bin", "HOME": HOME, "GOROOT": root, "GOCACHE": COMPILED, "GOMODCACHE": MODULES}
    environment = tuple((name, places.get(name, value)) for name, value in recipe.environment)
    return replace(recipe, go=replace(recipe.go, root=Path(root)), environment=environment)
