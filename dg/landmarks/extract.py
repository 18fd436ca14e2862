"""The landmarks step: one frame shard in, one landmark shard out."""

from __future__ import annotations

from pathlib import Path

import torch
from tqdm import tqdm

from dg.batches import image_batches
from dg.files import file_digest, write_json
from dg.landmarks.fan import Landmarks, load_landmark_net, no_faces
from dg.shards import LANDMARK_SCHEMA, read_shard, write_shard

BATCH = 32
CPU_PIXELS = 4 * 256**2  # of a batch on a CPU: more would not stay in its caches (a third slower at 16 x 256 px)


@torch.inference_mode()
def find_landmarks(backend: str, frames: Path, out: Path) -> None:
    """Find the 68 points, their visibility and the head pose on every crop of a shard.

    Args:
        backend: see `load_landmark_net`.
        frames: shard of crops, see dg/shards.py.
        out: shard to write (LANDMARK_SCHEMA, row order of `frames`). A crop that shows no face gets score 0, and
            `FaceSet` skips it. Beside it goes `<name>.json`: back end, score threshold, keys of the face-less crops,
            digest of the frames' report, if there is one.

    Raises:
        DgError: the shard or the weights are missing or damaged.
    """
    device = "cuda" if torch.cuda.is_available() else "cpu"
    net = load_landmark_net(backend, device)
    batch = read_shard(frames)
    keys = batch.column("key").to_pylist()
    parts = [no_faces()]
    with tqdm(total=len(keys), desc=f"landmarks {Path(frames).stem}", unit="face", disable=None) as bar:
        for images in image_batches(batch, BATCH if device == "cuda" else CPU_PIXELS // net.input_size**2):
            parts.append(Landmarks(*(value.cpu() for value in net.detect(images.to(device)))))
            bar.update(len(images))
    found = Landmarks(*(torch.cat(values) for values in zip(*parts)))
    score = torch.where(found.score < net.face_threshold, 0, found.score)
    write_shard(
        out,
        LANDMARK_SCHEMA,
        {
            "key": keys,
            "points": found.points.flatten(1).numpy(),
            "visible": found.visible.numpy(),
            "score": score.numpy(),
            "pose": found.pose.numpy(),
        },
    )
    faceless = [key for key, value in zip(keys, score.tolist()) if value == 0]
    report = {"backend": backend, "faces": len(keys) - len(faceless), "threshold": net.face_threshold}
    beside = Path(frames).with_suffix(".json")
    made_of = file_digest(beside) if beside.exists() else ""
    write_json(Path(out).with_suffix(".json"), {**report, "faceless": faceless, "frames": made_of})
