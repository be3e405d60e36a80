"""Typical wrong answers to the exercises, as learners write them, and what the checks say."""

SUPERPOSITION = {
    "pentagon_bias": {
        "pentagon_bias = np.cos(np.radians(72))": "Mind the sign",
        "pentagon_bias = -np.cos(np.radians(36))": "72 degrees apart, not 36",
        "pentagon_bias = -1": "silences feature 1 as well",
        "pentagon_bias = 0": "receive a positive number without a bias",
        "pentagon_bias = -np.cos(72)": "is too large",  # radians
        "pentagon_bias = '-0.309'": "is not a number",
    },
    "meet": {
        "def meet(S): return 1 - S**5": "at least one is on",
        "def meet(S): return (1 - S)**2": "two given features",
        "def meet(S): return 10 * (1 - S)**2 * S**3": "exactly two",
        "def meet(S): return 10 * (1 - S)**2": "counted three times",
        "def meet(S): return 1 - S**5 - (1 - S) * S**4": "Any of the five",
        "def meet(S): 1 - S**5 - 5 * (1 - S) * S**4": "is a return missing?",
        "def meet(S): return 5 * S**4": "At 0: 0 is too small",
        "def meet(): return 0": "It ends with TypeError",
        "meet = 0.5": "A function is asked for",
    },
    "dimensionality": {
        "def dimensionality(W): return (W**2).sum(0) / ((W.T @ W)**2).sum(1)": "has length 1",
        "def dimensionality(W):\n"
        "    G = (W.T @ W)**2\n"
        "    return np.diag(G) / (G - np.diag(np.diag(G))).sum(1)": "with j = i",
        "def dimensionality(W):\n"
        "    n = (W**2).sum(0)\n"
        "    G = (W.T @ W)**2 / n[:, None]\n"
        "    return n / (1 + G.sum(1) - np.diag(G))": "its squared length, and not 1",
        "def dimensionality(W):\n"
        "    V = W / np.linalg.norm(W, axis=0)\n"
        "    return 1 / ((V.T @ V)**2).sum(1)": "the W_j keep theirs",
        "def dimensionality(W): return (W**2).sum()": "the shape is",
    },
}

WRONG = {"01_superposition": SUPERPOSITION}
