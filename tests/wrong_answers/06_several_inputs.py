# ruff: noqa: F811, F821
"""Wrong answers to the assignment of chapter 6: each must lose points, with the words after the bar."""

# %% q1 | One of the seven numbers is wrong.
n_embedding = 120
n_gru = 360  # one bias a block, as in Keras
n_memory = 27
n_facts = 24
n_joined = 128
n_answers = 34
n_more = 0


def count_parameters(vocabulary, embedding, hidden, memory, facts, branch, joined, outputs):
    gru = 3 * hidden * (embedding + hidden + 2)
    dense = (hidden + 1) * memory + (facts + 1) * branch
    dense += (memory + branch + 1) * joined + (joined + 1) * outputs
    return vocabulary * embedding + gru + dense


# %% q1 | One of the seven numbers is wrong.
n_embedding = 126  # an embedding has no bias
n_gru = 384
n_memory = 27
n_facts = 24
n_joined = 128
n_answers = 34
n_more = 240  # and no weight knows the length


def count_parameters(vocabulary, embedding, hidden, memory, facts, branch, joined, outputs):
    gru = 3 * hidden * (embedding + hidden + 2)
    dense = (hidden + 1) * memory + (facts + 1) * branch
    dense += (memory + branch + 1) * joined + (joined + 1) * outputs
    return vocabulary * embedding + gru + dense


# %% q1 | count_parameters differs from what PyTorch counts
n_embedding = 120
n_gru = 384
n_memory = 27
n_facts = 24
n_joined = 128
n_answers = 34
n_more = 0


def count_parameters(vocabulary, embedding, hidden, memory, facts, branch, joined, outputs):
    gru = 4 * hidden * (embedding + hidden + 1)  # the LSTM of the chapter: 12 too, if all is 1
    dense = (hidden + 1) * memory + (facts + 1) * branch
    dense += (memory + branch + 1) * joined + (joined + 1) * outputs
    return vocabulary * embedding + gru + dense


# %% q2 | join_steps is wrong for other data
def join_steps(series, facts):  # the facts of another window
    repeated = np.tile(facts, (series.shape[1], 1)).reshape(len(facts), series.shape[1], -1)
    return np.concatenate([series, repeated], axis=2)


def extra_weights(core, facts, hidden, outputs):
    return {"RNN": 1, "GRU": 3, "LSTM": 4}[core] * hidden * facts, outputs * facts


# %% q2 | join_steps is wrong for other data
def join_steps(series, facts):  # three steps, as in the example
    repeated = np.repeat(facts[:, None, :], 3, axis=1)
    return np.concatenate([series[:, -3:], repeated], axis=2)


def extra_weights(core, facts, hidden, outputs):
    return {"RNN": 1, "GRU": 3, "LSTM": 4}[core] * hidden * facts, outputs * facts


# %% q2 | extra_weights differs from what PyTorch counts.
def join_steps(series, facts):
    repeated = np.repeat(facts[:, None, :], series.shape[1], axis=1)
    return np.concatenate([series, repeated], axis=2)


def extra_weights(core, facts, hidden, outputs):  # forgets the gates
    return hidden * facts, outputs * facts


# %% q3 | look at the vector of -1
def embed(tokens, table):  # -1 takes the last row
    if tokens.min() < -1 or tokens.max() >= len(table):
        raise ValueError(tokens.max())
    return table[tokens]


def count_tokens(tokens, vocabulary):
    return (tokens[:, :, None] == np.arange(vocabulary)).sum(axis=1)


# %% q3 | embed must raise a ValueError
def embed(tokens, table):  # what is not in the table is all zeros
    return (tokens[:, :, None] == np.arange(len(table))) @ table


def count_tokens(tokens, vocabulary):
    return (tokens[:, :, None] == np.arange(vocabulary)).sum(axis=1)


# %% q3 | count_tokens is wrong for other tokens
def embed(tokens, table):
    if tokens.min() < -1 or tokens.max() >= len(table):
        raise ValueError(tokens.max())
    return (tokens[:, :, None] == np.arange(len(table))) @ table


