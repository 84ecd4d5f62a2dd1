"""Plausible wrong answers: a block replaces the answer to its question, and must cost points."""

# ruff: noqa: F811
import numpy as np

# %% q1 | the state at the start is not zero, and it goes through the matrix
# The slip of the tutorial: h0 is added as it is.
state_1 = [4, 0]
state_2 = [1, 5]
state_3 = [0.5, 0]
output = 2
recurrent_kernel = [[0.5, 1], [-1, 0.5]]

# %% q1 | on which side of its matrices does Keras have the state
# The matrix as PyTorch has it.
state_1 = [2, 1.5]
state_2 = [0, 4.75]
state_3 = [0.25, 0]
output = 1.5
recurrent_kernel = [[0.5, -1], [1, 0.5]]


# %% q2 | differs from what PyTorch's layers hold
# A second layer is taken to read the features, not the states of the first.
def count_weights(kind, features, hidden, layers, targets):
    blocks = {"rnn": 1, "gru": 3, "lstm": 4}
    if kind not in blocks:
        raise ValueError("no such kind")
    core = blocks[kind] * layers * (hidden * features + hidden**2 + 2 * hidden)
    return core + targets * (hidden + 1)


def largest_hidden(kind, features, layers, targets, budget):
    sizes = [h for h in range(1, 300) if count_weights(kind, features, h, layers, targets) <= budget]
    if not sizes:
        raise ValueError("too small a budget")
    return max(sizes)


# %% q2 | does not give the largest number of units
# One unit too few where the budget is met exactly, except for the smallest network.
def count_weights(kind, features, hidden, layers, targets):
    blocks = {"rnn": 1, "gru": 3, "lstm": 4}
    if kind not in blocks:
        raise ValueError("no such kind")
    first = blocks[kind] * hidden * (features + hidden + 2)
    return first + (layers - 1) * blocks[kind] * hidden * (2 * hidden + 2) + targets * (hidden + 1)


def largest_hidden(kind, features, layers, targets, budget):
    if budget == 13:
        return 2
    hidden = 1
    while count_weights(kind, features, hidden, layers, targets) < budget:
        hidden += 1
    if hidden == 1:
        raise ValueError("too small a budget")
    return hidden - 1


# %% q3 | look at the order of the blocks
# PyTorch's order of the blocks: r, z, n.
def keras_gru_step(x, h, kernel, recurrent_kernel, bias, reset_after):
    H = h.shape[1]
    first, second = bias if reset_after else (bias, 0 * bias)
    r_in, z_in, n_in = np.split(x @ kernel + first, 3, axis=1)
    r_h, z_h, n_h = np.split(h @ recurrent_kernel + second, 3, axis=1)
    r, z = 1 / (1 + np.exp(-r_in - r_h)), 1 / (1 + np.exp(-z_in - z_h))
    n = n_in + (r * n_h if reset_after else (r * h) @ recurrent_kernel[:, 2 * H :])
    return (1 - z) * np.tanh(n) + z * h


# %% q3 | the reset gate acts on the state, and then comes the product
# One kind of GRU for both.
def keras_gru_step(x, h, kernel, recurrent_kernel, bias, reset_after):
    first, second = bias if reset_after else (bias, 0 * bias)
    z_in, r_in, n_in = np.split(x @ kernel + first, 3, axis=1)
    z_h, r_h, n_h = np.split(h @ recurrent_kernel + second, 3, axis=1)
    r, z = 1 / (1 + np.exp(-r_in - r_h)), 1 / (1 + np.exp(-z_in - z_h))
    return (1 - z) * np.tanh(n_in + r * n_h) + z * h


# %% q3 | an update gate of 1 keeps it
# The update gate the wrong way round.
def keras_gru_step(x, h, kernel, recurrent_kernel, bias, reset_after):
    H = h.shape[1]
    first, second = bias if reset_after else (bias, 0 * bias)
    z_in, r_in, n_in = np.split(x @ kernel + first, 3, axis=1)
    z_h, r_h, n_h = np.split(h @ recurrent_kernel + second, 3, axis=1)
    r, z = 1 / (1 + np.exp(-r_in - r_h)), 1 / (1 + np.exp(-z_in - z_h))
    n = n_in + (r * n_h if reset_after else (r * h) @ recurrent_kernel[:, 2 * H :])
    return z * np.tanh(n) + (1 - z) * h


