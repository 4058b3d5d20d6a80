import pytest

from neurotranscoder.physics.head import HeadSettings, build_head

TINY = HeadSettings(shape=(16, 16, 10), voxel_sizes=(12.0, 12.0, 15.0), ico=2)


@pytest.fixture(scope="session")
def head_cache_folder(tmp_path_factory):
    return tmp_path_factory.mktemp("heads")


@pytest.fixture(scope="session")
def tiny_head(head_cache_folder):
    return build_head(TINY, cache=head_cache_folder)


@pytest.fixture(scope="session")
def tiny_settings():
    return TINY


@pytest.fixture(scope="session")
def built(tiny_settings, head_cache_folder):
    """Build the tiny head with some settings changed."""

    def build(**changes):
        return build_head(tiny_settings.model_copy(update=changes), cache=head_cache_folder)

    return build
