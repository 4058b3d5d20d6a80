import pytest

from findings_example import example_findings
from neurotranscoder.report.page import render_report


@pytest.fixture(scope="session")
def findings():
    return example_findings()


@pytest.fixture(scope="session")
def page(findings):
    """The page of the example, as text; drawn once."""
    return render_report(findings)
