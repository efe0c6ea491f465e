"""What the tests share to break things: fake workers, hand-made job folders, a driver that damages files."""
