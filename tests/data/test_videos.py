import os
import signal
import struct
from pathlib import Path

import numpy as np
import pytest

from digits_core.data.video_options import FrameOptions, Take
from digits_core.data.videos import Video
from digits_core.errors import BadData
from tests.data.videos import STEP, video


def read(path: Path, **take):
    with Video(str(path), (), Take(**take)) as found:
        return list(found), found


@pytest.mark.parametrize(("ending", "codec"), [("mp4", "libx264"), ("webm", "libvpx-vp9"), ("avi", "mpeg4"),
                                               ("mkv", "libx264"), ("ts", "libx264")])
def test_every_frame_comes_with_its_number_time_and_pixels(tmp_path, ending, codec):
    frames, about = read(video(tmp_path / f"a.{ending}", codec=codec))
    assert [frame.number for frame in frames] == list(range(10))
    assert [round(frame.seconds, 3) for frame in frames] == [n / 10 for n in range(10)]
    for frame in frames:
        assert frame.pixels.shape == (48, 64, 3)
        assert abs(int(frame.pixels[40, 50].mean()) - STEP * frame.number) <= 6
        assert frame.pixels[5, 5, 0] > 200 > 60 > frame.pixels[5, 5, 1]
    assert (about.rate, about.frames, about.damaged) == (10, 10, 0)


@pytest.mark.parametrize(("take", "numbers"), [
    ({"rate": 5.0}, [0, 2, 4, 6, 8]), ({"rate": 1.0}, [0]), ({"rate": 1000.0}, list(range(10))),
    ({"step": 3}, [0, 3, 6, 9]), ({"step": 1, "most": 5}, [0, 2, 4, 6, 8]), ({"rate": 10.0, "most": 2}, [0, 5]),
    ({"step": 3, "first": 4}, [6, 9])])
def test_frames_are_taken_by_rate_or_step_and_at_most_so_many_over_the_whole_length(tmp_path, take, numbers):
    assert [frame.number for frame in read(video(tmp_path / "a.mp4"), **take)[0]] == numbers


def test_options_say_what_is_taken():
    assert Take.of(FrameOptions()) == Take(1.0, 30, 100)
    assert Take.of(FrameOptions(frames_by="step", frame_step=7, frames_most=None)) == Take(None, 7, None)
    assert Take.of(object()) is None


def test_a_telephones_video_stands_upright(tmp_path):
    path = video(tmp_path / "a.mp4", 1)
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 44  # the matrix of how to show it: a quarter turn clockwise
    data[at:at + 36] = struct.pack(">9i", 0, 65536, 0, -65536, 0, 0, 48 << 16, 0, 1 << 30)
    path.write_bytes(data)
    frame, = read(path)[0]
    assert frame.pixels.shape == (64, 48, 3)
    assert frame.pixels[5, 43, 0] > 200 > 60 > frame.pixels[5, 5, 0], "red at the top right"


def hostile(folder: Path) -> dict[str, bytes]:
    good = video(folder / "good.mp4").read_bytes()
    return {"empty": b"", "noise": np.random.default_rng(0).bytes(50_000), "cut": good[:1000],
            "playlist": b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n",
            "other files": f"ffconcat version 1.0\nfile '{folder}/good.mp4'\n".encode(),
            "session": b"v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 9 RTP/AVP 96\n",
            "picture": b"\x89PNG\r\n\x1a\n" + b"\0" * 100}


@pytest.mark.parametrize("kind", ["empty", "noise", "cut", "playlist", "other files", "session", "picture"])
def test_what_is_no_video_says_so_and_opens_nothing_else(tmp_path, kind):
    path = tmp_path / "clip.mp4"
    path.write_bytes(hostile(tmp_path)[kind])
    with pytest.raises(BadData, match=r"^(is|refers|holds)"):
        read(path)


def test_damaged_parts_are_left_out_and_counted(tmp_path):
    path = video(tmp_path / "a.avi", frames=30, codec="mjpeg", noise=True)
    data = path.read_bytes()
    at = data.index(b"00dc", len(data) // 2) + 8
    path.write_bytes(data[:at] + b"\xff" * 600 + data[at + 600:])
    frames, about = read(path)
    assert len(frames) == 29 and about.damaged == 1


def test_too_many_pixels_are_refused_before_any_is_decoded(tmp_path):
    path = video(tmp_path / "a.avi", codec="rawvideo", frames=1)
    data = path.read_bytes()
    at = data.index(b"strf") + 8  # BITMAPINFOHEADER: size, width, height
    path.write_bytes(data[:at + 4] + (10_000).to_bytes(4, "little") * 2 + data[at + 12:])
    with pytest.raises(BadData, match="10000 x 10000 pixels"):
        read(path)


def test_only_allowed_folders_and_regular_files_are_read(tmp_path):
    path = video(tmp_path / "in" / "a.mp4")
    with Video(str(path), [str(tmp_path / "in")]) as found:
        assert len(list(found)) == 10
    with pytest.raises(BadData, match="outside"):
        Video(str(path), [str(tmp_path / "other")])
    os.mkfifo(tmp_path / "pipe.mp4")
    with pytest.raises(BadData, match="regular"):
        Video(str(tmp_path / "pipe.mp4"))


def test_no_process_is_left_when_the_reader_stops_early(tmp_path):
    with Video(str(video(tmp_path / "a.mp4", frames=60, size=(640, 480)))) as found:
        next(iter(found))
        process = found.process
        assert process.poll() is None
    assert process.poll() is not None


def test_a_killed_decoder_is_the_videos_fault(tmp_path):
    with Video(str(video(tmp_path / "a.mp4", frames=60, size=(640, 480)))) as found:
        frames = iter(found)
        next(frames)
        os.killpg(found.process.pid, signal.SIGKILL)
        with pytest.raises(BadData, match="crashes the decoder"):
            list(frames)


def test_one_who_waits_for_a_decoder_may_stop(tmp_path):
    class Enough(Exception):
        pass

    def tick():
        if stopped:
            raise Enough

    stopped = []
    with Video(str(video(tmp_path / "a.mp4", frames=60, size=(640, 480))), tick=tick) as found:
        frames = iter(found)
        next(frames)
        stopped.append(True)
        os.killpg(found.process.pid, signal.SIGSTOP)
        with pytest.raises(Enough):
            list(frames)
