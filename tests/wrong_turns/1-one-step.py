# %% one-step-loop | must end with the first prediction
def closed_loop(rule, window, steps):
    track = list(window)
    for _ in range(steps):
        newest = np.array(track[:50])
        track.append(rule(newest))
    return np.array(track[50:])


# %% one-step-loop | must read 50 points each time
def closed_loop(rule, window, steps):
    track = list(window)
    for _ in range(steps):
        newest = np.array(track)
        track.append(rule(newest))
    return np.array(track[50:])


# %% one-step-loop | must read 50 points each time
def closed_loop(rule, window, steps):
    track = list(window)
    for _ in range(steps):
        newest = np.array(track[-1])
        track.append(rule(newest))
    return np.array(track[50:])


# %% one-step-loop | as an array
def closed_loop(rule, window, steps):
    track = list(window)
    for _ in range(steps):
        newest = track[-50:]
        track.append(rule(newest))
    return np.array(track[50:])


# %% one-step-loop | Keep the order of time
def closed_loop(rule, window, steps):
    track = list(window)
    for _ in range(steps):
        newest = np.array(track[:-51:-1])
        track.append(rule(newest))
    return np.array(track[50:])


# %% one-step-loop | must end with the first prediction
def closed_loop(rule, window, steps):
    track = list(window)
    for _ in range(steps):
        newest = np.array(track[-50:], dtype=int)
        track.append(rule(newest))
    return np.array(track[50:])


# %% one-step-loop | Return the predictions
def closed_loop(rule, window, steps):
    track = list(window)
    for _ in range(steps):
        newest = np.array(track[-50:])
        track.append(rule(newest))
    return np.array(track)
