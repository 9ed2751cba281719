import pytest


@pytest.fixture(scope="session")
def random_scenes():
    """`count, seed=0` -> Scene with leading axis `[count]`."""
    # Here, for a conftest may be loaded before the checker of annotations is there.
    import random_scenes

    return random_scenes.scenes
