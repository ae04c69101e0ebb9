"""How a simulator's command line speaks: lines for people or JSON lines."""

import argparse
import asyncio
import json
import sys
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from simulators.errors import ExitCode, SimulatorError
from simulators.journal import Event
from simulators.shapes import JsonValue


class Console:
    """Standard output in one of two forms, chosen by ``--json``."""

    def __init__(self, *, as_json: bool) -> None:
        """Remember the form."""
        self.as_json = as_json

    def event(self, event: Event) -> None:
        """Print an event of a journal; usable as its listener."""
        if self.as_json:
            self._line(json.dumps(event.as_json(), default=str))
            return
        data = " ".join(f"{key}={value}" for key, value in event.data.items())
        at = event.at.strftime("%H:%M:%S")
        self._line(f"{at} {event.source}: {event.name} {data}".rstrip())

    def result(self, content: JsonValue) -> None:
        """Print what the command was asked for."""
        indent = None if self.as_json else 2
        self._line(json.dumps(content, default=str, indent=indent))

    def progress(self, text: str) -> None:
        """Rewrite the progress line on standard error (people only)."""
        if not self.as_json:
            sys.stderr.write(f"\r{text:<78}")
            sys.stderr.flush()

    def fail(self, error: SimulatorError) -> ExitCode:
        """Print the error and return the exit code that goes with it."""
        if self.as_json:
            self._line(json.dumps({"event": "failed", "error": str(error)}))
        else:
            sys.stderr.write(f"error: {error}\n")
        return error.exit_code

    @staticmethod
    def _line(text: str) -> None:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()


AsyncWork = Callable[[argparse.Namespace, Console], Coroutine[Any, Any, int]]


def run_command(
    parser: argparse.ArgumentParser, argv: Sequence[str], work: AsyncWork
) -> int:
    """Parse, run `work` on an event loop, and map errors to exit codes."""
    try:
        options = parser.parse_args(argv)
    except SystemExit as stop:
        return int(stop.code or 0)
    console = Console(as_json=bool(getattr(options, "json", False)))
    try:
        return asyncio.run(work(options, console))
    except SimulatorError as error:
        return console.fail(error)
    except KeyboardInterrupt:
        return ExitCode.FAILED
