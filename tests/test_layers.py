"""Layers against PyTorch's and against NumPy; gradients against autograd and finite differences."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state

from rnncourse import by_hand
from rnncourse._unrolled import Unrolled
from rnncourse.forecasting import closed_loop, closed_loop_carried
from rnncourse.keras import OneBiasLSTM, from_keras
from rnncourse.layers import ElmanRNN, VariationalGRU
from rnncourse.models import Forecaster
from rnncourse.training import fit

# Printed by a tutorial for a Keras network (Machine Learning Mastery, 2022), with its prediction for 1, 2, 3.
WX = [[0.18662322, -1.2369459]]
WH = [[0.86981213, -0.49338293], [0.49338293, 0.8698122]]
WY = [[-0.4635998], [0.6538409]]
PREDICTION = -3.8698118


def numbers(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def filled(layer: nn.Module, seed: int = 1) -> Any:
    """The layer in float64 with weights large enough to matter, from a generator of its own."""
    layer = layer.double()
    for number, parameter in enumerate(layer.parameters()):
        parameter.data = 0.7 * numbers(*parameter.shape, seed=100 * seed + number)
    return layer


def assert_close(ours: Tensor, theirs: Tensor, atol: float = 1e-12) -> None:
    torch.testing.assert_close(ours, theirs, rtol=0, atol=atol)


# ElmanRNN


@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize(("batch", "steps", "features", "hidden"), [(1, 1, 1, 1), (5, 7, 3, 4), (2, 20, 1, 6)])
def test_elman_equals_pytorch(activation: str, batch: int, steps: int, features: int, hidden: int) -> None:
    theirs = filled(nn.RNN(features, hidden, nonlinearity=activation, batch_first=True))
    ours = ElmanRNN(features, hidden, activation=activation).double()
    ours.load_state_dict(theirs.state_dict())
    inputs, state = numbers(batch, steps, features), numbers(1, batch, hidden, seed=2)
    for given in (None, state):
        for one, other in zip(ours(inputs, given), theirs(inputs, given), strict=True):
            assert one.shape == other.shape
            torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


def test_state_dictionaries_fit_both_ways() -> None:
    ours, theirs = filled(ElmanRNN(2, 3)), nn.RNN(2, 3, batch_first=True).double()
    theirs.load_state_dict(ours.state_dict())
    assert_close(ours(numbers(4, 5, 2))[0], theirs(numbers(4, 5, 2))[0])


def test_elman_starts_as_nn_rnn_does() -> None:
    torch.manual_seed(3)
    theirs = nn.RNN(2, 5).state_dict()
    torch.manual_seed(3)
    ours = ElmanRNN(2, 5).state_dict()
    assert list(ours) == list(theirs)
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


@pytest.mark.parametrize(("name", "function"), [("linear", np.positive), ("sigmoid", by_hand.sigmoid)])
def test_elman_equals_by_hand(name: str, function: Any) -> None:
    layer = filled(ElmanRNN(2, 3, activation=name))
    inputs, state = numbers(4, 6, 2), numbers(1, 4, 3, seed=5)
    weights = [parameter.detach().numpy() for parameter in layer.parameters()]
    ours = by_hand.unroll(by_hand.rnn_step, inputs.swapaxes(0, 1), state[0], *weights, activation=function)
    states, last = layer(inputs, state)
    np.testing.assert_allclose(states.detach().numpy(), ours.swapaxes(0, 1), rtol=1e-12)
    assert torch.equal(last[0], states[:, -1])


@pytest.mark.parametrize(
    ("sizes", "options", "error", "message"),
    [
        ((1, 2), {"activation": "softmax"}, ValueError, "activation must be one of tanh, .* got 'softmax'"),
        ((1, 2), {"activation": ["tanh"]}, ValueError, "activation must be one of tanh, "),
        ((0, 2), {}, ValueError, "input_size must be at least 1, got 0"),
        ((1, -2), {}, ValueError, "hidden_size must be at least 1, got -2"),
        ((1, 2.0), {}, TypeError, "hidden_size must be an integer, got 2.0 of type float"),
    ],
)
def test_bad_elman(sizes: Any, options: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        ElmanRNN(*sizes, **options)


@pytest.mark.parametrize("kind", [ElmanRNN, VariationalGRU, OneBiasLSTM])
def test_sizes_may_be_numpy_s(kind: Any) -> None:
    layer = kind(np.int64(2), np.int32(3))
    assert layer(torch.zeros(4, 5, 2))[0].shape == (4, 5, 3)
    assert type(layer.input_size) is type(layer.hidden_size) is int


@pytest.mark.parametrize("layer", [ElmanRNN(2, 3), VariationalGRU(2, 3)])
def test_inputs_of_another_type(layer: nn.Module) -> None:
    with pytest.raises(TypeError, match="inputs must be a Tensor, got ndarray"):
        layer(np.zeros((4, 5, 2)))


@pytest.mark.parametrize("shape", [(5, 2), (1, 5, 3), (1, 1, 5, 2), (4, 0, 2)])
def test_bad_inputs_to_elman(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"inputs must have shape \(B, L, 2\), got"):
        ElmanRNN(2, 3)(torch.zeros(shape))


@pytest.mark.parametrize("shape", [(4, 3), (1, 5, 3), (1, 4, 2), (2, 4, 3)])
def test_bad_state_of_elman(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"state must have shape \(1, 4, 3\), got"):
        ElmanRNN(2, 3)(torch.zeros(4, 5, 2), torch.zeros(shape))


# VariationalGRU


def assert_gradients_agree(ours: nn.Module, theirs: nn.Module, run_ours: Any, run_theirs: Any) -> None:
    """Outputs, last states and all gradients of a loss that reads every state and the last one."""
    found = []
    for layer, run in ((ours, run_ours), (theirs, run_theirs)):
        inputs, state = numbers(5, 7, 3).requires_grad_(), numbers(1, 5, 4, seed=2).requires_grad_()
        states, last = run(inputs, state)
        ((states * numbers(5, 7, 4, seed=7)).sum() + last.sum()).backward()
        found.append([states, last, inputs.grad, state.grad, *(parameter.grad for parameter in layer.parameters())])
    for one, other in zip(*found, strict=True):
        assert one.shape == other.shape
        assert_close(one, other)


def a_pair(**rates: float) -> tuple[VariationalGRU, nn.GRU]:
    theirs = filled(nn.GRU(3, 4, batch_first=True))
    ours = VariationalGRU(3, 4, **rates).double()
    ours.load_state_dict(theirs.state_dict())
    return ours, theirs


def test_variational_gru_without_rates_equals_pytorch() -> None:
    ours, theirs = a_pair()
    assert_gradients_agree(ours, theirs, ours, theirs)
    torch.testing.assert_close(ours(numbers(5, 7, 3))[0], theirs(numbers(5, 7, 3))[0], rtol=0, atol=0)


def test_its_loop_without_masks_equals_pytorch() -> None:
    ours, theirs = a_pair()
    assert_gradients_agree(ours, theirs, lambda inputs, state: ours._loop(inputs, state[0], torch.ones(5, 4)), theirs)


def test_in_evaluation_it_is_a_gru() -> None:
    ours, theirs = a_pair(input_dropout=0.4, state_dropout=0.4)
    ours.eval()
    before = torch.get_rng_state()
    assert_gradients_agree(ours, theirs, ours, theirs)
    assert torch.equal(torch.get_rng_state(), before)


def test_variational_gru_starts_as_nn_gru_does() -> None:
    torch.manual_seed(3)
    theirs = nn.GRU(2, 5).state_dict()
    torch.manual_seed(3)
    ours = VariationalGRU(2, 5, state_dropout=0.5).state_dict()
    assert list(ours) == list(theirs)
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def masked_gru(x: np.ndarray, h: np.ndarray, weights: list[np.ndarray], on_input: Any, on_state: Any) -> np.ndarray:
    """The printed equations, one step after the other: masks on what the products read, nowhere else."""
    weight_ih, weight_hh, bias_ih, bias_hh = weights
    states = []
    for t in range(x.shape[1]):
        x_r, x_z, x_n = np.split((x[:, t] * on_input) @ weight_ih.T + bias_ih, 3, axis=1)
        h_r, h_z, h_n = np.split((h * on_state) @ weight_hh.T + bias_hh, 3, axis=1)
        r, z = 1 / (1 + np.exp(-x_r - h_r)), 1 / (1 + np.exp(-x_z - h_z))
        h = (1 - z) * np.tanh(x_n + r * h_n) + z * h
        states.append(h)
    return np.stack(states, axis=1)


def draw(shape: tuple[int, int], rate: float) -> np.ndarray:
    if rate == 0:
        return np.ones(shape)
    return torch.empty(shape, dtype=torch.float64).bernoulli_(1 - rate).numpy() / (1 - rate)


@pytest.mark.parametrize("rates", [(0.4, 0.5), (0.4, 0.0), (0.0, 0.5)])
def test_masks_of_the_same_seed_in_a_plain_loop(rates: tuple[float, float]) -> None:
    layer = filled(VariationalGRU(3, 4, input_dropout=rates[0], state_dropout=rates[1]))
    inputs, state = numbers(5, 7, 3), numbers(1, 5, 4, seed=2)
    torch.manual_seed(11)
    states, last = layer(inputs, state)
    torch.manual_seed(11)
    masks = draw((5, 3), rates[0]), draw((5, 4), rates[1])
    assert sum(len(np.unique(mask)) for mask in masks) >= 3  # something is left out, something is not
    weights = [parameter.detach().numpy() for parameter in layer.parameters()]
    expected = masked_gru(inputs.numpy(), state[0].numpy(), weights, *masks)
    np.testing.assert_allclose(states.detach().numpy(), expected, rtol=0, atol=1e-12)
    assert torch.equal(last[0], states[:, -1])


def test_one_input_mask_for_all_steps_of_a_sequence() -> None:
    torch.manual_seed(0)
    layer = VariationalGRU(200, 1, input_dropout=0.3).double()
    inputs = torch.full((50, 6, 200), 0.01, dtype=torch.float64, requires_grad=True)  # small: no gate saturates
    states, _ = layer(inputs)
    states.sum().backward()
    assert inputs.grad is not None
    kept = inputs.grad != 0  # (B, L, F)
    assert (kept == kept[:, :1]).all()
    masks = kept[:, 0].double()
    assert len(masks.unique(dim=0)) == 50  # another one for each sequence
    # 10,000 draws: one standard deviation is 0.0046.
    assert abs(masks.mean().item() - 0.7) < 0.02
    assert (masks.mean(0) - 0.7).abs().max() < 0.3  # for each feature, too


@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_masks_keep_the_mean(rate: float, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    layer = VariationalGRU(100, 90, input_dropout=rate, state_dropout=rate)
    monkeypatch.setattr(layer, "_loop", lambda inputs, h, on_state: (inputs, on_state))
    inputs, on_state = layer(torch.ones(200, 9, 100))
    assert torch.equal(inputs, inputs[:, :1].expand(200, 9, 100))
    for mask in (inputs[:, 0], on_state):
        assert mask.unique().tolist() == pytest.approx([0, 1 / (1 - rate)])
        assert mask.mean().item() == pytest.approx(1, abs=0.04)
    assert on_state.shape == (200, 90)


def test_a_sequence_s_masks_do_not_depend_on_its_steps() -> None:
    """A left-out unit of the state stays out: at every step, its weights in the product get no gradient."""
    layer = filled(VariationalGRU(2, 40, state_dropout=0.5))
    per_step = []
    for step in range(1, 6):
        torch.manual_seed(4)
        states, _ = layer(numbers(1, 6, 2))
        (gradient,) = torch.autograd.grad(states[:, step].sum(), layer.weight_hh_l0)
        per_step.append(gradient.abs().sum(0) > 0)
    assert 5 < per_step[0].sum() < 35
    assert all(torch.equal(per_step[0], other) for other in per_step)


def test_same_seed_same_result_and_another_seed_another() -> None:
    layer = filled(VariationalGRU(3, 4, input_dropout=0.3, state_dropout=0.3))
    results = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        results.append(layer(numbers(5, 7, 3))[0])
    assert torch.equal(results[0], results[1])
    assert not torch.equal(results[0], results[2])


def test_nothing_is_kept_on_the_layer() -> None:
    layer = filled(VariationalGRU(3, 4, input_dropout=0.3, state_dropout=0.3))
    before = {name: id(value) for name, value in vars(layer).items()}
    weights = {name: value.clone() for name, value in layer.state_dict().items()}
    layer(numbers(5, 7, 3))
    assert {name: id(value) for name, value in vars(layer).items()} == before
    assert list(layer.buffers()) == []
    assert all(torch.equal(value, weights[name]) for name, value in layer.state_dict().items())


def test_variational_gru_as_core_of_a_forecaster() -> None:
    torch.manual_seed(0)
    core = VariationalGRU(1, 8, input_dropout=0.1, state_dropout=0.2)
    model = Forecaster(core).double()
    assert not Unrolled.supports(core)
    series = np.sin(0.3 * np.arange(120)).reshape(-1, 1)
    inputs, targets = np.stack([series[i : i + 10] for i in range(110)]), series[10:, None]
    history = fit(model, inputs, targets, epochs=8)
    assert history.train_loss[-1] < 0.8 * history.train_loss[0]
    plain = Forecaster(nn.GRU(1, 8, batch_first=True)).double()
    plain.load_state_dict(model.state_dict())
    for loop in (closed_loop, closed_loop_carried):
        np.testing.assert_array_equal(loop(model, series[:10], 20), loop(plain, series[:10], 20))
    assert model.training


def test_its_rates_are_shown() -> None:
    layer = VariationalGRU(3, 4, input_dropout=0.1, state_dropout=0.5)
    assert str(layer) == "VariationalGRU(3, 4, input_dropout=0.1, state_dropout=0.5)"


@pytest.mark.parametrize(
    ("sizes", "rates", "error", "message"),
    [
        ((0, 2), {}, ValueError, "input_size must be at least 1, got 0"),
        ((1, 2.0), {}, TypeError, "hidden_size must be an integer, got 2.0 of type float"),
        ((1, 2), {"input_dropout": 1.0}, ValueError, "input_dropout must be at least 0 and below 1, got 1.0"),
        ((1, 2), {"state_dropout": -0.1}, ValueError, "state_dropout must be at least 0 and below 1, got -0.1"),
        ((1, 2), {"state_dropout": float("nan")}, ValueError, "state_dropout must be finite, got nan"),
        ((1, 2), {"state_dropout": "0.5"}, TypeError, "state_dropout must be a number, got '0.5' of type str"),
        ((1, 2), {"input_dropout": True}, TypeError, "input_dropout must be a number, got True of type bool"),
    ],
)
def test_bad_variational_gru(sizes: Any, rates: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        VariationalGRU(*sizes, **rates)


@pytest.mark.parametrize("shape", [(5, 2), (1, 5, 3), (1, 1, 5, 2), (4, 0, 2)])
def test_bad_inputs_to_variational_gru(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"inputs must have shape \(B, L, 2\), got"):
        VariationalGRU(2, 3)(torch.zeros(shape))


def test_bad_state_of_variational_gru() -> None:
    with pytest.raises(ValueError, match=r"state must have shape \(1, 4, 3\), got \(4, 3\)"):
        VariationalGRU(2, 3)(torch.zeros(4, 5, 2), torch.zeros(4, 3))


# from_keras


def test_keras_weights_of_the_tutorial() -> None:
    layer = from_keras(ElmanRNN(1, 2, activation="linear").float(), [WX, WH, [0, 0]])
    head = from_keras(nn.Linear(2, 1).float(), [WY, [0]])
    prediction = head(layer(torch.tensor([[[1.0], [2.0], [3.0]]], dtype=torch.float32))[0][:, -1])
    assert f"{prediction.item():.7g}" == f"{PREDICTION:.7g}"
    assert torch.equal(layer.weight_hh_l0.detach(), torch.tensor(WH, dtype=torch.float32).T)


def sigmoid(a: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-a))


def keras_rnn(x: np.ndarray, weights: list[np.ndarray]) -> np.ndarray:
    kernel, recurrent, bias = weights
    h = np.zeros((len(x), len(recurrent)))
    for t in range(x.shape[1]):
        h = np.tanh(x[:, t] @ kernel + h @ recurrent + bias)
    return h


def keras_gru(x: np.ndarray, weights: list[np.ndarray]) -> np.ndarray:
    """Keras's GRU with reset_after=True: gates z, r, n; input bias and recurrent bias in two rows."""
    kernel, recurrent, (input_bias, recurrent_bias) = weights
    h = np.zeros((len(x), len(recurrent)))
    for t in range(x.shape[1]):
        x_z, x_r, x_n = np.split(x[:, t] @ kernel + input_bias, 3, axis=1)
        h_z, h_r, h_n = np.split(h @ recurrent + recurrent_bias, 3, axis=1)
        z, r = sigmoid(x_z + h_z), sigmoid(x_r + h_r)
        h = z * h + (1 - z) * np.tanh(x_n + r * h_n)
    return h


