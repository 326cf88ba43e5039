"""DataFusion: a function of SQL for a column of indicators."""

import pyarrow as pa
import rapsheet
from datafusion import SessionContext, udf

snapshot = rapsheet.Snapshot("rapsheet.rap")
answer = pa.array(snapshot.score(pa.array([], pa.string()))).type


def score(indicators: pa.Array, instants: pa.Array) -> pa.Array:
    return pa.array(snapshot.score(indicators, at=instants))


context = SessionContext()
context.register_udf(udf(score, [pa.string(), pa.timestamp("us", "UTC")], answer, "stable", "rapsheet"))
context.register_parquet("events", "events.parquet")
context.sql("SELECT *, rapsheet(indicator, seen) AS rapsheet FROM events").write_parquet("annotated.parquet")
