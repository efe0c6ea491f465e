"""The learner of pictures: a generator, a discriminator and an encoder that learn side by side.

In each step all three learn from the same made pictures: the discriminator to tell them from real ones, the generator
to be taken for real (with the loss of Goodfellow 2014, https://arxiv.org/abs/1406.2661, section 3, that does not
saturate), the encoder to find the code they were made from, and a code that gives real pictures back. No gradient of
one's loss reaches another's weights, and solvers treat every weight by itself, so the one solver is three.
"""

from collections.abc import Iterable, Sequence
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from digits_core.data.sheets import sheet
from digits_core.evaluate.generation import Tally, to_pixels
from digits_core.evaluate.predictions import Keeper
from digits_core.networks import LATENT
from digits_core.networks.dcgan import Dcgan
from digits_core.tasks.generation import ModelOptions
from digits_core.train.batch import Batch
from digits_core.train.hardware import Hardware
from digits_core.train.learner import NetworkLearner

MOST, WIDEST = 10, 640
"""Samples in a row or column, and pixels of a row, at most."""
LOSSES = ("loss", "discriminator_loss", "encoder_loss")


class GeneratorLearner(NetworkLearner):
    """Learner of image generation; the contract of its networks is that of digits_core.networks.dcgan.Dcgan."""

    def __init__(self, network: nn.Module, classes: int, options: ModelOptions, hardware: Hardware,
                 counts: Sequence[int] = (), details: dict[str, Any] | None = None) -> None:
        self.kinds, self.own, self.parts = classes - LATENT, options, cast(Dcgan, network)
        super().__init__(network, classes, options, hardware, counts, details)
        for group in self.solver.param_groups:
            if "betas" in group:
                group["betas"] = (options.beta1, group["betas"][1])

    def groups(self) -> list[dict[str, Any]]:
        """The discriminator at its own learning rate, behind the others."""
        critic = {id(parameter) for parameter in self.parts.discriminator.parameters()}
        self.tuning.parameters = sorted(self.tuning.parameters, key=lambda p: id(p) in critic)
        parts = [[p for p in self.tuning.parameters if (id(p) in critic) == inside] for inside in (False, True)]
        return [{"params": part, "factor": factor} for part, factor in
                zip(parts, (1.0, self.own.discriminator_rate), strict=True)]

    def step(self, batch: Batch, lr: float) -> dict[str, Tensor]:
        """See Learner; "loss" is the generator's."""
        return dict(zip(LOSSES, super().step(batch, lr)["loss"], strict=True))

    def losses(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """The losses of generator, discriminator (a mean over real and made pictures) and encoder; their sum."""
        network, real_BCHW, kind_BK = self.parts, batch.image_BCHW, self._kinds(batch.target)
        code_BO = torch.cat([torch.randn(len(real_BCHW), LATENT, device=real_BCHW.device), kind_BK], 1)
        made_BCHW = network.generate(code_BO)
        critic = (said(network.judge(real_BCHW, kind_BK), self.own.real_target)
                  + said(network.judge(made_BCHW.detach(), kind_BK), 0.0))
        network.discriminator.requires_grad_(False)  # it passes the gradient on, and does not learn to please
        fooled = said(network.judge(made_BCHW, kind_BK), 1.0)
        network.discriminator.requires_grad_(True)
        found_BO = network.encode(made_BCHW.detach()).float()
        coded = functional.mse_loss(found_BO[:, :LATENT], code_BO[:, :LATENT])
        if self.kinds:
            coded = coded + functional.cross_entropy(found_BO[:, LATENT:], batch.target)
        if self.own.real_pictures:
            coded = coded + self.own.real_pictures * functional.mse_loss(self._back(real_BCHW), real_BCHW)
        return torch.stack([fooled, critic / 2, coded]), fooled + critic + coded

    def _back(self, real_BCHW: Tensor) -> Tensor:
        """What the generator, as it answers later, makes of the codes of real pictures; only the encoder learns."""
        generator = self.parts.generator.eval().requires_grad_(False)
        try:
            return self.parts(real_BCHW)[:, self.classes:].view_as(real_BCHW)
        finally:
            generator.train().requires_grad_(True)

    def _kinds(self, label_B: Tensor) -> Tensor:
        """Labels as rows of weights (B, K); none for a plain generator."""
        if not self.kinds:
            return torch.zeros(len(label_B), 0, device=label_B.device)
        return functional.one_hot(label_B, self.kinds).float()

    @torch.inference_mode()
    def tally(self, batches: Iterable[Batch], keeper: Keeper | None = None) -> Tally:
        """See Learner. Made pictures have the classes of the real ones, and the same z in every measuring."""
        network, chance, tally = cast(Dcgan, self._shown().eval()), torch.Generator().manual_seed(0), None
        for batch in batches:
            real_BCHW, kind_BK = batch.image_BCHW, self._kinds(batch.target)
            tally = tally or Tally(real_BCHW.shape[1], real_BCHW.device)
            z_BZ = torch.randn(len(real_BCHW), LATENT, generator=chance).to(real_BCHW.device)
            answer = self.answers(batch)
            tally.add(real_BCHW, network.generate(torch.cat([z_BZ, kind_BK], 1)),
                      answer[:, self.classes:].view_as(real_BCHW))
            if self.kinds:
                known = answer[:, LATENT:self.classes].argmax(1) == batch.target
                tally.add_kinds(int(known.sum()), len(known))
        assert tally is not None, "there are pictures wherever something is measured"
        return tally

    @torch.inference_mode()
    def samples(self) -> NDArray[np.uint8]:
        """A row for each class (at most 10) and the same z in each column; of a plain generator all z differ."""
        network, chance = cast(Dcgan, self._shown().eval()), torch.Generator().manual_seed(0)
        kind_RK = torch.eye(self.kinds)[:MOST] if self.kinds else torch.zeros(MOST, 0)
        z_NZ = torch.randn(MOST if self.kinds else MOST * MOST, LATENT, generator=chance)
        rows = [torch.cat([(z_NZ if self.kinds else z_NZ[MOST * row:])[:MOST], kind_K.expand(MOST, -1)], 1)
                for row, kind_K in enumerate(kind_RK)]
        made = [network.generate(code_BO.to(self.hardware.device)) for code_BO in rows]
        columns = max(4, min(MOST, WIDEST // made[0].shape[3]))
        return sheet([picture for row in made for picture in to_pixels(row[:columns])], columns)


def said(logits_B: Tensor, wanted: float) -> Tensor:
    """The mean cross entropy between what the discriminator says and what is wanted, 0 (made) to 1 (real)."""
    return functional.binary_cross_entropy_with_logits(logits_B.float(), torch.full_like(logits_B, wanted).float())
