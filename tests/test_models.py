"""The networks against their layers called one by one, and against the counts that the sources print."""

import copy
from functools import partial

import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn import functional
from torch.optim import Adam

from rnncourse.keras import OneBiasLSTM, from_keras
from rnncourse.layers import ElmanRNN, VariationalGRU
from rnncourse.models import Forecaster, SequenceClassifier
from rnncourse.training import fit, predict
from rnncourse.two_inputs import FunctionalTwoInput, TwoInput

B, L, F, H = 4, 7, 3, 5
pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN:UserWarning")


@pytest.fixture
def inputs():
    return torch.randn(B, L, F, generator=torch.Generator().manual_seed(0))


def gru():
    return nn.GRU(F, H, batch_first=True)


def test_head_on_the_last_state(inputs):
    model = Forecaster(gru(), horizon=2, targets=3)
    expected = model.head(model.core(inputs)[0][:, -1]).reshape(B, 2, 3)
    torch.testing.assert_close(model(inputs), expected)
    assert model.head.in_features == H


def test_head_on_all_states(inputs):
    model = Forecaster(gru(), readout="all", lookback=L)
    expected = model.head(model.core(inputs)[0].reshape(B, L * H)).reshape(B, 1, 1)
    torch.testing.assert_close(model(inputs), expected)
    assert model.head.in_features == L * H


def test_the_source_s_head_has_501_parameters():
    model = Forecaster(nn.GRU(1, 10, batch_first=True), readout="all", lookback=50)
    assert sum(p.numel() for p in model.head.parameters()) == 501


def test_residual_adds_the_last_value_of_the_first_columns(inputs):
    plain = Forecaster(gru(), horizon=2, targets=2)
    residual = Forecaster(gru(), horizon=2, targets=2, residual=True)
    residual.load_state_dict(plain.state_dict())
    torch.testing.assert_close(residual(inputs) - plain(inputs), inputs[:, -1:, :2].expand(B, 2, 2))


@pytest.mark.parametrize("columns", [[2], [2, 0], [1, 2], (0, 2, 1), range(1, 3)])
def test_residual_adds_the_last_value_of_the_columns_named(columns, inputs):
    residual = Forecaster(gru(), targets=columns, residual=True)
    assert (residual.targets, residual.columns) == (len(columns), tuple(columns))
    plain = Forecaster(gru(), targets=columns)
    assert plain.columns == tuple(columns)
    residual.load_state_dict(plain.state_dict())
    expected = torch.stack([inputs[:, -1:, column] for column in columns], dim=-1)
    torch.testing.assert_close(residual(inputs) - plain(inputs), expected)


def test_a_count_of_targets_says_no_positions_unless_residual():
    assert Forecaster(gru(), targets=2).columns is None
    assert Forecaster(gru(), targets=2, residual=True).columns == (0, 1)


def test_output_activation_comes_before_the_residual(inputs):
    plain = Forecaster(gru())
    bounded = Forecaster(gru(), output_activation=torch.tanh, residual=True)
    bounded.load_state_dict(plain.state_dict())
    torch.testing.assert_close(bounded(inputs), torch.tanh(plain(inputs)) + inputs[:, -1:, :1])


@pytest.mark.parametrize("core", [nn.RNN(F, H, batch_first=True), nn.LSTM(F, H, batch_first=True), ElmanRNN(F, H)])
def test_any_core(core, inputs):
    assert Forecaster(core, horizon=4)(inputs).shape == (B, 4, 1)


# Cores whose states are not H numbers: final states against PyTorch's own, h_n.

UNUSUAL = {
    "two directions": lambda: nn.GRU(F, H, batch_first=True, bidirectional=True),
    "two directions, two layers": lambda: nn.RNN(F, H, num_layers=2, batch_first=True, bidirectional=True),
    "projection": lambda: nn.LSTM(F, H, batch_first=True, proj_size=2),
    "both, two layers": lambda: nn.LSTM(F, H, num_layers=2, batch_first=True, proj_size=2, bidirectional=True),
    "two layers, no bias, dropout": lambda: nn.GRU(F, H, num_layers=2, batch_first=True, bias=False, dropout=0.5),
}


def final_states(core, inputs):
    """What PyTorch says is the last layer's state when the whole window has been read, (B, H) or (B, 2·H)."""
    state = core(inputs)[1]
    h_n = state[0] if isinstance(core, nn.LSTM) else state  # (layers · directions, B, H), the last layer last
    return torch.cat(list(h_n[-2:] if core.bidirectional else h_n[-1:]), dim=1)


