"""Typical wrong answers to the exercises, as learners write them, and what the checks say."""

CIRCLE = """
def memoriser(X):
    T = X.shape[1]
    square = 1 / (1 - np.cos(2 * np.pi / T))
    angles = 2 * np.pi * np.arange(T) / T
    H = np.sqrt(square) * np.stack([np.cos(angles), np.sin(angles)])
"""

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

PHASE_CHANGE = {
    "dropped": {
        "def dropped(p): return p / 3": "the output 0",
        "def dropped(p): return p / 3 + (p / 2)**2": "mind 2c",
        "def dropped(p): return p / 3 - 1 / 4 * p": "squared with its p",
        "def dropped(p): return p / 3 - 2 * (p / 2)**2": "add c^2",
        "def dropped(p): return p**2 / 12": "At 0.1: 0.0008333 is too small",
    },
    "pair": {
        "def pair(p, r): return p**2 / 6": "the second has one too",
        "def pair(p, r): return r * p**2 / 6": "the second alone",
        "def pair(p, r): return p**2 / 3": "counts r times",
        "def pair(p, r): return (1 + r) / 6": "How often",
        "def pair(p, r): return (1 + r) * p / 6": "p^2, and not p",
        "def pair(p, r): return (p * (1 - p) + r * (1 - p) * p) / 3": "the outputs are exact",
        "def pair(p, r): return r**2 * p**2": "At 0.1, 1: 0.01 is too large",
    },
    "meeting": {
        "meeting = 4 / 5": "two errors",
        "meeting = 1": "whose mean is predicted",
        "meeting = 3 / 7": "This is a sparsity",
        "meeting = 0": "divide both by p",
        "meeting = 0.5": "0.5 is too small",
    },
    "share": {
        "def share(k): return 1 / k": "two dimensions",
        "def share(k): return (k - 1) / k": "a simplex",
        "def share(k): return k / 2": "the denominator",
        "def share(k): return 0.5": "More corners get less",
        "def share(k): return 360 / k": "At 3: 120 is too large",
    },
}

MEMORIZATION = {
    "squared_radius": {
        "def squared_radius(T): return (1 - np.cos(2 * np.pi / T)) ** -0.5": "This is the radius",
        "def squared_radius(T): return 1 / (1 + np.cos(2 * np.pi / T))": "to one side again",
        "def squared_radius(T): return 1 / (1 - np.cos(np.pi / T))": "2π/T apart",
        "def squared_radius(T): return 1 - np.cos(2 * np.pi / T)": "divide",
        "def squared_radius(T):\n"
        "    c = np.cos(2 * np.pi / T)\n"
        "    return c / (1 - c)": "This is β",
        "def squared_radius(T): return 1 / (1 - np.cos(360 / T))": "At 3: 5.382 is too large",
    },
    "memoriser": {
        CIRCLE + "    return H @ X.T, 0 * X.sum(1)": "Without a bias neighbours receive",
        CIRCLE + "    return H @ X.T, np.full(len(X), 1 - square)": "cuts a datapoint out of shape",
        CIRCLE + "    return X @ H.T, (1 - square) * X.sum(1)": "W has the shape (200, 2)",
        CIRCLE + "    return H @ X.T, (square - 1) * X.sum(1)": "still receive",
        CIRCLE + "    return H @ X.T, -square * X.sum(1)": "come back 0.00 times",
        CIRCLE + "    return 2 * H @ X.T, 4 * (1 - square) * X.sum(1)": "come back 4.00 times",
    },
    "loss_of_zero": {
        "loss_of_zero = 0": "that are stored",
        "loss_of_zero = 2": "n p / 3",
        "loss_of_zero = 1 / 200": "not their mean",
        "loss_of_zero = 0.01": "x as a whole",
        "loss_of_zero = 6": "6 is too large",
    },
    "overtakes": {
        "overtakes = 6": "only 6",
        "overtakes = 5": "0.45 of a datapoint",
        "overtakes = 4": "the bias zero",
        "overtakes = 3": "positive",
        "overtakes = 8": "for the first time",
    },
}

ATTENTION = {
    "coupling": {
        "def coupling(M): return M @ M.T": "keep k and l",
        "def coupling(M): return M": "meets M twice",
        "def coupling(M): return M[0][:, None] * M[0]": "the first head's part",
        "def coupling(M): return np.diag((M**2).sum(0))": "they are the interference",
        "def coupling(M): return np.outer(M.sum(0), M.sum(0))": "Sum over the heads once",
        "def coupling(M): return M * M": "the shape is (2, 5), and should be (5, 5)",
    },
    "price": {
        "def price(k): return k / 2 - 1": "clip before you square",
        "def price(k):\n"
        "    c = np.cos(2 * np.pi * np.arange(1, k) / k)\n"
        "    return c[c > 0].sum()": "a squared error",
        "def price(k):\n"
        "    c = np.cos(2 * np.pi * np.arange(k) / k)\n"
        "    return np.sum(np.maximum(c, 0) ** 2)": "Leave out feature 1",
        "def price(k): return max(np.cos(2 * np.pi / k), 0) ** 2": "both sides",
        "def price(k): return 2 / k": "At 3: 0.6667 is too large",
    },
    "linear_minimum": {
        "linear_minimum = 0": "rank 2 at most",
        "linear_minimum = 2": "count the others",
        "linear_minimum = 5": "M = 0",
        "linear_minimum = 3**0.5": "The squared norm",
        "linear_minimum = 7.5": "Scale it down",
        "linear_minimum = 4": "4 is too large",
    },
}

