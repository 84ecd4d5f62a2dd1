# %% freq-own | sum with axis=1
def weight_of(past):
    middle, around = past[:, 1:-1], past[:, :-2] + past[:, 2:]
    return (middle * around).sum() / (middle**2).sum()


# %% freq-own | sum of the products goes over
def weight_of(past):
    middle, around = past[:, 1:-1], past[:, :-2] + past[:, 2:]
    return (middle**2).sum(axis=1) / (middle * around).sum(axis=1)


# %% freq-own | sum of the products goes over
def weight_of(past):
    middle, around = past[:, 1:-1], past[:, :-2] + past[:, 2:]
    return (around / middle).mean(axis=1)


# %% freq-own | not the shape
def weight_of(past):
    middle, around = past[:, 1:-1], past[:, :-2] + past[:, 2:]
    return (middle * around).sum(axis=0) / (middle**2).sum(axis=0)


# %% freq-own | Here c is
def weight_of(past):
    return 2 * np.cos(np.array([0.3, 0.5]))
