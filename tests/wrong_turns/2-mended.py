# %% mended-back | only the square
def back(root, variance):
    return root**2


# %% mended-back | Take nothing off
def back(root, variance):
    return root**2 - variance


# %% mended-back | not to the root
def back(root, variance):
    return (root + variance) ** 2


# %% mended-back | a square already
def back(root, variance):
    return root**2 + variance**2


# %% mended-back | draws make
def back(root, variance):
    return root**2 + variance**0.5


# %% mended-back | Two roots make two numbers
def back(root, variance):
    return np.atleast_1d(np.mean(root**2 + variance))
