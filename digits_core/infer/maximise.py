"""The worker of max activations: one picture after the other; those that are finished stay when it is stopped."""

import time
from typing import Any

from digits_core.data import pictures
from digits_core.errors import BadData
from digits_core.infer.ascent import Ascent
from digits_core.infer.layers import weights
from digits_core.infer.maxima import Maxima
from digits_core.infer.model_folder import ModelFolder
from digits_core.infer.options import OUTPUT, AscentOptions, chosen_units
from digits_core.infer.predictor import Predictor, set_up_torch
from digits_core.jobs.context import Context

Json = dict[str, Any]


def run(context: Context) -> Json:
    """Make the pictures that are not there yet; returns layer, pictures and steps."""
    asked = context.job.options
    options = AscentOptions.model_validate({name: asked[name] for name in AscentOptions.model_fields if name in asked})
    set_up_torch()
    context.progress(0, "Loading the model")
    model = ModelFolder.read(context.store.folder(str(asked["model"])).path)
    predictor = Predictor(model, model.checkpoint(str(asked["checkpoint_file"])),
                          user_code=bool(asked.get("allow_code")))
    units = _units(predictor, options)
    made = Maxima(context.folder.path)
    finished = {row["unit"] for row in made.rows()}
    left = [unit for unit in units if unit not in finished]
    context.log(f"{len(units)} units of {options.layer!r}, {len(units) - len(left)} of them already finished")
    _climb(context, Ascent(predictor, options), left, len(units), made)
    return {"layer": options.layer, "pictures": len(units), "steps": options.steps}


def _units(predictor: Predictor, options: AscentOptions) -> list[int]:
    there = weights(predictor, None)["units"]
    if options.layer not in there:
        raise BadData(f"The network has no convolution or dense layer {options.layer!r}. It has {', '.join(there)}.")
    try:
        return chosen_units(options.units, there[options.layer])
    except ValueError as error:
        raise BadData(f"Units of {options.layer!r}: {error}") from None


def _climb(context: Context, ascent: Ascent, left: list[int], total: int, made: Maxima) -> None:
    steps, began = ascent.options.steps, time.monotonic()
    for number, unit in enumerate(left):
        def told(step: int, number: int = number) -> None:
            context.check_stop()
            taken = number * steps + step
            done = (total - len(left) + taken / steps) / total
            context.progress(done, "Climbing", taken / max(1e-6, time.monotonic() - began), "steps",
                             pictures=total - len(left) + number, of=total)

        found = ascent.run(unit, told)
        chances = ascent.predictor.predict([found.pixels])[0]
        labels, best = ascent.predictor.model.labels, int(chances.argmax())
        made.add({"unit": unit, "label": labels[unit] if ascent.options.layer == OUTPUT else "",
                  "activation": found.activation, "before": found.before, "predicted": labels[best],
                  "probability": float(chances[best])}, pictures.to_png(found.pixels))
