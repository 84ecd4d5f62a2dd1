"""Chapter 2's record: what is drawn, what is asked, and that an error is the error of its own seed."""

import chapters
import numpy as np
import pytest
import torch

from rnncourse import datasets, training

record = chapters.by_hand


@pytest.mark.parametrize("radius", record.RADII)
@pytest.mark.parametrize("cell", record.CELLS)
def test_every_recurrent_matrix_has_the_radius(cell: str, radius: float) -> None:
    training.reproducible(0)
    core = record.network(cell, radius).core
    for matrix in core.weight_hh_l0.detach().numpy().reshape(-1, 16, 16):
        assert np.abs(np.linalg.eigvals(matrix)) == pytest.approx(radius)


def test_the_forget_bias_is_four_and_no_other_is() -> None:
    training.reproducible(0)
    plain = record.network("LSTM", 1.0).core.bias_ih_l0
    training.reproducible(0)
    raised = (record.network("LSTM, forget bias", 1.0).core.bias_ih_l0 - plain).detach()
    assert torch.allclose(raised, torch.tensor([0.0, 4.0, 0.0, 0.0]).repeat_interleave(16))


def test_the_first_input_is_wanted_and_the_others_are_weak_noise() -> None:
    series, wanted = record.first_inputs(4000, seed=3)
    assert series.shape == (4000, 20, 1)
    assert np.array_equal(wanted[:, 0], series[:, 0])
    assert wanted.var() == pytest.approx(1 / 3, rel=0.05)  # so 1/6 is half of it
    assert series[:, 1:].std() == pytest.approx(0.1, rel=0.02)


def test_a_seed_that_diverges_has_no_error_and_spoils_no_other() -> None:
    setting = ("RNN", 1.0, "SGD", 1e300)
    errors = record.errors(*setting, batch=2000, seeds=[0, 1], judged_on=1, updates=8)
    assert np.isnan(errors).all()
    calm = record.errors("RNN", 1.0, "SGD", 0.01, batch=2000, seeds=[0, 1], judged_on=1, updates=8)
    alone = record.errors("RNN", 1.0, "SGD", 0.01, batch=2000, seeds=[1], judged_on=1, updates=8)
    assert calm[1] == pytest.approx(alone[0], rel=1e-9)
    assert calm[0] != pytest.approx(calm[1], rel=1e-3)


def test_the_record_is_complete() -> None:
    table = datasets.recorded("by_hand_cures")
    settings = table.groupby(["cell", "radius", "optimiser", "batch"])["seed"]
    assert len(settings) == 4 * 3 * 2 * 2
    assert [*settings.apply(list)] == [[*range(8)]] * len(settings)
    assert table.groupby(["cell", "radius", "optimiser"])["rate"].nunique().eq(1).all()
    rates = table.groupby("optimiser")["rate"].agg(set)
    assert rates["Adam"] == {0.01}
    assert rates["SGD"] <= {0.03, 0.1, 0.3}
