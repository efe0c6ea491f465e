"""The training loop, for every task: what a step is, the learner knows."""

from digits_core.jobs.context import Context, Stopped
from digits_core.train.journal import Journal
from digits_core.train.learner import Learner
from digits_core.train.loader import Loader
from digits_core.train.pace import Pace
from digits_core.train.plan import Plan
from digits_core.train.steering import Steering
from digits_core.train.trace import Trace


def fit(learner: Learner, loader: Loader, plan: Plan, journal: Journal, context: Context) -> None:
    """Train from where the journal stands to the end of the plan.

    Raises Stopped after saving everything when somebody asks for a stop, Diverged when the loss is no number.
    """
    batches, pace, steering = loader.train(journal.step), Pace(context, plan), Steering(context, journal)
    trace = Trace(context, plan.options.trace_steps, journal.step, plan.total)
    try:
        while True:
            context.check_stop()
            steering.follow()
            if journal.is_due():
                _report(learner, loader, journal, pace)
            if journal.step >= plan.total:
                return
            journal.save_now_and_then()
            with trace.step(journal.step):
                batch, pieces = next(batches), learner.pieces
                metrics = learner.step(batch, plan.rate(journal.step))
            journal.count(metrics, len(batch.target))
            pace.step(journal.step, len(batch.target))
            if learner.pieces > pieces:
                journal.event("memory", "The memory of the GPU is too small for a whole batch: each is now computed in "
                              f"{learner.pieces} pieces whose gradients are summed. Training goes on.")
    except Stopped:
        journal.save_stopped()
        raise
    finally:
        trace.end()
        batches.close()


def _report(learner: Learner, loader: Loader, journal: Journal, pace: Pace) -> None:
    """Write the rows that are due, with state and checkpoint where these are."""
    plan, rows = journal.plan, [journal.train_row()] if journal.losses else []
    pieces = max(learner.pieces, learner.measured_pieces)
    if plan.validation_due(journal.step) and not journal.is_measured():
        rows.append(journal.val_row(learner.evaluate(pace.watched(loader.measure("val")))))
    journal.write(rows, plan.save_due(journal.step), plan.checkpoint_due(journal.step))
    if learner.measured_pieces > pieces:
        journal.event("memory", "The memory of the GPU is too small for a whole batch of validation pictures: each is "
                      f"now measured in {learner.measured_pieces} pieces. Training goes on.")
