# %% gates-turn | near 0, it is 1.000: look at w_z
b_z = 10.0
w_z = 20.0

# %% gates-turn | near 1, it is 0.500: look at b_z
b_z = 0.0
w_z = -20.0

# %% gates-turn | near 0, it is 0.500: look at w_z
b_z = 10.0
w_z = -10.0

# %% gates-turn | bring z nearer to 0 and 1
b_z = 3.0
w_z = -6.0

# %% gates-turn | b_z: a number in place of '10'
b_z = "10"
w_z = "-20"

# %% gates-turn | w_z: a number in place of [-20.0]
b_z = 10.0
w_z = [-20.0]

# %% gates-turn | near 0, it is 1.000: look at w_z
b_z = 10.0
w_z = 0


# %% gates-gru | where z is 1, h = 0.8 should stay
def gru_step(x, h, W_ih, W_hh, b_ih, b_hh):
    input_r, input_z, input_n = np.split(W_ih @ x + b_ih, 3)
    state_r, state_z, state_n = np.split(W_hh @ h + b_hh, 3)
    r, z = sigmoid(input_r + state_r), sigmoid(input_z + state_z)
    n = np.tanh(input_n + r * state_n)
    new = z * n + (1 - z) * h
    return new


# %% gates-gru | where z is 0, wanted n = 0.46: got 1.26
def gru_step(x, h, W_ih, W_hh, b_ih, b_hh):
    input_r, input_z, input_n = np.split(W_ih @ x + b_ih, 3)
    state_r, state_z, state_n = np.split(W_hh @ h + b_hh, 3)
    r, z = sigmoid(input_r + state_r), sigmoid(input_z + state_z)
    n = np.tanh(input_n + r * state_n)
    new = (1 - z) * n + h
    return new


# %% gates-gru | a number for each unit
def gru_step(x, h, W_ih, W_hh, b_ih, b_hh):
    input_r, input_z, input_n = np.split(W_ih @ x + b_ih, 3)
    state_r, state_z, state_n = np.split(W_hh @ h + b_hh, 3)
    r, z = sigmoid(input_r + state_r), sigmoid(input_z + state_z)
    n = np.tanh(input_n + r * state_n)
    new = (1 - z) @ n + z @ h
    return new
