"""The tests of the pricing engine, run in a process of its own, once per mutant.

The process is forked off before the engine is imported, so that a fork imports the
mutant in its place and starts in a moment.
"""

import ast
import importlib.abc
import importlib.util
import os
import resource
import sys
import time
from pathlib import Path

import coverage
import hypothesis
import pytest

ROOT = Path(__file__).resolve().parents[2]
ENGINE = ROOT / "billing" / "pricing"
TESTS = ROOT / "tests" / "unit" / "billing" / "pricing"
PACKAGE = "billing.pricing"

EXAMPLES = 20
"""Examples a property test tries against one mutant; the suite itself tries 100."""

SLOW_SHARE = 0.1
"""A test that takes more of the whole time is left out: one mutant is not worth it."""

CPU_SECONDS_MAX = 15
"""A mutant that computes longer computes for ever: all tests together take less. CPU
time, so that other work on the machine kills nothing."""

MEMORY_BYTES_MAX = 4 * 1024**3
"""A mutant that collects without end is stopped before it takes the machine along."""

KILLED, SURVIVED = 1, 0


class _Selected:
    """Runs the wanted tests only, in the wanted order."""

    def __init__(self, wanted: dict[str, int]) -> None:
        self.wanted = wanted

    def pytest_collection_modifyitems(self, items):
        items[:] = sorted(
            (item for item in items if item.nodeid in self.wanted),
            key=lambda item: self.wanted[item.nodeid],
        )


class _Measured:
    """Notes which test runs which line, and how long it takes."""

    def __init__(self) -> None:
        self.coverage = coverage.Coverage(
            data_file=None, source=[str(ENGINE)], config_file=False
        )
        self.seconds: dict[str, float] = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item):
        self.coverage.switch_context(item.nodeid)
        began = time.perf_counter()
        found = yield
        self.seconds[item.nodeid] = time.perf_counter() - began
        return found


def is_neutral(name: str) -> bool:
    """Whether a module may be imported before the mutant: it knows no engine."""
    return name != "__main__" and name.split(".", 1)[0] not in {"billing", "tests"}


def settle() -> None:
    """The same examples every time, so that a result can be had again."""
    hypothesis.settings.register_profile(
        "mutation",
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        # A failure is a failure: nobody reads the smallest example of it.
        phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
        report_multiple_bugs=False,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    hypothesis.settings.load_profile("mutation")


def _run(plugin, files) -> int:
    arguments = ["-c", str(Path(__file__).with_name("pytest.ini"))]
    arguments += [f"--rootdir={ROOT}", *files]
    return int(pytest.main(arguments, plugins=[plugin]))


def measure() -> tuple[dict[str, dict[int, set[str]]], dict[str, float]]:
    """Run all tests once.

    Returns:
        The tests per module and line, and the seconds per test.

    Raises:
        SystemExit: a test fails without any mutant.
    """
    measured = _Measured()
    measured.coverage.start()
    status = _run(measured, [str(TESTS)])
    measured.coverage.stop()
    if status:
        sys.exit("The tests fail without any mutant; mend them first.")
    data = measured.coverage.get_data()
    tests = {}
    for file in data.measured_files():
        lines = data.contexts_by_lineno(file)
        tests[Path(file).name] = {
            line: {each for each in found if each} for line, found in lines.items()
        }
    return tests, measured.seconds


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports one module from a changed tree."""

    def __init__(self, name: str, path: Path, tree: ast.Module) -> None:
        self.name, self.path, self.tree = name, path, tree

    def find_spec(self, fullname, path, target=None):
        del path, target
        if fullname != self.name:
            return None
        return importlib.util.spec_from_file_location(fullname, self.path, loader=self)

    def create_module(self, spec):
        del spec

    def exec_module(self, module):
        exec(compile(self.tree, str(self.path), "exec"), module.__dict__)


def start(module: str, tree: ast.Module, tests: list[str]) -> int:
    """Fork, try the mutant with these tests in this order; returns the child's id.

    The child ends with KILLED or SURVIVED.
    """
    pid = os.fork()
    if pid:
        return pid
    status = KILLED
    try:
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS_MAX, CPU_SECONDS_MAX))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES_MAX, MEMORY_BYTES_MAX))
        with Path(os.devnull).open("w") as nowhere:
            os.dup2(nowhere.fileno(), 1)
            os.dup2(nowhere.fileno(), 2)
        sys.meta_path.insert(
            0, _Finder(f"{PACKAGE}.{module}", ENGINE / f"{module}.py", tree)
        )
        files = sorted({str(ROOT / test.split("::", 1)[0]) for test in tests})
        wanted = {test: place for place, test in enumerate(tests)}
        status = KILLED if _run(_Selected(wanted), files) else SURVIVED
    finally:
        os._exit(status)