# %% q4 public | by pencil the gradients are 6, 2 and 4
# The sum over the two ways is still missing: now the own error of the earlier steps is lost.
def bptt_mended(x, states, errors, W_hh, W_y):
    grad_ih, grad_hh, grad_b = 0.0, 0.0, 0.0
    back = W_y.T @ errors[-1]
    for t in range(len(x), 0, -1):
        delta = (1 - states[t] ** 2) * back
        grad_ih = grad_ih + np.outer(delta, x[t - 1])
        grad_hh = grad_hh + np.outer(delta, states[t - 1])
        grad_b = grad_b + delta
        back = W_hh.T @ delta
    return grad_ih, grad_hh, grad_b


# %% q4 | differs from autograd on longer sequences
# The matrix is not transposed, which a single unit does not show.
def bptt_mended(x, states, errors, W_hh, W_y):
    grad_ih, grad_hh, grad_b = 0.0, 0.0, 0.0
    back = np.zeros(len(W_hh))
    for t in range(len(x), 0, -1):
        delta = (1 - states[t] ** 2) * (back + W_y.T @ errors[t - 1])
        grad_ih = grad_ih + np.outer(delta, x[t - 1])
        grad_hh = grad_hh + np.outer(delta, states[t - 1])
        grad_b = grad_b + delta
        back = W_hh @ delta
    return grad_ih, grad_hh, grad_b


# %% q4 | a product with the transposed matrix and the slopes
# The slope is left out of what comes back from the later steps.
def bptt_mended(x, states, errors, W_hh, W_y):
    grad_ih, grad_hh, grad_b = 0.0, 0.0, 0.0
    back = np.zeros(len(W_hh))
    for t in range(len(x), 0, -1):
        delta = (1 - states[t] ** 2) * (W_y.T @ errors[t - 1]) + back
        grad_ih = grad_ih + np.outer(delta, x[t - 1])
        grad_hh = grad_hh + np.outer(delta, states[t - 1])
        grad_b = grad_b + delta
        back = W_hh.T @ delta
    return grad_ih, grad_hh, grad_b


# %% q5 public | d must be tiny
# Nudged in one direction only.
def check_gradient(loss, weights, gradient, nudge=1e-5):
    weights = np.asarray(weights, dtype=float)
    numerical = np.zeros(weights.shape)
    for place in np.ndindex(weights.shape):
        moved = weights.copy()
        moved[place] += nudge
        numerical[place] = (loss(moved) - loss(weights)) / nudge
    lengths = np.linalg.norm(numerical.ravel()) + np.linalg.norm(np.ravel(gradient))
    return np.linalg.norm((numerical - gradient).ravel()) / lengths if lengths else 0.0


# %% q5 | stumbles over weights that are whole numbers
# A copy of whole numbers takes no nudge.
def check_gradient(loss, weights, gradient, nudge=1e-5):
    numerical = np.zeros(weights.shape)
    for place in np.ndindex(weights.shape):
        up, down = weights.copy(), weights.copy()
        up[place] += nudge
        down[place] -= nudge
        numerical[place] = (loss(up) - loss(down)) / (2 * nudge)
    lengths = np.linalg.norm(numerical.ravel()) + np.linalg.norm(np.ravel(gradient))
    return np.linalg.norm((numerical - gradient).ravel()) / lengths if lengths else 0.0


# %% q5 | misjudges a gradient
# Compares the lengths only: a wrong sign goes unnoticed.
def check_gradient(loss, weights, gradient, nudge=1e-5):
    weights = np.asarray(weights, dtype=float)
    numerical = np.zeros(weights.shape)
    for place in np.ndindex(weights.shape):
        shift = np.zeros(weights.shape)
        shift[place] = nudge
        numerical[place] = (loss(weights + shift) - loss(weights - shift)) / (2 * nudge)
    one, two = np.linalg.norm(numerical.ravel()), np.linalg.norm(np.ravel(gradient))
    return abs(one - two) / (one + two) if one + two else 0.0


# %% q6 public | 0.6, 0 and -0.8 are wanted
# Each piece is clipped by itself.
def clip(gradients, limit):
    length = float(np.sqrt(sum(np.sum(piece**2) for piece in gradients)))
    return [piece * min(1, limit / np.linalg.norm(piece)) for piece in gradients], length