@pytest.mark.parametrize("name", UNUSUAL)
@pytest.mark.parametrize("length", [1, L])
def test_heads_read_the_final_states(name, length, inputs):
    core, window = UNUSUAL[name]().eval(), inputs[:, :length]
    model, classifier = Forecaster(core, horizon=2, targets=3), SequenceClassifier(core, 4)
    final = final_states(core, window)
    assert model.head.in_features == classifier.head.in_features == final.shape[1]
    torch.testing.assert_close(model(window), model.head(final).reshape(B, 2, 3))
    torch.testing.assert_close(classifier(window), classifier.head(final))


@pytest.mark.parametrize("name", UNUSUAL)
def test_head_on_all_states_of_such_cores(name, inputs):
    model = Forecaster(UNUSUAL[name](), readout="all", lookback=L).eval()
    torch.testing.assert_close(model(inputs), model.head(model.core(inputs)[0].flatten(1)).reshape(B, 1, 1))


@pytest.mark.parametrize("make", [Forecaster, partial(SequenceClassifier, classes=2)])
def test_both_directions_read_the_whole_window(make, inputs):
    model = make(UNUSUAL["two directions"]())
    inputs.requires_grad_()
    ends = model.core.hidden_size
    with torch.no_grad():
        model.head.weight[:, :ends] = 0  # what the backward half alone gives
    model(inputs).sum().backward()
    assert (inputs.grad.abs().sum(dim=(0, 2)) > 0).all()


class Other(nn.GRU):
    """A core of a reader's own, with another answer."""

    def __init__(self, answer):
        super().__init__(F, H, batch_first=True)
        self.answer = answer

    def forward(self, inputs, state=None):
        return self.answer(*super().forward(inputs))


@pytest.mark.parametrize("make", [Forecaster, partial(SequenceClassifier, classes=2)])
@pytest.mark.parametrize(
    ("answer", "got"),
    [
        (lambda states, last: states, "Tensor"),
        (lambda states, last: (states, last, last), "tuple"),
        (lambda states, last: (None, last), "tuple"),
        (lambda states, last: (last, last), r"states of shape \(1, 4, 5\)"),
        (lambda states, last: (states[..., :2], last), r"states of shape \(4, 7, 2\)"),
    ],
)
def test_a_core_that_returns_something_else(make, answer, got, inputs):
    with pytest.raises(ValueError, match=rf"core must return a pair of its states, of shape \(4, 7, 5\), .* got {got}"):
        make(Other(answer))(inputs)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Forecaster(nn.GRU(F, H)), ValueError, "core must take the batch first, got GRU.*batch_first=False"),
        (lambda: Forecaster(nn.Linear(F, H)), TypeError, "core must be a recurrent layer, but Linear"),
        (lambda: Forecaster(gru(), readout="all"), ValueError, "lookback is needed for readout='all'"),
        (lambda: Forecaster(gru(), readout="mean"), ValueError, "readout must be 'last' or 'all', got 'mean'"),
        (lambda: Forecaster(gru(), horizon=0), ValueError, "horizon must be at least 1, got 0"),
        (lambda: Forecaster(gru(), targets=1.0), TypeError, "targets must be an integer"),
        (lambda: Forecaster(gru(), lookback=-1), ValueError, "lookback must be at least 1"),
        (lambda: Forecaster(gru(), targets=[0, 3]), ValueError, r"targets names column 3, but the input has 3 column"),
        (lambda: Forecaster(gru(), targets=[1, 1]), ValueError, "targets names a column twice"),
        (lambda: Forecaster(gru(), targets=[]), ValueError, "targets must name at least one column"),
        (lambda: Forecaster(gru(), targets=[-1]), ValueError, "targets must be at least 0, got -1"),
        (lambda: Forecaster(gru(), targets=["obs"]), TypeError, "targets must be an integer, got 'obs'"),
        (lambda: Forecaster(gru(), targets=4, residual=True), ValueError, "targets must be at most the 3 input"),
        (
            lambda: Forecaster(gru(), output_activation="tanh"),
            TypeError,
            "output_activation must be callable, .* 'tanh'",
        ),
        (lambda: Forecaster(nn.GRU), TypeError, "core must be a recurrent layer, but type has no"),
    ],
)
def test_bad_settings(make, error, message):
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize("shape", [(B, L), (B, L, F + 1), (2, B, L, F), (B, 0, F)])
def test_bad_inputs(shape):
    with pytest.raises(ValueError, match=r"inputs must have shape \(B, L, 3\), got"):
        Forecaster(gru())(torch.zeros(shape))


