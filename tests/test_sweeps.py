"""Sweeps: the same rows however they are run, nothing lost, and nothing run twice."""

import json
import os
import random
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from rnncourse import models, sweeps, training
from rnncourse.sweeps import run_each, sweep


def trained(seed: int, hidden_size: int) -> dict[str, Any]:
    """A small training: its numbers depend on seed, precision and threads."""
    assert torch.get_num_threads() == 1
    model = models.Forecaster(nn.GRU(1, hidden_size, batch_first=True))
    x = torch.linspace(-1, 1, 60).reshape(20, 3, 1)
    history = training.fit(model, x, x[:, -1:], epochs=2)
    return {"loss": history.train_loss[-1], "dtype": str(x.dtype), "process": 0}


def fails_at_two(seed: int) -> dict[str, float]:
    if seed == 2:
        raise ArithmeticError("no good")
    return {"square": float(seed**2)}


def test_rows_are_those_of_plain_calls_in_the_order_of_the_grid() -> None:
    table = sweep(trained, seeds=[3, 1], hidden_size=[2, 4], n_jobs=1, progress=False)
    assert table[["hidden_size", "seed"]].to_numpy().tolist() == [[2, 3], [2, 1], [4, 3], [4, 1]]
    before = torch.get_default_dtype()
    for row in table.to_dict("records"):
        training.reproducible(row["seed"])
        assert trained(row["seed"], row["hidden_size"])["loss"] == row["loss"]
    torch.set_default_dtype(before)
    assert set(table["dtype"]) == {"torch.float64"}


@pytest.mark.slow
def test_number_of_processes_changes_nothing() -> None:
    one, two = (sweep(trained, seeds=range(3), hidden_size=[2, 3], n_jobs=n, progress=False) for n in (1, 2))
    pd.testing.assert_frame_equal(one, two, check_exact=True)


def disturbs(seed: int) -> dict[str, float]:
    """Change all that a run can change by `reproducible` and by drawing, to something else again."""
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002
    torch.set_num_threads(2)
    torch.set_default_dtype(torch.float16)
    torch.use_deterministic_algorithms(False)
    torch.utils.deterministic.fill_uninitialized_memory = seed == 0
    return {"drawn": random.random() + np.random.random() + torch.rand(1).item()}  # noqa: NPY002


