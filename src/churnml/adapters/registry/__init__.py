"""The model registry: the only room that knows MLflow.

Every training run is logged whole; the version is registered before, and the alias moved after, all
else has succeeded, so a run that is killed leaves no half-made champion. What was decided about a
version is added to the registered model as a tag of its own, never changed afterwards (docs/decisions/0012).
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from churnml.adapters.registry.registered import RegisteredModel

if TYPE_CHECKING:
    from churnml.adapters.registry.opened import Registry, open_registry, registry_of

__all__ = ["RegisteredModel", "Registry", "open_registry", "registry_of"]


def __getattr__(name: str) -> object:
    # MLflow takes seconds to import, and what a local registry is asked for may need none of it
    if name in __all__:
        return getattr(import_module("churnml.adapters.registry.opened"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
