"""The chapters' recorded runs as modules: ``book/01-sine/record.py`` is ``chapters.sine``.

Importing this module loads them all. So a worker's process, to which joblib hands `chapters.sine.sine_study_run` by its
name, finds it too: the folder of this file is on its path as it is on ours.
"""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType


def load(path: Path) -> ModuleType:
    """Load a chapter's file under the chapter's name, without its number."""
    name = path.parent.name.partition("-")[2].replace("-", "_")
    spec = spec_from_file_location(f"{__name__}.{name}", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no module")
    module = sys.modules[spec.name] = module_from_spec(spec)
    spec.loader.exec_module(module)
    globals()[name] = module
    return module


ALL = [load(path) for path in sorted((Path(__file__).parents[1] / "book").glob("[0-9]*/record.py"))]