def count_tokens(tokens, vocabulary):  # -1 is counted as a 0
    rows = [np.bincount(row.clip(0), minlength=vocabulary) for row in tokens]
    return np.stack(rows)


# %% q4 | With start weights and biases of zero forward must be the plain GRU
def forward(series, facts, w):  # the reset gate before the product, the gates in Keras's order
    h = np.tanh(facts @ w["start.weight"].T + w["start.bias"])
    for x in series.transpose(1, 0, 2):
        from_input = np.split(x @ w["core.weight_ih_l0"].T + w["core.bias_ih_l0"], 3, axis=1)
        from_state = np.split(h @ w["core.weight_hh_l0"].T + w["core.bias_hh_l0"], 3, axis=1)
        z, r = (1 / (1 + np.exp(-from_input[k] - from_state[k])) for k in (0, 1))
        n = np.tanh(from_input[2] + r * from_state[2])
        h = (1 - z) * n + z * h
    return h @ w["head.weight"].T + w["head.bias"]


# %% q4 | look at the first state
def forward(series, facts, w):  # no tanh round the start
    h = facts @ w["start.weight"].T + np.tanh(w["start.bias"])
    for x in series.transpose(1, 0, 2):
        from_input = np.split(x @ w["core.weight_ih_l0"].T + w["core.bias_ih_l0"], 3, axis=1)
        from_state = np.split(h @ w["core.weight_hh_l0"].T + w["core.bias_hh_l0"], 3, axis=1)
        r, z = (1 / (1 + np.exp(-from_input[k] - from_state[k])) for k in (0, 1))
        n = np.tanh(from_input[2] + r * from_state[2])
        h = (1 - z) * n + z * h
    return h @ w["head.weight"].T + w["head.bias"]


# %% q4 | look at the first state
def forward(series, facts, w):  # the facts of the first window for all
    h = np.tanh(facts[[0]] @ w["start.weight"].T + w["start.bias"]).repeat(len(facts), axis=0)
    for x in series.transpose(1, 0, 2):
        from_input = np.split(x @ w["core.weight_ih_l0"].T + w["core.bias_ih_l0"], 3, axis=1)
        from_state = np.split(h @ w["core.weight_hh_l0"].T + w["core.bias_hh_l0"], 3, axis=1)
        r, z = (1 / (1 + np.exp(-from_input[k] - from_state[k])) for k in (0, 1))
        n = np.tanh(from_input[2] + r * from_state[2])
        h = (1 - z) * n + z * h
    return h @ w["head.weight"].T + w["head.bias"]


# %% q5 | The branches hold other numbers than their series
def apart(series, training):  # only the scale is mended
    n, lookback, features = series.shape
    mixed = series.reshape(features, n, lookback, 1)
    known = mixed[:, training]
    mean, spread = (f(known, axis=(1, 2), keepdims=True) for f in (np.mean, np.std))
    return (mixed - mean) / spread


# %% q5 | The scale is wrong
def apart(series, training):  # only the reshape is mended
    each = series.transpose(2, 0, 1)[..., None]
    return (each - each.mean(axis=2, keepdims=True)) / each.std(axis=2, keepdims=True)


# %% q5 | The scale is wrong
def apart(series, training):  # all windows
    scaled = (series - series.mean(axis=(0, 1))) / series.std(axis=(0, 1))
    return scaled.transpose(2, 0, 1)[..., None]


# %% q6 | additive_part is wrong for other tables
def additive_part(table):  # the public example's answer
    return np.array([[-1.0, 3.0], [5.0, 9.0]])


def blind_share(table):
    rows, columns = table.mean(axis=1, keepdims=True), table.mean(axis=0, keepdims=True)
    return float((table - rows - columns).var() / table.var())


share_centred = 1.0
share_shifted = 1 / 13
share_log = 0.0


# %% q6 | blind_share is wrong for other tables.
def additive_part(table):
    return table.mean(axis=1, keepdims=True) + table.mean(axis=0) - table.mean()


