"""What runs in Spark's Python workers: opens the snapshot that a job was planned with, and answers its
batches.

It stands apart from `rapsheet.spark`, because that imports the whole of pyspark.sql, which a worker has no
use for: some 10 MB of memory in each.
"""

from __future__ import annotations

import hashlib
import os
import socket
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

from ._errors import SnapshotError
from ._rapsheet import Snapshot

if TYPE_CHECKING:
    import pyarrow

#: Snapshots that a worker keeps open. It outlives its jobs, and each of them may have been planned with
#: another file.
_OPEN_MAX = 4
_NAMES = ["status", "detected_by", "assessments", "providers", "matched"]


@dataclass(frozen=True)
class Pin:
    """Which file a job answers from. It is all that travels with a job."""

    #: Where workers find it: an absolute path, or a name among the files that Spark ships.
    place: str
    shipped: bool
    sha256: str
    built_at: str

    def metadata(self) -> dict[str, Any]:
        return {"rapsheet": {"sha256": self.sha256, "built_at": self.built_at}}


#: The snapshots that this process has open, by their digests; the last used is the last.
_opened: OrderedDict[str, Snapshot] = OrderedDict()


def score(
    pin: Pin, instant: int, values: pyarrow.Array, instants: pyarrow.Array | None = None
) -> pyarrow.Array:
    """The answers for a batch, in the type ``rapsheet.spark.RESULT``."""
    import pyarrow

    at: Any = instant if instants is None else instants
    if instants is not None and pyarrow.types.is_timestamp(instants.type):
        # The clock of a worker decides nothing: a task that is tried again has to give the same.
        at = instants.fill_null(pyarrow.scalar(instant, pyarrow.timestamp("s", "UTC")).cast(instants.type))
    scores = pyarrow.array(_snapshot(pin).score(values, at))
    texts = pyarrow.list_(pyarrow.field("element", pyarrow.string(), nullable=False))
    number = pyarrow.int32()
    fields = [number, number, texts, texts, pyarrow.string()]
    return scores.cast(pyarrow.struct(list(zip(_NAMES, fields, strict=True))))


def _snapshot(pin: Pin) -> Snapshot:
    """The snapshot of a job, opened by the first batch of a process."""
    if pin.sha256 not in _opened:
        place = _shipped(pin.place) if pin.shipped else pin.place
        _opened[pin.sha256] = open_pinned(place, pin)[1]
        while len(_opened) > _OPEN_MAX:
            _opened.popitem(last=False)
    _opened.move_to_end(pin.sha256)
    return _opened[pin.sha256]


def _shipped(name: str) -> str:
    from pyspark import SparkFiles

    return SparkFiles.get(name)


def open_pinned(path: str, pin: Pin | None) -> tuple[str, Snapshot]:
    """Maps a file, with its digest; refuses one that is not the pinned one, or is replaced meanwhile.

    The digest is read from an open file, and what is mapped has to be that one: a path may have another file each time
    that it is looked at.
    """
    try:
        with open(path, "rb") as file:
            before = _identity(file)
            sha256 = _digest_of(file)
            if pin is not None and pin.sha256 != sha256:
                raise SnapshotError(_other(path, pin, sha256))
            # The driver verified these bytes.
            opened = Snapshot(path, verify=pin is None)
            if before == _identity(file) and opened._place() == before[:2]:
                return sha256, opened
    except FileNotFoundError:
        raise SnapshotError(
            f"{path}: no such file on {socket.gethostname()}; install it on every host, or pass a path, which Spark ships"
        ) from None
    raise SnapshotError(f"{path}: replaced while it was opened, on {socket.gethostname()}; try again")


def _other(path: str, pin: Pin, found: str) -> str:
    return (
        f"{path} on {socket.gethostname()}: expected the snapshot that the job was planned with, {pin.sha256}, built at "
        f"{pin.built_at}; found {found}. It was replaced since, or the hosts have different ones: run the job again with "
        "the same file on all hosts, or pass a path, which Spark ships"
    )


def _identity(file: BinaryIO) -> tuple[int, int, int, int]:
    found = os.fstat(file.fileno())
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def digest(path: str) -> str:
    with open(path, "rb") as file:
        return _digest_of(file)


def _digest_of(file: BinaryIO) -> str:
    return str(hashlib.file_digest(file, "sha256").hexdigest())  # type: ignore[arg-type]
