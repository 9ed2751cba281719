"""What did the value heads learn? Probes, counterfactuals, stability, rank agreement, with their controls."""

from socialsim.analysis.comparison import RankAgreement as RankAgreement
from socialsim.analysis.comparison import ReturnAgreement as ReturnAgreement
from socialsim.analysis.comparison import RewardDistance as RewardDistance
from socialsim.analysis.concepts import Concept as Concept
from socialsim.analysis.concepts import measure_concepts as measure_concepts
from socialsim.analysis.concepts import register_concept as register_concept
from socialsim.analysis.concepts import scenes_of as scenes_of
from socialsim.analysis.counterfactual import Counterfactual as Counterfactual
from socialsim.analysis.edits import Edit as Edit
from socialsim.analysis.edits import default_edits as default_edits
from socialsim.analysis.probes import Probe as Probe
from socialsim.analysis.probes import Target as Target
from socialsim.analysis.probes import scene_types as scene_types
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
