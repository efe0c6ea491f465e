"""Boxes move with their pictures: a coloured rectangle is found again exactly where its box says."""

import pytest
import torch

from digits_core.train import box_moves, geometry
from digits_core.train.box_moves import padding

PAD = [-1.0] * 6


def drawn(height, width, rectangles):
    """A black picture (1, C, H, W) with a rectangle of value 1 in a channel of its own, and its boxes (1, M + 1, 6)."""
    image = torch.zeros(1, len(rectangles), height, width)
    for channel, (x0, y0, x1, y1) in enumerate(rectangles):
        image[0, channel, y0:y1, x0:x1] = 1
    rows = [[channel, *map(float, edges), 0] for channel, edges in enumerate(rectangles)]
    return image, torch.tensor([[*rows, PAD]])


def found(channel_HW, threshold=0.5):
    """Edges of what is bright."""
    rows, columns = (torch.nonzero(channel_HW.amax(dim) > threshold).flatten() for dim in (1, 0))
    return [columns[0].item(), rows[0].item(), columns[-1].item() + 1, rows[-1].item() + 1]


def agree(image, boxes, within=0.0):
    """Every box that counts lies around its rectangle; rows of padding are still padding."""
    assert torch.equal(boxes[0, -1], torch.tensor(PAD))
    for channel, box in enumerate(boxes[0, :-1].tolist()):
        assert box[0] == channel
        assert box[1:5] == pytest.approx(found(image[0, channel]), abs=max(within, 1e-3))


RECTANGLES = [(2, 3, 12, 9), (15, 1, 29, 8), (4, 15, 9, 30), (20, 20, 30, 28)]


@pytest.mark.parametrize(("size", "quarters"), [((32, 32), None), ((32, 32), 0), ((32, 32), 1), ((32, 32), 2),
                                                ((32, 32), 3), ((32, 40), None), ((32, 40), 0), ((32, 40), 2)])
@pytest.mark.parametrize("mirror", [None, False, True])
@pytest.mark.parametrize("upside", [None, False, True])
def test_turns_and_flips_are_exact(quarters, mirror, upside, size):
    image, boxes = drawn(*size, RECTANGLES)
    how = [None if value is None else torch.tensor([value]) for value in (quarters, mirror, upside)]
    agree(geometry.turned(image, *how), box_moves.turned(boxes, *how, *size))


def test_each_picture_of_a_batch_goes_its_own_way():
    image, boxes = (part.expand(4, *part.shape[1:]) for part in drawn(32, 32, RECTANGLES))
    how = torch.arange(4), torch.tensor([True, False, True, False]), None
    images, moved = geometry.turned(image, *how), box_moves.turned(boxes, *how, 32, 32)
    for place in range(4):
        agree(images[place:place + 1], moved[place:place + 1])


@pytest.mark.parametrize(("top", "left"), [(0, 0), (1, 4), (0, 12)])
def test_windows_are_exact(top, left):
    image, boxes = drawn(32, 40, [(14, 3, 20, 9), (16, 10, 24, 26)])
    how = torch.tensor([top]), torch.tensor([left]), 28
    agree(geometry.windows(image, *how), box_moves.windows(boxes, *how))


def test_a_box_that_loses_most_of_itself_is_ignored_and_one_outside_becomes_padding():
    _, boxes = drawn(32, 32, [(0, 0, 20, 20), (8, 8, 18, 18), (0, 0, 5, 5), (10, 0, 20, 6)])
    moved = box_moves.windows(boxes, torch.tensor([5]), torch.tensor([10]), 16)[0]
    assert moved[0].tolist() == [0, 0, 0, 10, 15, 0]
    assert moved[1].tolist() == [1, 0, 3, 8, 13, 0]
    assert moved[3].tolist() == [3, 0, 0, 10, 1, 1]
    assert torch.equal(padding(moved), torch.tensor([False, False, True, False, True]))


def test_regions_without_labels_move_too():
    region = torch.tensor([[[-1.0, 2, 3, 12, 9, 1], PAD]])
    moved = box_moves.turned(region, None, torch.tensor([True]), None, 32, 32)
    assert moved[0, 0].tolist() == [-1, 20, 3, 30, 9, 1]
    assert box_moves.windows(region, torch.tensor([0]), torch.tensor([4]), 16)[0, 0].tolist() == [-1, 0, 3, 8, 9, 1]


@pytest.mark.parametrize("size", [(64, 64), (64, 96), (96, 64)])
@pytest.mark.parametrize(("scale", "shift"), [(1.0, (0.5, 0.5)), (0.6, (0.7, -0.9)), (0.8, (-1.0, 1.0)),
                                              (1.3, (0, 0.2))])
def test_zooming_and_shifting_agree_to_a_pixel(size, scale, shift):
    image, boxes = drawn(*size, [(22, 20, 42, 30), (26, 34, 36, 44)])
    how = torch.zeros(1), torch.tensor([scale]), torch.tensor(shift).view(2, 1)
    agree(geometry.rotated(image, *how, torch.zeros(1, 1, 1)), box_moves.rotated(boxes, *how, *size), within=1.0)


@pytest.mark.parametrize("degrees", [90.0, -90.0, 180.0])
def test_right_angles_agree_to_a_pixel(degrees):
    image, boxes = drawn(64, 64, [(22, 20, 52, 30), (6, 34, 16, 60)])
    how = torch.tensor([degrees]), torch.ones(1), torch.zeros(2, 1)
    agree(geometry.rotated(image, *how, torch.zeros(1, 1, 1)), box_moves.rotated(boxes, *how, 64, 64), within=1.0)


@pytest.mark.parametrize("size", [(64, 64), (64, 96), (96, 64)])
@pytest.mark.parametrize("degrees", [-40.0, -10.0, 5.0, 25.0, 45.0])
@pytest.mark.parametrize("scale", [0.7, 1.0])
def test_a_turned_rectangle_lies_inside_its_box_and_touches_all_its_sides(size, degrees, scale):
    image, boxes = drawn(*size, [(24, 26, 44, 36), (28, 20, 36, 44)])
    how = torch.tensor([degrees]), torch.tensor([scale]), torch.tensor([[0.4], [-0.3]])
    moved = box_moves.rotated(boxes, *how, *size)
    # A corner's last pixels are faint: what is a little bright counts
    image = geometry.rotated(image, *how, torch.zeros(1, 1, 1))
    for channel in range(2):
        assert moved[0, channel, 1:5].tolist() == pytest.approx(found(image[0, channel], 0.1), abs=1.5)
