"""params.yaml as typed, checked objects; which of the values a step gets, `dg.steps` says.

Left out of the code digests: what it decides reaches a step as a value of its settings.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, model_validator

from dg.checked import Strict, checked
from dg.errors import DgError
from dg.networks import NETWORKS
from dg.tests import COMPARED

BENCHMARKS = ("VoxCeleb1", "VoxCeleb2", "RaFD", "MPIE")
ABLATION_TABLES = ("table1", "table2", "figure6", "claims")
TestName = Literal[COMPARED]
Margin = Annotated[float, Field(ge=0)]
Beta = Annotated[float, Field(ge=0, lt=1)]


class Benchmarks(Strict):
    """The data set that stands for each of the paper's benchmarks (keys of `datasets`)."""

    VoxCeleb1: str
    VoxCeleb2: str
    RaFD: str
    MPIE: str


class IdsgWeights(Strict):
    """Weights of eq. (7), and the margins of eq. (3)."""

    lambda_l: float = Field(ge=0)
    lambda_c: float = Field(ge=0)
    lambda_vls: float = Field(ge=0)
    lambda_a: float = Field(ge=0)
    sigma: tuple[Margin, Margin, Margin, Margin, Margin]


class RfgWeights(Strict):
    """Weights of eq. (15)."""

    lambda_at: float = Field(ge=0)
    lambda_id: float = Field(ge=0)
    lambda_st: float = Field(ge=0)
    lambda_lm: float = Field(ge=0)
    lambda_ds: float = Field(ge=0)


class IdsgChoices(Strict):
    """What the paper leaves open about the IDSG (Sec. 3.1)."""

    landmark_dims: Literal[2, 3] = Field(description="numbers per landmark: x, y or x, y, z")
    coordinates: Literal["centred", "raw"] = Field(
        description="landmarks as E_l, D_l and C_l see them: with mean 0 and spread 1, or as they are"
    )
    vls_form: Literal["hinge", "abs", "raw"] = Field(description="eq. (3): hinge, the release's abs, or as printed")
    vls_regions: Literal["paper", "released"] = Field(description="groups of points in eq. (3)")
    vls_pairs: Literal["cross", "all"] = Field(description="pairs that eq. (3) counts: of different subjects, or all")
    localisation: Literal["known", "self"] = Field(
        description="where eq. (6) holds lhat_t to l_t: wherever l_t is known, or in pairs of one subject alone"
    )
    action: Literal["generated", "reconstructed"] = Field(
        description="what eq. (4) holds to l_r: lhat_t, or lhat_r as in the release"
    )
    class_sigmoid: bool = Field(description="a sigmoid before eq. (5)'s cross-entropy, as in the release")
    adversarial: Literal["non_saturating", "saturating", "hinge"] = Field(description="form of eqs. (1), (2)")
    r1: float = Field(ge=0, description="weight of the R1 penalty on real landmarks")


class RfgForm(Strict):
    """What the paper leaves open about the RFG's networks and losses (Sec. 3.2)."""

    adversarial: Literal["non_saturating", "saturating", "hinge"] = Field(description="form of eqs. (8)-(10)")
    r1: float = Field(ge=0, description="weight of the R1 penalty on real faces")
    style_dim: int = Field(gt=0, description="length of the style code s_s")
    adain_intermediate: Literal[2, 4] = Field(description="how many intermediate blocks take the style")
    style_norm: Literal["adain", "demodulated"] = Field(
        description="how the style enters a block: AdaIN, the paper's, or StyleGAN2's demodulated convolutions"
    )
    rgb_norm: Literal["adain", "instance", "none"] = Field(description="norm before the last convolution, to RGB")
    rgb_kernel: Literal[1, 3] = Field(description="kernel of the last convolution, to RGB")
    upsampling: Literal["bilinear", "nearest"] = Field(description="how up blocks double a picture")
    noise: Literal["fixed", "none"] = Field(description="in up blocks: a fixed pattern of learnt strength, or none")
    line_width: float = Field(gt=0, description="width of the landmark map's lines, pixels at 256 px")
    hide_invisible: bool = Field(description="leave out the map's edges that have an invisible end")
    face_discriminator_map: bool = Field(description="D_f sees the landmark map too (6 channels), as in the release")
    identity_loss: Literal["cosine", "perceptual"] = Field(
        description="eq. (12), or the release's distance of VGG-Face features to the target"
    )


