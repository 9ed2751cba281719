"""The report: one self-contained HTML page that a stranger can read and a reviewer can check."""

from socialsim.analysis.report.page import render as render
from socialsim.analysis.report.page import write as write
