"""Addresses of the cited papers.

Records store citations without addresses, so a changed address affects only this table.
"""

import re

_THREAD = "https://transformer-circuits.pub"

# citation, as a regular expression -> address
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
    r"Greenspan and Wynroe 2023": (
        "https://www.alignmentforum.org/posts/cqRGZisKbpSjgaJbc/"
        "an-ov-coherent-toy-model-of-attention-head-superposition-1"
    ),
    r"Rajamanoharan et al\. 2024": "https://arxiv.org/abs/2404.16014",
    r"ARENA 3\.0": "https://github.com/callummcdougall/ARENA_3.0",
}


def link_papers(text: str) -> str:
    """Make the first citation of each paper a Markdown link.

    Citations that are not in the table stay as they are.
    """
    for name, address in PAPERS.items():
        text = re.sub(name, rf"[\g<0>]({address})", text, count=1)
    return text
