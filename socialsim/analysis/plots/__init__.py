"""Figures a paper would print. Each function takes labelled data and returns a matplotlib Figure."""

from socialsim.analysis.plots.agreement import stability as stability
from socialsim.analysis.plots.agreement import zero_shot as zero_shot
from socialsim.analysis.plots.arms import arms as arms
from socialsim.analysis.plots.certificates import certificates as certificates
from socialsim.analysis.plots.curves import channel_curves as channel_curves
from socialsim.analysis.plots.curves import learning_curves as learning_curves
from socialsim.analysis.plots.curves import transfer_curves as transfer_curves
from socialsim.analysis.plots.development import extinction as extinction
from socialsim.analysis.plots.development import growth as growth
from socialsim.analysis.plots.development import responses as responses
from socialsim.analysis.plots.dossier import dossier as dossier
from socialsim.analysis.plots.forest import forest as forest
from socialsim.analysis.plots.forest import probes as probes
from socialsim.analysis.plots.hero import hero as hero
from socialsim.analysis.plots.maps import similarity as similarity
from socialsim.analysis.plots.maps import what_when_where as what_when_where
from socialsim.analysis.plots.matrix import matrices as matrices
from socialsim.analysis.plots.phase import societies as societies
from socialsim.analysis.plots.shares import shares as shares
from socialsim.analysis.plots.style import svg as svg
from socialsim.analysis.plots.successor import drives_found as drives_found
from socialsim.analysis.plots.sweeps import landscape as landscape
from socialsim.analysis.plots.sweeps import sweep as sweep
