"""Plausible wrong answers: a block replaces the answer to its question, and must cost points."""

# ruff: noqa: F811
import numpy as np
import torch

# %% q1 | where may the last window start at the latest
# One window too few: the "+ 1" is forgotten.
n_daily = 330
n_weekly = 47
n_apart = 10
first_unused = 350
times_100 = 7
times_364 = 1
inputs_shape = (48, 28, 3)
targets_shape = (48, 7, 1)

# %% q1 | the targets have an axis for the single number too
n_daily = 331
n_weekly = 48
n_apart = 10
first_unused = 350
times_100 = 7
times_364 = 7
inputs_shape = (48, 28, 3)
targets_shape = (48, 7, 3)


# %% q2 public | targets must be 6, 8, 10, 12
# The gap is left out of the targets' place.
def make_pairs(series, lookback, gap, horizon, stride):
    starts = np.arange(len(series) - lookback - gap - horizon, -1, -stride)[::-1]
    inputs = np.stack([series[s : s + lookback] for s in starts])
    targets = np.stack([series[s + lookback : s + lookback + horizon] for s in starts])
    return inputs, targets, starts + lookback


# %% q2 | loses a window when the windows fit the series exactly
# The window that starts at point 0 is never reached.
def make_pairs(series, lookback, gap, horizon, stride):
    length = lookback + gap + horizon
    if np.ndim(series) != 1 or lookback < 1 or gap < 0 or horizon < 1 or stride < 1:
        raise ValueError("wrong arguments")
    if length > len(series):
        raise ValueError("the series is too short")
    starts = np.arange(len(series) - length, 0, -stride)[::-1]
    inputs = np.array([series[s : s + lookback] for s in starts])
    targets = np.array([series[s + lookback + gap : s + length] for s in starts])
    return inputs, targets, starts + lookback + gap


# %% q2 | must refuse what does not fit
# Right for what fits, silent for the rest.
def make_pairs(series, lookback, gap, horizon, stride):
    length = lookback + gap + horizon
    starts = sorted(range(len(series) - length, -1, -stride))
    inputs = np.array([series[s : s + lookback] for s in starts])
    targets = np.array([series[s + lookback + gap : s + length] for s in starts])
    return inputs, targets, np.array(starts) + lookback + gap


# %% q3 public | the weights must come close to -1 and 1.0806
# The symptom is treated: more updates, with a higher rate. The loss still broadcasts.
def train_mended(inputs, targets, updates=300, rate=0.1):
    X, y = torch.tensor(inputs), torch.tensor(targets)
    weight = torch.zeros(X.shape[1], 1, dtype=X.dtype, requires_grad=True)
    constant = torch.zeros(1, dtype=X.dtype, requires_grad=True)
    optimiser = torch.optim.SGD([weight, constant], lr=2 * rate)
    losses = []
    for _ in range(updates):
        optimiser.zero_grad()
        loss = ((X @ weight + constant - y) ** 2).mean()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return weight.detach().numpy()[:, 0], constant.item(), losses


# %% q3 | must give the same for targets of shape (N,) and (N, 1)
# An axis more, whatever comes: targets of shape (N, 1) become (N, 1, 1) and broadcast again.
def train_mended(inputs, targets, updates=300, rate=0.1):
    X, y = torch.tensor(inputs), torch.tensor(targets)[:, None]
    weight = torch.zeros(X.shape[1], 1, dtype=X.dtype, requires_grad=True)
    constant = torch.zeros(1, dtype=X.dtype, requires_grad=True)
    optimiser = torch.optim.SGD([weight, constant], lr=rate)
    losses = []
    for _ in range(updates):
        optimiser.zero_grad()
        loss = ((X @ weight + constant - y) ** 2).mean()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return weight.detach().numpy()[:, 0], constant.item(), losses


# %% q3 | does not learn a linear rule from other inputs
# The weights that the public check names, whatever the data.
def train_mended(inputs, targets, updates=300, rate=0.1):
    return np.array([-1.0, 2 * np.cos(1.0)]), 0.0, [0.5] * updates


