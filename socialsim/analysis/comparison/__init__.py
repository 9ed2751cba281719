"""Comparing values by rank, and rewards by distances that ignore shaping. Never a value as a reward."""

from socialsim.analysis.comparison.rank import RankAgreement as RankAgreement
from socialsim.analysis.comparison.rank import ReturnAgreement as ReturnAgreement
from socialsim.analysis.comparison.rewards import RewardDistance as RewardDistance
from socialsim.analysis.comparison.rewards import ValueAsRewardError as ValueAsRewardError
from socialsim.analysis.comparison.rewards import refuse_values as refuse_values
