"""DuckDB: a function of SQL for a column of indicators."""

import duckdb
import pyarrow as pa
import rapsheet

snapshot = rapsheet.Snapshot("rapsheet.rap")


def score(indicators: pa.ChunkedArray, instants: pa.ChunkedArray) -> pa.ChunkedArray:
    return pa.chunked_array(snapshot.score(indicators, at=instants))


duckdb.create_function(
    "rapsheet",
    score,
    ["VARCHAR", "TIMESTAMPTZ"],
    "STRUCT(status UTINYINT, detected_by UINTEGER, assessments VARCHAR[], providers VARCHAR[], matched VARCHAR)",
    type="arrow",
    null_handling="special",
)
duckdb.sql("""
    COPY (SELECT *, rapsheet(indicator, seen) AS rapsheet FROM 'events.parquet')
    TO 'annotated.parquet'
""")