# %% q4 | each of the h * K outputs has its own weights and its own constant
# Counts the weights of one output only.
def head_size(lookback, hidden_size, horizon, targets, readout):
    return (hidden_size * lookback if readout == "all" else hidden_size) + 1


def read(states, weight, bias, readout, horizon):
    rows = {"last": states[:, -1], "all": states.reshape(len(states), -1), "mean": states.mean(1)}
    if readout not in rows:
        raise ValueError("no such readout")
    return (rows[readout] @ weight.T + bias).reshape(len(states), horizon, -1)


# %% q4 | something else than the linear head for one of the three readouts
# Flattens unit after unit instead of step after step.
def head_size(lookback, hidden_size, horizon, targets, readout):
    reads = hidden_size * lookback if readout == "all" else hidden_size
    return horizon * targets * (reads + 1)


def read(states, weight, bias, readout, horizon):
    flat = states.transpose(0, 2, 1).reshape(len(states), -1)
    rows = {"last": states[:, -1], "all": flat, "mean": states.mean(1)}
    if readout not in rows:
        raise ValueError("no such readout")
    return (rows[readout] @ weight.T + bias).reshape(len(states), horizon, -1)


# %% q4 | `read` must refuse an unknown readout
# Whatever is neither "last" nor "all" is a mean.
def head_size(lookback, hidden_size, horizon, targets, readout):
    reads = hidden_size * lookback if readout == "all" else hidden_size
    return horizon * targets * (reads + 1)


def read(states, weight, bias, readout, horizon):
    if readout == "last":
        row = states[:, -1]
    elif readout == "all":
        row = states.reshape(len(states), -1)
    else:
        row = states.mean(axis=1)
    return (row @ weight.T + bias).reshape(len(states), horizon, -1)


# %% q5 | is not exact on a sine around another level
# The rule of the chapter: two weights, no constant, whatever is asked for.
def continue_series(series, order, steps):
    if len(series) - order < order + 1:
        raise ValueError("too few equations")
    pairs = np.column_stack([series[1:-1], series[:-2]])
    weights = np.linalg.lstsq(pairs, series[2:], rcond=None)[0]
    track = list(series[-2:])
    for _ in range(steps):
        track.append(weights[0] * track[-1] + weights[1] * track[-2])
    return np.array(track[2:])


# %% q5 public | the largest error is
# The weights are found oldest first and used newest first.
def continue_series(series, order, steps):
    if len(series) - order < order + 1:
        raise ValueError("too few equations")
    rows = np.array([[*series[i - order : i], 1.0] for i in range(order, len(series))])
    *weights, constant = np.linalg.lstsq(rows, series[order:], rcond=None)[0]
    track = list(series)
    for _ in range(steps):
        track.append(constant + sum(w * track[-k] for k, w in enumerate(weights, start=1)))
    return np.array(track[len(series) :])


# %% q6 public | the example must give 2, 3, 14, 19, 34
# Reads the true values at every step: open loop, whatever `every` is.
def run_between(predict, series, lookback, every):
    if every < 1 or len(series) <= lookback:
        raise ValueError("nothing to forecast")
    steps = range(len(series) - lookback)
    return np.array([predict(series[step : step + lookback]) for step in steps])


# %% q6 | Is the window always L points long
# The window grows: the oldest point is not dropped.
def run_between(predict, series, lookback, every):
    if every < 1 or len(series) <= lookback:
        raise ValueError("nothing to forecast")
    forecasts = []
    for step in range(len(series) - lookback):
        if step % every == 0:
            window = list(series[step : step + lookback])
        window.append(predict(np.array(window)))
        forecasts.append(window[-1])
    return np.array(forecasts)


# %% q6 | what makes no sense is not refused
# No check of the arguments.
def run_between(predict, series, lookback, every):
    every = abs(every) or 1
    forecasts = []
    for step in range(len(series) - lookback):
        if step % every == 0:
            window = series[step : step + lookback].astype(float)
        forecasts.append(predict(window))
        window = np.append(window[1:], forecasts[-1])
    return np.array(forecasts)


