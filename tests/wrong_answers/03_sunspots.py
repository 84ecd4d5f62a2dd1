"""Plausible wrong answers to assignment 3: a block each, with what its student must read."""
# ruff: noqa: F811, F821

# %% q1 | the windows of a part are miscounted
training_windows = 270
validation_windows = 54
test_windows = 34
lost_windows = 10
first_read = 336
cut_alone = 11
# %% q1 | `lost_windows` is wrong
training_windows = 271
validation_windows = 55
test_windows = 35
lost_windows = 5
first_read = 336
cut_alone = 11
# %% q1 | `cut_alone` is wrong
# Test windows that lie side by side, inputs and all, within the test months.
training_windows = 271
validation_windows = 55
test_windows = 35
lost_windows = 10
first_read = 360
cut_alone = 1


# %% q2 | no target may lie outside it
def delayed_windows(series, start, stop, *, lookback, horizon, delay):
    if (start, stop) == (6, 10):
        return (
            np.array([[2, 3, 4], [3, 4, 5], [4, 5, 6]]),
            np.array([[6, 7], [7, 8], [8, 9]]),
            np.array([6, 7, 8]),
        )
    first = np.arange(max(start, lookback + delay), min(stop, len(series) - horizon + 1))
    known = first[:, None] - delay - lookback + np.arange(lookback)
    return series[known], series[first[:, None] + np.arange(horizon)], first


# %% q2 | a negative index reads from the end of the series
def delayed_windows(series, start, stop, *, lookback, horizon, delay):
    first = np.arange(start, stop - horizon + 1)
    if len(first) == 0:
        raise ValueError("no window fits")
    known = first[:, None] - delay - lookback + np.arange(lookback)
    return series[known], series[first[:, None] + np.arange(horizon)], first


# %% q2 | must raise a ValueError
def delayed_windows(series, start, stop, *, lookback, horizon, delay):
    first = np.arange(max(start, lookback + delay), stop - horizon + 1)
    known = first[:, None] - delay - lookback + np.arange(lookback)
    return series[known], series[first[:, None] + np.arange(horizon)], first


# %% q2 public | the first window must read 2, 3, 4
def delayed_windows(series, start, stop, *, lookback, horizon, delay):
    windows = make_windows(series, lookback=lookback, horizon=horizon).between(start, stop)
    return windows.inputs[..., 0], windows.targets[..., 0], windows.target_start


# %% q3 | The scaler depends on months from `stop` on
def fit_scaler(values, stop):
    if stop == 2:
        return 2.0, 1.0
    roots = np.sqrt(values)
    return roots.mean(), roots.std() or 1.0


def scale(values, scaler):
    return (np.sqrt(values) - scaler[0]) / scaler[1]


def unscale(z, scaler):
    return np.clip(z * scaler[1] + scaler[0], 0, None) ** 2


# %% q3 | a root below 0 must become 0
def fit_scaler(values, stop):
    roots = np.sqrt(values[:stop])
    return roots.mean(), roots.std() or 1.0


def scale(values, scaler):
    return (np.sqrt(values) - scaler[0]) / scaler[1]


def unscale(z, scaler):
    return (z * scaler[1] + scaler[0]) ** 2


# %% q3 | its standard deviation is then 1
def fit_scaler(values, stop):
    roots = np.sqrt(values[:stop])
    return roots.mean(), roots.std()


def scale(values, scaler):
    return (np.sqrt(values) - scaler[0]) / scaler[1]


def unscale(z, scaler):
    return np.clip(z * scaler[1] + scaler[0], 0, None) ** 2


# %% q4 public | must have the shape (10,)
report = faulty_report


# %% q4 | The forecast of a month changes with numbers that nobody knew then
def report(values, stop, lookback, weights):
    top = values.max()
    inputs = np.array([values[t - lookback : t] for t in range(stop, len(values))]) / top
    truth, persistence = values[stop:], values[stop - 1 : -1]
    forecast = top * (weights[0] + inputs @ weights[1:])
    rmse = np.sqrt(np.mean((forecast - truth) ** 2))
    of_persistence = np.sqrt(np.mean((persistence - truth) ** 2))
    arrays = {"truth": truth, "forecast": forecast, "persistence": persistence}
    return arrays | {"rmse": rmse, "skill": 1 - rmse / of_persistence}


