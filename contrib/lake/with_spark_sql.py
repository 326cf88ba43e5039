"""Spark: the same as a function of SQL, from Spark 4.1 on. `file:` is a snapshot that lies on every host."""

from pathlib import Path

from pyspark.sql import SparkSession
from rapsheet.spark import register

spark = SparkSession.builder.getOrCreate()
spark.read.parquet("events.parquet").createOrReplaceTempView("events")
register(spark, "rapsheet", Path("rapsheet.rap").absolute().as_uri())
scored = spark.sql("SELECT *, rapsheet(indicator, seen) AS rapsheet FROM events")
scored.write.parquet("annotated.parquet")
