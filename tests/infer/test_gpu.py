"""What only a machine with a GPU can show."""

import numpy as np
import pytest
import torch

from digits_core.infer.model_folder import ModelFolder
from digits_core.infer.predictor import Predictor, set_up_torch
from tests.infer.model_folders import make_model, picture

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")]


@pytest.mark.parametrize(("network", "channels", "side"), [("lenet", "gray", 28), ("resnet18", "color", 64)])
def test_a_pictures_digits_do_not_depend_on_its_place_or_its_neighbours(store, network, channels, side):
    set_up_torch()
    view = make_model(store, network=network, channels=channels, side=side)
    model = ModelFolder.read(view.folder.path)
    on_gpu, on_cpu = (Predictor(model, model.checkpoint("epoch_0002.000.safetensors"), device)
                      for device in ("cuda", "cpu"))
    pixels = [model.prepare(picture(seed), "a").pixels for seed in range(40)]
    together = on_gpu.predict(pixels)
    for place in (0, 7, 31, 32, 39):
        assert (on_gpu.predict([pixels[place]])[0] == together[place]).all()
    assert np.allclose(together, on_cpu.predict(pixels), atol=1e-4)