@pytest.mark.parametrize("determined", [False, True])
@pytest.mark.parametrize("call", ["sweep", "run_each", "fit_seeds", "fit_seeds, one after the other"])
def test_a_run_in_this_process_leaves_it_as_it_was(
    call: str, determined: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    monkeypatch.setattr(torch.utils.deterministic, "fill_uninitialized_memory", determined)
    torch.use_deterministic_algorithms(determined, warn_only=determined)
    torch.set_num_threads(3)

    def state() -> list[Any]:
        name, keys, *rest = np.random.get_state()  # noqa: NPY002
        deterministic = torch.are_deterministic_algorithms_enabled()
        warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
        fill, cublas = torch.utils.deterministic.fill_uninitialized_memory, os.environ.get("CUBLAS_WORKSPACE_CONFIG")
        return [
            *(torch.get_num_threads(), torch.get_default_dtype(), deterministic, warn_only, fill, cublas),
            *(random.getstate(), name, keys.tolist(), rest, torch.get_rng_state().tolist()),
        ]

    def make() -> nn.Module:
        disturbs(0)
        torch.set_default_dtype(torch.float64)
        return models.Forecaster(nn.RNN(1, 2, batch_first=True))

    torch.manual_seed(5)
    before = state()
    if call == "sweep":
        sweep(disturbs, seeds=[0, 1], n_jobs=1, progress=False)
    elif call == "run_each":
        run_each(disturbs, [{"seed": 1}], n_jobs=1, progress=False)
    else:
        x = np.ones((4, 3, 1))
        loss = nn.functional.mse_loss if call == "fit_seeds" else lambda a, b: ((a - b) ** 2).mean()
        training.fit_seeds(make, x, x[:, -1:], seeds=[0, 1], epochs=1, loss=loss)
    after = state()
    torch.set_num_threads(1)
    assert after == before


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_failing_run_is_a_row_and_loses_no_other(n_jobs: int) -> None:
    table = sweep(fails_at_two, seeds=range(4), n_jobs=n_jobs, progress=False)
    assert list(table.columns) == ["seed", "square", "error"]
    assert table["square"].tolist()[:2] == [0.0, 1.0]
    assert table["square"].tolist()[3] == 9.0
    assert np.isnan(table["square"][2])
    assert table["error"][2] == "ArithmeticError: no good"
    assert table["error"].isna().tolist() == [True, True, False, True]


def test_a_broken_off_sweep_goes_on_where_it_stopped(tmp_path: Path) -> None:
    calls: list[int] = []

    def experiment(seed: int) -> dict[str, float]:
        calls.append(seed)
        if seed == 2 and calls.count(2) == 1:
            raise KeyboardInterrupt
        return {"third": seed / 3}

    path = tmp_path / "deep" / "runs.jsonl"
    with pytest.raises(KeyboardInterrupt):
        sweep(experiment, seeds=range(4), n_jobs=1, path=path, progress=False)
    assert calls == [0, 1, 2]
    broken = sweep(experiment, seeds=range(4), n_jobs=1, path=path, progress=False)
    assert calls == [0, 1, 2, 2, 3]
    whole = sweep(experiment, seeds=range(4), n_jobs=1, path=tmp_path / "other.jsonl", progress=False)
    pd.testing.assert_frame_equal(broken, whole, check_exact=True)
    assert path.read_text() == (tmp_path / "other.jsonl").read_text()


def test_killed_in_the_middle_of_a_line(tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    whole = sweep(fails_at_two, seeds=[0, 1, 3], n_jobs=1, path=path, progress=False)
    complete = path.read_text()
    path.write_text(complete[:-5])
    again = sweep(fails_at_two, seeds=[0, 1, 3], n_jobs=1, path=path, progress=False)
    pd.testing.assert_frame_equal(again, whole, check_exact=True)
    assert path.read_text() == complete


@pytest.mark.slow
def test_killed_process_loses_nothing_that_was_finished(tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    program = textwrap.dedent(
        f"""
        import os
        from rnncourse.sweeps import sweep
        def experiment(seed):
            if seed == 2:
                os._exit(1)
            return {{"seventh": seed / 7}}
        sweep(experiment, seeds=range(4), n_jobs=1, path={str(path)!r}, progress=False)
        """
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 1
    assert [json.loads(line)["rows"] for line in path.read_text().splitlines()[1:]] == [
        [{"seventh": 0.0}],
        [{"seventh": 1 / 7}],
    ]


def test_failed_runs_are_tried_again(tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    broken = {"now": True}

    def experiment(seed: int) -> dict[str, int]:
        if broken["now"]:
            raise OSError("disk full")
        return {"value": seed}

    assert "error" in sweep(experiment, seeds=[1], n_jobs=1, path=path, progress=False)
    broken["now"] = False
    assert sweep(experiment, seeds=[1], n_jobs=1, path=path, progress=False)["value"].tolist() == [1]


def test_several_rows_from_one_call(tmp_path: Path) -> None:
    def experiment(seeds: range, rate: float) -> list[dict[str, float]]:
        return [{"seed": seed, "value": rate * seed} for seed in seeds]

    settings = [{"seeds": range(2), "rate": 0.5}, {"seeds": range(2, 3), "rate": 0.5}]
    wanted = [[{"seed": 0, "value": 0.0}, {"seed": 1, "value": 0.5}], [{"seed": 2, "value": 1.0}]]
    for _ in range(2):
        assert run_each(experiment, settings, n_jobs=1, path=tmp_path / "x.jsonl", progress=False) == wanted


def test_two_threads_in_one_process_are_refused() -> None:
    with joblib.parallel_config("threading", n_jobs=2), pytest.raises(RuntimeError, match="one thread each"):
        sweep(_slow, seeds=range(4), n_jobs=2, progress=False)
    with sweeps._BUSY:  # the thread that was first still sleeps
        pass


def test_path_from_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    sweep(_slow, seeds=[0], n_jobs=1, path="~/kept/rows.jsonl", progress=False)
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    assert len((tmp_path / "kept" / "rows.jsonl").read_text().splitlines()) == 2


def _slow(seed: int) -> dict[str, int]:
    import time

    time.sleep(0.2)
    return {"value": seed}


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"experiment": 3, "seeds": [0]}, TypeError, "experiment must be callable, got int"),
        ({"seeds": []}, ValueError, "seeds must name at least one seed"),
        ({"seeds": [0.5]}, TypeError, "seeds must be an integer"),
        ({"seeds": [-1]}, ValueError, "seeds must be at least 0"),
        ({"seeds": [0], "rate": []}, ValueError, "rate must name at least one value"),
        ({"seeds": [0], "rate": 0.5}, TypeError, "rate must be a sequence of values, got 0.5"),
        ({"seeds": [0], "rate": "adam"}, TypeError, "rate must be a sequence of values, got 'adam'"),
        ({"seeds": [1], "seed": [5, 6]}, ValueError, r"seed cannot be a setting.*seeds=\[1\], got seed=\[5, 6\]"),
        ({"seeds": [0], "progress": [0, 1]}, TypeError, r"progress is an option and got \[0, 1\]; settings"),
        ({"seeds": [0], "n_jobs": [1, 2]}, TypeError, r"n_jobs is an option and got \[1, 2\]; settings"),
        ({"seeds": 3}, TypeError, r"seeds must be a sequence of whole numbers, such as range\(5\), got 3"),
        ({"seeds": "12"}, TypeError, "seeds must be a sequence of whole numbers"),
        ({"seeds": [0, 1, 0]}, ValueError, "seeds must differ, got 0 twice"),
        ({"seeds": [0], "rate": [0.5, 0.5], "path": "p.jsonl"}, ValueError, "there twice"),
        ({"seeds": [0], "rate": [object()], "path": "p.jsonl"}, TypeError, "settings must be numbers"),
    ],
)
def test_bad_input(tmp_path: Path, options: dict[str, Any], error: type, message: str) -> None:
    if "path" in options:
        options = {**options, "path": tmp_path / options["path"]}
    with pytest.raises(error, match=message):
        sweep(**{"experiment": fails_at_two, "n_jobs": 1, "progress": False, **options})


def test_a_setting_named_as_an_option() -> None:
    with pytest.raises(
        TypeError, match=r"path is an option and got \['a', 'b'\]; settings of that name are for run_each"
    ):
        sweep(lambda seed, path: {}, seeds=[0], path=["a", "b"], n_jobs=1, progress=False)  # type: ignore[arg-type]
    settings = [{"path": "a", "progress": 1}, {"path": "b", "progress": 2}]
    rows = run_each(lambda path, progress: {"both": path * progress}, settings, n_jobs=1, progress=False)
    assert rows == [[{"both": "a"}], [{"both": "bb"}]]


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (3, "TypeError: experiment must return a mapping, got int"),
        ({"a": [1]}, "TypeError: experiment must return numbers or strings, got list for 'a'"),
        ({"seed": 7}, "ValueError: experiment must not return 'seed', the name of a setting, with another value"),
    ],
)
def test_bad_result_is_a_row_that_says_so(result: Any, message: str) -> None:
    table = sweep(lambda seed: result, seeds=[0], n_jobs=1, progress=False)
    assert table["error"].tolist() == [message]


