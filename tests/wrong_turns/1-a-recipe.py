# %% recipe-persistence | Index 0 is the oldest month
def repeat_last(past):
    return past[:, 0]


# %% recipe-persistence | One forecast a window
def repeat_last(past):
    return past[-1]


# %% recipe-persistence | One forecast a window
def repeat_last(past):
    return past[:, -1, 0]


# %% recipe-persistence | mean of the window
def repeat_last(past):
    return past.mean(axis=1)


# %% recipe-persistence | as an array
def repeat_last(past):
    return float(past[-1, -1, 0])


# %% recipe-persistence | Repeat the newest month
def repeat_last(past):
    return past[:, -2]


# %% recipe-persistence | Repeat the newest month
def repeat_last(past):
    return past.max(axis=1)
