import pytest

from benchmark_book_example import write_example
from findings_example import example_findings
from neurotranscoder.report.benchmark.book import read_book
from neurotranscoder.report.benchmark.page import render_benchmark
from neurotranscoder.report.page import render_report


@pytest.fixture(scope="session")
def findings():
    return example_findings()


@pytest.fixture(scope="session")
def page(findings):
    """The page of the example, as text; drawn once."""
    return render_report(findings)


@pytest.fixture(scope="session")
def benchmark_out(tmp_path_factory):
    """The folder of a benchmark that never ran; never write to it."""
    traced = ("transcoder", "closed_form", "minimum_norm_true_leadfield")
    return write_example(tmp_path_factory.mktemp("benchmark") / "out", traced=traced)


@pytest.fixture(scope="session")
def book(benchmark_out):
    """Its tables."""
    return read_book(benchmark_out)


@pytest.fixture(scope="session")
def benchmark_page(book):
    """Its page, as text; drawn once."""
    return render_benchmark(book)
