"""What are the values worth elsewhere? Metrics of transfer and the rule for claiming it."""

from socialsim.transfer.claims import SHAPING_HELPS as SHAPING_HELPS
from socialsim.transfer.claims import VALUES_TRANSFERRED as VALUES_TRANSFERRED
from socialsim.transfer.claims import ClaimRule as ClaimRule
from socialsim.transfer.claims import Verdict as Verdict
from socialsim.transfer.metrics import TransferMetrics as TransferMetrics
from socialsim.transfer.metrics import summarise as summarise