@pytest.mark.parametrize("make", [Forecaster, partial(SequenceClassifier, classes=2)])
def test_arrays_are_no_tensors(make):
    with pytest.raises(TypeError, match="inputs must be a Tensor, got ndarray"):
        make(gru())(torch.zeros(B, L, F).numpy())


def test_another_length_at_call():
    model = Forecaster(gru(), readout="all", lookback=L)
    with pytest.raises(ValueError, match="lookback of the head, 7 steps, got 8"):
        model(torch.zeros(B, L + 1, F))


# SequenceClassifier


@pytest.mark.parametrize("core", [gru(), nn.LSTM(F, H, batch_first=True), VariationalGRU(F, H), ElmanRNN(F, H)])
def test_classifier_reads_the_last_state(core, inputs):
    model = SequenceClassifier(core, 3)
    logits = model(inputs)
    assert logits.shape == (B, 3)
    torch.testing.assert_close(logits, model.head(core(inputs)[0][:, -1, :]))


def test_classifier_learns():
    torch.manual_seed(0)
    x = torch.randn(60, 3, 8)
    y = (x[:, :, 0].sum(1) > 0).long()
    model = SequenceClassifier(nn.LSTM(8, 16, batch_first=True), 2)
    fit(model, x, y, epochs=30, loss=functional.cross_entropy, optimizer=partial(Adam, lr=1e-2))
    assert (predict(model, x).argmax(1) == y.numpy()).mean() > 0.9


@pytest.mark.parametrize(
    ("core", "classes", "error", "message"),
    [
        (nn.Linear(F, H), 2, TypeError, "core must be a recurrent layer, but Linear"),
        (nn.GRU(F, H), 2, ValueError, "core must take the batch first"),
        (gru(), 1, ValueError, "classes must be at least 2, got 1"),
        (gru(), 2.0, TypeError, "classes must be an integer, got 2.0 of type float"),
    ],
)
def test_bad_classifier(core, classes, error, message):
    with pytest.raises(error, match=message):
        SequenceClassifier(core, classes)


@pytest.mark.parametrize("shape", [(B, L), (B, L, F + 1), (2, B, L, F), (B, 0, F)])
def test_bad_inputs_to_classifier(shape):
    with pytest.raises(ValueError, match=r"inputs must have shape \(B, L, 3\), got"):
        SequenceClassifier(gru(), 2)(torch.zeros(shape))


# OneBiasLSTM


@pytest.mark.parametrize("convert", [lambda m: m, nn.Module.double, copy.deepcopy], ids=["made", "double", "copied"])
def test_one_bias_lstm_is_an_lstm_with_a_second_bias_of_zeros(convert):
    ours = convert(OneBiasLSTM(F, H))
    theirs = nn.LSTM(F, H, batch_first=True).to(ours.weight_ih_l0.dtype)
    theirs.load_state_dict(ours.state_dict())
    assert not theirs.bias_hh_l0.any()
    inputs = torch.randn(B, L, F, dtype=ours.weight_ih_l0.dtype)
    with torch.no_grad():  # a change in place of what the layer shows must be a change of what it uses
        for layer in (ours, theirs):
            layer.bias_ih_l0 += 0.5
    assert torch.equal(ours(inputs)[0], theirs(inputs)[0])
    assert count(theirs) - count(ours) == 4 * H
    assert [name for name, _ in ours.named_parameters()] == ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0"]


def test_training_leaves_the_second_bias_alone():
    model = Forecaster(OneBiasLSTM(F, H))
    fit(model, torch.randn(8, L, F), torch.randn(8, 1, 1), epochs=3)
    assert not model.core.bias_hh_l0.any()


def test_keras_weights_fit_one_bias_lstm():
    generator = torch.Generator().manual_seed(1)
    weights = [torch.randn(*shape, generator=generator).numpy() for shape in ((F, 4 * H), (H, 4 * H), (4 * H,))]
    inputs = torch.randn(B, L, F)
    ours, theirs = (from_keras(layer, weights) for layer in (OneBiasLSTM(F, H), nn.LSTM(F, H, batch_first=True)))
    assert torch.equal(ours(inputs)[0], theirs(inputs)[0])


@pytest.mark.parametrize("sizes", [(0, 2), (2, 0)])
def test_bad_one_bias_lstm(sizes):
    with pytest.raises(ValueError, match="_size must be at least 1, got 0"):
        OneBiasLSTM(*sizes)


# The two networks with two inputs

