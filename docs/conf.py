"""How the documentation is built: ``tox -e docs``, or ``sphinx-build -W -n docs build/docs``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import reference_pages

from abeja_run import __version__

project = "abeja_run"
author = "The abeja_run authors"
copyright = author  # noqa: A001 - Sphinx's name
version = release = __version__
extensions = ["sphinx.ext.autodoc", "sphinx.ext.napoleon"]
html_theme = "furo"
html_title = f"abeja_run {__version__}"
html_static_path = ["_static"]
html_css_files = ["tables.css"]
html_copy_source = False
pygments_style = "friendly"

smartquotes = False
autodoc_member_order = "bysource"
autodoc_typehints = "none"
napoleon_use_rtype = False
napoleon_use_ivar = True
# Names of other packages, and short names that napoleon makes links of. Every link into this package must be right.
nitpick_ignore_regex = [("py:.*", r"(?!abeja_run\b).*")]


def setup(app: Any) -> None:
    """Write the reference pages anew before the pages are read."""
    app.connect("builder-inited", lambda _: reference_pages.write(Path(__file__).parent / "reference"))
