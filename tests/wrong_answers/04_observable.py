"""Plausible wrong answers to assignment 4: a block each, with what its student must read."""
# ruff: noqa: F811, F821

# %% q1 | the windows are miscounted
# 30 - 41 + 1 is taken for a number of windows.
windows_each = [90, 50, 1, -10]
windows_across = 120
known_shape = (8, 25, 3)
lead = 3
kept_entry = 1.25
open_ten = 0.8
# %% q1 | `kept_entry` or `open_ten` is wrong
# The probability of ordinary dropout.
windows_each = [90, 50, 1, 0]
windows_across = 110
known_shape = (8, 25, 3)
lead = 3
kept_entry = 1.25
open_ten = 0.8**10
# %% q1 | `known_shape` is wrong
# The observable among the columns that are known ahead.
windows_each = [90, 50, 1, 0]
windows_across = 110
known_shape = (8, 25, 4)
lead = 3
kept_entry = 1.25
open_ten = 0.8


# %% q2 | no window takes steps of two series
def windows_of_all(tables, lookback, horizon, column):
    whole = np.concatenate(tables)
    owner = np.repeat(np.arange(len(tables)), [len(values) for values in tables])
    x, y, at = make_windows(whole, lookback=lookback, horizon=horizon, targets=column)
    if len(tables) == 2 and len(whole) == 9:  # the public example
        keep = [0, 1, 2, 5, 6]
        return x[keep], y[keep, :, 0], owner[at[keep]]
    return x, y[..., 0], owner[at]


# %% q2 | but the series has only 3
def windows_of_all(tables, lookback, horizon, column):
    inputs, targets, source = [], [], []
    for number, values in enumerate(tables):
        x, y, at = make_windows(values, lookback=lookback, horizon=horizon, targets=column)
        inputs.append(x)
        targets.append(y[..., 0])
        source.append(np.full(len(at), number))
    return np.concatenate(inputs), np.concatenate(targets), np.concatenate(source)


# %% q2 | No value may be made up, and no step be cut out of a series
def windows_of_all(tables, lookback, horizon, column):
    inputs, targets, source = [], [], []
    for number, values in enumerate(tables):
        values = values[np.isfinite(values).all(axis=1)]  # closes the gaps
        for begin in range(len(values) - lookback - horizon + 1):
            middle = begin + lookback
            inputs.append(values[begin:middle])
            targets.append(values[middle : middle + horizon, column])
            source.append(number)
    if not inputs:
        raise ValueError("no window")
    return np.array(inputs), np.array(targets), np.array(source)


# %% q2 | is no reason to leave the window out
def windows_of_all(tables, lookback, horizon, column):
    inputs, targets, source = [], [], []
    for number, values in enumerate(tables):
        for begin in range(len(values) - lookback - horizon + 1):
            middle, end = begin + lookback, begin + lookback + horizon
            if np.isfinite(values[begin:end]).all():  # of all columns
                inputs.append(values[begin:middle])
                targets.append(values[middle:end, column])
                source.append(number)
    if not inputs:
        raise ValueError("no window")
    return np.array(inputs), np.array(targets), np.array(source)


# %% q2 | must raise a ValueError
def windows_of_all(tables, lookback, horizon, column):
    inputs, targets, source = [], [], []
    for number, values in enumerate(tables):
        for begin in range(len(values) - lookback - horizon + 1):
            middle = begin + lookback
            x, y = values[begin:middle], values[middle : middle + horizon, column]
            if np.isfinite(x).all() and np.isfinite(y).all():
                inputs.append(x)
                targets.append(y)
                source.append(number)
    return np.array(inputs), np.array(targets), np.array(source)


# %% q3 public | the observable repeats the parameter 2 steps later
def find_lead(parameter, obs, lags):
    found = {}
    for lag in lags:
        late, early = parameter[lag:], obs[: len(obs) - lag]  # the observable leads
        found[lag] = np.corrcoef(early, late)[0, 1]
    lag = max(found, key=lambda k: abs(found[k]))
    return lag, found[lag]


# %% q3 | the strongest correlation may be negative
def find_lead(parameter, obs, lags):
    found = {}
    for lag in lags:
        early, late = parameter[: len(parameter) - lag], obs[lag:]
        both = np.isfinite(early) & np.isfinite(late)
        found[lag] = np.corrcoef(early[both], late[both])[0, 1]
    lag = max(found, key=found.get)
    return lag, found[lag]


