"""The profiles: what Snakemake is told on one machine and on a cluster."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import yaml

from dg import params
from dg.study.trainings import trainings
from tests.scales import values_at

ROOT = Path(__file__).parent.parent
TOOLS = str(Path(sys.executable).parent)
SWITCHED_ON = values_at()
SWITCHED_ON["methods"]["fom"]["tests"] = ["RaFD"]
TRAININGS = trainings(params.validate(SWITCHED_ON, "params.yaml"))
SLURM = yaml.safe_load((ROOT / "profiles/slurm/profile.yaml").read_text(encoding="utf-8"))


def rules_with(directive):
    """Names of the rules that state a directive, and the directive's text."""
    text = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "workflow/rules").glob("*.smk"))
    found = {}
    rules = re.findall(r"(?ms)^rule (\w+):\n(.*?)(?=^\S|\Z)", text)
    loop = (ROOT / "workflow/rules/trainings.smk").read_text(encoding="utf-8").split("    rule:\n")[1]
    rules += [(name, textwrap.dedent(loop).replace("\n", "\n    ")) for name in TRAININGS]
    for name, body in rules:
        stated = re.search(rf"(?ms)^    {directive}:(.*?)(?=^    \w|\Z)", body)
        if stated:
            found[name] = stated[1]
    return found


def test_on_a_cluster_every_rule_that_takes_a_gpu_asks_for_one():
    takers = {name for name, text in rules_with("resources").items() if "gpu=" in text}
    assert takers >= {"landmarks", "rfg_cross", "generate"}
    assert takers <= {name for name, resources in SLURM["set-resources"].items() if resources["gpu"] >= 1}


def test_on_a_cluster_no_rule_of_the_experiments_asks_for_64_cores():
    stated = rules_with("threads")
    wide = {name for name, text in stated.items() if "64" in text or "all_cores" in text}
    wide |= {name for name in TRAININGS if TRAININGS[name].pictures and "training_threads" in stated[name]}
    assert set(SLURM["set-threads"]) == wide - {
        "people",
        "faces",
        "pretrain",
        "pretrain_identity",
        "pretrain_rfg",
        "pretrain_idsg",
        "pretrain_fom",
    }


@pytest.mark.parametrize(
    ("gpus", "answer"),
    [({"idsg": 2, "rfg": 2}, None), ({"idsg": 2, "rfg": 1}, r"training\.gpus is 2, .*slurm.* gives rfg_\w+ gpu: 1\.")],
)
def test_two_gpus_a_training_are_a_matter_of_two_files_on_a_cluster(tmp_path, gpus, answer):
    values = values_at()
    values["training"]["gpus"] = 2
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    # The executor is a plugin of its own; all else of the profile is read as it is.
    profile = {key: value for key, value in SLURM.items() if key != "executor"} | {"cores": 8}
    sizes = {f"{net}_{phase}": {"gpu": gpus[net]} for net in gpus for phase in ("self", "cross")}
    profile["set-resources"] = profile["set-resources"] | sizes | {"train_fom": {"gpu": 2}}
    (tmp_path / "profile.yaml").write_text(yaml.safe_dump(profile), encoding="utf-8")
    smi = tmp_path / "nvidia-smi"
    smi.touch(mode=0o755)
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", "--dry-run", "--quiet", "rules", "--workflow-profile", str(tmp_path),
         "--snakefile", str(ROOT / "Snakefile")],
        cwd=tmp_path, env={**os.environ, "PATH": os.pathsep.join([str(tmp_path), TOOLS, os.environ["PATH"]])},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    assert re.search(answer, done.stdout) if answer else done.returncode == 0, done.stdout


@pytest.mark.parametrize(("kinds", "refused"), [("reflink,copy", False), ("hardlink,copy", True), ("symlink", True)])
def test_a_cache_of_links_that_snakemake_would_write_through_is_refused(tmp_path, shipped_file, kinds, refused):
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc/config").write_text(f"[cache]\n    type = {kinds}\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", "--dry-run", "--quiet", "rules", "--snakefile", str(ROOT / "Snakefile"),
         "--configfile", str(shipped_file), "--", "data/synthface/head.safetensors"],
        cwd=tmp_path, env={**os.environ, "PATH": os.pathsep.join([TOOLS, os.environ["PATH"]])},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    assert bool(done.returncode) == refused, done.stdout
    assert (f"DVC's cache.type is '{kinds}'" in done.stdout) == refused
