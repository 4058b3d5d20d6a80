"""Names of folders in the output of commands."""

from __future__ import annotations

CLEAN, RESULTS = "preprocessed", "results"  # of `run`
MODELS = "models"
SUBJECTS, PAPER_SUBJECTS = "subjects", "paper_subjects"  # below the models
EVALUATION = "evaluation"
READOUTS = "readouts"
STATISTICS = "statistics"
REGIONS = "regions"
TRUST = "trust"
RESPONSES = "responses"
MAPS = "maps"
FIGURES = "figures"
EXPECTED = "expected"
NOT_BIDS = (
    MODELS,
    EVALUATION,
    READOUTS,
    STATISTICS,
    REGIONS,
    TRUST,
    RESPONSES,
    MAPS,
    FIGURES,
    EXPECTED,
    "*.html",
    "*.tsv",
    "*.toml",
    "*.json",
    "*.md",
    "*.bib",
    "*_source.*",
)
"""What the validator of BIDS is to pass over in a folder of results."""
