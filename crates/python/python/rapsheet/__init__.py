"""Look-ups in a rapsheet snapshot: which feeds list an address, a name or a URL, as what, and since when.

A snapshot is one file that ``rapsheet build`` makes of blocklists and allowlists. Here it answers for one indicator, for
a list of them, for a column in Arrow's memory, and for those in a log.

>>> import rapsheet
>>> snapshot = rapsheet.Snapshot("sample.rap")
>>> snapshot.lookup("192.0.2.7", at="2026-08-23T12:00:00Z").is_blocked
True
"""

from ._errors import Error, IndicatorError, SnapshotError, SnapshotWarning
from ._rapsheet import ChunkedScores, Hit, Scan, Scores, Snapshot, Source, Verdict, __version__

__all__ = [
    "ChunkedScores",
    "Error",
    "Hit",
    "IndicatorError",
    "Scan",
    "Scores",
    "Snapshot",
    "SnapshotError",
    "SnapshotWarning",
    "Source",
    "Verdict",
    "__version__",
]
