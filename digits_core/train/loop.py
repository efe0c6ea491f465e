"""The training loop, for every task: what a step is, the learner knows."""

from digits_core.jobs.context import Context, Stopped
from digits_core.train.journal import Journal
from digits_core.train.learner import Learner
from digits_core.train.loader import Loader
from digits_core.train.pace import Pace
from digits_core.train.plan import Plan


def fit(learner: Learner, loader: Loader, plan: Plan, journal: Journal, context: Context) -> None:
    """Train from where the journal stands to the end of the plan.

    Raises Stopped after saving everything when somebody asks for a stop, Diverged when the loss is no number.
    """
    batches, pace = loader.train(journal.step), Pace(context, plan)
    try:
        while True:
            context.check_stop()
            if journal.reported < journal.step and plan.row_due(journal.step):
                rows = [journal.train_row()]
                if plan.validation_due(journal.step):
                    rows.append(journal.val_row(learner.evaluate(pace.watched(loader.measure("val")))))
                journal.write(rows, plan.save_due(journal.step), plan.checkpoint_due(journal.step))
            if journal.step == plan.total:
                return
            journal.save_now_and_then()
            batch = next(batches)
            metrics = learner.step(batch, plan.rate(journal.step))
            journal.count(metrics, len(batch.label_B))
            pace.step(journal.step, len(batch.label_B))
    except Stopped:
        journal.save_stopped()
        raise
    finally:
        batches.close()
