# %% drift-carry | The new error of the step
def carry_on(slopes, errors):
    off, track = np.zeros(50), []
    for slope, error in zip(slopes, errors, strict=True):
        new = slope @ off
        off = np.append(off, new)[-50:]
        track.append(new)
    return np.array(track)


# %% drift-carry | What the loop makes of off is missing
def carry_on(slopes, errors):
    off, track = np.zeros(50), []
    for slope, error in zip(slopes, errors, strict=True):
        new = error
        off = np.append(off, new)[-50:]
        track.append(new)
    return np.array(track)


# %% drift-carry | One number a step
def carry_on(slopes, errors):
    off, track = np.zeros(50), []
    for slope, error in zip(slopes, errors, strict=True):
        new = slope * off + error
        off = np.append(off, new)[-50:]
        track.append(new)
    return np.array(track)


# %% drift-carry | Add the slopes times how far off
def carry_on(slopes, errors):
    off, track = np.zeros(50), []
    for slope, error in zip(slopes, errors, strict=True):
        new = error - slope @ off
        off = np.append(off, new)[-50:]
        track.append(new)
    return np.array(track)
