"""Whether the toolchain knows the target, is the one of its passport, and whether what it builds works there."""

from __future__ import annotations

from runbook.chapters.toolchain.compiler import Compiler
from runbook.chapters.toolchain.figures import hello_figures, package_figures
from runbook.chapters.toolchain.passport import OBJECTS, Passport
from runbook.chapters.toolchain.programs import Programs
from runbook.chapters.toolchain.std_tests import PackageRun
from runbook.chapters.toolchain.trial import Greeting, Trial
from runbook.elf import read, verdict_on
from runbook.targets import Target
from runbook.verdict import Figure, Verdict, Verdicts, failed, passed, skipped

KNOWS, TOOLS, SAME, C_COMPILER = "knows the target", "host tools", "as in its passport", "C compiler"
RUNS = "hello runs"


def verify_toolchain(written: str, now: Passport) -> Verdicts:
    """The toolchain as it is now, beside its passport's text."""
    return Verdicts((_knows(now), _tools(now), _same(written, now), _compiler(now)))


def _knows(seen: Passport) -> Verdict:
    if seen.knows:
        return passed(KNOWS, f"`go tool dist list` has linux/{seen.target}, and so has the assembler")
    if seen.listed:
        return failed(KNOWS, f"`go tool dist list` has linux/{seen.target}, but {OBJECTS} has no folder for it: "
                             "half a port; ask its vendor for the whole tree")
    return failed(KNOWS, f"`go tool dist list` has no linux/{seen.target}")


def _tools(seen: Passport) -> Verdict:
    if seen.silent:
        return failed(TOOLS, f"{', '.join(seen.silent)} of {seen.go.root}/pkg/tool does not run on this machine")
    return passed(TOOLS, f"{', '.join(seen.tools)} run and say their version")


def _same(written: str, now: Passport) -> Verdict:
    if written == now.to_toml():
        return passed(SAME, "every file of its sources, its program and its answers are those of the passport")
    changed = [line.partition(" = ")[0] for line, other in
               zip(written.splitlines(), now.to_toml().splitlines(), strict=False) if line != other]
    return failed(SAME, f"it was changed while the chapter ran: {', '.join(changed)}")


def _compiler(seen: Passport) -> Verdict:
    """None is needed as long as nothing asks for cgo."""
    if isinstance(seen.compiler, Compiler):
        return passed(C_COMPILER, f"there is one for {seen.target}; nothing here needs it")
    return skipped(C_COMPILER, f"{seen.compiler}; pure Go needs none")


def verify_programs(programs: Programs, trial: Trial, passport: Passport, target: Target) -> Verdicts:
    """Hello as a file and on every host, and each package's tests."""
    of_the_file = verdict_on(read(programs.hello.path), target)
    if trial.why:
        return of_the_file + (skipped(RUNS, trial.why),)
    figures = hello_figures(programs.hello)
    greetings = tuple(_greeting(one, passport, {} if number else figures)
                      for number, one in enumerate(trial.greetings))
    missing = tuple(skipped(f"tests of {built.recipe.package}", "hello ran on no host")
                    for built in programs.tests) if not trial.tests else ()
    return of_the_file + greetings + tuple(map(_tests, trial.tests)) + missing


def _greeting(one: Greeting, passport: Passport, figures: dict[str, Figure]) -> Verdict:
    wanted = f"linux/{passport.target} go{passport.go.version}"
    if one.said == wanted:
        return passed(RUNS, f"it says linux/{passport.target} and the site's Go, and its net works, {one.basis}",
                      one.host, **figures)
    if one.said:
        return failed(RUNS, f"it says {one.said}, not {wanted}", one.host)
    return failed(RUNS, f"{one.why}: does this host run linux/{passport.target} programs?", one.host)


def _tests(run: PackageRun) -> Verdict:
    """A failure that is known passes and is told, with its reason; so is one that is known and passes now."""
    what, figures = f"tests of {run.package}", package_figures(run)
    if not run.ok:
        reason = f"{', '.join(run.unexpected)} failed, and nobody knew of it; see the host's log" if run.unexpected \
            else run.why or "not a single test ran"
        return failed(what, reason, run.host, **figures)
    told = ["every other test passed or was skipped" if run.known else "every test passed or was skipped"]
    told += [f"{', '.join(one.tests)} failed as is known: {one.why} ({one.source})" for one in run.known]
    told += [f"{', '.join(run.mended)} passed, though known to fail: take it off known_failures/{run.target}.toml"] \
        if run.mended else []
    return passed(what, "; ".join(told), run.host, **figures)