BOTH = pytest.mark.parametrize("kind", [FunctionalTwoInput, TwoInput])


def count(module):
    return sum(parameter.numel() for parameter in module.parameters())


def two_inputs(batch=4, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(50, (batch, 50), generator=generator), torch.randn(batch, 10, generator=generator)


# As the source prints them: the rows of Keras's summary, in its order, and the parts of R's torch.
KERAS_ROWS = {
    "dense_3": ("deep.1", 3264),
    "embedding": ("memory.0", 3200),
    "lstm_1": ("memory.1", 33024),
    "dense_4": ("deep.4", 4160),
    "dense_5": ("deep.6", 4160),
    "dense_2": ("memory_output.1", 130),
    "dense_6": ("deep.8", 325),
    "dense_1": ("from_facts.1", 110),
    "dense_7": ("main.1", 1152),
    "dense_8": ("main.4", 4160),
    "dense_9": ("main.6", 130),
}
TORCH_PARTS = {"from_facts": 110, "memory": 36480, "memory_output": 130, "deep": 11909, "main": 5442}


def test_functional_two_input_row_by_row():
    model = FunctionalTwoInput()
    for row, (name, printed) in KERAS_ROWS.items():
        assert count(model.get_submodule(name)) == printed, row
    assert count(model) == sum(printed for _, printed in KERAS_ROWS.values()) == 53_815


def test_two_input_part_by_part():
    model = TwoInput()
    assert {name: count(part) for name, part in model.named_children()} == TORCH_PARTS
    assert count(model) == 54_071


def test_the_256_are_the_lstm_s_second_bias():
    names = [{name: p.numel() for name, p in kind().named_parameters()} for kind in (FunctionalTwoInput, TwoInput)]
    keras, torch_s = (sorted(size for name, size in sizes.items() if "memory.1" in name) for sizes in names)
    assert count(TwoInput()) - count(FunctionalTwoInput()) == 256
    assert torch_s == sorted([*keras, 256])


@BOTH
def test_two_inputs_give_two_probabilities(kind):
    probabilities = kind()(*two_inputs())
    assert probabilities.shape == (4, 2)
    assert ((probabilities > 0) & (probabilities < 1)).all()


@BOTH
def test_other_sizes(kind):
    model = kind(steps=7, vocabulary=12, facts=3, width=5, outputs=4)
    assert model(torch.full((2, 7), 11), torch.zeros(2, 3)).shape == (2, 4)


def by_layers(model, tokens, facts):
    """Both networks in evaluation mode, with the weights alone: three branches, and what joins them."""
    w = model.state_dict()

    def dense(x, name):
        return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]

    h = c = torch.zeros(len(tokens), 64, dtype=facts.dtype)
    for t in range(50):
        x = w["memory.0.weight"][tokens[:, t]]
        gates = x @ w["memory.1.weight_ih_l0"].T + h @ w["memory.1.weight_hh_l0"].T
        i, f, g, o = (gates + w["memory.1.bias_ih_l0"] + w["memory.1.bias_hh_l0"]).chunk(4, dim=1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
    memory = dense(h, "memory_output.1").sigmoid()
    deep = dense(tokens.to(facts.dtype), "deep.1").relu()
    deep = dense(dense(dense(deep, "deep.4").relu(), "deep.6").relu(), "deep.8").sigmoid()
    z = dense(facts, "from_facts.1")
    if isinstance(model, FunctionalTwoInput):
        third = z * (1 + torch.erf(z / 2**0.5)) / 2  # GELU
        joined, first, second, last = torch.cat([memory, deep, third], dim=1), "main.1", "main.4", "main.6"
    else:
        third = 1.0507009873554805 * torch.where(z > 0, z, 1.6732632423543772 * (z.exp() - 1))  # SELU
        joined, first, second, last = torch.cat([memory, third, deep], dim=1), "main.0", "main.3", "main.6"
    return memory, deep, third, dense(dense(dense(joined, first).relu(), second).relu(), last).sigmoid()


@BOTH
def test_connections(kind):
    torch.manual_seed(0)
    model = kind().double().eval()
    tokens, facts = two_inputs()
    tokens, facts = tokens.int(), facts.double()
    *branches, probabilities = by_layers(model, tokens, facts)
    for ours, expected in zip(model.branches(tokens, facts), branches, strict=True):
        torch.testing.assert_close(ours, expected, rtol=0, atol=1e-12)
    torch.testing.assert_close(model(tokens, facts), probabilities, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("kind", "rates"),
    [
        (
            FunctionalTwoInput,
            {"memory_output.0": 0.5, "deep.0": 0.5, "deep.3": 0.3, "from_facts.0": 0.5, "main.0": 0.25, "main.3": 0.3},
        ),
        (
            TwoInput,
            {"memory_output.0": 0.5, "deep.0": 0.5, "deep.3": 0.3, "from_facts.0": 0.5, "main.2": 0.5, "main.5": 0.5},
        ),
    ],
)
def test_dropout_where_the_source_has_it(kind, rates):
    assert {name: part.p for name, part in kind().named_modules() if isinstance(part, nn.Dropout)} == rates


@BOTH
def test_training_with_two_inputs_lowers_the_loss(kind):
    torch.manual_seed(0)
    inputs = two_inputs(64)
    targets = torch.stack([inputs[1][:, 0] > 0, inputs[0][:, -1] > 24], dim=1).float()
    model = kind()

    def loss():
        return functional.binary_cross_entropy(torch.from_numpy(predict(model, inputs)), targets).item()

    before = loss()
    fit(model, inputs, targets, epochs=1, batch_size=None, loss=functional.binary_cross_entropy)
    after_one_step = loss()
    fit(model, inputs, targets, epochs=30, loss=functional.binary_cross_entropy)
    assert loss() < after_one_step < before


@BOTH
@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda t, f: (t.float(), f), TypeError, "tokens must be integers, got torch.float32"),
        (lambda t, f: (t > 3, f), TypeError, "tokens must be integers, got torch.bool"),
        (lambda t, f: (t, f.long()), TypeError, "facts must be floating-point numbers, got torch.int64"),
        (lambda t, f: (t[:, :49], f), ValueError, r"tokens must have shape \(B, 50\), got \(4, 49\)"),
        (lambda t, f: (t[0], f), ValueError, r"tokens must have shape \(B, 50\), got \(50,\)"),
        (lambda t, f: (t, f[:, :9]), ValueError, r"facts must have shape \(4, 10\), got \(4, 9\)"),
        (lambda t, f: (t, f[:1]), ValueError, r"facts must have shape \(4, 10\), got \(1, 10\)"),
        (lambda t, f: (t - t - 1, f), ValueError, "tokens must be 0 … 49, got -1"),
        (lambda t, f: (t - t + 50, f), ValueError, "tokens must be 0 … 49, got 50"),
    ],
)
def test_bad_tokens_and_facts(kind, change, error, message):
    with pytest.raises(error, match=message):
        kind()(*change(*two_inputs()))


