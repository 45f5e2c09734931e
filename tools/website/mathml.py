"""A Sphinx extension: formulas as MathML, which browsers draw by themselves.

Sphinx's usual way, MathJax, comes from another server, and the pages are to work offline.
"""

from __future__ import annotations

from typing import Any

from docutils.nodes import SkipNode
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx


def formula(translator: Any, node: Any) -> None:
    """Write a formula within a line."""
    translator.body.append(tex2mathml(node.astext(), as_block=False))
    raise SkipNode


def block(translator: Any, node: Any) -> None:
    """Write a formula in a line of its own."""
    translator.body.append(f'<div class="math">{tex2mathml(node.astext(), as_block=True)}</div>')
    raise SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the way to write formulas."""
    app.add_html_math_renderer("mathml", (formula, None), (block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