UNIT = """
def mmcs(truth, dictionary):
    t, d = (a / np.linalg.norm(a, axis=0) for a in (truth, dictionary))
"""

DICTIONARIES = {
    "mmcs": {
        UNIT + "    return (t.T @ d).max(axis=0).mean()": "the best column for each feature",
        "def mmcs(truth, dictionary): return (truth.T @ dictionary).max(1).mean()": "their lengths",
        UNIT + "    return abs(t.T @ d).max(axis=1).mean()": "opposite direction",
        UNIT + "    return (t.T @ d).max()": "Average over the true features",
        UNIT + "    return (t.T @ d).mean()": "First the largest cosine",
        UNIT + "    return (t.T @ d).max(axis=1)": "the shape is (4,), and should be ()",
    },
    "worst": {
        "worst = np.cos(np.radians(72))": "itself again",
        "worst = np.cos(np.radians(18))": "half way to the worst",
        "worst = 0": "cannot be orthogonal",
        "worst = -1": "two neighbours at 36",
        "worst = np.cos(36)": "36 are degrees",
        "worst = 36": "36 is too large",
    },
    "code": {
        "def code(a, l1): return max(a - l1, 0)": "2 (f - a)",
        "def code(a, l1): return a - l1 / 2": "A code is not negative",
        "def code(a, l1): return a / (1 + l1)": "a penalty on f^2",
        "def code(a, l1): return a + l1 / 2": "Mind the sign",
        "def code(a, l1): return a": "costs less penalty",
        "def code(a, l1): return l1 / 2": "At 1, 0: 0 is too small",
    },
}

SPEC = "class Spec(fig.TrainingSpec):\n    "

RUN = """
def run(lab, sparsity="sparsity"):
    spec = lab.spec
    def problem(sparsity):
        features = tm.SparseFeatures(spec.n, sparsity=sparsity)
        build = lambda key: tm.ReluOutput(spec.n, 2, key=key)
        return tm.Reconstruction(features, build, spec.batch_size), spec.adamw()
    return lab.train("relu_output", problem, axes="sparsity")
"""

CLAIMS = """
def claims(data):
    share = (geometry.arrangement(data.W) == "pentagon").mean("seed")
    yield fig.OURS.claim("Most are pentagons").above(0.5, share.sel(sparsity=slice(0.9, None)))
"""

EXPERIMENT = {
    "Spec": {
        SPEC + "sparsity: fig.Fraction = 0.9": "It holds one number",
        SPEC + "sparsity: tuple = (0.5, 0.7, 0.8, 0.9, 0.95)": "It accepts a sparsity of 1.5",
        SPEC + "sparsity: fig.Sparsities = (0.5, 0.3, 0.2, 0.1, 0.05)": "These are probabilities p",
        SPEC + "sparsity: fig.Sparsities = (0.5, 0.9)": "The default is [0.5, 0.9]",
    },
    "run": {
        RUN.replace(", axes=", ", steps=5) # "): "The sparsity is not swept",
        RUN.replace("return lab", "lab"): "is a return missing?",
        RUN.replace("sparsity=sparsity", "probability=sparsity"): "on with p = 0.9",
        RUN.replace("spec.n, 2", "2, spec.n"): "the shape of W is (7, 2)",
        RUN.replace("spec.n, 2", "5, 2"): "the shape of W is (2, 5)",
        RUN.replace(", spec.batch_size)", ")"): "The batch size",
        RUN.replace("lab.train", "dict").replace(
            '"relu_output", problem, ', ""
        ): "lab.train is not called",
        RUN.replace("tm.Reconstruction(", "tuple((").replace("size)", "size))"): "is tuple",
    },
    "claims": {
        CLAIMS.replace("yield", "return"): "has to yield",
        CLAIMS.replace("slice(0.9, None)", "slice(None)"): "It fails where three of four",
        CLAIMS.replace("above(0.5", "above(-1"): "it must be able to fail",
        CLAIMS.replace("None))", "None)).mean()"): "the mean over sparsities",
        CLAIMS.replace("above(0.5", "above(0.499"): "exactly a half",
        CLAIMS.replace(".above(0.5, share", "; share").replace("))", ")"): "is no claim",
    },
}

WRONG = {
    "01_superposition": SUPERPOSITION,
    "02_phase_change": PHASE_CHANGE,
    "03_memorization": MEMORIZATION,
    "04_attention": ATTENTION,
    "05_dictionaries": DICTIONARIES,
    "06_your_experiment": EXPERIMENT,
}
