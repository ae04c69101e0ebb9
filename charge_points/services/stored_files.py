"""Files under the media folder: written whole or not at all, by random names."""

import hashlib
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from django.conf import settings

from cpms.kernel.errors import DomainError
from cpms.kernel.ids import new_secret

CHUNK_BYTES: Final = 64 * 1024
SECONDS_MAX: Final = 1800
"""A file must have come within this time."""


class UnableToStoreFile(DomainError):
    """The file is not kept."""

    http_status = 413


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file that is on the disk; ``stored_as`` is its path under the media folder."""

    stored_as: str
    size_bytes: int
    sha256: str
    md5: str


def path_of(stored_as: str) -> Path:
    """Where a file is."""
    return Path(settings.MEDIA_ROOT) / stored_as


def remove(stored_as: str) -> None:
    """Delete a file; one that is gone already does no harm."""
    path_of(stored_as).unlink(missing_ok=True)


def store(
    *,
    folder: str,
    chunks: Iterable[bytes],
    bytes_max: int,
    seconds_max: float = SECONDS_MAX,
) -> StoredFile:
    """Write a file.

    Args:
        folder: under the media folder.
        chunks: its content.
        bytes_max: the most that is taken.
        seconds_max: for all of it.

    Raises:
        UnableToStoreFile: empty, too long or too slow; nothing is kept.
    """
    stored_as = f"{folder}/{new_secret(bits=128)}"
    path = path_of(stored_as)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    try:
        stored = _write(part, stored_as, chunks, (bytes_max, seconds_max))
        part.rename(path)
    finally:
        part.unlink(missing_ok=True)
    return stored


def _write(
    part: Path, stored_as: str, chunks: Iterable[bytes], limits: tuple[int, float]
) -> StoredFile:
    bytes_max, seconds_max = limits
    deadline = time.monotonic() + seconds_max
    sha256 = hashlib.sha256()
    md5 = hashlib.md5(usedforsecurity=False)
    size = 0
    with part.open("xb") as file:
        for chunk in chunks:
            size += len(chunk)
            if size > bytes_max:
                raise UnableToStoreFile(
                    "file_too_large",
                    f"The file has more than {bytes_max} bytes; nothing was kept.",
                )
            if time.monotonic() > deadline:
                raise UnableToStoreFile(
                    "file_too_slow",
                    f"The file did not come within {seconds_max:g} s; try again.",
                    http_status=408,
                )
            sha256.update(chunk)
            md5.update(chunk)
            file.write(chunk)
    if not size:
        raise UnableToStoreFile(
            "file_empty", "The file is empty; nothing was kept.", http_status=400
        )
    return StoredFile(stored_as, size, sha256.hexdigest(), md5.hexdigest())
