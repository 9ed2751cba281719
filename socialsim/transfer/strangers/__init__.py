"""Evaluations among strangers: cross-play, focal agents in a frozen background, expert dropout."""

from socialsim.transfer.strangers.background import FocalPlay as FocalPlay
from socialsim.transfer.strangers.background import focal_play as focal_play
from socialsim.transfer.strangers.crossplay import CrossPlay as CrossPlay
from socialsim.transfer.strangers.crossplay import cross_play as cross_play
from socialsim.transfer.strangers.dropout import Dropout as Dropout
from socialsim.transfer.strangers.dropout import expert_dropout as expert_dropout
from socialsim.transfer.strangers.tables import Resampling as Resampling
