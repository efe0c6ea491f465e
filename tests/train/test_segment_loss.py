"""The loss of a segmentation: known values, ignored pixels, class weights, and batches in pieces."""

import pytest
import torch
from torch.nn import functional

from digits_core.train.segment_loss import AUXILIARY_WEIGHT, SegmentLoss, cross_entropy, soft_dice


def drawn(pictures: int = 4, classes: int = 3, size: int = 8) -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(2)
    mask = torch.randint(0, classes, (pictures, size, size), dtype=torch.uint8)
    mask[0, :5], mask[1, 0, 0] = 255, 255
    return torch.randn(pictures, classes, size, size), mask


def test_without_ignored_pixels_it_is_pytorchs_cross_entropy() -> None:
    logits, mask = drawn()
    expected = functional.cross_entropy(logits[2:], mask[2:].long())
    shown, total = SegmentLoss(dice=False)(logits[2:], mask[2:])
    assert float(shown) == float(total) == pytest.approx(float(expected))


def test_ignored_pixels_count_nowhere() -> None:
    logits, mask = drawn()
    other = torch.where((mask == 255)[:, None], 99 * torch.randn_like(logits), logits)
    for loss in (SegmentLoss(False), SegmentLoss(True), SegmentLoss(True, 0.1, [1.0, 2.0, 0.5])):
        assert [float(x) for x in loss(logits, mask)] == pytest.approx([float(x) for x in loss(other, mask)])
    assert float(cross_entropy(logits, mask)[0]) == pytest.approx(
        float(functional.cross_entropy(logits[:1, :, 5:], mask[:1, 5:].long())))


def test_a_picture_without_any_class_gives_no_gradient() -> None:
    logits = torch.randn(1, 3, 8, 8, requires_grad=True)
    shown, total = SegmentLoss(True)(logits, torch.full((1, 8, 8), 255, dtype=torch.uint8))
    total.backward()
    assert (float(shown.detach()), float(total.detach())) == (0, 0)
    assert not logits.grad.any()


@pytest.mark.parametrize("loss", [SegmentLoss(False), SegmentLoss(True), SegmentLoss(True, 0.1, [1.0, 2.0, 0.5])])
def test_a_batch_in_pieces_gives_the_same_gradient(loss: SegmentLoss) -> None:
    logits, mask = drawn()
    whole, parts = (logits.clone().requires_grad_() for _ in range(2))
    loss(whole, mask)[1].backward()
    for part, share in ((slice(0, 3), 0.75), (slice(3, 4), 0.25)):
        (loss(parts[part], mask[part])[1] * share).backward()
    assert torch.allclose(whole.grad, parts.grad, atol=1e-7)


def test_a_class_weight_multiplies_the_losses_of_its_pixels() -> None:
    logits, mask = drawn()
    single = functional.cross_entropy(logits[2:], mask[2:].long(), reduction="none")
    expected = (single * torch.tensor([1.0, 2.0, 0.5])[mask[2:].long()]).mean()
    shown, total = SegmentLoss(False, 0.0, [1.0, 2.0, 0.5])(logits[2:], mask[2:])
    assert float(total) == pytest.approx(float(expected))
    assert float(shown) == pytest.approx(float(single.mean()))


def test_dice_is_one_for_a_perfect_answer_and_near_zero_for_a_wrong_one() -> None:
    mask = torch.zeros(1, 16, 16, dtype=torch.uint8)
    mask[0, :8] = 1
    sure = 50 * functional.one_hot(mask.long(), 3).movedim(3, 1).float()
    assert float(soft_dice(sure, mask)) == pytest.approx(1)
    assert float(soft_dice(sure[:, [1, 0, 2]], mask)) == pytest.approx(0, abs=0.01)
    even = float(soft_dice(torch.zeros(1, 2, 16, 16), mask))
    assert even == pytest.approx((2 * 64 + 1) / (128 + 128 + 1))


def test_auxiliary_heads_count_half() -> None:
    logits, mask = drawn()
    shown, total = SegmentLoss(False)((logits, logits), mask)
    assert float(total) == pytest.approx((1 + AUXILIARY_WEIGHT) * float(shown))


def test_half_precision_is_summed_in_full() -> None:
    logits, mask = drawn()
    half, full = (float(SegmentLoss(True)(x, mask)[1]) for x in (logits.bfloat16(), logits.bfloat16().float()))
    assert half == full
