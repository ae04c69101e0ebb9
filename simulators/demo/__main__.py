"""``python -m simulators.demo``."""

import sys

from simulators.demo.cli import run

if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
