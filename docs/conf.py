"""Sphinx configuration; `make docs` treats every warning as an error."""

import sys
from importlib import metadata
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import gallery

gallery.write()

project = "socialsim"
author = "The socialsim developers"
copyright = "the socialsim developers"
release = metadata.version("socialsim")

extensions = [
    "myst_nb",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.viewcode",
]
exclude_patterns = ["_build"]  # worlds/ is written anew by gallery.py
html_extra_path = ["results/reports"]  # reports are pages of their own
html_theme = "furo"
html_title = f"socialsim {release}"

autodoc_typehints = "none"  # jaxtyping's shapes read better in the docstrings
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
myst_enable_extensions = ["colon_fence", "dollarmath"]
nb_execution_mode = "cache"  # examples are run, again only when they change
nb_execution_timeout = 600
nb_execution_raise_on_error = True
