"""What earlier runs tried: a file that a run can end at any moment.

One JSON line a result. A line counts as long as the module is the same to the letter;
that a mutant survived counts only as long as the tests are the same too.
"""

import hashlib
import json
from pathlib import Path

FILE = Path(__file__).resolve().parents[2] / ".mutation.jsonl"

Place = tuple[int, int]


class Memory:
    """Results by module and place of the mutant.

    Args:
        engine: the folder of the modules.
        tests: the folder of the tests.
        again: forget everything first.
    """

    def __init__(self, engine: Path, tests: Path, *, again: bool = False) -> None:
        self._engine = engine
        self._tests = _digest(sorted(tests.rglob("*.py")))
        self._digests: dict[str, str] = {}
        self._found: dict[tuple[str, str, Place], str] = {}
        if again:
            FILE.unlink(missing_ok=True)
        if FILE.exists():
            for line in FILE.read_text().splitlines():
                self._take(line)

    def known(self, module: str, place: Place) -> str | None:
        """What became of this mutant, if that still holds."""
        return self._found.get((module, self._digest_of(module), place))

    def note(self, module: str, place: Place, what: str) -> None:
        """Keep a result at once: the next line may never come."""
        row = [module, self._digest_of(module), list(place), what, self._tests]
        with FILE.open("a") as file:
            file.write(f"{json.dumps(row)}\n")

    def _take(self, line: str) -> None:
        try:
            module, digest, place, what, tests = json.loads(line)
        except ValueError:
            return  # the last line of a run that was killed while it wrote
        key = module, digest, (place[0], place[1])
        if what == "killed" or (key not in self._found and tests == self._tests):
            self._found[key] = what

    def _digest_of(self, module: str) -> str:
        if module not in self._digests:
            self._digests[module] = _digest([self._engine / f"{module}.py"])
        return self._digests[module]


def _digest(files: list[Path]) -> str:
    """Of contents and names."""
    digest = hashlib.sha256()
    for file in files:
        content = file.read_bytes()
        digest.update(f"{file.name} {len(content)} ".encode() + content)
    return digest.hexdigest()[:16]
