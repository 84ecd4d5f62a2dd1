# %% start-turn | yours are 0.5 times
def gradient(weights, X, Y):
    errors = X @ weights - Y
    slopes = X.T @ errors / len(Y)
    return slopes


# %% start-turn | yours are 780.0 times
def gradient(weights, X, Y):
    errors = X @ weights - Y
    slopes = 2 * X.T @ errors
    return slopes


# %% start-turn | yours are -1.0 times
def gradient(weights, X, Y):
    errors = X @ weights - Y
    slopes = -2 * X.T @ errors / len(Y)
    return slopes


# %% start-turn | yours: shape ()
def gradient(weights, X, Y):
    errors = X @ weights - Y
    slopes = 2 * np.mean(errors)
    return slopes


# %% start-turn | yours: shape (780,)
def gradient(weights, X, Y):
    errors = X @ weights - Y
    slopes = 2 * errors * X.sum(axis=1) / len(Y)
    return slopes


# %% start-state | quiet steps leave the state as it is
def carry(series):
    state, states = 0.0, []
    for value in series:
        state = value
        states.append(state)
    return np.array(states)


# %% start-state | after the mark -1 it is -1
def carry(series):
    state, states = 0.0, []
    for value in series:
        state = state or value
        states.append(state)
    return np.array(states)


# %% start-state | after the mark -1 it is -1
def carry(series):
    state, states = 0.0, []
    for value in series:
        state = state + value
        states.append(state)
    return np.array(states)
