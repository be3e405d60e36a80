"""Draw the handout, five pictures and their formulas on a page: `python lessons/handout.py PDF`."""

import sys
from pathlib import Path
from typing import Any, NamedTuple

from matplotlib.figure import Figure
from PIL import Image

FIGURES = Path(__file__).resolve().parents[1] / "figures"
WIDTH, HEIGHT, MARGIN = 210, 297, 13  # millimetres, A4


class Block(NamedTuple):
    """A picture, cut from a recorded figure, with what is said of it."""

    title: str
    figure: str
    cut: tuple[float, float, float, float]  # left, top, right, bottom, as shares of the figure
    share: float  # of the width of the page that the picture takes
    words: str


BLOCKS = [
    Block(
        "1. Superposition: five features in two dimensions, from dense to sparse",
        "superposition/intro_2d",
        (0, 0, 0.94, 0.29),
        1.0,
        r"Share of a dimension  $D_i = |W_i|^2 \,/\, \sum_j (\hat W_i \cdot W_j)^2$:  1 alone,  "
        r"1/2 in a pair,  $2/k$ in a polygon with $k$ corners.   $\sum_i D_i \leq m$.",
    ),
    Block(
        "2. Phase change: what becomes of the second of two features in one dimension",
        "superposition/phase_diagram_n2_m1",
        (0, 0, 1, 0.863),
        0.63,
        "Losses, for relative importance $r$:\n"
        "    keep the first    $r\\,(p/3 - p^2/4)$\n"
        "    keep the second    $p/3 - p^2/4$\n"
        "    both, as a pair    $(1 + r)\\,p^2/6$\n"
        "They meet at $r = 1$, $p = 4/7$. Sparsity\nfavours the pair: $p^2$ falls faster than $p$.",
    ),
    Block(
        "3. Memorization: trained on T datapoints; red their hidden vectors, blue the features",
        "memorization/dimensionality_vs_dataset_size",
        (0, 0.69, 1, 1),
        1.0,
        r"Few datapoints are stored on a circle, $\rho^2 = 1/(1 - \cos(2\pi/T))$, with the bias "
        "$-(\\rho^2 - 1)\\,X_i$ and $D = 2/T$. Many\nare not; features are. In between the test "
        "loss has a maximum: double descent.",
    ),
    Block(
        "4. Attention heads: five attentional features in two heads",
        "attention/mixing_matrix",
        (0.05, 0, 0.75, 0.58),
        0.52,
        "Heads mix patterns $A_k$ and OV matrices $O_l$\nby the same matrix $M$:\n\n"
        r"$y' = \mathrm{ReLU}\left(\sum_{kl} (M^T M)_{kl}\; A_k\, x\, O_l\right)$" + "\n\n"
        "$M^T M$ takes the role of $W^T W$. With dense\npatterns, or OV matrices that write to the "
        "same\noutputs, there is no polygon: $\\min \\|I - M^T M\\|^2$\nselects no geometry.",
    ),
    Block(
        "5. Finding features again: true features (blue), and a sparse autoencoder's (rings)",
        "dictionary_learning/toy_recovery",
        (0, 0.035, 1, 0.29),
        1.0,
        r"$L = \mathrm{E}\,[\,|h - h'|^2 + \lambda\, |f|_1]$,   "
        r"MMCS $= \mathrm{mean}_i\, \mathrm{max}_j \cos(W_i, D_j)$.   "
        "Compare with random directions: in the plane 20 of them\nhave an MMCS above 0.95. Dense "
        "features are not found: nothing tells one basis from another.",
    ),
]


def handout() -> Figure:
    """Draw the page."""
    page = Figure(figsize=(WIDTH / 25.4, HEIGHT / 25.4))
    write(page, 14, "Toy models of superposition: five pictures", size=15, weight="bold")
    write(
        page,
        19,
        r"$h = W x$,   $x' = \mathrm{ReLU}(W^T h + b)$,   "
        r"$L = \mathrm{E} \sum_i I_i\,(x_i - x'_i)^2$:   $n$ features in $m$ dimensions, "
        "each on with\nprobability $p = 1 - S$, then uniform on [0, 1]; $W_i$, column $i$ of $W$, "
        "is the direction of feature $i$.",
    )
    top = 36.0
    for block in BLOCKS:
        top = draw(page, block, top)
    write(
        page,
        HEIGHT - 8,
        "Elhage et al. 2022; Henighan et al. 2023; Anthropic, Circuits Updates, January 2024; "
        "Sharkey et al. 2022. Pictures: toymodels.",
        size=7,
    )
    return page


def draw(page: Figure, block: Block, top: float) -> float:
    """Draw a block with its upper edge at `top` (mm from above), and return where it ends."""
    write(page, top, block.title, size=10, weight="bold")
    picture = cut(block)
    width = block.share * (WIDTH - 2 * MARGIN)
    height = width * picture.height / picture.width
    top += 3
    place = (MARGIN / WIDTH, 1 - (top + height) / HEIGHT, width / WIDTH, height / HEIGHT)
    ax = page.add_axes(place)
    ax.imshow(picture, aspect="auto", interpolation="antialiased")
    ax.set_axis_off()
    if block.share < 1:
        write(page, top + 6, block.words, left=MARGIN + width + 5)
        return top + height + 11
    write(page, top + height + 3, block.words)
    return top + height + 15 + 5 * block.words.count("\n")


def cut(block: Block) -> Image.Image:
    """Return the part of the recorded figure that is shown."""
    with Image.open(FIGURES / f"{block.figure}.png") as whole:
        sides = zip(block.cut, 2 * whole.size, strict=True)
        left, upper, right, lower = (round(share * side) for share, side in sides)
        return whole.convert("RGB").crop((left, upper, right, lower))


def write(page: Figure, top: float, words: str, left: float = MARGIN, **style: Any) -> None:
    """Write text below `top`, or bold text on it, in mm from above."""
    usual: dict[str, Any] = {"size": 8.5, "va": "top", "linespacing": 1.5}
    if "weight" in style:
        usual["va"] = "baseline"
    page.text(left / WIDTH, 1 - top / HEIGHT, words, **usual | style)


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.parent.mkdir(parents=True, exist_ok=True)
    handout().savefig(path, dpi=300, metadata={"CreationDate": None})
    print(path)
