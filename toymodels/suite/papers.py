"""The papers that scripts and claims name, and where they are to be read.

Records keep the words alone, so that an address that moves changes this table and no record.
"""

import re

_THREAD = "https://transformer-circuits.pub"

# how a paper is named, as a regular expression: its address
PAPERS = {
    r"Elhage et al\. 2022": f"{_THREAD}/2022/toy_model/index.html",
    r"Scherlis et al\. 2022": "https://arxiv.org/abs/2210.01892",
    r"Sharkey et al\. 2022": (
        "https://www.lesswrong.com/posts/z6QQJbtpkEAX3Aojj/"
        "interim-research-report-taking-features-out-of-superposition"
    ),
    r"Henighan et al\. 2023": f"{_THREAD}/2023/toy-double-descent/index.html",
    r"Bricken et al\. 2023": f"{_THREAD}/2023/monosemantic-features/index.html",
    r"(Circuits Updates,? )?May 2023( update)?": f"{_THREAD}/2023/may-update/index.html",
    r"(Circuits Updates,? )?July 2023( update)?": f"{_THREAD}/2023/july-update/index.html",
    r"(Circuits Updates,? )?January 2024( update)?": f"{_THREAD}/2024/jan-update/index.html",
    r"Rajamanoharan et al\. 2024": "https://arxiv.org/abs/2404.16014",
    r"ARENA 3\.0": "https://github.com/callummcdougall/ARENA_3.0",
}


def link_papers(text: str) -> str:
    """Make the papers that a text names links, as Markdown has them, each where it is first named.

    What a text calls otherwise, or is not in the table, stays as it is.
    """
    for name, address in PAPERS.items():
        text = re.sub(name, rf"[\g<0>]({address})", text, count=1)
    return text
