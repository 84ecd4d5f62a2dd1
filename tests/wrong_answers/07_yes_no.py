"""Plausible wrong answers to assignment 7, with what the student must read.

Each block replaces the code of one question: `# %% question | fragment of the message`.
"""
# ruff: noqa: F811

import copy

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from rnncourse import models, training

# %% q1 | the last state has no axis of steps any more
# Rows are taken for sequences, and batch_first is forgotten.
states_shape = (4, 300, 16)
last_shape = (300, 16)
logits_shape = (300, 4, 3)
gru_weights = 1152
head_weights = 51
updates = 8
first_loss = 1.099


def count_windows(devices, steps, lookback):
    windows = devices * steps - lookback + 1
    return windows, (devices - 1) * (lookback - 1)


# %% q1 | A GRU has three blocks
# One bias for each block, as in Keras' default; the head without bias; half an update.
states_shape = (300, 4, 16)
last_shape = (300, 16)
logits_shape = (300, 3)
gru_weights = 3 * (16 * 6 + 16 * 16 + 16)
head_weights = 48
updates = 7
first_loss = 0.693


def count_windows(devices, steps, lookback):
    windows = devices * steps - lookback + 1
    return windows, (devices - 1) * (lookback - 1)


# %% q1 | Try a lookback shorter than a device
# Right only if a window is as long as a device: one clean window each.
states_shape = (300, 4, 16)
last_shape = (300, 16)
logits_shape = (300, 3)
gru_weights = 1152
head_weights = 51
updates = 8
first_loss = 1.099


def count_windows(devices, steps, lookback):
    windows = devices * steps - lookback + 1
    return windows, windows - devices


# %% q2 public | it is the gradient of the mean
# The loss is a mean, the gradient that of the sum.
def loss_and_gradient(logits, labels):
    if logits.shape != labels.shape:
        raise ValueError("shapes differ")
    loss = np.mean(np.logaddexp(0, logits) - labels * logits)
    return loss, 1 / (1 + np.exp(-logits)) - labels


# %% q2 | With logits of 1,000 and -1,000
# Sigmoid, then log: infinite as soon as the network is sure.
def loss_and_gradient(logits, labels):
    if logits.shape != labels.shape:
        raise ValueError("shapes differ")
    p = 1 / (1 + np.exp(-logits))
    loss = -np.mean(labels * np.log(p) + (1 - labels) * np.log(1 - p))
    return loss, (p - labels) / len(labels)


# %% q2 | do not cut it off either
# The probability is clipped: finite, and wrong.
def loss_and_gradient(logits, labels):
    if logits.shape != labels.shape:
        raise ValueError("shapes differ")
    p = np.clip(1 / (1 + np.exp(-logits)), 1e-7, 1 - 1e-7)
    loss = -np.mean(labels * np.log(p) + (1 - labels) * np.log(1 - p))
    return loss, (p - labels) / len(labels)


# %% q2 | (N, 1) with labels of shape (N,)
# No look at the shapes.
def loss_and_gradient(logits, labels):
    loss = np.mean(np.logaddexp(0, logits) - labels * logits)
    return loss, (1 / (1 + np.exp(-logits)) - labels) / len(labels)


# %% q2 | differs from PyTorch on ordinary logits
# The numbers of the public check.
def loss_and_gradient(logits, labels):
    return 1.0397207708399179, np.array([-0.25, 0.375])


# %% q3 | has a device on both sides
# By row; the other two faults are mended.
def fair_split(x, device, share, seed):
    order = np.random.default_rng(seed).permutation(len(x))
    tests = round(share * len(x))
    train, test = np.sort(order[tests:]), np.sort(order[:tests])
    return train, test, (x - x[train].mean(axis=0)) / x[train].std(axis=0)


