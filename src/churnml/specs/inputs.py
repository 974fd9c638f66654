"""What ``project.yaml`` may say of one of the user's own tables."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidatorFunctionWrapHandler, WrapValidator, model_validator

from churnml.specs.base import Positive, Spec
from churnml.specs.encodings import codec_of

# Of several letters, these are one character as people write them.
SPELLED = {"\\t": "\t", "tab": "\t", "\\x01": "\x01", "\\x1f": "\x1f", "comma": ",", "semicolon": ";", "pipe": "|"}


def _known_encoding(value: str) -> str:
    codec_of(value)
    return value


def _one_character(value: object, _: ValidatorFunctionWrapHandler) -> str:
    # as a string it would be stripped, and a tab is one
    delimiter = SPELLED.get(value.lower(), value) if isinstance(value, str) else None
    if delimiter is None or len(delimiter) != 1 or delimiter in '\r\n"':
        raise ValueError("a delimiter is one character; a tab is written as \\t")
    return delimiter


Encoding = Annotated[str, AfterValidator(_known_encoding)]
Delimiter = Annotated[str, WrapValidator(_one_character)]


class Input(Spec):
    """One of the user's own tables: a file, a folder, several files (``data/events/*.parquet``), or a table of a
    database.

    Files are CSV, JSON Lines or Parquet, the first two also compressed (gz, zst, bz2, xz, zip); a folder holds files of
    one kind, in folders ``dt=2024-01-01`` or not, or a Delta or an Iceberg table. ``${NAME}`` in ``path``, ``database``
    and ``table`` is replaced by the environment variable NAME.

    ``grows: by_file`` says that files are only ever added, and that the SELECT over them looks at each row for
    itself: usage is then read file by file, each file once.

    ``encoding`` is any that Python knows; without it, it is told from the bytes. ``skip_lines`` is how many lines stand
    above the header of a CSV.

    ``watermark`` names a column of a database's table that says when a row was last written: then only rows from
    ``look_back_days`` before the newest that was seen are read again, and the rest is kept. ``key`` names the columns
    by which a row that was read again takes the place of the one kept.
    """

    path: Annotated[str, Field(min_length=1)] | None = None
    format: Literal["csv", "parquet", "json", "delta", "iceberg"] | None = None
    delimiter: Delimiter | None = None
    encoding: Encoding | None = None
    skip_lines: Annotated[int, Field(ge=0, le=10_000)] | None = None
    database: str | None = None
    table: str | None = None
    grows: Literal["by_file"] | None = None
    watermark: Annotated[str, Field(min_length=1)] | None = None
    look_back_days: Positive | None = None
    key: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _one_origin(self) -> Input:
        if (self.path is None) == (self.database is None):
            raise ValueError("give either 'path' (a file) or 'database' with 'table'")
        if (self.database is None) != (self.table is None):
            raise ValueError("'database' (a URL) and 'table' go together")
        if self.grows and self.database:
            raise ValueError("'grows: by_file' is for files, not for a database")
        if self.grows and self.format in ("delta", "iceberg"):
            raise ValueError(f"'grows: by_file' is for files that are only added, not for a table of {self.format}")
        if self.watermark and not self.database:
            raise ValueError("'watermark' is for a table of a database; of files, declare 'grows: by_file'")
        if not self.watermark and (self.look_back_days or self.key):
            raise ValueError("'look_back_days' and 'key' go with a 'watermark'")
        return self