def blind_share(table):  # the size of what is left, not its share of the variance
    return float(np.mean((table - additive_part(table)) ** 2) / np.mean((table - 4) ** 2))


share_centred = 1.0
share_shifted = 1 / 13
share_log = 0.0


# %% q6 | One of the three shares is wrong.
def additive_part(table):
    return table.mean(axis=1, keepdims=True) + table.mean(axis=0) - table.mean()


def blind_share(table):
    return float((table - additive_part(table)).var() / table.var())


share_centred = 1.0
share_shifted = 1.0  # a product is a product
share_log = 0.0


# %% q7 | plan_ablation is not the experiment
def plan_ablation(inputs, seeds):  # another seed for each network
    names = [None, *inputs]
    return [{"without": name, "seed": seeds[0] + k} for k, name in enumerate(names)]


def worth(rows):
    loss = {(row["without"], row["seed"]): row["validation"] for row in rows}
    grown = {}
    for (name, seed), without in loss.items():
        if name is not None and np.isfinite(without - loss.get((None, seed), np.nan)):
            grown.setdefault(name, []).append(without - loss[None, seed])
    return {name: float(np.median(each)) for name, each in grown.items()}


# %% q7 | worth is wrong where all runs are there
def plan_ablation(inputs, seeds):
    return [{"without": name, "seed": seed} for name in [None, *inputs] for seed in seeds]


def worth(rows):  # medians are compared, runs are not paired
    table = pd.DataFrame(rows).fillna({"without": "nothing"})
    medians = table.groupby("without")["validation"].median()
    return (medians - medians["nothing"]).drop("nothing").to_dict()


# %% q7 | worth is wrong where runs are missing or broken
def plan_ablation(inputs, seeds):
    return [{"without": name, "seed": seed} for name in [None, *inputs] for seed in seeds]


def worth(rows):  # a broken run spoils the median
    loss = {(row["without"], row["seed"]): row["validation"] for row in rows}
    grown = {}
    for (name, seed), without in loss.items():
        if name is not None and (None, seed) in loss:
            grown.setdefault(name, []).append(without - loss[None, seed])
    return {name: float(np.median(each)) for name, each in grown.items()}


# %% q8 | The importance has the wrong size
def permutation_importance(model, series, facts, truth, *, repeats, seed):  # shuffles in place
    random, before = np.random.default_rng(seed), np.sqrt(np.mean((model(series, facts) - truth) ** 2))
    grown = {"series": [], "facts": []}
    for name, each in (("series", series), ("facts", facts)):
        for _ in range(repeats):
            random.shuffle(each)
            error = model(series, facts) - truth
            grown[name].append(np.sqrt(np.mean(error**2)) - before)
    return {name: float(np.mean(each)) for name, each in grown.items()}


# %% q8 | The importance has the wrong size
def permutation_importance(model, series, facts, truth, *, repeats, seed):  # not the growth
    random, grown = np.random.default_rng(seed), {"series": 0.0, "facts": 0.0}
    for _ in range(repeats):
        order = random.permutation(len(truth))
        for name, given in (("series", (series[order], facts)), ("facts", (series, facts[order]))):
            grown[name] += float(np.sqrt(np.mean((model(*given) - truth) ** 2))) / repeats
    return grown


# %% q8 | not shuffled by whole windows
def permutation_importance(model, series, facts, truth, *, repeats, seed):  # each number by itself
    def rmse(series, facts):
        return np.sqrt(np.mean((model(series, facts) - truth) ** 2))

    random = np.random.default_rng(seed)
    grown = {"series": [], "facts": []}
    for _ in range(repeats):
        grown["series"].append(rmse(random.permuted(series, axis=0), facts))
        grown["facts"].append(rmse(series, random.permuted(facts, axis=0)))
    return {name: float(np.mean(each) - rmse(series, facts)) for name, each in grown.items()}


# %% q8 | The importance has the wrong size
def permutation_importance(model, series, facts, truth, *, repeats, seed):  # the example's answer
    return {"series": 1.0, "facts": 0.0}
