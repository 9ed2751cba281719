"""What did the value heads learn? Probes, counterfactuals, stability, rank agreement, with their controls."""

from socialsim.analysis.stability import IntraclassCorrelation as IntraclassCorrelation
from socialsim.analysis.stability import KendallW as KendallW
from socialsim.analysis.stability import channel_stability as channel_stability
from socialsim.analysis.statistics import Estimate as Estimate
from socialsim.analysis.statistics import bootstrap as bootstrap
from socialsim.analysis.statistics import bootstrap_scores as bootstrap_scores
from socialsim.analysis.statistics import interquartile_mean as interquartile_mean
from socialsim.analysis.statistics import kendall as kendall
from socialsim.analysis.statistics import probability_of_improvement as probability_of_improvement
from socialsim.analysis.statistics import spearman as spearman