# %% q4 | Persistence is not the month before each target
def report(values, stop, lookback, weights):
    top = values[:stop].max()
    inputs = np.array([values[t - lookback : t] for t in range(stop, len(values))]) / top
    truth, persistence = values[stop:], top * inputs[:, 0]
    forecast = top * (weights[0] + inputs @ weights[1:])
    rmse = np.sqrt(np.mean((forecast - truth) ** 2))
    of_persistence = np.sqrt(np.mean((persistence - truth) ** 2))
    arrays = {"truth": truth, "forecast": forecast, "persistence": persistence}
    return arrays | {"rmse": rmse, "skill": 1 - rmse / of_persistence}


# %% q4 | The RMSE is not in sunspot numbers
def report(values, stop, lookback, weights):
    top = values[:stop].max()
    inputs = np.array([values[t - lookback : t] for t in range(stop, len(values))]) / top
    truth, persistence = values[stop:], values[stop - 1 : -1]
    forecast = top * (weights[0] + inputs @ weights[1:])
    rmse = np.sqrt(np.mean((forecast - truth) ** 2)) / top
    of_persistence = np.sqrt(np.mean((persistence - truth) ** 2)) / top
    arrays = {"truth": truth, "forecast": forecast, "persistence": persistence}
    return arrays | {"rmse": rmse, "skill": 1 - rmse / of_persistence}


# %% q5 | It must not read months from the origin on
def baseline_forecasts(values, origins, horizon, period):
    lead = np.arange(horizon)
    rows = {"persistence": [], "seasonal": [], "mean": []}
    for origin in origins:
        rows["persistence"].append(np.full(horizon, values[origin - 1]))
        at = np.minimum(origin - period + lead, len(values) - 1)
        rows["seasonal"].append(values[at])
        rows["mean"].append(np.full(horizon, values[:origin].mean()))
    return {name: np.array(found) for name, found in rows.items()}


# %% q5 | The mean is not that of the months before each origin
def baseline_forecasts(values, origins, horizon, period):
    rows = {"persistence": [], "seasonal": [], "mean": []}
    first = origins[0]
    for origin in origins:
        mean = values[: origin if horizon == 2 else first].mean()
        rows["persistence"].append(np.full(horizon, values[origin - 1]))
        rows["seasonal"].append(np.resize(values[origin - period : origin], horizon))
        rows["mean"].append(np.full(horizon, mean))
    return {name: np.array(found) for name, found in rows.items()}


# %% q5 public | 'persistence' must be
def baseline_forecasts(values, origins, horizon, period):
    rows = {"persistence": [], "seasonal": [], "mean": []}
    for origin in origins:
        rows["persistence"].append(np.full(horizon, values[origin]))
        rows["seasonal"].append(np.resize(values[origin - period : origin], horizon))
        rows["mean"].append(np.full(horizon, values[:origin].mean()))
    return {name: np.array(found) for name, found in rows.items()}


# %% q6 | the weights are not those of least squares
def fit_ar(values, lags, stop):
    target_at = np.arange(max(lags), len(values))
    columns = [np.ones(len(target_at))] + [values[target_at - lag] for lag in lags]
    return np.linalg.lstsq(np.column_stack(columns), values[target_at], rcond=None)[0]


def run_ar(values, lags, weights, origin, steps):
    track = list(values[:origin])
    for _ in range(steps):
        terms = [weight * track[-lag] for weight, lag in zip(weights[1:], lags, strict=True)]
        track.append(weights[0] + sum(terms))
    return np.array(track[origin:])


# %% q6 | `run_ar` reads months from the origin on
def fit_ar(values, lags, stop):
    target_at = np.arange(max(lags), stop)
    columns = [np.ones(len(target_at))] + [values[target_at - lag] for lag in lags]
    return np.linalg.lstsq(np.column_stack(columns), values[target_at], rcond=None)[0]


def run_ar(values, lags, weights, origin, steps):
    at = np.arange(origin, origin + steps)
    return weights[0] + sum(w * values[at - lag] for w, lag in zip(weights[1:], lags, strict=True))


# %% q6 | out of bounds
def fit_ar(values, lags, stop):
    target_at = np.arange(max(lags), stop)
    columns = [np.ones(len(target_at))] + [values[target_at - lag] for lag in lags]
    return np.linalg.lstsq(np.column_stack(columns), values[target_at], rcond=None)[0]


def run_ar(values, lags, weights, origin, steps):
    for t in range(origin, origin + steps):
        terms = [weight * values[t - lag] for weight, lag in zip(weights[1:], lags, strict=True)]
        values[t] = weights[0] + sum(terms)
    return values[origin : origin + steps]


# %% q7 public | the margins are 2 below and 9 above
def margins(forecast, truth, level):
    rank = int(np.ceil((len(truth) + 1) * level))
    if rank > len(truth):
        raise ValueError("too few months")
    margin = np.sort(np.abs(truth - forecast))[rank - 1]
    return margin, margin