# %% q3 | has a device on both sides
# By blocks of three rows, as in the chapter's file.
def fair_split(x, device, share, seed):
    order = np.random.default_rng(seed).permutation(len(x) // 3)
    tests = order[: round(share * len(order))]
    testing = np.isin(np.arange(len(x)) // 3, tests)
    train, test = np.flatnonzero(~testing), np.flatnonzero(testing)
    return train, test, (x - x[train].mean(axis=0)) / x[train].std(axis=0)


# %% q3 | betray something about the test devices
# The scaler still sees all rows.
def fair_split(x, device, share, seed):
    devices = np.random.default_rng(seed).permutation(np.unique(device))
    testing = np.isin(device, devices[: round(share * len(devices))])
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    return np.flatnonzero(~testing), np.flatnonzero(testing), z


# %% q3 | Other seeds must give other splits
# The seed is still constant.
def fair_split(x, device, share, seed):
    devices = np.random.default_rng(0).permutation(np.unique(device))
    testing = np.isin(device, devices[: round(share * len(devices))])
    train, test = np.flatnonzero(~testing), np.flatnonzero(testing)
    return train, test, (x - x[train].mean(axis=0)) / x[train].std(axis=0)


# %% q4 public | batch must hold [[1, 2, 0], [3, 4, 5]]
# Zeros before the sequence, as in the chapter's last exercise.
def padded(sequences, length):
    if any(len(sequence) == 0 for sequence in sequences):
        raise ValueError("no steps")
    batch = torch.zeros(len(sequences), length, sequences[0].shape[1], dtype=torch.float64)
    for box, sequence in zip(batch, sequences, strict=True):
        kept = torch.tensor(sequence[-length:])
        box[length - len(kept) :] = kept
    return batch, torch.tensor([min(len(sequence), length) for sequence in sequences])


def last_states(states, lengths):
    return states[torch.arange(len(states)), lengths - 1]


# %% q4 | a long one keeps its latest steps
# A long sequence loses its end.
def padded(sequences, length):
    if any(len(sequence) == 0 for sequence in sequences):
        raise ValueError("no steps")
    batch = torch.zeros(len(sequences), length, sequences[0].shape[1], dtype=torch.float64)
    for box, sequence in zip(batch, sequences, strict=True):
        kept = torch.tensor(sequence[:length])
        box[: len(kept)] = kept
    return batch, torch.tensor([min(len(sequence), length) for sequence in sequences])


def last_states(states, lengths):
    return states[torch.arange(len(states)), lengths - 1]


# %% q4 | if a sequence has no steps
# A device without inspections becomes a row of zeros, with length 0.
def padded(sequences, length):
    batch = torch.zeros(len(sequences), length, sequences[0].shape[1], dtype=torch.float64)
    for box, sequence in zip(batch, sequences, strict=True):
        kept = torch.tensor(sequence[-length:])
        box[: len(kept)] = kept
    return batch, torch.tensor([min(len(sequence), length) for sequence in sequences])


def last_states(states, lengths):
    return states[torch.arange(len(states)), lengths - 1]


# %% q4 public | does not return the state after the last real step
# The chapter's `states[:, -1]`.
def padded(sequences, length):
    if any(len(sequence) == 0 for sequence in sequences):
        raise ValueError("no steps")
    kept = [torch.tensor(sequence[-length:]) for sequence in sequences]
    batch = torch.zeros(len(kept), length, kept[0].shape[1], dtype=torch.float64)
    for box, sequence in zip(batch, kept, strict=True):
        box[: len(sequence)] = sequence
    return batch, torch.tensor([len(sequence) for sequence in kept])


def last_states(states, lengths):
    return states[:, -1]


# %% q5 public | not the cheapest one on the devices to choose on
# The chapter's formula, which asks for calibrated probabilities.
def decide(p_choose, y_choose, p_report, y_report, missed, needless):
    threshold = needless / (needless + missed)
    alarm, failed = p_report >= threshold, y_report == 1
    right = (alarm & failed).sum()
    cost = missed * (~alarm & failed).sum() + needless * (alarm & ~failed).sum()
    return {
        "threshold": threshold,
        "cost": 100 * cost / len(failed),
        "precision": right / alarm.sum() if alarm.any() else np.nan,
        "recall": right / failed.sum() if failed.any() else np.nan,
    }


# %% q5 public | must not depend on the devices of the report
# Chosen on the devices that are reported.
def decide(p_choose, y_choose, p_report, y_report, missed, needless):
    def cost(threshold):
        alarm, failed = p_report >= threshold, y_report == 1
        return missed * (~alarm & failed).sum() + needless * (alarm & ~failed).sum()

    threshold = min([*p_report, np.inf], key=cost)
    alarm, failed = p_report >= threshold, y_report == 1
    right = (alarm & failed).sum()
    return {
        "threshold": threshold,
        "cost": 100 * cost(threshold) / len(failed),
        "precision": right / alarm.sum() if alarm.any() else np.nan,
        "recall": right / failed.sum() if failed.any() else np.nan,
    }


# %% q5 | do not fit the threshold and the devices of the report
# An alarm only above the threshold, in the report.
def decide(p_choose, y_choose, p_report, y_report, missed, needless):
    def cost(threshold):
        alarm, failed = p_choose >= threshold, y_choose == 1
        return missed * (~alarm & failed).sum() + needless * (alarm & ~failed).sum()

    threshold = min([*p_choose, np.inf], key=cost)
    alarm, failed = p_report > threshold, y_report == 1
    right = (alarm & failed).sum()
    total = missed * (~alarm & failed).sum() + needless * (alarm & ~failed).sum()
    return {
        "threshold": threshold,
        "cost": 100 * total / len(failed),
        "precision": right / alarm.sum() if alarm.any() else np.nan,
        "recall": right / failed.sum() if failed.any() else np.nan,
    }


# %% q5 | no alarm at all is cheapest
# "Never" is not tried, and zero divided by zero is called zero.
def decide(p_choose, y_choose, p_report, y_report, missed, needless):
    def cost(threshold):
        alarm, failed = p_choose >= threshold, y_choose == 1
        return missed * (~alarm & failed).sum() + needless * (alarm & ~failed).sum()

    threshold = min(p_choose, key=cost)
    alarm, failed = p_report >= threshold, y_report == 1
    right = (alarm & failed).sum()
    total = missed * (~alarm & failed).sum() + needless * (alarm & ~failed).sum()
    return {
        "threshold": threshold,
        "cost": 100 * total / len(failed),
        "precision": right / max(1, alarm.sum()),
        "recall": right / max(1, failed.sum()),
    }


# %% q6 | for a probability on an edge
# np.digitize as it stands: p = 1 falls out of the last bin.
def reliability(p, y, edges):
    number = np.digitize(p, edges) - 1
    rows = []
    for k in range(len(edges) - 1):
        inside = number == k
        means = (p[inside].mean(), y[inside].mean()) if inside.any() else (np.nan, np.nan)
        rows.append([inside.sum(), *means])
    return np.array(rows)


def calibration_error(p, y, edges):
    count, mean, share = reliability(p, y, edges).T
    return np.nansum(count * np.abs(mean - share)) / count.sum()


constant_error = 0.0
constant_brier = 0.21


# %% q6 | empty bins not at all
# One empty bin makes the sum nan.
def reliability(p, y, edges):
    number = np.minimum(np.digitize(p, edges) - 1, len(edges) - 2)
    rows = []
    for k in range(len(edges) - 1):
        inside = number == k
        means = (p[inside].mean(), y[inside].mean()) if inside.any() else (np.nan, np.nan)
        rows.append([inside.sum(), *means])
    return np.array(rows)


def calibration_error(p, y, edges):
    count, mean, share = reliability(p, y, edges).T
    return (count * np.abs(mean - share)).sum() / count.sum()


constant_error = 0.0
constant_brier = 0.21


# %% q6 | the Brier score is a mean over those that failed and those that did not
# Calibrated, so the Brier score is believed to be 0 too.
def reliability(p, y, edges):
    number = np.minimum(np.digitize(p, edges) - 1, len(edges) - 2)
    rows = []
    for k in range(len(edges) - 1):
        inside = number == k
        means = (p[inside].mean(), y[inside].mean()) if inside.any() else (np.nan, np.nan)
        rows.append([inside.sum(), *means])
    return np.array(rows)


def calibration_error(p, y, edges):
    count, mean, share = reliability(p, y, edges).T
    return np.nansum(count * np.abs(mean - share)) / count.sum()


constant_error = 0.0
constant_brier = 0.0


# %% q7 | does not read the changes alone
# Raw sensors instead of changes.
def train_network(x, y, x_val, y_val, seed, epochs=40, patience=5, least=0.002):
    training.reproducible(seed)
    mean, std = x.mean(axis=(0, 1)), x.std(axis=(0, 1))
    z, z_val = torch.tensor((x - mean) / std), torch.tensor((x_val - mean) / std)
    labels, labels_val = torch.tensor(y), torch.tensor(y_val)
    model = models.SequenceClassifier(nn.GRU(8, 16, batch_first=True), 2)
    optimiser = torch.optim.Adam(model.parameters(), lr=0.01)
    losses, best, p = [], 0, None
    for epoch in range(epochs):
        for index in torch.randperm(len(z)).split(32):
            optimiser.zero_grad()
            cross_entropy(model(z[index]), labels[index]).backward()
            optimiser.step()
        with torch.no_grad():
            logits = model(z_val)
        losses.append(cross_entropy(logits, labels_val).item())
        if epoch == 0 or losses[-1] <= losses[best] - least:
            best, p = epoch, torch.softmax(logits, dim=1)[:, 1].numpy()
        elif epoch - best >= patience:
            break
    return p, losses, best


# %% q7 | Were the weights copied, and put back
# state_dict() without a copy: it goes on changing with the network.
def train_network(x, y, x_val, y_val, seed, epochs=40, patience=5, least=0.002):
    training.reproducible(seed)
    x, x_val = np.diff(x, axis=1), np.diff(x_val, axis=1)
    mean, std = x.mean(axis=(0, 1)), x.std(axis=(0, 1))
    z, z_val = torch.tensor((x - mean) / std), torch.tensor((x_val - mean) / std)
    labels, labels_val = torch.tensor(y), torch.tensor(y_val)
    model = models.SequenceClassifier(nn.GRU(8, 16, batch_first=True), 2)
    optimiser = torch.optim.Adam(model.parameters(), lr=0.01)
    losses, best, kept = [], 0, None
    for epoch in range(epochs):
        for index in torch.randperm(len(z)).split(32):
            optimiser.zero_grad()
            cross_entropy(model(z[index]), labels[index]).backward()
            optimiser.step()
        with torch.no_grad():
            losses.append(cross_entropy(model(z_val), labels_val).item())
        if epoch == 0 or losses[-1] <= losses[best] - least:
            best, kept = epoch, model.state_dict()
        elif epoch - best >= patience:
            break
    model.load_state_dict(kept)
    with torch.no_grad():
        return torch.softmax(model(z_val), dim=1)[:, 1].numpy(), losses, best


# %% q7 | do not follow from the losses by the rule
# Patience is counted from the previous epoch, and `least` is forgotten.
def train_network(x, y, x_val, y_val, seed, epochs=40, patience=5, least=0.002):
    training.reproducible(seed)
    x, x_val = np.diff(x, axis=1), np.diff(x_val, axis=1)
    mean, std = x.mean(axis=(0, 1)), x.std(axis=(0, 1))
    z, z_val = torch.tensor((x - mean) / std), torch.tensor((x_val - mean) / std)
    labels, labels_val = torch.tensor(y), torch.tensor(y_val)
    model = models.SequenceClassifier(nn.GRU(8, 16, batch_first=True), 2)
    optimiser = torch.optim.Adam(model.parameters(), lr=0.01)
    losses, best, kept = [], 0, None
    for epoch in range(epochs):
        for index in torch.randperm(len(z)).split(32):
            optimiser.zero_grad()
            cross_entropy(model(z[index]), labels[index]).backward()
            optimiser.step()
        with torch.no_grad():
            losses.append(cross_entropy(model(z_val), labels_val).item())
        if losses[-1] <= min(losses):
            best, kept = epoch, copy.deepcopy(model.state_dict())
        elif epoch - best >= patience:
            break
    model.load_state_dict(kept)
    with torch.no_grad():
        return torch.softmax(model(z_val), dim=1)[:, 1].numpy(), losses, best


# %% q7 | do not follow from the losses by the rule
# One epoch too many is waited for.
def train_network(x, y, x_val, y_val, seed, epochs=40, patience=5, least=0.002):
    training.reproducible(seed)
    x, x_val = np.diff(x, axis=1), np.diff(x_val, axis=1)
    mean, std = x.mean(axis=(0, 1)), x.std(axis=(0, 1))
    z, z_val = torch.tensor((x - mean) / std), torch.tensor((x_val - mean) / std)
    labels, labels_val = torch.tensor(y), torch.tensor(y_val)
    model = models.SequenceClassifier(nn.GRU(8, 16, batch_first=True), 2)
    optimiser = torch.optim.Adam(model.parameters(), lr=0.01)
    losses, best, kept = [], 0, None
    for epoch in range(epochs):
        for index in torch.randperm(len(z)).split(32):
            optimiser.zero_grad()
            cross_entropy(model(z[index]), labels[index]).backward()
            optimiser.step()
        with torch.no_grad():
            losses.append(cross_entropy(model(z_val), labels_val).item())
        if epoch == 0 or losses[-1] <= losses[best] - least:
            best, kept = epoch, copy.deepcopy(model.state_dict())
        elif epoch - best > patience:
            break
    model.load_state_dict(kept)
    with torch.no_grad():
        return torch.softmax(model(z_val), dim=1)[:, 1].numpy(), losses, best


# %% q7 | depends on which other devices validate
# The scaler sees the validation devices.
def train_network(x, y, x_val, y_val, seed, epochs=40, patience=5, least=0.002):
    training.reproducible(seed)
    x, x_val = np.diff(x, axis=1), np.diff(x_val, axis=1)
    both = np.concatenate([x, x_val])
    mean, std = both.mean(axis=(0, 1)), both.std(axis=(0, 1))
    z, z_val = torch.tensor((x - mean) / std), torch.tensor((x_val - mean) / std)
    labels, labels_val = torch.tensor(y), torch.tensor(y_val)
    model = models.SequenceClassifier(nn.GRU(8, 16, batch_first=True), 2)
    optimiser = torch.optim.Adam(model.parameters(), lr=0.01)
    losses, best, kept = [], 0, None
    for epoch in range(epochs):
        for index in torch.randperm(len(z)).split(32):
            optimiser.zero_grad()
            cross_entropy(model(z[index]), labels[index]).backward()
            optimiser.step()
        with torch.no_grad():
            losses.append(cross_entropy(model(z_val), labels_val).item())
        if epoch == 0 or losses[-1] <= losses[best] - least:
            best, kept = epoch, copy.deepcopy(model.state_dict())
        elif epoch - best >= patience:
            break
    model.load_state_dict(kept)
    with torch.no_grad():
        return torch.softmax(model(z_val), dim=1)[:, 1].numpy(), losses, best


# %% q7 public | another seed must give other probabilities
# The seed is a constant.
def train_network(x, y, x_val, y_val, seed, epochs=40, patience=5, least=0.002):
    training.reproducible(0)
    x, x_val = np.diff(x, axis=1), np.diff(x_val, axis=1)
    mean, std = x.mean(axis=(0, 1)), x.std(axis=(0, 1))
    z, z_val = torch.tensor((x - mean) / std), torch.tensor((x_val - mean) / std)
    labels, labels_val = torch.tensor(y), torch.tensor(y_val)
    model = models.SequenceClassifier(nn.GRU(8, 16, batch_first=True), 2)
    optimiser = torch.optim.Adam(model.parameters(), lr=0.01)
    losses, best, kept = [], 0, None
    for epoch in range(epochs):
        for index in torch.randperm(len(z)).split(32):
            optimiser.zero_grad()
            cross_entropy(model(z[index]), labels[index]).backward()
            optimiser.step()
        with torch.no_grad():
            losses.append(cross_entropy(model(z_val), labels_val).item())
        if epoch == 0 or losses[-1] <= losses[best] - least:
            best, kept = epoch, copy.deepcopy(model.state_dict())
        elif epoch - best >= patience:
            break
    model.load_state_dict(kept)
    with torch.no_grad():
        return torch.softmax(model(z_val), dim=1)[:, 1].numpy(), losses, best


# %% q8 | and no seed on two folds
# The seed is the fold's number: every set trains from the same few seeds.
def plan(names, sets, folds, used):
    free = [number for number in range(sets + len(used)) if number not in used][:sets]
    return [
        {"model": name, "set": number, "fold": fold, "seed": fold}
        for number in free
        for fold in range(folds)
        for name in names
    ]


def verdict(rows, ours, peer):
    table = pd.DataFrame([row for row in rows if row["model"] in {ours, peer}])
    auc = table.pivot_table("auc", ["set", "fold"], "model")
    if auc.isna().any().any():
        raise ValueError("a run is missing")
    gain = (auc[ours] - auc[peer]).groupby("set").mean()
    return {"sets": len(gain), "wins": int((gain > 0).sum()), "median": gain.median()}


# %% q8 | the same seed for all models on a fold
# Each run has a seed of its own: the luck of a training is part of the gain.
def plan(names, sets, folds, used):
    free = [number for number in range(sets + len(used)) if number not in used][:sets]
    runs = [{"model": name, "set": number, "fold": fold} for number in free for fold in range(folds) for name in names]
    return [run | {"seed": seed} for seed, run in enumerate(runs)]


def verdict(rows, ours, peer):
    table = pd.DataFrame([row for row in rows if row["model"] in {ours, peer}])
    auc = table.pivot_table("auc", ["set", "fold"], "model")
    if auc.isna().any().any():
        raise ValueError("a run is missing")
    gain = (auc[ours] - auc[peer]).groupby("set").mean()
    return {"sets": len(gain), "wins": int((gain > 0).sum()), "median": gain.median()}


# %% q8 | pair by set and fold
# Rows are paired by their place in the list.
def plan(names, sets, folds, used):
    free = [number for number in range(sets + len(used)) if number not in used][:sets]
    return [
        {"model": name, "set": number, "fold": fold, "seed": 100 * number + fold}
        for number in free
        for fold in range(folds)
        for name in names
    ]


def verdict(rows, ours, peer):
    first = [row for row in rows if row["model"] == ours]
    second = [row for row in rows if row["model"] == peer]
    if len(first) != len(second):
        raise ValueError("a run is missing")
    gains = [a["auc"] - b["auc"] for a, b in zip(first, second, strict=True)]
    gain = pd.Series(gains).groupby([row["set"] for row in first]).mean()
    return {"sets": len(gain), "wins": int((gain > 0).sum()), "median": gain.median()}


# %% q8 public | average the folds of a set before
# Folds are averaged by their median, so one bad fold is not seen.
def plan(names, sets, folds, used):
    free = [number for number in range(sets + len(used)) if number not in used][:sets]
    return [
        {"model": name, "set": number, "fold": fold, "seed": 100 * number + fold}
        for number in free
        for fold in range(folds)
        for name in names
    ]


def verdict(rows, ours, peer):
    table = pd.DataFrame([row for row in rows if row["model"] in {ours, peer}])
    auc = table.pivot_table("auc", ["set", "fold"], "model")
    if auc.isna().any().any():
        raise ValueError("a run is missing")
    gain = auc[ours] - auc[peer]
    of_set = gain.groupby("set").median()
    return {"sets": len(of_set), "wins": int((of_set > 0).sum()), "median": gain.median()}


# %% q8 | if a run of one of the two models is missing
# What is missing is left out in silence.
def plan(names, sets, folds, used):
    free = [number for number in range(sets + len(used)) if number not in used][:sets]
    return [
        {"model": name, "set": number, "fold": fold, "seed": 100 * number + fold}
        for number in free
        for fold in range(folds)
        for name in names
    ]


def verdict(rows, ours, peer):
    auc = pd.DataFrame(rows).pivot_table("auc", ["set", "fold"], "model")
    gain = (auc[ours] - auc[peer]).dropna().groupby("set").mean()
    return {"sets": len(gain), "wins": int((gain > 0).sum()), "median": gain.median()}
