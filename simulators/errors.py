"""What can go wrong for a simulator, and the exit code that says so."""

from enum import IntEnum
from typing import ClassVar


class ExitCode(IntEnum):
    """Exit codes of every simulator's command line."""

    OK = 0
    FAILED = 1
    USAGE = 2
    UNREACHABLE = 3
    REFUSED = 4
    TIMED_OUT = 5

    @property
    def words(self) -> str:
        """The code's name as people read it."""
        return self.name.lower().replace("_", " ")


class SimulatorError(Exception):
    """A simulator could not do what its script asked for."""

    exit_code: ClassVar[ExitCode] = ExitCode.FAILED


class UnableToUnderstand(SimulatorError):
    """The script's or command line's own input is wrong."""

    exit_code = ExitCode.USAGE


class UnableToReach(SimulatorError):
    """Nobody answers at the address."""

    exit_code = ExitCode.UNREACHABLE


class UnableToEnter(SimulatorError):
    """The server answered and refused: handshake, registration, credentials."""

    exit_code = ExitCode.REFUSED


class WaitedTooLong(SimulatorError):
    """What the script waited for did not happen within its time limit."""

    exit_code = ExitCode.TIMED_OUT
