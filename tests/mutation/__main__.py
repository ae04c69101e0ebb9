"""Try the pricing engine's tests on wrong engines: ``make mutation``.

Each mutant is one small wrong change. A mutant that no test notices is a hole in the
tests, unless ``accepted.py`` says why the change makes no difference. Exit code 0:
every survivor is explained; 1: one is not, or an explanation is out of date.

What was tried is kept (``memory.py``), so that a run goes on where the last one ended:
a module that changed is tried anew, a survivor when the tests changed.
"""

import argparse
import ast
import contextlib
import importlib
import os
import pickle
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from tests.mutation import trial
from tests.mutation.accepted import ACCEPTED
from tests.mutation.memory import Memory
from tests.mutation.mutants import Mutant, mutants_of, mutated

RUN_MINUTES_MAX = 20
"""Mutants that are not reached by then are told as not tried."""

MUTANT_SECONDS_MAX = 900
"""A mutant that waits longer waits for ever: killed. One that computes for ever ends
by ``trial.CPU_SECONDS_MAX``."""

WORKERS = os.cpu_count() or 1
SEED = 20_240_229


@dataclass(frozen=True)
class Case:
    """A mutant of a module."""

    module: str
    mutant: Mutant
    key: str
    """How ``accepted.py`` names it."""