class RfgChoices(RfgForm):
    """What the paper leaves open about the RFG (Sec. 3.2)."""

    cross_phase: Literal["train", "skip"] = Field(description="skip: test the self phase's model")


class Landmarks(Strict):
    """F_l, the landmark network, and the face detector that cuts crops for it."""

    backend: Literal["fan-synthface", "fan"]
    detector: Literal["yunet", "dlib", "sfd", "retinaface", "scrfd"] = Field(
        description="of data sets with crop: detect; yunet and dlib come with packages"
    )
    detector_weights: str | None = Field(description="file in place of the detector's published one; null: that one")


class Identity(Strict):
    """E_f, the face encoder: its codes r_s, r_r are R_l's input, and eq. (12) compares them."""

    backend: Literal["synthface-id", "vggface2", "vggface"]


class Metrics(Strict):
    """The networks of the metrics."""

    csim: Literal["sface", "dlib", "arcface"]
    fid: Literal["efficientnet-lite0", "inception"]
    lpips: Literal["alexnet", "none"]
    ssim_reference: Literal["none", "reference"]
    bootstrap: int = Field(ge=100, description="resamples behind the 95 % intervals")


# Each is a module of dg/datasets.
Kind = Literal["synthface", "rafd", "mpie", "voxceleb", "faces"]


class Dataset(Strict):
    """One data set under data/raw/<name>."""

    kind: Kind
    crop: Literal["whole", "detect"]
    shards: int = Field(gt=0)
    max_broken: float = Field(ge=0, le=1)
    fps: float | None = Field(default=None, gt=0, description="frames a second taken from videos; pictures: null")


def _placeholders(names: Iterable[str]) -> str:
    return ", ".join(f"{{{name}}}" for name in names) or "none"


def _named(key: str, template: str) -> set[str]:
    """The placeholders in a command."""
    try:
        return {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}
    except ValueError as error:
        raise ValueError(f"{key}: {error}") from None


# What a method's `train` may ask for beside {data} and {out}.
_TRAINED_WITH = ("state", "seed", "threads", "gpus", "pictures", "init", "weights")


class Method(Strict):
    """A method beside DG in Tables 3 and 4 and in the figures: a command that makes a picture of every pair."""

    title: str = Field(description="its name in the tables")
    tests: tuple[TestName, ...] = Field(description="those that it takes part in; none: it's off, and isn't trained")
    command: str = Field(
        description="how to run it; {pairs} stands for the pair list (CSV), {out} for the folder of its pictures, "
        "{truth} for the pair list with ground truths, {rfg} and {idsg} for DG's trained networks, {model} for what "
        "`train` made; see docs/methods.md"
    )
    train: str | None = Field(
        default=None,
        description="how to train it, once per model and seed: {data} stands for the folder of training pictures, "
        "{out} for the folder that {model} will be, {state} for one that keeps unfinished work, {pictures} for the "
        "number of pictures that DG's RFG makes in its training, {init} for how that RFG starts (bundled or scratch); "
        "also {seed}, {threads}, {gpus}; null: it needs no training",
    )
    weights: str | None = Field(
        default=None, description="file of weights by others that `train` gets as {weights}; null: {weights} is empty"
    )
    figures: bool = Field(default=True, description="also a row of Figures 3 to 5")
    version: str = Field(default="", description="any text; change it where the code behind a command has changed")

    @model_validator(mode="after")
    def _command_fits(self) -> Method:
        named = _named("command", self.command)
        lists = named & {"pairs", "truth"}
        needed = {*lists, "out"} if self.train is None else {*lists, "out", "model"}
        if len(lists) != 1 or not needed <= named <= needed.union(NETWORKS):
            model = "" if self.train is None else ", {model} (what `train` makes)"
            raise ValueError(
                f"command: must hold {{pairs}} (or {{truth}}){model} and {{out}}, and beside them at most "
                f"{_placeholders(NETWORKS)}; it holds {_placeholders(sorted(named))}"
            )
        return self

    @model_validator(mode="after")
    def _training_fits(self) -> Method:
        named = {"data", "out"} if self.train is None else _named("train", self.train)
        if not {"data", "out"} <= named <= {"data", "out", *_TRAINED_WITH}:
            raise ValueError(
                f"train: must hold {{data}} and {{out}}, and beside them at most {_placeholders(_TRAINED_WITH)}; it "
                f"holds {_placeholders(sorted(named))}"
            )
        if self.weights is not None and "weights" not in named:
            raise ValueError("weights: `train` must hold {weights}, which stands for this file")
        return self


