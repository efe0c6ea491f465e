"""The worker that writes frames of videos as picture files, for people to label or use elsewhere."""

import os
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from digits_core import files
from digits_core.data.folders import class_name
from digits_core.data.frames import Unpacker
from digits_core.data.places import Places
from digits_core.data.video_options import UPLOADED, FramesJobOptions, Take, is_video
from digits_core.errors import BadData
from digits_core.jobs.context import Context
from digits_core.safe import safe_path
from digits_core.safe.paths import printable
from digits_core.settings import Settings

Json = dict[str, Any]
FOLDER, ROWS = "frames", "videos.jsonl"


class Clip(NamedTuple):
    """One video: what it is called (a relative path), and where it is."""

    name: str
    path: str


def run(context: Context) -> Json:
    """Write the frames of every video that has no row yet; a resumed job goes on with the one it was at."""
    options, settings = FramesJobOptions.model_validate(context.job.options), Settings.load()
    far = context.folder.path / ".s3"
    shutil.rmtree(far, ignore_errors=True)
    places = Places(options, settings, far, streams=False)
    try:
        return _run(context, *places.local(settings.data_roots, context,
                                           lambda key, *row: context.log(f"{printable(key)}: {row[-1]}")))
    finally:
        places.close()
        shutil.rmtree(far, ignore_errors=True)


def _run(context: Context, options: FramesJobOptions, roots: Sequence[Path]) -> Json:
    folder = context.folder.path
    clips = find(folder, options.videos, roots)
    if not clips:
        raise BadData("No video was found. Known endings: mp4, mov, mkv, webm, avi, mpg, ts, wmv, flv and a few more.")
    done = {row["video"] for row in rows(folder)}
    uploaded = options.videos == UPLOADED
    unpacker = Unpacker(folder, Take.of(options) or Take(), [] if uploaded else list(map(os.path.realpath, roots)),
                        options.file_format, context.check_stop)
    started, pictures = time.monotonic(), 0
    for place, clip in enumerate(clips):
        if clip.name not in done:
            for _ in _written(context, unpacker, clip):
                pictures += 1
                context.progress((place + unpacker.share) / len(clips), f"Video {place + 1} of {len(clips)}",
                                 pictures / max(1e-3, time.monotonic() - started))
    return _summary(rows(folder))


def _written(context: Context, unpacker: Unpacker, clip: Clip) -> Any:
    """Yields as often as a picture was written; then the video has its row."""
    target = context.folder.path / FOLDER / clip.name
    shutil.rmtree(target, ignore_errors=True)
    unpacker.share = 0.0
    row: Json = {"video": clip.name}
    try:
        yield from unpacker.unpack(clip.path, target, clip.name)
        row |= unpacker.written[clip.path]._asdict()
    except BadData as error:
        shutil.rmtree(target, ignore_errors=True)
        row["error"] = str(error)
    context.log(f"{printable(clip.name)}: {row.get('error') or str(row['pictures']) + ' pictures'}")
    files.append_jsonl(context.folder.path / ROWS, row)


def find(folder: Path, videos: str, roots: Sequence[Path]) -> list[Clip]:
    """The videos that are asked for, in a fixed order."""
    if videos == UPLOADED:
        names = (files.read_json(folder / "uploads.json") or {}).get("names", [])
        return [Clip(name, str(folder / "upload" / f"{number:06d}")) for number, name in enumerate(_apart(names))]
    top = safe_path(videos, roots)
    if top.is_file():
        return [Clip(class_name(top.name), str(top))]
    return sorted(Clip(class_name(str((Path(here) / name).relative_to(top))), str(Path(here) / name))
                  for here, _, names in os.walk(top) for name in names if is_video(name))


def _apart(names: Sequence[str]) -> list[str]:
    """Names as files may have them, each once."""
    found: list[str] = []
    for number, name in enumerate(names):
        plain = "".join(c if c.isprintable() and c not in '/\\' else "_" for c in name).lstrip(".")[-100:]
        plain = plain or f"video{number}.mp4"
        found.append(plain if plain not in found else f"{number}-{plain}")
    return found


def rows(folder: Path) -> list[Json]:
    """What became of each video: its name ("video"), with "error" or with what ``Written`` holds."""
    return [row for row in files.read_jsonl(folder / ROWS)[0] if isinstance(row.get("video"), str)]


def _summary(found: list[Json]) -> Json:
    failed = [row for row in found if "error" in row]
    if len(failed) == len(found):
        raise BadData("No video could be read: " + "; ".join(f"{printable(row['video'])} {row['error']}"
                                                             for row in failed[:5]) + ".")
    return {"videos": len(found), "failed": len(failed), "pictures": sum(row.get("pictures", 0) for row in found)}
