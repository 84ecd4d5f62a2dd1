# %% by-hand-steps-turn | stands in row 1
copy = np.array([[1.0], [0.0]])
delay = np.array([[0.0, 1.0], [0.0, 0.0]])

# %% by-hand-steps-turn | wanted 0 4 7
copy = np.array([[1.0], [0.0]])
delay = np.array([[0.0, 0.0], [1.0, 1.0]])

# %% by-hand-steps-turn | unit 0 should copy
copy = np.array([[1.0], [0.0]])
delay = np.array([[1.0, 0.0], [1.0, 0.0]])

# %% by-hand-steps-turn | wanted shape (2, 2)
copy = np.array([[1.0], [0.0]])
delay = np.array([0.0, 1.0])

# %% by-hand-steps-turn | wanted numbers, got [['0', '0'], ['1', '0']]
copy = np.array([[1.0], [0.0]])
delay = np.array([["0", "0"], ["1", "0"]])

# %% by-hand-steps-turn | wanted numbers, got [[0, Ellipsis], [1, 0]]
copy = np.array([[1.0], [0.0]])
delay = np.array([[0, ...], [1, 0]])

# %% by-hand-steps-turn | write np.array
copy = np.array([[1.0], [0.0]])
delay = np.array([[0.0, 0.0], [1.0, 0.0]]).view(np.matrix)  # np.matrix(...) warns, which tests forbid
