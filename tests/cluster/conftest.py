import pytest


@pytest.fixture(scope="session")
def scheduler():
    distributed = pytest.importorskip("distributed")
    cluster = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0"
    )
    with cluster:
        yield cluster.scheduler_address


@pytest.fixture(params=["here", "processes", "dask"])
def where(request):
    if request.param == "dask":
        return {"jobs": 1, "cluster": request.getfixturevalue("scheduler")}
    return {"jobs": {"here": 1, "processes": 2}[request.param]}
