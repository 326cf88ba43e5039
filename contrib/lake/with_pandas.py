"""pandas: one more column, of structs; `events["rapsheet"].struct.field("status")` takes one part out."""

import pandas as pd
import pyarrow as pa
import rapsheet

snapshot = rapsheet.Snapshot("rapsheet.rap")
events = pd.read_parquet("events.parquet")
asked = pa.Table.from_pandas(events[["indicator", "seen"]], preserve_index=False)
scores = pa.chunked_array(snapshot.score(asked["indicator"], at=asked["seen"]))
events["rapsheet"] = pd.Series(pd.arrays.ArrowExtensionArray(scores), index=events.index)
events.to_parquet("annotated.parquet")
