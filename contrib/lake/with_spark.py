"""Spark: one more column, of structs. Spark ships the snapshot to its executors."""

from pyspark.sql import SparkSession
from rapsheet.spark import annotate

spark = SparkSession.builder.getOrCreate()
events = spark.read.parquet("events.parquet")
scored = annotate(events, "indicator", "rapsheet.rap", at=events.seen)
print(scored.schema["rapsheet"].metadata)
scored.write.parquet("annotated.parquet")
