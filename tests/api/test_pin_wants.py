"""Pins of numbers and pictures over REST and in the shell: the same services, problems at their fields."""

import json

import pytest

from digits_core.api.app import create_api
from digits_core.services import pins
from tests.api.conftest import TestClient
from tests.infer.model_folders import make_model, picture
from tests.modelstore.stores import listing, publish, published

NUMBERS = {"labels": ["x", "y"], "task": "regression", "details": {"mean": [0.0, 0.0], "std": [1.0, 1.0]}}
IMAGES = {"images": ("a.png", picture())}


@pytest.fixture
def space(tmp_path):
    return listing(tmp_path)


@pytest.fixture
def client(space):
    with TestClient(create_api(space), base_url="http://localhost", headers={"X-Digits-User": "ann"}) as client:
        yield client


def test_numbers_are_pinned_with_their_tolerance(client, space):
    published(space, make_model(space.store, **NUMBERS))
    wanted = [{"label": "x", "value": 3.0, "within": 0.5}]
    made = client.post("/published/zahlen/values", files=IMAGES, data={"values": json.dumps(wanted)})
    [pin] = made.json()["pictures"]
    assert (made.status_code, pin["values"]) == (201, wanted)
    for text in ("", "nonsense", "{}", '[{"label": "x"}]', '[{"label": "z", "value": 1, "within": 1}]'):
        told = client.post("/published/zahlen/values", files=IMAGES, data={"values": text})
        assert (told.status_code, list(told.json()["errors"])) == (400, ["values"]), text
    told = client.post("/published/zahlen/pins", files=IMAGES, data={"label": "x"})
    assert told.status_code == 400 and "numbers and how far" in told.json()["error"]["message"]
    assert client.get(f"/published/zahlen/pins/{pin['id']}/target").status_code == 404
    assert client.get("/published").json()["published"][0]["can_pin"] is True


@pytest.mark.slow
def test_pictures_are_pinned_with_what_is_to_be_made_of_them(client, space):
    model = make_model(space.store, task="processing", network="unet_narrow", labels=["grey"], side=16, mean="pixel")
    published(space, model)
    sent = {"image": ("a.png", picture()), "target": ("b.png", picture(3))}
    pin = client.post("/published/zahlen/targets", files=sent, data={"psnr": "99"}).json()
    assert (pin["target"], pin["psnr"]) == ("b.png", 99.0)
    assert client.get(f"/published/zahlen/pins/{pin['id']}/target").headers["content-type"] == "image/png"
    told = client.post("/published/zahlen/targets", files=sent, data={"psnr": "-1"})
    assert (told.status_code, list(told.json()["errors"])) == (400, ["psnr"])
    view = publish(space, model)
    [row] = client.get(f"/publications/{view.id}/gate").json()["rows"]
    assert not row["right"] and row["wanted"] == "99 dB or more"
    assert client.get(f"/publications/{view.id}/made/{pin['id']}").headers["content-type"] == "image/png"
    assert pins.pins(space, "zahlen")["slices"] == []
