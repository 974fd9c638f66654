"""JSON as types: what stands in a payload, a record on disk or the output of ``--json``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

# Read only, so that a dictionary of texts is JSON too.
Json = None | bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"]
JsonObject = Mapping[str, Json]