@BOTH
@pytest.mark.parametrize("name", ["steps", "vocabulary", "facts", "width", "outputs"])
def test_bad_sizes_of_two_inputs(kind, name):
    with pytest.raises(ValueError, match=f"{name} must be at least 1, got 0"):
        kind(**{name: 0})
    with pytest.raises(TypeError, match=f"{name} must be an integer, got 2.0"):
        kind(**{name: 2.0})


# Device and dtype


def on_meta(make):
    """The network on the device "meta", whose tensors hold no numbers: it stands for a card that need not be there."""
    return make().to("meta", torch.bfloat16)


@pytest.mark.parametrize(
    "make",
    [
        *(partial(Forecaster, make(), readout="all", lookback=L, residual=True) for make in UNUSUAL.values()),
        lambda: Forecaster(ElmanRNN(F, H, activation="sigmoid")),
        lambda: Forecaster(VariationalGRU(F, H, input_dropout=0.3, state_dropout=0.3), output_activation=torch.tanh),
        lambda: Forecaster(OneBiasLSTM(F, H)),
        lambda: SequenceClassifier(UNUSUAL["two directions"](), 3),
    ],
)
def test_networks_follow_their_device_and_dtype(make):
    model = on_meta(make)
    with FakeTensorMode(allow_non_fake_inputs=True):  # refuses to mix devices
        output = model(torch.zeros(B, L, F, device="meta", dtype=torch.bfloat16))
        assert (output.device.type, output.dtype) == ("meta", torch.bfloat16)


@BOTH
def test_two_inputs_follow_their_device_and_dtype(kind, monkeypatch):
    monkeypatch.setattr(kind, "_check", lambda self, tokens, facts: None)  # asks for numbers, which are not there
    model, (tokens, facts) = on_meta(kind), two_inputs()
    with FakeTensorMode(allow_non_fake_inputs=True):
        output = model(tokens.to("meta"), facts.to("meta", torch.bfloat16))
        assert (output.device.type, output.dtype) == ("meta", torch.bfloat16)
