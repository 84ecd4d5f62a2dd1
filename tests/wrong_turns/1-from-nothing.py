# %% start-turn | gives nothing back
def gradient(weights, X, Y):
    errors = X @ weights - Y
    2 * X.T @ errors / len(Y)


# %% start-turn | yours are 0.50 times
def gradient(weights, X, Y):
    errors = X @ weights - Y
    return X.T @ errors / len(Y)


# %% start-turn | yours are 780.00 times
def gradient(weights, X, Y):
    errors = X @ weights - Y
    return 2 * X.T @ errors


# %% start-turn | yours are -1.00 times
def gradient(weights, X, Y):
    errors = X @ weights - Y
    return -2 * X.T @ errors / len(Y)


# %% start-turn | yours: shape ()
def gradient(weights, X, Y):
    errors = X @ weights - Y
    return 2 * np.mean(errors)


# %% start-turn | yours: shape (780,)
def gradient(weights, X, Y):
    errors = X @ weights - Y
    return 2 * errors * X.sum(axis=1) / len(Y)


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