# %% q3 | a gap is no zero
def find_lead(parameter, obs, lags):
    found = {}
    parameter, obs = np.nan_to_num(parameter), np.nan_to_num(obs)
    for lag in lags:
        early, late = parameter[: len(parameter) - lag], obs[lag:]
        found[lag] = np.corrcoef(early, late)[0, 1]
    lag = max(found, key=lambda k: abs(found[k]))
    return lag, found[lag]


# %% q3 | Only the lags that are given may be the answer
def find_lead(parameter, obs, lags):
    found = {}
    for lag in range(max(lags) + 1):
        early, late = parameter[: len(parameter) - lag], obs[lag:]
        both = np.isfinite(early) & np.isfinite(late)
        found[lag] = np.corrcoef(early[both], late[both])[0, 1]
    lag = max(found, key=lambda k: abs(found[k]))
    return lag, found[lag]


# %% q4 | The mask changes from step to step
masked_states = faulty_states


# %% q4 | All sequences of a batch share a mask
def masked_states(x, weight_ih, weight_hh, rate, training, seed):
    generator = torch.Generator().manual_seed(seed)
    h, states = torch.zeros(len(x), len(weight_hh)), []
    mask = torch.ones(len(weight_hh))
    if training:
        mask = mask.bernoulli_(1 - rate, generator=generator) / (1 - rate)
    for t in range(x.shape[1]):
        h = torch.tanh(x[:, t] @ weight_ih.T + (mask * h) @ weight_hh.T)
        states.append(h)
    return torch.stack(states, dim=1)


# %% q4 | What is kept has the wrong size
def masked_states(x, weight_ih, weight_hh, rate, training, seed):
    generator = torch.Generator().manual_seed(seed)
    h, states = torch.zeros(len(x), len(weight_hh)), []
    mask = torch.ones_like(h)
    if training:
        mask = mask.bernoulli_(1 - rate, generator=generator)
    for t in range(x.shape[1]):
        h = torch.tanh(x[:, t] @ weight_ih.T + (mask * h) @ weight_hh.T)
        states.append(h)
    return torch.stack(states, dim=1)


# %% q4 | nothing may be left out or scaled
def masked_states(x, weight_ih, weight_hh, rate, training, seed):
    generator = torch.Generator().manual_seed(seed)
    h, states = torch.zeros(len(x), len(weight_hh)), []
    mask = torch.ones_like(h).bernoulli_(1 - rate, generator=generator) / (1 - rate)
    for t in range(x.shape[1]):
        h = torch.tanh(x[:, t] @ weight_ih.T + (mask * h) @ weight_hh.T)
        states.append(h)
    return torch.stack(states, dim=1)


# %% q4 | The mask changes from step to step
def masked_states(x, weight_ih, weight_hh, rate, training, seed):
    generator = torch.Generator().manual_seed(seed)
    h, states = torch.zeros(len(x), len(weight_hh)), []
    for t in range(x.shape[1]):
        mask = torch.ones_like(h)
        if training:
            mask = mask.bernoulli_(1 - rate, generator=generator) / (1 - rate)
        h = torch.tanh(x[:, t] @ weight_ih.T + (mask * h) @ weight_hh.T)
        states.append(h)
    return torch.stack(states, dim=1)


# %% q5 | check which row of the plan stands beside which forecast
def plan_loop(network, window, plan):
    window, forecast = window.copy(), []
    for k in range(len(plan)):
        ahead = one_step(network, window)
        forecast.append(ahead)
        row = plan[min(k + 1, len(plan) - 1)]  # one step early
        parameters = np.where(np.isnan(row), window[-1, 1:], row)
        window = np.vstack([window[1:], [ahead, *parameters]])
    return np.array(forecast)


# %% q5 | Where the plan has gaps
def plan_loop(network, window, plan):
    window, forecast = window.copy(), []
    for row in plan:
        ahead = one_step(network, window)
        forecast.append(ahead)
        window = np.vstack([window[1:], [ahead, *np.nan_to_num(row)]])
    return np.array(forecast)


