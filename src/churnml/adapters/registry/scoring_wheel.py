"""A wheel with the modules a stored model is read through, so that a model brings what its environment needs.

``churnml`` itself is on no index, and hundreds of megabytes more than a model wants. The wheel is logged beside the
model and named in its requirements, relative to it, which is how MLflow and pip find it: ``mlflow models serve`` and
Spark build an environment from it. churnml itself never installs or imports it. The same modules give the same bytes.
"""

from __future__ import annotations

import base64
import hashlib
import zipfile
from importlib import metadata
from pathlib import Path

import churnml

# All that ``churnml.modelling.predictor`` imports of churnml; a test holds this against what it does import.
MODULES = (
    "__init__.py",
    "declarations.py",
    "errors.py",
    "jsontypes.py",
    "modelling/__init__.py",
    "modelling/curves.py",
    "modelling/predictor.py",
    "modelling/profile.py",
    "modelling/stored.py",
)
LIBRARIES = ("lightgbm", "numpy", "pandas")
# Without a clock, so that the same modules are the same file.
LONG_AGO = (1980, 1, 1, 0, 0, 0)


def scoring_wheel(folder: Path) -> Path:
    """Writes the wheel into ``folder``; its path."""
    name, version = "churnml_scoring", churnml.__version__
    package, about = Path(churnml.__file__).parent, f"{name}-{version}.dist-info"
    needs = "".join(f"Requires-Dist: {requirement}\n" for requirement in LIBRARIES)
    files = {f"churnml/{module}": (package / module).read_bytes() for module in MODULES}
    files[f"{about}/METADATA"] = (
        "Metadata-Version: 2.1\n"
        "Name: churnml-scoring\n"
        f"Version: {version}\n"
        "Summary: What a model of churnml is read through; not to be installed beside churnml.\n"
        f"{needs}"
    ).encode()
    files[f"{about}/WHEEL"] = b"Wheel-Version: 1.0\nGenerator: churnml\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    record = "".join(f"{file},sha256={_digest(content)},{len(content)}\n" for file, content in files.items())
    files[f"{about}/RECORD"] = f"{record}{about}/RECORD,,\n".encode()
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
        for file, content in files.items():
            wheel.writestr(zipfile.ZipInfo(file, LONG_AGO), content, zipfile.ZIP_DEFLATED)
    return path


def requirements(wheel_in_model: str) -> list[str]:
    """What an environment that loads the model needs, a line each.

    Args:
        wheel_in_model: the wheel's path, relative to the model.
    """
    pinned = [f"{library}=={metadata.version(library)}" for library in LIBRARIES]
    return [f"mlflow-skinny=={metadata.version('mlflow')}", *pinned, wheel_in_model]


def _digest(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
