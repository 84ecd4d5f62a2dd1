# %% cycle-margin | Sort the misses first
def margin(misses):
    rank = int(np.ceil(0.9 * (len(misses) + 1)))
    return misses[rank - 1]


# %% cycle-margin | counts from 0
def margin(misses):
    rank = int(np.ceil(0.9 * (len(misses) + 1)))
    return np.sort(misses)[rank]


# %% cycle-margin | and not 89.1
def margin(misses):
    return np.quantile(misses, 0.9)


# %% cycle-margin | One margin is wanted
def margin(misses):
    rank = int(np.ceil(0.9 * (len(misses) + 1)))
    return np.sort(misses)[:rank]
