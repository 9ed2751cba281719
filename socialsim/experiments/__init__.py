"""Experiments: one file each, declared before they are run."""

from socialsim.experiments.experiment import Experiment as Experiment
from socialsim.experiments.experiment import Result as Result
from socialsim.experiments.experiment import Study as Study
from socialsim.experiments.experiment import experiment as experiment
from socialsim.experiments.experiment import experiments as experiments
from socialsim.experiments.experiment import register_experiment as register_experiment
from socialsim.experiments.experiment import run_experiment as run_experiment
