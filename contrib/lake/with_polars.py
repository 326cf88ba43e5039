"""Polars: an expression, also for lazy frames that do not fit in memory."""

import polars as pl
import rapsheet

snapshot = rapsheet.Snapshot("rapsheet.rap")
answer = pl.Struct(
    {
        "status": pl.UInt8,
        "detected_by": pl.UInt32,
        "assessments": pl.List(pl.String),
        "providers": pl.List(pl.String),
        "matched": pl.String,
    }
)


def score(columns: pl.Series) -> pl.Series:
    return pl.Series(snapshot.score(columns.struct["indicator"], at=columns.struct["seen"]))


events = pl.scan_parquet("events.parquet")
scores = pl.struct("indicator", "seen").map_batches(score, return_dtype=answer, is_elementwise=True)
events.with_columns(scores.alias("rapsheet")).sink_parquet("annotated.parquet")