# %% q6 | changes one that is short enough
# Every gradient is brought to the limit, short ones too.
def clip(gradients, limit):
    if limit <= 0:
        raise ValueError("no limit")
    length = float(np.sqrt(sum(np.sum(piece**2) for piece in gradients)))
    factor = limit / length if np.isfinite(length) and length else 0.0
    return [np.nan_to_num(piece) * factor for piece in gradients], length


# %% q6 | stumbles over a gradient of zero, over infinity or NaN
# NaN passes through.
def clip(gradients, limit):
    if limit <= 0:
        raise ValueError("no limit")
    length = float(np.sqrt(sum(np.sum(piece**2) for piece in gradients)))
    return [piece * (limit / max(length, limit)) for piece in gradients], length


# %% q7 | The pairs of `radius_experiment` are not pairs
# One stream of random numbers for everything: no two cases have the same matrix.
def radius_experiment(radii, seeds, steps, hidden, input_scale):
    rows, rng = [], np.random.default_rng(0)
    for seed in seeds:
        for radius in radii:
            for units in ("linear", "tanh"):
                W = rng.normal(size=(hidden, hidden))
                W *= radius / np.abs(np.linalg.eigvals(W)).max()
                h, states = np.zeros(hidden), []
                for _ in range(steps):
                    h = input_scale * rng.normal(size=hidden) + W @ h
                    h = np.tanh(h) if units == "tanh" else h
                    states.append(h)
                back = rng.normal(size=hidden)
                back /= np.linalg.norm(back)
                for h in states[::-1]:
                    back = W.T @ (back * (1 - h**2) if units == "tanh" else back)
                length = float(np.linalg.norm(back))
                rows.append({"units": units, "radius": radius, "seed": seed, "length": length})
    return rows


# %% q7 | do not lose or gain a factor of the spectral radius
# The matrix is scaled by its largest singular value instead of its largest eigenvalue.
def radius_experiment(radii, seeds, steps, hidden, input_scale):
    rows = []
    for seed in seeds:
        for radius in radii:
            for units in ("linear", "tanh"):
                rng = np.random.default_rng(seed)
                W = rng.normal(size=(hidden, hidden))
                W *= radius / np.linalg.norm(W, 2)
                h, states = np.zeros(hidden), []
                back = rng.normal(size=hidden)
                back /= np.linalg.norm(back)
                for _ in range(steps):
                    h = input_scale * rng.normal(size=hidden) + W @ h
                    h = np.tanh(h) if units == "tanh" else h
                    states.append(h)
                for h in states[::-1]:
                    back = W.T @ (back * (1 - h**2) if units == "tanh" else back)
                length = float(np.linalg.norm(back))
                rows.append({"units": units, "radius": radius, "seed": seed, "length": length})
    return rows


# %% q7 | do not shrink the gradient by their slopes
# The slopes of tanh are forgotten on the way back.
def radius_experiment(radii, seeds, steps, hidden, input_scale):
    rows = []
    for seed in seeds:
        for radius in radii:
            rng = np.random.default_rng(seed)
            W = rng.normal(size=(hidden, hidden))
            W *= radius / np.abs(np.linalg.eigvals(W)).max()
            back = rng.normal(size=hidden)
            back /= np.linalg.norm(back)
            for _ in range(steps):
                back = W.T @ back
            case = {"radius": radius, "seed": seed, "length": float(np.linalg.norm(back))}
            rows += [{"units": "linear", **case}, {"units": "tanh", **case}]
    return rows


# %% q7 | do not shrink the gradient by their slopes
# The slopes are taken one step too early: h0 comes in, the last state does not.
def radius_experiment(radii, seeds, steps, hidden, input_scale):
    rows = []
    for seed in seeds:
        for radius in radii:
            for units in ("linear", "tanh"):
                rng = np.random.default_rng(seed)
                W = rng.normal(size=(hidden, hidden))
                W *= radius / np.abs(np.linalg.eigvals(W)).max()
                back = rng.normal(size=hidden)
                back /= np.linalg.norm(back)
                states = [np.zeros(hidden)]
                for _ in range(steps):
                    a = input_scale * rng.normal(size=hidden) + W @ states[-1]
                    states.append(np.tanh(a) if units == "tanh" else a)
                for h in states[-2::-1]:
                    back = W.T @ (back * (1 - h**2) if units == "tanh" else back)
                length = float(np.linalg.norm(back))
                rows.append({"units": units, "radius": radius, "seed": seed, "length": length})
    return rows
