"""Small worlds in which a claim can fail, and the methods that are fitted to them."""

from dataclasses import dataclass

from neurotranscoder.evaluate.benchmark.world import World, open_world
from neurotranscoder.evaluate.claims.worlds import world_plan
from neurotranscoder.evaluate.methods.transcoders import TranscoderMethod
from neurotranscoder.preprocess.align import AlignSettings
from neurotranscoder.train.settings import TrainSettings

ALIGN = AlignSettings(block_size=24.0)
SMALL = {"seed": 100, "duration": 200.0, "source_rate": 50.0, "eeg_rate": 50.0}
COUNTS = (5, 2, 3)


@dataclass(frozen=True, slots=True, eq=False)
class Small:
    """A world whose methods are fitted once."""

    world: World
    methods: dict

    def __getitem__(self, architecture):
        if architecture not in self.methods:
            base = TrainSettings()
            sparse = base.sparse.model_copy(update={"frames": 500})
            choices = {"architecture": architecture, "sparse": sparse}
            method = TranscoderMethod(base.model_copy(update=choices))
            method.fit(self.world.training, self.world.validation)
            self.methods[architecture] = method
        return self.methods[architecture]


def small_world(scenario, folder, cohort=None):
    """Simulate a scenario; five runs train, two choose, three test."""
    with open_world(world_plan(scenario, *COUNTS), ALIGN, folder, cohort=cohort) as world:
        return Small(world, {})


def means(rows):
    """Return the mean of each number, by whom and what."""
    return {(row.claim, row.method, row.signal): row for row in rows}