class Optimiser(Strict):
    """Batches and Adam."""

    batch: int = Field(gt=0)
    lr: float = Field(gt=0)
    betas: tuple[Beta, Beta] = Field(description="of Adam, each in [0, 1)")


class Training(Optimiser):
    """Sizes of one network's training."""

    init: Literal["bundled", "scratch"] = Field(
        description="start of the self phase: the bundled weights, which fit networks of their sizes, or random ones"
    )
    ema: float = Field(ge=0, lt=1)
    self_steps: int = Field(gt=0)
    cross_steps: int = Field(gt=0)


class IdsgTraining(Training):
    """Sizes of the IDSG's training, and how much of a bundled start it keeps."""

    lambda_keep: float = Field(
        ge=0,
        description="with init: bundled, weight of a term beside eq. (7) by which the codes of people who are not in "
        "training do what they did in the start; 0: off",
    )


class RfgShape(Strict):
    """Widths of the RFG's networks, crops of what they see, and how much of D_f a start of this kind bears."""

    channels: int = Field(gt=0, description="channels after the first convolution")
    max_channels: int = Field(gt=0)
    crop: float = Field(
        ge=0, le=1, description="chance that a pair is cropped, source, target, map and landmarks alike; 0: off"
    )
    lambda_adv: float = Field(ge=0, description="weight of eq. (8) in (15), the paper's: 1; less from a trained start")


class RfgTraining(Training, RfgShape):
    """Sizes of the RFG and of its training."""


class Execution(Strict):
    """How a batch is computed. A training's result depends on this in the last digits only."""

    accumulate: int = Field(gt=0, description="parts a batch is computed in, one after the other; must divide it")
    compile: bool = Field(description="torch.compile the networks")


class Machine(Execution):
    """How a training uses the machine."""

    gpus: int = Field(gt=0, description="processes that share a batch (torchrun); must divide it")


class FineTuning(Strict):
    """VoxCeleb1's few-shot fine-tuning (Sec. 4.1)."""

    frames: int = Field(ge=2, description="frames of the test video that the RFG is tuned on")
    steps: int = Field(gt=0)
    lr: float = Field(gt=0)


class TableRuns(Strict):
    """Trainings behind the tables and Figure 6."""

    seeds: int = Field(gt=0, description="trainings per row of Tables 1 and 2, with training_seed 0, 1, ...")
    comparison_seeds: int = Field(
        gt=0, description="trainings behind a row of Tables 3 and 4, with training_seed and the numbers after it"
    )
    figure6_seeds: int = Field(gt=0, description="trainings per model of Figure 6, with training_seed 0, 1, ...")
    table1: dict[str, Any] = Field(description="overrides for all rows of Table 1, as in `ablations`")
    table2: dict[str, Any] = Field(description="overrides for all rows of Table 2")
    figure6: dict[str, Any] = Field(description="overrides for all models of Figure 6")


class Protocols(Strict):
    """Sizes of the test protocols (Sec. 4.1); the rules don't shrink."""

    references: int = Field(gt=0, description="reference pictures per source subject")
    videos: int = Field(ge=2, description="test videos of VoxCeleb1 and of VoxCeleb2, by as many people as possible")
    vox1_frames: int = Field(gt=0, description="test frames per VoxCeleb1 video, beside those for fine-tuning")
    vox_frames: int = Field(gt=0, description="test frames per VoxCeleb2 video")
    max_pairs: int | None = Field(default=None, gt=0, description="pairs drawn from each list; null: all")


class RafdSizes(Strict):
    people: int = Field(ge=2)


class MpieSizes(Strict):
    train_people: int = Field(ge=2)
    test_people: int = Field(ge=2)
    expressions: int = Field(ge=1, le=6)
    lights: int = Field(ge=1, le=5)