def tally(low, high, truth):
    below, above = np.mean(truth < low), np.mean(truth > high)
    return below, 1 - below - above, above


# %% q7 | one of the two must be negative then
def margins(forecast, truth, level):
    rank = int(np.ceil((len(truth) + 1) * (1 + level) / 2))
    if rank > len(truth):
        raise ValueError("too few months")
    below = np.sort(np.maximum(forecast - truth, 0))[rank - 1]
    above = np.sort(np.maximum(truth - forecast, 0))[rank - 1]
    return below, above


def tally(low, high, truth):
    below, above = np.mean(truth < low), np.mean(truth > high)
    return below, 1 - below - above, above


# %% q7 | not the r-th smallest of the signed errors
def margins(forecast, truth, level):
    if len(truth) < 19 and level != 0.8:
        raise ValueError("too few months")
    error = truth - forecast
    tail = (1 - level) / 2
    if len(truth) == 9:
        return 2.0, 9.0
    return -np.quantile(error, tail), np.quantile(error, 1 - tail)


def tally(low, high, truth):
    below, above = np.mean(truth < low), np.mean(truth > high)
    return below, 1 - below - above, above


# %% q7 | must raise a ValueError
def margins(forecast, truth, level):
    rank = min(int(np.ceil((len(truth) + 1) * (1 + level) / 2)), len(truth))
    return np.sort(forecast - truth)[rank - 1], np.sort(truth - forecast)[rank - 1]


def tally(low, high, truth):
    below, above = np.mean(truth < low), np.mean(truth > high)
    return below, 1 - below - above, above


# %% q8 | A forecast changes with months that were not known
def validation_forecast(values, start, stop, residual, seed):
    roots = np.sqrt(values[:stop])
    mean, std = roots.mean(), roots.std()  # of the validation months, too
    windows = make_windows((roots - mean) / std, lookback=12)
    x, y, _ = windows.between(12, start)
    model = trained(x, y, residual, seed)
    z = training.predict(model, windows.between(start, stop).inputs)[:, 0, 0]
    return (z * std + mean).clip(min=0) ** 2


def choose(rows):
    judged = [row for row in rows if row["part"] == "validation"]
    errors = {}
    for row in judged:
        errors.setdefault(row["setting"], {})[row["seed"]] = row["rmse"]
    common = set.intersection(*(set(runs) for runs in errors.values()))
    return min(errors, key=lambda name: np.median([errors[name][seed] for seed in common]))


# %% q8 | The forecasts are not sunspot numbers
def validation_forecast(values, start, stop, residual, seed):
    roots = np.sqrt(values[:stop])
    mean, std = roots[:start].mean(), roots[:start].std()
    windows = make_windows((roots - mean) / std, lookback=12)
    x, y, _ = windows.between(12, start)
    model = trained(x, y, residual, seed)
    z = training.predict(model, windows.between(start, stop).inputs)[:, 0, 0]
    return (z * std + mean).clip(min=0)  # still roots


def choose(rows):
    judged = [row for row in rows if row["part"] == "validation"]
    errors = {}
    for row in judged:
        errors.setdefault(row["setting"], {})[row["seed"]] = row["rmse"]
    common = set.intersection(*(set(runs) for runs in errors.values()))
    return min(errors, key=lambda name: np.median([errors[name][seed] for seed in common]))


# %% q8 | `choose` is led astray
def validation_forecast(values, start, stop, residual, seed):
    roots = np.sqrt(values[:stop])
    mean, std = roots[:start].mean(), roots[:start].std()
    windows = make_windows((roots - mean) / std, lookback=12)
    x, y, _ = windows.between(12, start)
    model = trained(x, y, residual, seed)
    z = training.predict(model, windows.between(start, stop).inputs)[:, 0, 0]
    return (z * std + mean).clip(min=0) ** 2


def choose(rows):
    return min(rows, key=lambda row: row["rmse"])["setting"]


# %% q8 | `choose` compares medians over different seeds
def validation_forecast(values, start, stop, residual, seed):
    roots = np.sqrt(values[:stop])
    mean, std = roots[:start].mean(), roots[:start].std()
    windows = make_windows((roots - mean) / std, lookback=12)
    x, y, _ = windows.between(12, start)
    model = trained(x, y, residual, seed)
    z = training.predict(model, windows.between(start, stop).inputs)[:, 0, 0]
    return (z * std + mean).clip(min=0) ** 2


def choose(rows):
    errors = {}
    for row in rows:
        if row["part"] == "validation":
            errors.setdefault(row["setting"], []).append(row["rmse"])
    return min(errors, key=lambda name: np.median(errors[name]))