def keras_lstm(x: np.ndarray, weights: list[np.ndarray]) -> np.ndarray:
    """Keras's LSTM: gates i, f, c, o."""
    kernel, recurrent, bias = weights
    h = c = np.zeros((len(x), len(recurrent)))
    for t in range(x.shape[1]):
        i, f, g, o = np.split(x[:, t] @ kernel + h @ recurrent + bias, 4, axis=1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
    return h


@pytest.mark.parametrize(
    ("kind", "keras", "gates", "bias"),
    [
        (nn.RNN, keras_rnn, 1, (4,)),
        (ElmanRNN, keras_rnn, 1, (4,)),
        (nn.GRU, keras_gru, 3, (2, 12)),
        (VariationalGRU, keras_gru, 3, (2, 12)),
        (nn.LSTM, keras_lstm, 4, (16,)),
    ],
)
def test_keras_conventions(kind: Any, keras: Any, gates: int, bias: tuple[int, ...]) -> None:
    shapes = ((2, 4 * gates), (4, 4 * gates), bias)
    weights = [numbers(*shape, seed=n).numpy() for n, shape in enumerate(shapes)]
    layer = kind(2, 4) if kind in (ElmanRNN, VariationalGRU) else kind(2, 4, batch_first=True)
    inputs = numbers(3, 5, 2, seed=9)
    loaded = from_keras(layer.double(), weights)
    assert loaded is layer
    states = loaded(inputs)[0][:, -1]
    np.testing.assert_allclose(states.detach().numpy(), keras(inputs.numpy(), weights), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("kind", "keras", "gates"), [(nn.RNN, keras_rnn, 1), (nn.GRU, keras_gru, 3), (nn.LSTM, keras_lstm, 4)]
)
def test_keras_without_bias(kind: Any, keras: Any, gates: int) -> None:
    weights = [numbers(*shape, seed=n).numpy() for n, shape in enumerate(((2, 4 * gates), (4, 4 * gates)))]
    layer, inputs = kind(2, 4, bias=False, batch_first=True).double(), numbers(3, 5, 2, seed=9)
    states = from_keras(layer, weights)(inputs)[0][:, -1]
    none = np.zeros((2, 12) if kind is nn.GRU else 4 * gates)
    np.testing.assert_allclose(states.detach().numpy(), keras(inputs.numpy(), [*weights, none]), rtol=0, atol=1e-12)


def test_keras_dense_with_and_without_bias() -> None:
    kernel, bias, inputs = numbers(2, 4).numpy(), numbers(4, seed=1).numpy(), numbers(3, 2, seed=2)
    for layer, weights in ((nn.Linear(2, 4), [kernel, bias]), (nn.Linear(2, 4, bias=False), [kernel])):
        outputs = from_keras(layer.double(), weights)(inputs).detach().numpy()
        np.testing.assert_allclose(outputs, inputs.numpy() @ kernel + sum(weights[1:]), rtol=1e-12)


def test_keras_weights_follow_the_layer_s_dtype() -> None:
    weights = [np.ones(shape, ">f4") for shape in ((2, 16), (4, 16), (16,))]  # as a file of another machine holds them
    layer = from_keras(nn.LSTM(2, 4, dtype=torch.float16), weights)
    assert {p.dtype for p in layer.parameters()} == {torch.float16}
    assert layer.weight_ih_l0.eq(1).all()


class Scaled(nn.GRU):
    """A GRU with a weight more."""

    def __init__(self) -> None:
        super().__init__(2, 4)
        self.scale = nn.Parameter(torch.ones(1))


def test_gru_with_reset_before_is_refused() -> None:
    weights = [np.zeros((2, 12)), np.zeros((4, 12)), np.zeros(12)]
    with pytest.raises(ValueError, match=r"GRU bias of shape \(12,\): it was trained with reset_after=False"):
        from_keras(nn.GRU(2, 4), weights)


@pytest.mark.parametrize(
    ("layer", "shapes", "error", "message"),
    [
        (nn.RNN(2, 4), [(4, 2), (4, 4), (4,)], ValueError, r"must have shapes \[\(2, 4\), .* got \[\(4, 2\)"),
        (nn.RNN(2, 4), [(2, 4), (4, 4)], ValueError, r"must have shapes .* got \[\(2, 4\), \(4, 4\)\]"),
        (nn.RNN(2, 4), [(2, 4), (4, 4), (2, 4)], ValueError, "must have shapes"),
        (nn.LSTM(2, 4), [(2, 12), (4, 12), (12,)], ValueError, r"must have shapes \[\(2, 16\)"),
        (nn.GRU(2, 4), [(2, 16), (4, 16), (2, 16)], ValueError, r"must have shapes \[\(2, 12\)"),
        (nn.Linear(2, 4), [(4, 2), (4,)], ValueError, r"must have shapes \[\(2, 4\), \(4,\)\]"),
        (nn.RNN(2, 4, num_layers=2), [(2, 4), (4, 4), (4,)], ValueError, "single layer and direction"),
        (nn.RNN(2, 4, bidirectional=True), [(2, 4), (4, 4), (4,)], ValueError, "single layer and direction"),
        (nn.Conv1d(2, 4, 1), [(2, 4), (4,)], TypeError, "layer must be nn.RNN, .* got Conv1d"),
        (nn.LSTM(2, 4, proj_size=3), [(2, 16), (3, 16), (16,)], ValueError, "no projection, got LSTM.*proj_size=3"),
        (
            nn.LSTM(2, 4, bias=False),
            [(2, 16), (4, 16), (16,)],
            ValueError,
            r"bias=False.* must have .* \(4, 16\)\], got",
        ),
        (nn.GRU(2, 4, bias=False), [(2, 12), (4, 12), (2, 12)], ValueError, r"bias=False.* must have shapes"),
        (nn.GRU(2, 4), [(2, 12), (4, 12)], ValueError, r"must have shapes .*\(2, 12\)\], got \[\(2, 12\), \(4, 12\)\]"),
        (nn.Linear(2, 4, bias=False), [(2, 4), (4,)], ValueError, r"must have shapes \[\(2, 4\)\], got"),
        (nn.Linear(2, 4), [(2, 4)], ValueError, r"must have shapes \[\(2, 4\), \(4,\)\], got \[\(2, 4\)\]"),
        (
            Scaled(),
            [(2, 12), (4, 12), (2, 12)],
            ValueError,
            "layer must hold weight_ih_l0, .* nothing else, .* got .*scale",
        ),
    ],
)
def test_wrong_keras_weights(layer: nn.Module, shapes: Any, error: type[Exception], message: str) -> None:
    before = {name: value.clone() for name, value in layer.state_dict().items()}
    with pytest.raises(error, match=message):
        from_keras(layer, [np.zeros(shape) for shape in shapes])
    assert all(torch.equal(value, before[name]) for name, value in layer.state_dict().items())


@pytest.mark.parametrize(
    ("bias", "error", "message"),
    [
        ([0, 0, 0, np.nan], ValueError, r"weights\[2\] must be finite, got nan at index 3"),
        (["0"] * 4, TypeError, r"weights\[2\] must hold real numbers"),
        (np.ma.masked_equal([0, 0, 0, 1], 1), TypeError, r"weights\[2\] must .* masked"),
    ],
)
def test_keras_weights_that_are_no_numbers(bias: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        from_keras(nn.RNN(2, 4), [np.zeros((2, 4)), np.zeros((4, 4)), bias])


# Unrolled: outputs and gradients, with the backward pass written out.

CORES = {
    "rnn": (nn.RNN, {}),
    "relu": (nn.RNN, {"nonlinearity": "relu"}),
    "gru": (nn.GRU, {}),
    "lstm": (nn.LSTM, {}),
}


def make(name: str, features: int, hidden: int, layers: int = 1, seed: int = 1) -> Any:
    kind, options = CORES[name]
    return filled(kind(features, hidden, num_layers=layers, batch_first=True, **options), seed)


def gradients(model: nn.Module, core: nn.Module, inputs: Tensor) -> list[Tensor]:
    """Gradients of a loss that reads every state, with a weight of its own for each."""
    inputs = inputs.clone().requires_grad_()
    states = model(inputs)[0]
    (states * numbers(*states.shape, seed=7)).sum().backward()
    found = [inputs.grad, *(parameter.grad for parameter in core.parameters())]
    core.zero_grad()
    return [gradient for gradient in found if gradient is not None]


@pytest.mark.parametrize("name", CORES)
@pytest.mark.parametrize(
    ("batch", "steps", "features", "hidden", "layers"),
    [(1, 1, 1, 1, 1), (5, 7, 3, 4, 1), (2, 12, 1, 5, 2), (3, 4, 2, 3, 3)],
)
def test_unrolled_equals_pytorch(name: str, batch: int, steps: int, features: int, hidden: int, layers: int) -> None:
    core, inputs = make(name, features, hidden, layers), numbers(batch, steps, features)
    ours = Unrolled(core)
    torch.testing.assert_close(ours(inputs)[0], core(inputs)[0], rtol=1e-10, atol=1e-12)
    mine, theirs = gradients(ours, core, inputs), gradients(core, core, inputs)
    assert len(mine) == len(theirs) == 1 + 4 * layers
    for one, other in zip(mine, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("activation", ["linear", "sigmoid"])
def test_unrolled_equals_elman(activation: str) -> None:
    core, inputs = filled(ElmanRNN(2, 3, activation=activation)), numbers(4, 6, 2)
    ours = Unrolled(core)
    torch.testing.assert_close(ours(inputs)[0], core(inputs)[0], rtol=1e-10, atol=1e-12)
    for one, other in zip(gradients(ours, core, inputs), gradients(core, core, inputs), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("name", ["rnn", "gru", "lstm", "sigmoid", "linear"])
def test_unrolled_gradients_by_finite_differences(name: str) -> None:
    core = make(name, 2, 3) if name in CORES else filled(ElmanRNN(2, 3, activation=name))
    ours = Unrolled(core)
    names = [key for key, _ in ours.named_parameters()]

    def run(inputs: Tensor, *weights: Tensor) -> Tensor:
        states: Tensor = functional_call(ours, dict(zip(names, weights, strict=True)), (inputs,))[0]
        return states

    inputs = numbers(2, 3, 2).requires_grad_()
    assert torch.autograd.gradcheck(run, (inputs, *ours.parameters()), fast_mode=False)


@pytest.mark.parametrize("name", CORES)
def test_stacked_networks_equal_one_by_one(name: str) -> None:
    cores = [make(name, 2, 3, 2, seed=seed) for seed in (1, 2, 3)]
    inputs = numbers(3, 4, 5, 2)  # (S, B, L, F)
    weights, _ = stack_module_state(cores)
    states = functional_call(Unrolled(cores[0]), weights, (inputs,))[0]
    assert states.shape == (3, 4, 5, 3)
    states.square().sum().backward()
    for number, core in enumerate(cores):
        own = core(inputs[number])[0]
        torch.testing.assert_close(states[number], own, rtol=1e-10, atol=1e-12)
        own.square().sum().backward()
        for key, parameter in core.named_parameters():
            gradient = weights[key].grad
            assert gradient is not None
            torch.testing.assert_close(gradient[number], parameter.grad, rtol=1e-9, atol=1e-10)


def test_unrolled_shares_the_parameters() -> None:
    core = make("gru", 1, 2)
    ours = Unrolled(core)
    assert all(one is other for one, other in zip(ours.parameters(), core.parameters(), strict=True))


@pytest.mark.parametrize(
    "core",
    [
        nn.Linear(1, 2),
        nn.GRU(1, 2),
        nn.GRU(1, 2, batch_first=True, bidirectional=True),
        nn.GRU(1, 2, batch_first=True, bias=False),
        nn.GRU(1, 2, num_layers=2, batch_first=True, dropout=0.1),
        nn.LSTM(1, 4, batch_first=True, proj_size=2),
    ],
    ids=["linear", "time first", "two directions", "no bias", "dropout", "projection"],
)
def test_unrolled_refuses_other_cores(core: nn.Module) -> None:
    assert not Unrolled.supports(core)
    with pytest.raises(TypeError, match="core must be a plain recurrent layer with biases, batch first"):
        Unrolled(core)
