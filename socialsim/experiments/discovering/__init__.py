"""Tasks with hidden rules, a demonstrator who may be asked, and what learners in them are measured by."""

from socialsim.experiments.discovering.arms import ARMS as ARMS
from socialsim.experiments.discovering.arms import BONUSES as BONUSES
from socialsim.experiments.discovering.asking import Asked as Asked
from socialsim.experiments.discovering.asking import Asking as Asking
from socialsim.experiments.discovering.tasks import DISTANCES as DISTANCES
from socialsim.experiments.discovering.tasks import FAMILIES as FAMILIES
from socialsim.experiments.discovering.tasks import Tasks as Tasks
from socialsim.experiments.discovering.tasks import tasks as tasks
