# %% by-hand-back-turn | sum over steps, with the state before each
def backwards(x, h, back, W_hh):
    to_ih, to_hh, to_b = 0, 0, 0
    for t in range(len(x), 0, -1):
        delta = back * (1 - h[t] ** 2)
        to_hh = delta.T @ h[t - 1]
        to_ih = to_ih + delta.T @ x[t - 1]
        to_b = to_b + delta.sum(axis=0)
        back = delta @ W_hh
    return to_ih, to_hh, to_b


# %% by-hand-back-turn | with the state before each
def backwards(x, h, back, W_hh):
    to_ih, to_hh, to_b = 0, 0, 0
    for t in range(len(x), 0, -1):
        delta = back * (1 - h[t] ** 2)
        to_hh = to_hh + delta.T @ h[t]
        to_ih = to_ih + delta.T @ x[t - 1]
        to_b = to_b + delta.sum(axis=0)
        back = delta @ W_hh
    return to_ih, to_hh, to_b


# %% by-hand-back-turn | rows and columns are exchanged
def backwards(x, h, back, W_hh):
    to_ih, to_hh, to_b = 0, 0, 0
    for t in range(len(x), 0, -1):
        delta = back * (1 - h[t] ** 2)
        to_hh = to_hh + h[t - 1].T @ delta
        to_ih = to_ih + delta.T @ x[t - 1]
        to_b = to_b + delta.sum(axis=0)
        back = delta @ W_hh
    return to_ih, to_hh, to_b


# %% by-hand-back-turn | has the shape of W_hh
def backwards(x, h, back, W_hh):
    to_ih, to_hh, to_b = 0, 0, 0
    for t in range(len(x), 0, -1):
        delta = back * (1 - h[t] ** 2)
        to_hh = to_hh + delta @ h[t - 1].T
        to_ih = to_ih + delta.T @ x[t - 1]
        to_b = to_b + delta.sum(axis=0)
        back = delta @ W_hh
    return to_ih, to_hh, to_b
