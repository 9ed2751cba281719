"""Comparing values by rank, choice and weights, and rewards by distances that ignore shaping.

Never a value as a reward.
"""

from socialsim.analysis.comparison.directions import DirectionAgreement as DirectionAgreement
from socialsim.analysis.comparison.lookahead import BestAct as BestAct
from socialsim.analysis.comparison.rank import RankAgreement as RankAgreement
from socialsim.analysis.comparison.rank import ReturnAgreement as ReturnAgreement
from socialsim.analysis.comparison.rewards import RewardDistance as RewardDistance
from socialsim.analysis.comparison.rewards import ValueAsRewardError as ValueAsRewardError
from socialsim.analysis.comparison.rewards import refuse_values as refuse_values
from socialsim.analysis.comparison.thurstone import Preferences as Preferences
from socialsim.analysis.comparison.thurstone import Thurstone as Thurstone
from socialsim.analysis.comparison.thurstone import choices as choices
from socialsim.analysis.comparison.thurstone import cyclic_triads as cyclic_triads