def cases_of(module: str, source: str) -> list[Case]:
    tree = ast.parse(source)
    spans = [
        (node.lineno, node.end_lineno, node.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
    ]

    def function(line: int) -> str:
        inside = [span for span in spans if span[0] <= line <= span[1]]
        return max(inside, default=(0, 0, "(module)"))[2]

    return [
        Case(
            module,
            each,
            f"{module}.{function(each.line)}: {each.key(source)}",
        )
        for each in mutants_of(source)
    ]


def statement_lines(source: str) -> dict[int, range]:
    """Per line the lines of the innermost statement that it belongs to."""
    found: dict[int, range] = {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.stmt):
            body = getattr(node, "body", None)
            end = body[0].lineno if body else node.end_lineno + 1
            lines = range(node.lineno, max(end, node.lineno + 1))
            for line in lines:
                if line not in found or len(found[line]) >= len(lines):
                    found[line] = lines
    return found


class Run:
    """All mutants against the tests that reach them, a few at a time."""

    def __init__(self, modules: list[str], memory: Memory, workers: int) -> None:
        self.memory, self.workers = memory, workers
        self.sources = {
            name: (trial.ENGINE / f"{name}.py").read_text() for name in modules
        }
        self.cases = [
            case
            for name, source in self.sources.items()
            for case in cases_of(name, source)
        ]
        self.results: dict[Case, str] = {
            case: known
            for case in self.cases
            if (known := memory.known(case.module, case.mutant.place))
        }
        if len(self.results) == len(self.cases):
            return
        self.tests, self.seconds = _measured()
        self.slow = sum(self.seconds.values()) * trial.SLOW_SHARE
        self.lines = {
            name: statement_lines(source) for name, source in self.sources.items()
        }

    def go(self, *, until: float) -> None:
        cases = [case for case in self.cases if case not in self.results]
        random.Random(SEED).shuffle(cases)
        running: dict[int, tuple[Case, float]] = {}
        while cases or running:
            while cases and len(running) < self.workers and time.monotonic() < until:
                self._start(cases.pop(), running)
            if time.monotonic() >= until:
                self.results |= dict.fromkeys(cases, "not tried")
                cases = []
            self._collect(running)

    def _start(self, case: Case, running: dict[int, tuple[Case, float]]) -> None:
        tests = self._tests_of(case)
        if not tests:
            self._note(case, "survived")
            return
        tree = mutated(self.sources[case.module], case.mutant)
        pid = trial.start(case.module, tree, tests)
        running[pid] = case, time.monotonic() + MUTANT_SECONDS_MAX

    def _tests_of(self, case: Case) -> list[str]:
        """The tests that run the changed line, the quickest first."""
        known = self.tests.get(f"{case.module}.py", {})
        line = case.mutant.line
        lines = self.lines[case.module].get(line, range(line, line + 1))
        found = set().union(*(known.get(number, ()) for number in lines))
        if not found and any(number in known for number in lines):
            found = set(self.seconds)  # run at import: every test may see it
        quick = {name for name in found if self.seconds[name] <= self.slow}
        return sorted(quick or found, key=self.seconds.__getitem__)

    def _collect(self, running: dict[int, tuple[Case, float]]) -> None:
        for pid, (case, deadline) in list(running.items()):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                survived = status == trial.SURVIVED
                self._note(case, "survived" if survived else "killed")
                del running[pid]
            elif time.monotonic() > deadline:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
                self._note(case, "killed")
                del running[pid]
        time.sleep(0.005)

    def _note(self, case: Case, what: str) -> None:
        self.results[case] = what
        self.memory.note(case.module, case.mutant.place, what)


def _measured() -> tuple[dict[str, dict[int, set[str]]], dict[str, float]]:
    """Measure in a child, so that this process never imports the engine.

    What else the child imported is imported here too: every fork is spared it.
    """
    with tempfile.NamedTemporaryFile() as file:
        pid = os.fork()
        if not pid:
            _measure_into(Path(file.name))
        if os.waitpid(pid, 0)[1]:
            sys.exit(1)
        tests, seconds, modules = pickle.loads(Path(file.name).read_bytes())
    for name in modules:
        with contextlib.suppress(Exception):
            importlib.import_module(name)
    return tests, seconds


def _measure_into(file: Path) -> NoReturn:
    """In the child, which must end here and touch nothing of its parent's."""
    status = 1
    try:
        tests, seconds = trial.measure()
        modules = [name for name in sys.modules if trial.is_neutral(name)]
        file.write_bytes(pickle.dumps((tests, seconds, modules)))
        status = 0
    except SystemExit as error:
        _say(str(error))
        sys.stdout.flush()
    finally:
        os._exit(status)


def main() -> int:
    every = sorted(
        path.stem for path in trial.ENGINE.glob("*.py") if path.stem != "__init__"
    )
    parser = argparse.ArgumentParser(prog="python -m tests.mutation")
    parser.add_argument("modules", nargs="*", help="of billing/pricing; all")
    parser.add_argument("--minutes", type=float, default=RUN_MINUTES_MAX)
    parser.add_argument("--workers", type=int, default=WORKERS)
    parser.add_argument(
        "--again", action="store_true", help="forget what earlier runs tried"
    )
    options = parser.parse_args()
    if unknown := set(options.modules) - set(every):
        parser.error(f"no such module: {', '.join(sorted(unknown))}")
    began = time.monotonic()
    trial.settle()
    memory = Memory(trial.ENGINE, trial.TESTS, again=options.again)
    run = Run(options.modules or every, memory, options.workers)
    run.go(until=began + options.minutes * 60)
    return report(run.results, whole=not options.modules, began=began)


def report(results: dict[Case, str], *, whole: bool, began: float) -> int:
    survivors = sorted(
        (case for case, what in results.items() if what == "survived"),
        key=lambda case: (case.module, case.mutant.line),
    )
    holes = [case for case in survivors if case.key not in ACCEPTED]
    stale = set(ACCEPTED) - {case.key for case in survivors}
    for case in holes:
        _say(f"survived at line {case.mutant.line}: {case.key}")
    counts = Counter(results.values())
    if whole and not counts["not tried"]:
        for key in sorted(stale):
            _say(f"explained, but killed or gone: {key}")
    else:
        stale = set()
    _say(
        f"{len(results)} mutants: {counts['killed']} killed, "
        f"{len(survivors) - len(holes)} explained, {len(holes)} survived, "
        f"{counts['not tried']} not tried; "
        f"{(time.monotonic() - began) / 60:.1f} minutes"
    )
    return 1 if holes or stale else 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main())
