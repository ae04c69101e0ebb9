"""Run the simulated payment provider."""

import sys

from simulators.psp.cli import run

sys.exit(run())
