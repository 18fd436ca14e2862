"""Speed and memory of the metrics step, by hand: python -m measurements.metrics [PAIRS]

The same results are scored twice in one run. Ours is the pipeline's `evaluate`. The plain way is what one writes first:
a loop of scikit-image's SSIM, torch-fidelity on two folders of pictures, and the embedder on both pictures of a pair.
Both use SSIM, FID and CSIM alone and the same networks, the plain way those of the packages as they come. Ours also
finds landmarks, which the plain way is given; that time is said apart. FID's bootstrap interval, which the plain way
lacks, is left out of the times, not of the memory.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from pathlib import Path
from unittest import mock

if __name__ != "__mp_main__":  # the processes that evaluate starts read this file again; they need none of these
    import numpy as np
    import pandas as pd
    import torch
    import torch.nn.functional as F
    import torch_fidelity
    from PIL import Image
    from skimage.metrics import structural_similarity
    from torch_fidelity.feature_extractor_base import FeatureExtractorBase

    from dg.metrics import evaluate as evaluation
    from dg.metrics import measures
    from dg.metrics.csim import cosine, open_embedder
    from dg.metrics.evidence import Evidence
    from dg.metrics.features import EfficientNetLite0, lite0
    from dg.pictures import encode
    from dg.protocols.results import Result, Results, writing_results
    from dg.shards import FaceSet, decode_image
    from tests.prepared import face_table, prepare
    from tests.told import evaluate_settings

    class PlainLite0(EfficientNetLite0):
        """The same features without our memory format and folded batch normalisation."""

        def __init__(self, name: str, features_list: list[str], **_: object) -> None:
            FeatureExtractorBase.__init__(self, name, features_list)
            self.net = lite0()

        def forward(self, images: torch.Tensor) -> tuple[torch.Tensor]:
            pixels = F.interpolate(images.float(), (self.SIZE, self.SIZE), mode="bilinear", antialias=True)
            return (self.net.extract_features((pixels - 127) / 128).mean(dim=(2, 3)),)

    torch_fidelity.register_feature_extractor("plain-lite0", PlainLite0)

SIZE, PEOPLE = 256, 10
# More pairs than features have numbers (1280): from there on FID's interval is computed in pieces.
PEAKS = 1500, 4500


def make(folder: Path, count: int) -> tuple[Path, Path, Path]:
    """A set, a pair list and results, as in RaFD's protocol: few sources, `count` results, a target for each."""
    yaws = tuple(float(yaw) for yaw in range(-90, 91, 10))
    expressions = tuple(f"e{number}" for number in range(-(-count // (PEOPLE * len(yaws))) + 1))
    table = face_table(PEOPLE, yaws=yaws, expressions=expressions)
    data = prepare(folder / "set", table, size=SIZE)
    faces, rng = FaceSet([data]), np.random.default_rng(0)
    own = table.groupby("subject")["key"].apply(list).to_dict()
    rows = []
    for number in range(count):
        place, person = divmod(number, PEOPLE)
        source, *targets = own[f"p{person}"]
        reference = own[f"p{(person + 1) % PEOPLE}"][place]
        rows.append((source, reference, targets[place], f"p{person}", "x", 0.0, 0.0))
    columns = ["source", "reference", "target", "subject", "reference_subject", "source_yaw", "reference_yaw"]
    pairs = pd.DataFrame(rows, columns=columns)
    pairs.to_parquet(folder / "pairs.parquet")
    with writing_results(folder / "made.arrow") as writer:
        for pair in pairs.itertuples():
            row = faces.row(pair.target)
            noise = rng.integers(-20, 21, (SIZE, SIZE, 3))
            image = encode(np.clip(faces.image(row) + noise, 0, 255).astype(np.uint8), "png")
            writer.write([Result(pair.source, pair.reference, pair.target, image, faces.points[row])])
    return data, folder / "pairs.parquet", folder / "made.arrow"


def ours(data: Path, pairs: Path, made: Path, out: Path) -> tuple[float, float]:
    """Seconds without and of F_l's look at the results."""
    spent = [0.0]
    look = Evidence._look_for_faces

    def timed(self: Evidence, *arguments: object) -> None:
        start = time.perf_counter()
        look(self, *arguments)
        spent[0] += time.perf_counter() - start

    no_interval = mock.patch.object(measures, "fid_draws", return_value=np.empty(0))
    start = time.perf_counter()
    with mock.patch.object(Evidence, "_look_for_faces", timed), no_interval:
        evaluation.evaluate(evaluate_settings(), [data], pairs, made, out)
    return time.perf_counter() - start - spent[0], spent[0]


def plain(data: Path, made: Path, found: pd.DataFrame, folder: Path) -> tuple[float, dict[str, float]]:
    """Seconds, and the same three numbers; `found`: pairs with the landmarks of the results."""
    faces, results = FaceSet([data]), Results(made)
    start = time.perf_counter()
    similarity = [
        structural_similarity(
            decode_image(result.image), faces.image(faces.row(result.target)), channel_axis=2,
            gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255,
        )
        for result in results
    ]  # fmt: skip
    for name in ("made", "real"):
        (folder / name).mkdir()
    for number, result in enumerate(results):
        Image.fromarray(decode_image(result.image)).save(folder / f"made/{number}.png")
        Image.fromarray(faces.image(faces.row(result.target))).save(folder / f"real/{number}.png")
    distance = frechet_distance(folder, "plain-lite0")
    embedder = open_embedder("dlib")
    sources = [embedder(faces.image(faces.row(key)), faces.points[faces.row(key)]) for key in found["source"]]
    points = [np.asarray(some).reshape(68, 2) for some in found["landmarks"]]
    looks = [embedder(decode_image(result.image), some) for result, some in zip(results, points)]
    csim = cosine(np.stack(sources), np.stack(looks)).mean()
    seconds = time.perf_counter() - start
    return seconds, {"ssim": float(np.mean(similarity)), "fid": distance, "csim": float(csim)}


def frechet_distance(folder: Path, extractor: str) -> float:
    """torch-fidelity's own FID of two folders of pictures."""
    return torch_fidelity.calculate_metrics(
        input1=str(folder / "made"), input2=str(folder / "real"), fid=True, cuda=False, verbose=False,
        feature_extractor=extractor, cache=False,
    )["frechet_inception_distance"]  # fmt: skip


def peak(count: int) -> float:
    """Peak MiB of this process while it scores `count` pairs, less mapped files, whose pages are the disk's cache."""
    highest, over = 0, threading.Event()

    def watch() -> None:
        nonlocal highest
        while not over.wait(0.05):
            status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
            highest = max(highest, int(status["RssAnon"].split()[0]))

    with tempfile.TemporaryDirectory() as folder:
        inputs = make(Path(folder), count)
        torch.set_num_threads(1)
        watching = threading.Thread(target=watch)
        watching.start()
        try:
            evaluation.evaluate(evaluate_settings(), [inputs[0]], *inputs[1:], Path(folder) / "out.json")
        finally:
            over.set()
            watching.join()
    return highest / 1024


def main(count: int) -> None:
    """Print the ratios."""
    warnings.filterwarnings("ignore", module="torch.utils.data")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        inputs = make(folder, count)
        table = pd.read_parquet(inputs[1])
        sources, targets = (table[column].nunique() for column in ("source", "target"))
        print(f"{count} pairs at {SIZE} px: {sources} sources, {count} results, {targets} targets different,")
        print(f"{torch.get_num_threads()} cores")
        seconds, landmarks = ours(*inputs, folder / "out.json")
        slow, numbers = plain(inputs[0], inputs[2], pd.read_parquet(folder / "out.parquet"), folder)
        print(f"ours {seconds:.1f} s, plain {slow:.1f} s: plain / ours {slow / seconds:.2f}")
        print(f"(ours spends {landmarks:.1f} s more to find landmarks)")
        passes = []
        for extractor in ("plain-lite0", "efficientnet-lite0"):
            start = time.perf_counter()
            frechet_distance(folder, extractor)
            passes.append(time.perf_counter() - start)
        given = slow - passes[0] + passes[1]
        print(f"(the plain way with our extractor {given:.1f} s: plain / ours {given / seconds:.2f})")
        summary = json.loads((folder / "out.json").read_text())
        for metric, value in numbers.items():
            print(f"  {metric}: ours {summary[metric]['value']:.5f}, plain {value:.5f}")
    few, many = PEAKS
    peaks = {pairs: peak_of_a_process(pairs) for pairs in PEAKS}
    said = ", ".join(f"{mebibytes:.0f} MiB with {pairs} pairs" for pairs, mebibytes in peaks.items())
    print(f"peak memory: {said}: {peaks[many] / peaks[few]:.2f} for {many / few:.0f} times the pairs")


def peak_of_a_process(count: int) -> float:
    """`peak` in a process of its own: a process's peak never falls."""
    command = [sys.executable, "-m", "measurements.metrics", "--peak", str(count)]
    return float(subprocess.check_output(command, text=True, stderr=subprocess.DEVNULL))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--peak"]:
        print(peak(int(sys.argv[2])))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
