"""The recipes of `contrib/lake` that need Spark, run as they stand, by a Spark of their own."""

import os
import subprocess
import sys
from pathlib import Path

import lists
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import rows

ROWS = 20_000
RECIPES = Path(__file__).parents[2] / "contrib" / "lake"
# Snappy as above; and nothing listens beyond this machine.
SETTINGS = {
    "spark.sql.parquet.compression.codec": "zstd",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.ui.enabled": "false",
}


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, pa.Table]:
    folder = tmp_path_factory.mktemp("recipes")
    lists.build(folder / "downloads", folder / "rapsheet.rap")
    (folder / "rapsheet").symlink_to(lists.program())
    table = rows.events(ROWS)
    pq.write_table(table, folder / "events.parquet", compression="zstd")
    return folder, table


def _run(folder: Path, recipe: str) -> None:
    settings = " ".join(f"--conf {name}={value}" for name, value in SETTINGS.items())
    spark = {
        "PYSPARK_PYTHON": sys.executable,
        "PYSPARK_SUBMIT_ARGS": f"--master local[2] {settings} pyspark-shell",
    }
    environment = os.environ | spark | {"PATH": f"{folder}:{os.environ['PATH']}"}
    done = subprocess.run(
        [sys.executable, RECIPES / recipe], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, [line for line in done.stderr.splitlines() if not line.startswith("\tat ")][
        -40:
    ]


@pytest.mark.parametrize("recipe", ["with_spark.py", "with_spark_sql.py"])
def test_a_recipe(lake: tuple[Path, pa.Table], recipe: str) -> None:
    folder, table = lake
    out = folder / "annotated.parquet"
    subprocess.run(["rm", "-rf", out], check=True)
    _run(folder, recipe)
    found = pq.read_table(out, columns=["row", "rapsheet"]).sort_by("row")
    rows.assert_same(rows.flat(found["rapsheet"]), rows.expected(folder / "rapsheet.rap", table), table)


def test_the_pipe(lake: tuple[Path, pa.Table]) -> None:
    folder, table = lake
    _run(folder, "with_spark_pipe.py")
    answers = [
        line
        for part in sorted((folder / "answers").glob("part-*"))
        for line in part.read_text().split("\n")[:-1]
    ]
    wanted = rows.expected(folder / "rapsheet.rap", table, lists.NOW)
    asked = [
        (text, status)
        for text, status in zip(table["indicator"].to_pylist(), wanted["status"].to_pylist(), strict=True)
        if text
    ]
    assert len(answers) == len(asked)
    for line, (text, status) in zip(answers, asked, strict=True):
        cells = line.split("\t")
        assert cells[0] == text and (not cells[1].isdigit() if status is None else cells[1] == str(status))
