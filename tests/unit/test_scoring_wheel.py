"""The wheel a model brings: what loads the model, nothing of it missing, nothing else in it, the same bytes each time."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

from churnml import __version__
from churnml.adapters.registry.scoring_wheel import MODULES, requirements, scoring_wheel

OLD = Path(__file__).parent / "models" / "format_2"
# the wheel alone on the path, before an installed churnml
ALONE = """
import json, sys
sys.path.insert(0, sys.argv[1])
import pandas as pd
from pathlib import Path
from churnml.modelling.predictor import _load_pyfunc
import churnml
assert churnml.__file__.startswith(sys.argv[1]), churnml.__file__
given = json.loads(Path(sys.argv[3]).read_text("utf-8"))
model = _load_pyfunc(sys.argv[2])
frame = pd.DataFrame(given["rows"])
numbers = [name for name in frame if name not in model.predictor.categories]
scored = model.predict(frame.astype(dict.fromkeys(numbers, float)))
assert list(scored["probability"]) == given["predictions"], list(scored["probability"])
print(json.dumps(sorted(name for name in sys.modules if name == "churnml" or name.startswith("churnml."))))
"""


def test_the_wheel_alone_loads_a_model_and_scores_the_same(tmp_path: Path) -> None:
    wheel = scoring_wheel(tmp_path)
    rows = OLD.with_name("format_2_rows.json")
    command = [sys.executable, "-c", ALONE, str(wheel), str(OLD), str(rows)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    loaded = {f"{name.replace('.', '/')}" for name in json.loads(done.stdout)}
    packed = {
        "churnml" if m == "__init__.py" else f"churnml/{m.removesuffix('/__init__.py').removesuffix('.py')}"
        for m in MODULES
    }
    assert loaded == packed


def test_the_wheel_is_whole_and_the_same_each_time(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first, second = scoring_wheel(tmp_path / "a"), scoring_wheel(tmp_path / "b")
    assert first.name == f"churnml_scoring-{__version__}-py3-none-any.whl"
    assert first.read_bytes() == second.read_bytes()
    with zipfile.ZipFile(first) as wheel:
        assert wheel.testzip() is None
        (record,) = [name for name in wheel.namelist() if name.endswith("/RECORD")]
        listed = {line.split(",")[0] for line in wheel.read(record).decode().splitlines()}
        assert listed == set(wheel.namelist())


def test_what_a_model_requires_is_what_is_installed_here_and_the_wheel(tmp_path: Path) -> None:
    lines = requirements("data/churnml_model/churnml_scoring-0.1.0-py3-none-any.whl")
    assert lines[-1] == "data/churnml_model/churnml_scoring-0.1.0-py3-none-any.whl"
    pinned = dict(line.split("==") for line in lines[:-1])
    assert pinned.pop("mlflow-skinny") == metadata.version("mlflow")
    assert pinned == {name: metadata.version(name) for name in ("lightgbm", "numpy", "pandas")}
