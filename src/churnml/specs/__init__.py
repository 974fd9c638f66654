"""models/*.yaml and project.yaml, read into frozen typed objects that forbid unknown keys.

What the business may change stands in these files; what they may say is declared here, a module a file.
"""

from churnml.labels import Label
from churnml.specs.base import Name, NotNegative, Positive, Share, Spec
from churnml.specs.fitting import check_team_fits
from churnml.specs.health import Band, Dimension, HealthException, HealthInput, HealthSpec, RiskDimension, Scorecard
from churnml.specs.models import (
    ContactTerms,
    Cutoffs,
    Estimator,
    FeatureChoice,
    FeaturesSpec,
    HazardPeriods,
    ModelSpec,
    PromoteIf,
    Tuning,
)
from churnml.specs.playbooks import DeclaredEffect, Playbook, PlaybooksSpec
from churnml.specs.project import Input, ProjectSpec, Stores
from churnml.specs.reading import read_spec
from churnml.specs.team import Away, Person, TeamSpec

__all__ = [
    "Away",
    "Band",
    "ContactTerms",
    "Cutoffs",
    "DeclaredEffect",
    "Dimension",
    "Estimator",
    "FeatureChoice",
    "FeaturesSpec",
    "HazardPeriods",
    "HealthException",
    "HealthInput",
    "HealthSpec",
    "Input",
    "Label",
    "ModelSpec",
    "Name",
    "NotNegative",
    "Person",
    "Playbook",
    "PlaybooksSpec",
    "Positive",
    "ProjectSpec",
    "PromoteIf",
    "RiskDimension",
    "Scorecard",
    "Share",
    "Spec",
    "Stores",
    "TeamSpec",
    "Tuning",
    "check_team_fits",
    "read_spec",
]
