"""Many builds side by side: what is kept is taken at once, each of the others is told as it begins."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from pathlib import Path

from runbook.chapters.compile.build import KEEP, KEPT, Built, build, kept_already
from runbook.chapters.compile.decide import Recipe
from runbook.chapters.compile.on_host import OnHost
from runbook.remote.strict import StrictShell

AT_ONCE = max(2, len(os.sched_getaffinity(0)) // 4)
"""Builds: the compiler uses all processors by itself, the linker about one and a half of them."""


def build_all(
    recipes: Sequence[Recipe],
    shell: StrictShell,
    tell: Callable[[str], object] = lambda _: None,
    *,
    kept: Path = KEPT,
    keep: int = KEEP,
    at_once: int = AT_ONCE,
    host: OnHost | None = None,
) -> tuple[Built, ...]:
    """What was built, in the order of the recipes, of which no two are equal.

    With a `host` they are built there; `shell` is this machine's. After a failure none begins any more, and on an
    interrupt those under way are stopped. Raises BuildFailed of the first recipe that failed.
    """
    on = host.name if host else ""
    made = {recipe: kept_already(recipe, kept, on) for recipe in recipes}
    missing = [recipe for recipe, found in made.items() if found is None]
    if not missing:
        return tuple(filter(None, made.values()))

    failed = threading.Event()

    def one(number: int, recipe: Recipe) -> Built | None:
        if failed.is_set():
            return None
        tell(f"{number} of {len(missing)} to compile{f' on {on}' * bool(on)}: {recipe}")
        try:
            return host.build(recipe, shell, kept, keep) if host else build(recipe, shell, kept, keep)
        except BaseException:
            failed.set()
            raise

    shells = (shell, host.shell) if host else (shell,)
    pool = ThreadPoolExecutor(min(host.at_once if host else at_once, len(missing)), thread_name_prefix="build")
    futures = {recipe: pool.submit(one, number, recipe) for number, recipe in enumerate(missing, 1)}
    try:
        wait(futures.values(), return_when=FIRST_EXCEPTION)
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        for one_shell in shells:
            one_shell.interrupt()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        for one_shell in shells:
            one_shell.go_on()
    for recipe, future in futures.items():
        if not future.cancelled():
            made[recipe] = future.result()  # raises what the build raised
    return tuple(filter(None, made.values()))
