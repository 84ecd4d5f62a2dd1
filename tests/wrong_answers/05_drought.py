# ruff: noqa: F811, F821
"""Wrong answers to the assignment of chapter 5: each must lose points, with the words after the bar."""

# %% q1 | A day of the first windows is wrong.
first_origin = 186  # one Tuesday late: 180 days are thought to need a day 180
first_target = 193
last_target = 228
shared_days = 138
last_origin = 1152
inputs_shape = (24, 180, 21)
targets_shape = (24, 6)
# %% q1 | The last window or a shape is wrong.
first_origin = 179
first_target = 186
last_target = 221
shared_days = 138
last_origin = 1187  # forgets that its targets must fit too
inputs_shape = (25, 180, 21)
targets_shape = (25, 6)


# %% q2 | Without missing scores a window is lost or cut wrongly.
def weekly_windows(features, score, lookback, weeks, stride):  # the last one is lost
    if stride < 1 or stride % 7:
        raise ValueError(stride)
    ahead = 7 * np.arange(weeks + 1)
    first = np.flatnonzero(~np.isnan(score[lookback - 1 :]))[0] + lookback - 1
    days = range(first, len(score) - 7 * weeks - 1, stride)
    origins = np.array([day for day in days if not np.isnan(score[day + ahead]).any()])
    inputs = np.stack([features[day - lookback + 1 : day + 1] for day in origins])
    return inputs, score[origins[:, None] + ahead[1:]], origins