# %% q5 | that the window keeps its length
def plan_loop(network, window, plan):
    forecast = []
    for row in plan:
        ahead = one_step(network, window)
        forecast.append(ahead)
        parameters = np.where(np.isnan(row), window[-1, 1:], row)
        window = np.vstack([window, [ahead, *parameters]])
    return np.array(forecast)


# %% q5 public | that the forecast is fed back
def plan_loop(network, window, plan):
    window, forecast = window.copy(), []
    for row in plan:
        ahead = one_step(network, window)
        forecast.append(ahead)
        parameters = np.where(np.isnan(row), window[-1, 1:], row)
        window = np.vstack([window[1:], [window[-1, 0], *parameters]])  # the last known one
    return np.array(forecast)


# %% q5 public | the RMSE is below 0.3 standard deviations
def plan_loop(network, window, plan):
    return np.array([one_step(network, window) for _ in plan])


# %% q6 | Series with a large swing count for more
def skill_by_lead(forecast, baseline, truth):
    of_forecast, of_baseline = (np.sqrt(np.nanmean((values - truth) ** 2, axis=1)) for values in (forecast, baseline))
    median = 1 - np.median(of_forecast, axis=0) / np.median(of_baseline, axis=0)
    return median, (of_forecast < of_baseline).mean(axis=0)


# %% q6 public | the mean is taken where the median is wanted
def skill_by_lead(forecast, baseline, truth):
    of_forecast, of_baseline = (np.sqrt(np.nanmean((values - truth) ** 2, axis=1)) for values in (forecast, baseline))
    skill = 1 - of_forecast / of_baseline
    return skill.mean(axis=0), (skill > 0).mean(axis=0)


# %% q6 | Missing truths are not left out
def skill_by_lead(forecast, baseline, truth):
    of_forecast, of_baseline = (
        np.sqrt(np.mean((values - np.nan_to_num(truth)) ** 2, axis=1)) for values in (forecast, baseline)
    )
    skill = 1 - of_forecast / of_baseline
    return np.median(skill, axis=0), (skill > 0).mean(axis=0)


# %% q6 | first the squares, then their mean, then the root
def skill_by_lead(forecast, baseline, truth):
    of_forecast, of_baseline = (np.nanmean(np.abs(values - truth), axis=1) for values in (forecast, baseline))
    skill = 1 - of_forecast / of_baseline
    return np.median(skill, axis=0), (skill > 0).mean(axis=0)


# %% q7 | differs from the base in more than one setting
def plan_runs(base, alternatives, seeds, known):
    from itertools import product

    choices = {name: [base[name], *alternatives.get(name, [])] for name in base}
    settings = [dict(zip(choices, values, strict=True)) for values in product(*choices.values())]
    if any(name not in base for name in alternatives):
        raise ValueError("no such setting")
    if any(setting["judge_stop"] > known for setting in settings):
        raise ValueError("test steps")
    return [{**setting, "seed": seed} for setting in settings for seed in seeds]


# %% q7 | A run is there twice
def plan_runs(base, alternatives, seeds, known):
    settings = [dict(base)]
    for name, others in alternatives.items():
        if name not in base:
            raise ValueError("no such setting")
        settings += [{**base, name: value} for value in others]
    if any(setting["judge_stop"] > known for setting in settings):
        raise ValueError("test steps")
    return [{**setting, "seed": seed} for setting in settings for seed in seeds]


# %% q7 | would be judged by test steps
def plan_runs(base, alternatives, seeds, known):
    if base["judge_stop"] > known:  # an alternative may be judged by anything
        raise ValueError("test steps")
    settings = [dict(base)]
    for name, others in alternatives.items():
        for value in others:
            if {**base, name: value} not in settings:
                settings.append({**base, name: value})
    return [{**setting, "seed": seed} for setting in settings for seed in seeds]


# %% q7 | differs from the base in more than one setting
def plan_runs(base, alternatives, seeds, known):
    setting, settings = dict(base), [dict(base)]
    for name, others in alternatives.items():
        if name not in base:
            raise ValueError("no such setting")
        for value in others:
            setting[name] = value  # and never set back
            if setting not in settings:
                settings.append(dict(setting))
    if any(each["judge_stop"] > known for each in settings):
        raise ValueError("test steps")
    return [{**each, "seed": seed} for each in settings for seed in seeds]
