"""Pins of numbers and pictures in the shell."""

from tests.infer.model_folders import make_model, picture


def test_numbers_are_pinned_and_listed(digits, workspace, tmp_path):
    model = make_model(workspace.store, labels=["x", "y"], task="regression", details={"mean": [0, 0], "std": [1, 1]})
    assert digits("store", "publish", model.id, "--publish-as", "Zahlen", "--wait").exit_code == 0
    (tmp_path / "a.png").write_bytes(picture())
    made = digits("store", "pin-values", "zahlen", tmp_path / "a.png", "--value", "x=-3+-0.5", "--value", "y=2e1+-1")
    assert "1 pinned to zahlen" in made.stdout, made.stderr
    assert "a.png  x -3 ± 0.5, y 20 ± 1" in digits("store", "pins", "zahlen").stdout
    for wrong in ("x", "x=3", "x=a+-1", "z=1+-1"):
        refused = digits("store", "pin-values", "zahlen", tmp_path / "a.png", "--value", wrong)
        assert refused.exit_code == 2 and "--value" in refused.stderr, wrong
    refused = digits("store", "pin-target", "zahlen", tmp_path / "a.png")
    assert refused.exit_code == 2 and "pin-values" in refused.stderr
