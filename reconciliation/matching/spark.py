"""The second engine: the same expressions on Spark. pyspark and a JVM are loaded by the process that matches with it.

One JVM a process, however many pieces it works on: each piece has its own session, and so its own names of tables.
What is kept under a name is computed once and then stays as it is (a local checkpoint), because rows are numbered as
they come: computed a second time they could be numbered otherwise. Should a part of it be lost, the piece fails, and is
done again from its files.
"""

import atexit
import re
import shutil
import tempfile
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from reconciliation.datasets import SCHEMA
from reconciliation.matching.engine import EngineFailed, whole_file
from reconciliation.matching.tables import MatchOptions
from reconciliation.rows import BUCKETS

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

REMEDY = (
    "Spark is chosen (INTERLOCK_RECON_ENGINE=spark) and cannot be started: it needs pyspark (`pip install"
    " --require-hashes -r requirements-spark.lock`) and Java 17 (on the path, or where JAVA_HOME says)."
    " INTERLOCK_RECON_ENGINE=duckdb needs neither"
)

_SETTINGS = {
    # Two tasks at once in one JVM: what the pieces of one process share, as DuckDB's pieces share the machine.
    "spark.master": "local[2]",
    "spark.driver.memory": "1g",
    "spark.sql.shuffle.partitions": "2",
    # A piece opens no port to anybody else.
    "spark.ui.enabled": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "ERROR",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.parquet.compression.codec": "zstd",
    # Numbers that do not fit are errors here as they are in DuckDB, never a wrong number.
    "spark.sql.ansi.enabled": "true",
}


class Spark:
    """One piece on Spark. Raises EngineFailed, with the remedy, where Spark is not to be had or cannot do it."""

    dialect = "pyspark"
    key_hash = "cast(conv(substr(md5(key), 1, 15), 16, 10) AS bigint)"
    bucket = f"(cast(conv(substr(md5(key), 1, 2), 16, 10) AS int) % {BUCKETS})"

    def __init__(self, options: MatchOptions | None = None) -> None:
        self.options = options or MatchOptions()

    def __enter__(self) -> Self:
        self.session = _session().newSession()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        from py4j.protocol import Py4JError
        from pyspark.errors import PySparkException

        for table in ("narrow", "keep", "wl", "wr", "nl", "nr", "pairs", "l", "r", "cl", "cr") if error is None else ():
            self.session.catalog.dropTempView(table)
        if isinstance(error, PySparkException | Py4JError | ConnectionError):
            raise EngineFailed(f"Spark: {_first_line(error)}") from error

    def view(self, name: str, paths: Sequence[Path]) -> None:
        if paths:
            rows = self.session.read.parquet(*(_literal(path) for path in paths))
        else:
            types = {"int64": "bigint", "string": "string"}
            columns = ", ".join(f"cast(NULL AS {types[str(field.type)]}) AS `{field.name}`" for field in SCHEMA)
            rows = self.session.sql(f"SELECT {columns} WHERE false")
        rows.createOrReplaceTempView(name)

    def keep(self, name: str, query: str) -> None:
        rows = self.session.sql(query)
        # Spark counts rows in 32 bits where the expressions, and DuckDB, say 64.
        narrow = {column: rows[column].cast("bigint") for column, kind in rows.dtypes if kind == "int"}
        rows.withColumns(narrow).localCheckpoint(eager=True).createOrReplaceTempView(name)

    def fetch(self, query: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self.session.sql(query).collect()]

    def write(self, query: str, path: Path) -> None:
        # Spark writes a folder: one part of it is wanted, and it appears under its name when it is finished.
        with whole_file(path) as draft, tempfile.TemporaryDirectory(dir=path.parent, prefix=".writing-") as folder:
            self.session.sql(query).coalesce(1).write.mode("overwrite").parquet(folder)
            [part] = Path(folder).glob("part-*.parquet")
            part.replace(draft)


_starting = Lock()


def _session() -> "SparkSession":
    with _starting:
        return _started()


@lru_cache(maxsize=1)
def _started() -> "SparkSession":
    """The session of this process, started when first asked for; its JVM ends with the process."""
    try:
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise EngineFailed(f"{REMEDY}: {error}") from error
    # Spark makes this folder whether it is used or not: not in whichever folder the process stands.
    warehouse = tempfile.mkdtemp(prefix="ilk-spark-")
    atexit.register(shutil.rmtree, warehouse, ignore_errors=True)
    builder = SparkSession.builder.appName("interlock reconciliation")
    for name, value in (*_SETTINGS.items(), ("spark.sql.warehouse.dir", warehouse)):
        builder = builder.config(name, value)
    try:
        return builder.getOrCreate()
    except (PySparkException, OSError) as error:
        raise EngineFailed(f"{REMEDY}: {_first_line(error)}") from error


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


def _literal(path: Path) -> str:
    """A path as Spark reads it: no sign in it is a pattern."""
    return "file://" + re.sub(r"([\\\[\]{}*?])", r"\\\1", str(path.resolve()))