@pytest.mark.parametrize(
    "text", ["", "seed,loss\n0,1\n", '{"experiment": "trained"}\n', "[1]\n", '{"experiment": "fails_at_two"}\nx\n{}\n']
)
def test_a_file_of_something_else_is_left_alone(tmp_path: Path, text: str) -> None:
    path = tmp_path / "runs.jsonl"
    path.write_text(text)
    with pytest.raises(ValueError, match="path must"):
        sweep(fails_at_two, seeds=[0], n_jobs=1, path=path, progress=False)
    assert path.read_text() == text


def where(seed: int, folder: str) -> dict[str, Any]:
    """On a cluster: leave a note of who ran it, and kill the worker of seed 2 the first time."""
    note = Path(folder) / f"{seed}-{os.getpid()}"
    first = not list(Path(folder).glob(f"{seed}-*"))
    note.touch()
    if seed == 2 and first:
        os._exit(1)
    return {"loss": trained(seed, 2)["loss"]}


@pytest.mark.slow
def test_dask_cluster_loses_nothing_when_a_worker_is_killed(tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed")
    folder = tmp_path / "notes"
    folder.mkdir()
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, local_directory=tmp_path
        ) as cluster,
        distributed.Client(cluster),
        joblib.parallel_config("dask"),
    ):
        table = sweep(where, seeds=range(8), folder=[str(folder)], path=tmp_path / "runs.jsonl", progress=False)
    notes = [note.name for note in folder.iterdir()]
    assert sum(name.startswith("2-") for name in notes) == 2, "seed 2 was begun twice, for its worker died"
    assert len({name.partition("-")[2] for name in notes}) >= 2
    serial = sweep(where, seeds=range(8), folder=[str(folder)], n_jobs=1, progress=False)
    pd.testing.assert_frame_equal(table, serial, check_exact=True)
