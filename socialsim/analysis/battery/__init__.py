"""The human-likeness battery: assays of choices, as behaviour in games and as readouts of value heads."""

from socialsim.analysis.battery.battery import ASSAYS as ASSAYS
from socialsim.analysis.battery.battery import Battery as Battery
from socialsim.analysis.battery.battery import battery_of as battery_of
from socialsim.analysis.battery.battery import summary as summary
from socialsim.analysis.battery.collecting import Games as Games
from socialsim.analysis.battery.cooperation import ConditionalCooperation as ConditionalCooperation
from socialsim.analysis.battery.distributions import DistributionAssay as DistributionAssay
from socialsim.analysis.battery.finding import Finding as Finding
from socialsim.analysis.battery.home import AT_HOME as AT_HOME
from socialsim.analysis.battery.home import at_home as at_home
from socialsim.analysis.battery.inequity import InequityAversion as InequityAversion
from socialsim.analysis.battery.looking import CrowdGaze as CrowdGaze
from socialsim.analysis.battery.looking import MutualGaze as MutualGaze
from socialsim.analysis.battery.rates import MeanAssay as MeanAssay
from socialsim.analysis.battery.rates import RateAssay as RateAssay
from socialsim.analysis.battery.readout import Readout as Readout
from socialsim.analysis.battery.references import distribution as distribution
from socialsim.analysis.battery.references import figure as figure
from socialsim.analysis.battery.result import BatteryResult as BatteryResult
from socialsim.analysis.battery.shapes import Discounting as Discounting
from socialsim.analysis.battery.shapes import ValueCircle as ValueCircle
from socialsim.analysis.battery.svo import SVO as SVO
