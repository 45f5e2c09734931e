"""Sphinx's settings; tools/build_site.py prepares the pages and runs it."""

import re
import sys
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.ext.napoleon import GoogleDocstring

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tools"))

project = "Face Value"
author = "Face Value contributors"
copyright = author
html_title = project
language = "en"

extensions = [
    "myst_nb",
    "sphinx_design",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "website.mathml",
]
html_math_renderer = "mathml"

# the pages show what the notebooks store
nb_execution_mode = "off"
nb_merge_streams = True
# widgets and their scripts would come from another server
nb_ipywidgets_js = {}
myst_enable_extensions = ["attrs_inline", "colon_fence", "dollarmath"]
myst_heading_anchors = 3
# several classes have attributes of one name
suppress_warnings = ["ref.python"]

# docstrings are read without loading these, which takes most of the time
autodoc_mock_imports = ["keras", "tensorflow", "tf2onnx"]
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
autodoc_inherit_docstrings = False
napoleon_use_ivar = True
autodoc_member_order = "bysource"
add_module_names = False
toc_object_entries = False
# `word` in a docstring is code, as in Markdown
default_role = "code"

html_theme = "pydata_sphinx_theme"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_js_files = ["site.js"]
html_copy_source = False
html_domain_indices = False
html_show_sourcelink = False
html_theme_options = {
    "logo": {"text": project},
    "navbar_align": "left",
    "header_links_before_dropdown": 6,
    "show_nav_level": 1,
    "navigation_with_keys": False,
    "back_to_top_button": True,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
html_sidebars = {
    **dict.fromkeys(("index", "glossary", "results", "model-card"), []),
    "**": ["sidebar-nav-bs"],
}


def _whole_text(self: GoogleDocstring) -> tuple[str, list[str]]:
    """Return the text of a constant or attribute, which says no type before its first colon."""
    return "", [self._lines.next(), *self._dedent(self._consume_to_end())]


GoogleDocstring._consume_inline_attribute = _whole_text


def code_blocks(
    app: object, what: str, name: str, obj: object, options: object, lines: list[str]
) -> None:
    """Mark what is indented below a paragraph of a docstring as code, as Markdown does."""
    marked: list[str] = []
    for before, line in zip(["", *lines], lines, strict=False):
        above = next((text for text in reversed(marked) if text), "")
        if line.startswith("    ") and not before and above and not above.startswith(" "):
            marked += ["::", ""]
        marked.append(line)
    lines[:] = marked


def skip(
    app: object, what: str, name: str, obj: object, skipped: bool, options: object
) -> bool | None:
    """Leave out the methods that scikit-learn adds to its estimators."""
    return True if re.fullmatch(r"set_\w+_request", name) else None


def setup(app: Sphinx) -> None:
    """Connect to Sphinx."""
    app.connect("autodoc-skip-member", skip)
    # before napoleon, which indents other lines
    app.connect("autodoc-process-docstring", code_blocks, priority=400)
