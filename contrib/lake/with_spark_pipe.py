"""Spark without the wheel: the command line on every host, a line out for each line in."""

import os

from pyspark.sql import SparkSession

# One instant for the whole job, not that of each line. Exit code 2 says that some line was no indicator,
# and is no failure.
lookup = f"rapsheet lookup --snapshot {os.getcwd()}/rapsheet.rap --now 2026-11-23T00:00:00Z --output tsv -"
spark = SparkSession.builder.getOrCreate()
events = spark.read.parquet("events.parquet").where("trim(indicator) != ''")
indicators = events.select("indicator").rdd.map(lambda row: row.indicator)
search = {"PATH": os.environ["PATH"]}  # the environment of a pipe is empty otherwise
answers = indicators.pipe(f"sh -c '{lookup} || [ $? -eq 2 ]'", search, checkCode=True)
answers.saveAsTextFile("answers")
