"""The same experiment over many seeds and settings, on all cores or on a cluster."""

import itertools
import json
import threading
from collections.abc import Callable, Iterable, Mapping
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from joblib import Parallel, delayed
from tqdm import tqdm

from rnncourse._batches import globals_kept
from rnncourse._checks import seed_list, several
from rnncourse.training import reproducible

Row = dict[str, Any]
_BUSY = threading.Lock()


def sweep(
    experiment: Callable[..., Mapping[str, Any]],
    *,
    seeds: Iterable[int],
    n_jobs: int = -1,
    path: str | Path | None = None,
    progress: bool = True,
    **grid: Iterable[Any],
) -> pd.DataFrame:
    """Run an experiment for every combination of settings and every seed.

    Each run begins with ``reproducible(seed)``, in a process of its own with one PyTorch thread. So the rows
    do not depend on how many processes there are, nor on which run ends first.

    Parameters
    ----------
    experiment : callable
        Takes ``seed`` and each name of the grid as keywords; returns the result, a mapping of names to numbers
        or strings. For several processes it must be importable, or be defined in the notebook.
    seeds : iterable of int
        At least one.
    n_jobs : int, default -1
        Processes; -1: one for each core; 1: this one. ``joblib.parallel_config("dask")`` around the call moves
        the runs to a Dask cluster whose workers have one thread each.
    path : str or Path, optional
        A file to which each row is added as it comes, one JSON object a line; "~" is the home folder. If it is there
        already, its runs are not repeated: a sweep that was broken off goes on where it stopped. It does not notice
        that the experiment has changed: then begin with another file.
    progress : bool, default True
        Show a progress bar.
    **grid : iterables
        The values of each setting, under any name but those above and "seed"; `run_each` takes any.

    Returns
    -------
    DataFrame
        A row for each run: the settings, "seed", the results. Settings vary in the order in which they are
        given, the last one fastest but for the seed. Where a run raised an exception there is a column "error"
        with what it said; its results are missing, those of the other runs are not. Such runs are
        repeated when the sweep is begun again.

    Raises
    ------
    TypeError
        If the experiment cannot be called, a seed is not a whole number, the values of a setting are no sequence, an
        option is not of its kind (as where a setting has its name), or a setting cannot be written to `path`
        because it is neither a number, a string, None nor a sequence of these.
    ValueError
        If there are no seeds or one comes twice, a setting is named "seed" or has no values, a combination that is to
        be kept in `path` is there twice, or `path` was written by another experiment.
    RuntimeError
        If two runs share a process at the same time, as on Dask workers with several threads.

    Examples
    --------
    >>> def experiment(seed, rate):
    ...     return {"product": seed * rate}
    >>> sweep(experiment, seeds=[1, 2], rate=[0.5, 2.0], n_jobs=1, progress=False)
       rate  seed  product
    0   0.5     1      0.5
    1   0.5     2      1.0
    2   2.0     1      2.0
    3   2.0     2      4.0
    """
    if "seed" in grid:
        raise ValueError(f"seed cannot be a setting, for it comes from seeds={seeds!r}, got seed={grid['seed']!r}")
    values = {name: several(name, choices, "value", "values") for name, choices in grid.items()}
    values["seed"] = seed_list(seeds)
    settings = [dict(zip(values, chosen, strict=True)) for chosen in itertools.product(*values.values())]
    results = run_each(experiment, settings, n_jobs=n_jobs, path=path, progress=progress)
    table = pd.DataFrame([{**setting, **row} for setting, (row,) in zip(settings, results, strict=True)])
    return table[[name for name in table if name != "error"] + [name for name in table if name == "error"]]


