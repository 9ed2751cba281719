"""The report: one self-contained HTML page that a stranger can read and a reviewer can check."""

from socialsim.analysis.report.findings import counterfactuals as counterfactuals
from socialsim.analysis.report.page import render as render
from socialsim.analysis.report.page import write as write
from socialsim.analysis.report.parts import CAVEATS as CAVEATS
from socialsim.analysis.report.parts import FOUNDING as FOUNDING
from socialsim.analysis.report.parts import METHODS as METHODS
from socialsim.analysis.report.parts import Part as Part
from socialsim.analysis.report.parts import of_summary as of_summary
