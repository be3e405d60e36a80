"""That a training has diverged: known without what trains."""


class TrainingDiverged(RuntimeError):
    """A loss became NaN or infinite; the message names the step, the member and the loss."""