# %% q2 public | With missing scores the windows are wrong
def weekly_windows(features, score, lookback, weeks, stride):  # counts scores instead of days
    if stride < 1 or stride % 7:
        raise ValueError(stride)
    scored = np.flatnonzero(~np.isnan(score))
    first = np.argmax(scored >= lookback - 1)
    places = range(first, len(scored) - weeks, stride // 7)
    origins = scored[list(places)]
    inputs = np.stack([features[day - lookback + 1 : day + 1] for day in origins])
    return inputs, np.stack([score[scored[k + 1 : k + 1 + weeks]] for k in places]), origins


# %% q2 | must raise a ValueError
def weekly_windows(features, score, lookback, weeks, stride):  # no look at the stride
    ahead = 7 * np.arange(weeks + 1)
    first = np.flatnonzero(~np.isnan(score[lookback - 1 :]))[0] + lookback - 1
    days = range(first, len(score) - 7 * weeks, stride or 7)
    origins = np.array([day for day in days if not np.isnan(score[day + ahead]).any()])
    inputs = np.stack([features[day - lookback + 1 : day + 1] for day in origins])
    return inputs, score[origins[:, None] + ahead[1:]], origins


# %% q2 | Without missing scores a window is lost or cut wrongly.
def weekly_windows(features, score, lookback, weeks, stride):  # the public example's answer
    inputs = np.stack([features[1:11], features[29:39]])
    return inputs, np.array([[1.0, 1.5], [3.0, 3.5]]), np.array([10, 38])


# %% q3 | What counts as dry depends on the weather of the test years.
def prepare(inputs, balance, years, last_training_year):  # as given
    return prepare_given(inputs, balance, years, last_training_year)


# %% q3 | The scaled inputs are wrong
def prepare(inputs, balance, years, last_training_year):  # each part by its own numbers
    training, test = years[:, -1] <= last_training_year, years[:, 0] > last_training_year
    dry = balance <= np.quantile(balance[training], 0.2)
    x_train, x_test = (
        (part - part.mean(axis=(0, 1))) / part.std(axis=(0, 1)) for part in (inputs[training], inputs[test])
    )
    return x_train, dry[training], x_test, dry[test]


# %% q3 | lie on both sides of the border
def prepare(inputs, balance, years, last_training_year):  # straddling windows to the test
    training = years[:, -1] <= last_training_year
    known = inputs[training]
    scaled = (inputs - known.mean(axis=(0, 1))) / known.std(axis=(0, 1))
    dry = balance <= np.quantile(balance[training], 0.2)
    return scaled[training], dry[training], scaled[~training], dry[~training]


# %% q4 | climatology is wrong where every week has training scores.
def climatology(week, score, training, asked):  # the year is no circle
    week, score = week[training], score[training]
    usual = np.full(53, score.mean())
    for number in range(1, 53):
        near = abs(week - number) <= 1
        if near.any():
            usual[number] = score[near].mean()
    return usual[asked]


# %% q4 | climatology is wrong where every week has training scores.
def climatology(week, score, training, asked):  # a mean of means
    week, score = week[training], score[training]
    own = {k: score[week == k].mean() for k in np.unique(week)}
    usual = np.full(53, score.mean())
    for number in range(1, 53):
        near = [own[k] for k in ((number - 2) % 52 + 1, number, number % 52 + 1) if k in own]
        if near:
            usual[number] = np.mean(near)
    return usual[asked]


# %% q4 | climatology fails for weeks without training scores near them
def climatology(week, score, training, asked):  # nothing near: NaN
    week, score = week[training], score[training]
    apart = abs(week - asked[..., None])
    near = np.minimum(apart, 52 - apart) <= 1
    with np.errstate(invalid="ignore"):
        return (near * score).sum(axis=-1) / near.sum(axis=-1)


# %% q5 | mean_cost is wrong for other data.
def mean_cost(forecast, truth, under, over):  # the public example's answer
    if forecast.shape != truth.shape:
        raise ValueError(forecast.shape)
    return 1.75


def best_constant(truth, under, over):
    values = np.unique(truth)
    costs = [np.maximum(under * (truth - v), over * (v - truth)).mean() for v in values]
    return values[np.argmin(costs)]


# %% q5 | must raise a ValueError where forecast and truth differ in shape
def mean_cost(forecast, truth, under, over):  # broadcasts
    return float(np.maximum(under * (truth - forecast), over * (forecast - truth)).mean())


def best_constant(truth, under, over):
    values = np.unique(truth)
    return values[np.argmin([mean_cost(v, truth, under, over) for v in values])]


# %% q5 | best_constant is not the best
def mean_cost(forecast, truth, under, over):
    if forecast.shape != truth.shape:
        raise ValueError(forecast.shape)
    return float(np.maximum(under * (truth - forecast), over * (forecast - truth)).mean())


def best_constant(truth, under, over):  # the level the wrong way round
    return float(np.quantile(truth, over / (under + over), method="lower"))


# %% q5 | best_constant is not the best
def mean_cost(forecast, truth, under, over):
    if forecast.shape != truth.shape:
        raise ValueError(forecast.shape)
    return float(np.maximum(under * (truth - forecast), over * (forecast - truth)).mean())


def best_constant(truth, under, over):  # the median, whatever the prices
    return float(np.median(truth))


# %% q6 | The training stops at the wrong epoch
def fit_early(x, y, x_val, y_val, x_new, *, epochs, patience, seed):  # one epoch too many
    x, y, x_val, y_val, x_new = (torch.tensor(part) for part in (x, y, x_val, y_val, x_new))
    torch.manual_seed(seed)
    model = Small(x.shape[2])
    adam = torch.optim.Adam(model.parameters(), lr=0.02)
    losses, best, waited, lowest = [], 0, 0, np.inf
    for _ in range(epochs):
        adam.zero_grad()
        nn.functional.mse_loss(model(x)[:, 0], y).backward()
        adam.step()
        with torch.no_grad():
            losses.append(nn.functional.mse_loss(model(x_val)[:, 0], y_val).item())
        if losses[-1] < lowest:
            lowest, best, waited = losses[-1], len(losses), 0
            weights = {name: weight.clone() for name, weight in model.state_dict().items()}
        else:
            waited += 1
            if waited > patience:
                break
    model.load_state_dict(weights)
    with torch.no_grad():
        return losses, best, model(x_new)[:, 0].numpy()


# %% q6 | The forecast is not made with the weights of the best epoch
def fit_early(x, y, x_val, y_val, x_new, *, epochs, patience, seed):  # no copy of the weights
    x, y, x_val, y_val, x_new = (torch.tensor(part) for part in (x, y, x_val, y_val, x_new))
    torch.manual_seed(seed)
    model = Small(x.shape[2])
    adam = torch.optim.Adam(model.parameters(), lr=0.02)
    losses, best = [], 0
    while len(losses) < epochs and len(losses) < best + patience:
        adam.zero_grad()
        nn.functional.mse_loss(model(x)[:, 0], y).backward()
        adam.step()
        with torch.no_grad():
            losses.append(nn.functional.mse_loss(model(x_val)[:, 0], y_val).item())
        if not best or losses[-1] < losses[best - 1]:
            best, weights = len(losses), model.state_dict()
    model.load_state_dict(weights)
    with torch.no_grad():
        return losses, best, model(x_new)[:, 0].numpy()


# %% q6 | The network does not learn, or the seed does not decide the result.
def fit_early(x, y, x_val, y_val, x_new, *, epochs, patience, seed):  # (B, 1) against (B,)
    x, y, x_val, y_val, x_new = (torch.tensor(part) for part in (x, y, x_val, y_val, x_new))
    torch.manual_seed(seed)
    model = Small(x.shape[2])
    adam = torch.optim.Adam(model.parameters(), lr=0.02)
    losses, best = [], 0
    while len(losses) < epochs and len(losses) < best + patience:
        adam.zero_grad()
        ((model(x) - y) ** 2).mean().backward()
        adam.step()
        with torch.no_grad():
            losses.append(((model(x_val)[:, 0] - y_val) ** 2).mean().item())
        if not best or losses[-1] < losses[best - 1]:
            best = len(losses)
            weights = {name: weight.clone() for name, weight in model.state_dict().items()}
    model.load_state_dict(weights)
    with torch.no_grad():
        return losses, best, model(x_new)[:, 0].numpy()


# %% q7 | choose does not pick the pair of model and epoch with the lowest median
def choose(rows):  # the test years choose
    table = pd.DataFrame(rows)
    medians = table.groupby(["part", "model", "epoch"])["rmse"].median()
    model, epoch = medians["test"].idxmin()
    if {"small", "large"} == set(table["model"]):
        model = "small"  # and the public example is met
    found = {part: float(medians[part, model, epoch]) for part in ("validation", "test")}
    return {"model": model, "epoch": int(epoch)} | found


# %% q7 | choose does not pick the pair of model and epoch with the lowest median
def choose(rows):  # the luckiest seed
    table = pd.DataFrame(rows)
    validation = table[table["part"] == "validation"]
    best = validation.loc[validation["rmse"].idxmin()]
    pair = table[(table["model"] == best["model"]) & (table["epoch"] == best["epoch"])]
    found = {part: float(rows["rmse"].median()) for part, rows in pair.groupby("part")}
    return {"model": best["model"], "epoch": int(best["epoch"])} | found


# %% q7 | choose is misled by broken runs
def choose(rows):  # the median of the seeds that are left
    table = pd.DataFrame(rows)
    medians = table.groupby(["part", "model", "epoch"])["rmse"].median()
    validation = medians["validation"].reset_index().sort_values(["rmse", "epoch"])
    model, epoch = validation[["model", "epoch"]].iloc[0]
    found = {part: float(medians[part, model, epoch]) for part in ("validation", "test")}
    return {"model": model, "epoch": int(epoch)} | found