def run_each(
    experiment: Callable[..., Any],
    settings: Iterable[Mapping[str, Any]],
    *,
    n_jobs: int = -1,
    path: str | Path | None = None,
    progress: bool = True,
) -> list[list[Row]]:
    """Call an experiment with each of some settings: what `sweep` stands on, for settings that are no grid.

    Parameters
    ----------
    experiment : callable
        Takes the settings as keywords; returns a row (a mapping), or a list of rows where it trains several
        seeds at once.
    settings : iterable of mappings
        Keywords of each call. Each call begins with ``reproducible(seed)``, or ``reproducible(0)`` without a "seed".
    n_jobs, path, progress
        As for `sweep`.

    Returns
    -------
    list of lists of dict
        The rows of each call, in the order of the settings; for a call that raised an exception one row, which
        has only an "error".

    Raises
    ------
    TypeError, ValueError, RuntimeError
        As `sweep`.

    Examples
    --------
    >>> run_each(lambda a, b: {"sum": a + b}, [{"a": 1, "b": 2}], n_jobs=1, progress=False)
    [[{'sum': 3}]]
    """
    if not callable(experiment):
        raise TypeError(f"experiment must be callable, got {type(experiment).__name__}")
    options = (("n_jobs", n_jobs, Integral), ("path", path, str | Path | None), ("progress", progress, bool))
    for name, value, kind in options:
        if not isinstance(value, kind):
            raise TypeError(f"{name} is an option and got {value!r}; settings of that name are for run_each")
    calls = [dict(setting) for setting in settings]
    keys = [str(number) if path is None else _key(setting) for number, setting in enumerate(calls)]
    if len(set(keys)) < len(keys):
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"settings must differ from run to run, but this one is there twice: {twice}")
    file = None if path is None else Path(path).expanduser()
    done = {} if file is None else _read(file, getattr(experiment, "__qualname__", type(experiment).__qualname__))
    missing = [(key, setting) for key, setting in zip(keys, calls, strict=True) if key not in done]
    # One task at a time, handed back as it ends, so that nothing that is finished can be lost.
    parallel = Parallel(n_jobs=n_jobs, return_as="generator_unordered", batch_size=1)
    results = parallel(delayed(_run)(experiment, key, setting) for key, setting in missing)
    bar = tqdm(results, total=len(calls), initial=len(calls) - len(missing), disable=not progress, unit="run")
    for key, rows in bar:
        done[key] = rows
        if file is not None and not any("error" in row for row in rows):
            with file.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps({"settings": key, "rows": rows}) + "\n")
    return [done[key] for key in keys]


def _run(experiment: Callable[..., Any], key: str, setting: Mapping[str, Any]) -> tuple[str, list[Row]]:
    """One call, in whatever process this is; what it raises becomes a row."""
    if not _BUSY.acquire(blocking=False):
        raise RuntimeError("two runs share a process and its random numbers; give workers one thread each")
    try:
        with globals_kept():
            reproducible(setting.get("seed", 0))
            try:
                result = experiment(**setting)
                rows = [_plain(row, setting) for row in (result if isinstance(result, list) else [result])]
            except Exception as error:  # whatever goes wrong in one run must not lose the others
                rows = [{"error": f"{type(error).__name__}: {error}"}]
        return key, rows
    finally:
        _BUSY.release()


def _plain(row: Any, setting: Mapping[str, Any]) -> Row:
    """The row in numbers and strings that a file can keep; it may repeat a setting, not contradict it."""
    if not isinstance(row, Mapping):
        raise TypeError(f"experiment must return a mapping, got {type(row).__name__}")
    plain: Row = {}
    for name, value in row.items():
        value = value.item() if isinstance(value, np.generic | np.ndarray | torch.Tensor) else value
        if not isinstance(value, str | int | float | None):
            raise TypeError(f"experiment must return numbers or strings, got {type(value).__name__} for {name!r}")
        if name in setting and setting[name] != value:
            raise ValueError(f"experiment must not return {name!r}, the name of a setting, with another value")
        plain[str(name)] = value
    return plain


def _key(setting: Mapping[str, Any]) -> str:
    """The setting as text, by which a run is found again."""
    try:
        return json.dumps(dict(setting), default=lambda x: [*x] if isinstance(x, range) else x.item(), sort_keys=True)
    except (TypeError, AttributeError, ValueError) as error:
        raise TypeError(f"settings must be numbers, strings or sequences for a file, got {setting}") from error


def _read(path: Path, experiment: str) -> dict[str, list[Row]]:
    """What the file holds already; a new one is begun with the name of the experiment."""
    begin = json.dumps({"experiment": experiment}) + "\n"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(begin, encoding="utf-8")
    text = path.read_text(encoding="utf-8")
    if not text.startswith(begin):
        raise ValueError(f"path must name a new file or one that begins with {begin!r}, got {path} with {text[:80]!r}")
    whole = text[: text.rfind("\n") + 1]  # a line that was cut when the process was killed does not count
    if whole != text:
        path.write_text(whole, encoding="utf-8")
    try:
        return {run["settings"]: run["rows"] for run in map(json.loads, whole.splitlines()[1:])}
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"path must name a file that a sweep has written, but {path} is something else") from error