# %% q7 public | four set-ups with three seeds are 12 runs
# All combinations: two factors change at a time.
def plan_runs(reference, changes, seeds):
    if set(changes) - set(reference) or len(set(seeds)) < 3:
        raise ValueError("no plan")
    setups = [dict(reference)]
    for factor, levels in changes.items():
        more = [{**setup, factor: level} for setup in setups for level in levels]
        setups += [setup for setup in more if setup not in setups]
    return [{**setup, "seed": seed} for setup in setups for seed in seeds]


def decide(errors, a, b):
    common = sorted(set(errors[a]) & set(errors[b]))
    if len(common) < 4:
        raise ValueError("too few seeds")
    of_a, of_b = (np.array([errors[name][seed] for seed in common]) for name in (a, b))
    for name, own, other in ((a, of_a, of_b), (b, of_b, of_a)):
        if np.median(own) < np.median(other) and np.mean(own < other) >= 0.75:
            return name
    return "undecided"


# %% q7 | differ from the reference in more than one factor, leaves one out, has one twice
# The reference is run again wherever a list of levels names it.
def plan_runs(reference, changes, seeds):
    if set(changes) - set(reference) or len(set(seeds)) < 3:
        raise ValueError("no plan")
    setups = [reference]
    setups += [{**reference, factor: level} for factor in changes for level in changes[factor]]
    return [{**setup, "seed": seed} for setup in setups for seed in seeds]


def decide(errors, a, b):
    common = sorted(set(errors[a]) & set(errors[b]))
    if len(common) < 4:
        raise ValueError("too few seeds")
    of_a, of_b = (np.array([errors[name][seed] for seed in common]) for name in (a, b))
    for name, own, other in ((a, of_a, of_b), (b, of_b, of_a)):
        if np.median(own) < np.median(other) and np.mean(own < other) >= 0.75:
            return name
    return "undecided"


# %% q7 | `decide` gives a wrong verdict
# Means instead of medians, over all seeds that each of the two happens to have.
def plan_runs(reference, changes, seeds):
    if set(changes) - set(reference) or len(set(seeds)) < 3:
        raise ValueError("no plan")
    setups = [reference]
    for factor, levels in changes.items():
        levels = [level for level in levels if level != reference[factor]]
        setups += [{**reference, factor: level} for level in levels]
    return [{**setup, "seed": seed} for setup in setups for seed in seeds]


def decide(errors, a, b):
    if len(set(errors[a]) & set(errors[b])) < 4:
        raise ValueError("too few seeds")
    means = {name: np.mean(list(errors[name].values())) for name in (a, b)}
    return min(means, key=means.get) if means[a] != means[b] else "undecided"


# %% q7 | `decide` must refuse fewer than four common seeds
# Counts the seeds of each set-up, not those that both have.
def plan_runs(reference, changes, seeds):
    if set(changes) - set(reference) or len(set(seeds)) < 3:
        raise ValueError("no plan")
    setups = [reference]
    for factor, levels in changes.items():
        levels = [level for level in levels if level != reference[factor]]
        setups += [{**reference, factor: level} for level in levels]
    return [{**setup, "seed": seed} for setup in setups for seed in seeds]


def decide(errors, a, b):
    if len(errors[a]) < 4 or len(errors[b]) < 4:
        raise ValueError("too few seeds")
    common = [seed for seed in errors[a] if seed in errors[b]]
    pairs = np.array([(errors[a][seed], errors[b][seed]) for seed in common])
    median_a, median_b = np.median(pairs, axis=0)
    if median_a < median_b and np.mean(pairs[:, 0] < pairs[:, 1]) >= 0.75:
        return a
    if median_b < median_a and np.mean(pairs[:, 1] < pairs[:, 0]) >= 0.75:
        return b
    return "undecided"
