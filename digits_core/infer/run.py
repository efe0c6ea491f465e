"""The entry of every worker of kind inference: many pictures, a video, a folder, or units."""

from typing import Any

from digits_core.infer.options import MAXIMA, VIDEO, WATCH
from digits_core.jobs.context import Context


def run(context: Context) -> dict[str, Any]:
    """Do what the job's ``method`` asks for."""
    if context.job.options.get("method") == MAXIMA:
        from digits_core.infer.maximise import run as maximise  # torch, which a batch does without

        return maximise(context)
    if context.job.options.get("method") == VIDEO:
        from digits_core.infer.video import run as look

        return look(context)
    if context.job.options.get("method") == WATCH:
        from digits_core.infer.watch import run as watch

        return watch(context)
    from digits_core.infer.batch import run as classify

    return classify(context)
