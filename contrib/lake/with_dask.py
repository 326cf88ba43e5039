"""Dask: the same for each partition. A snapshot is pickled as its path, and mapped once in each process."""

import dask.dataframe as dd
import pandas as pd
import pyarrow as pa
import rapsheet

snapshot = rapsheet.Snapshot("rapsheet.rap")


def score(events: pd.DataFrame) -> pd.DataFrame:
    asked = pa.Table.from_pandas(events[["indicator", "seen"]], preserve_index=False)
    scores = pa.chunked_array(snapshot.score(asked["indicator"], at=asked["seen"]))
    return events.assign(rapsheet=pd.Series(pd.arrays.ArrowExtensionArray(scores), index=events.index))


if __name__ == "__main__":
    events = dd.read_parquet("events.parquet", split_row_groups=True)
    scored = events.map_partitions(score, meta=score(events._meta))
    scored.compute(scheduler="processes").to_parquet("annotated.parquet")