class VoxSizes(Strict):
    train_people: int = Field(ge=2)
    test_people: int = Field(ge=2)
    clips: int = Field(ge=1)
    seconds: float = Field(gt=0)
    fps: int = Field(ge=1, description="of the videos; datasets.synth_vox.fps says how many of them are taken")


class SynthfaceSizes(Strict):
    """Sizes of the embedded sets."""

    synth_rafd: RafdSizes
    synth_mpie: MpieSizes
    synth_vox: VoxSizes


class Scale(Strict):
    """Sizes and iterations."""

    image_size: Literal[32, 64, 128, 256]
    image_format: Literal["png", "jpeg"]
    idsg: IdsgTraining
    rfg: RfgTraining
    protocols: Protocols
    fine_tune: FineTuning
    tables: TableRuns
    synthface: SynthfaceSizes


class Ablations(Strict):
    """Rows of Tables 1 and 2 above "DG", the models of Figure 6, and those of the claims alone, trained as
    Table 1's rows: {name: {key: value}}.

    Keys as in params.yaml, dotted for nested ones;
    `sizes` stands for the block of `scales` in force: sizes.rfg.self_steps.
    """

    table1: dict[str, dict[str, Any]]
    table2: dict[str, dict[str, Any]]
    figure6: dict[str, dict[str, Any]]
    claims: dict[str, dict[str, Any]]


class Params(IdsgWeights, RfgWeights):
    """The whole of params.yaml."""

    scale: str
    preset: str
    seed: int = Field(ge=0, description="of data and pair lists")
    training_seed: int = Field(ge=0, description="of initial weights and batches")
    benchmarks: Benchmarks
    train_on: Literal["joint", "own"] | tuple[Literal["VoxCeleb1", "VoxCeleb2", "RaFD", "MPIE"], ...]
    idsg: IdsgChoices
    rfg: RfgChoices
    landmarks: Landmarks
    identity: Identity
    metrics: Metrics
    training: Machine
    presets: dict[str, dict[str, Any]]
    ablations: Ablations
    methods: dict[str, Method]
    datasets: dict[str, Dataset]
    scales: dict[str, Scale]

    @model_validator(mode="after")
    def _names_exist(self) -> Params:
        for name, known in (("scale", self.scales), ("preset", self.presets)):
            if (chosen := getattr(self, name)) not in known:
                raise ValueError(f"{name}: '{chosen}' is not among {name}s ({', '.join(known)})")
        rows = {"ablations": [name for table in ABLATION_TABLES for name in getattr(self.ablations, table)]}
        for where, names in (rows | {"methods": list(self.methods)}).items():
            for name in names:
                if not re.fullmatch("[a-z0-9_]+", name) or name == "dg":
                    raise ValueError(f"{where}: '{name}' names files: use a-z, 0-9 and _, and not 'dg'")
        for benchmark in BENCHMARKS:
            dataset = getattr(self.benchmarks, benchmark)
            if dataset not in self.datasets:
                raise ValueError(
                    f"benchmarks.{benchmark}: '{dataset}' is not among datasets ({', '.join(self.datasets)})"
                )
        return self

    @property
    def sizes(self) -> Scale:
        """The block of `scales` in force."""
        return self.scales[self.scale]


def validate(values: dict[str, Any], where: str) -> Params:
    """Check the raw values of params.yaml.

    Raises:
        DgError: every wrong key with what was expected and, for a typo, the nearest right key.
    """
    return checked(Params, values, where, f"restore it (git diff {where} shows what changed)")


def read_values(path: Path) -> dict[str, Any]:
    """Parse params.yaml without checking it.

    Raises:
        DgError: missing file or broken YAML, with the line.
    """
    try:
        values = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DgError(
            f"{path}: not found. Run from the project's folder, or restore it (git checkout {path})."
        ) from None
    except yaml.YAMLError as error:
        raise DgError(f"{path}: is not valid YAML. {error}") from None
    if not isinstance(values, dict):
        raise DgError(f"{path}: holds no keys. Restore it (git checkout {path}).")
    return values


def load(path: Path = Path("params.yaml")) -> Params:
    """Read and check params.yaml."""
    return validate(read_values(path), str(path))


def schema() -> dict[str, Any]:
    """JSON schema of params.yaml, for editors and other tools; the pipeline itself checks with `validate`."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Params.model_json_schema()}
