"""`python -m dg why`: where a number, a network, a picture comes from, out of records like Snakemake's."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from snakemake.persistence.file import FilePersistence

from dg.errors import DgError
from dg.files import file_digest, write_json
from dg.protocols.results import Result, writing_results
from dg.provenance import png_bytes
from dg.run_options import NOTED
from dg.steps.registry import step_settings
from dg.why import why
from dg.why.jobs import RECORDS, Jobs
from tests.prepared import face_table, prepare
from tests.scales import params_at

SET = "data/sets/synth_rafd"
NET = "results/rfg_cross/dg/joint.safetensors"
RECIPE = "data/raw/synth_rafd/recipe-0123456789abcdef"
LONG = f"results/ablations/evaluate/{'table2-' + 'x' * 220}/RaFD/dg.json"


def record(outputs, rule, start, end, read=(), command="", settings=None):
    """Leave Snakemake's records of a job, with its inputs as they are now; outputs that are not there are touched."""
    for output in map(Path, outputs):
        if not output.exists():
            output.parent.mkdir(parents=True, exist_ok=True)
            output.touch()
        place = Path(FilePersistence._record_path(SimpleNamespace(_fetch_max_len=lambda _: 255), RECORDS, str(output)))
        place.parent.mkdir(parents=True, exist_ok=True)
        told = {"rule": rule, "input": list(read), "log": [f"logs/{outputs[0]}.log"], "shellcmd": command or None}
        told |= {"params": [repr("[1, 2]"), repr(json.dumps(settings))] if settings else [], "incomplete": False}
        told |= {"input_checksums": {path: f"sha256:{file_digest(Path(path))}" for path in read}}
        place.write_text(json.dumps(told | {"starttime": start, "endtime": end}), encoding="utf-8")


def lay(path, values):
    write_json(Path(path), values)
    return path


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A data set, a network, what two methods made of a test and two tables, with the records of all but the head."""
    monkeypatch.chdir(tmp_path)
    table = face_table(2)
    prepare(Path(SET), table)
    record([RECIPE], "synthface", 0, 10, settings={"seed": 7, "set": "synth_rafd"})
    raw = {"dataset": "synth_rafd", "kind": "synthface", "raw": "0123456789abcdef"}
    record([f"{SET}/manifest.parquet"], "manifest", 10, 11, [RECIPE], settings=raw)
    shards = [f"{SET}/frames/0.arrow", f"{SET}/frames/1.arrow"]
    for shard in shards:
        record([shard], "frames", 11, 13, [RECIPE, f"{SET}/manifest.parquet"], settings={"size": 32})
    data = [f"{SET}/manifest.parquet", *shards]
    lay(NET.replace("safetensors", "json"), {"git_commit": "c0ffee", "versions": {"torch": "9.9"}, "sha256": "x"})
    rfg = step_settings(params_at(), "rfg", phase="cross")
    told = json.loads(rfg.job()) | {"seed": 5}
    record([NET], "rfg_cross", 20, 50, data, f"python -m dg rfg --settings '{json.dumps(told)}' --out {NET}", told)
    summaries = []
    for method in ("dg", "mine"):
        stem = f"results/evaluate/dg/RaFD/{method}"
        lay(f"{stem}.json", {"test": "RaFD", "method": method, "versions": {"numpy": "8.8"}, "git_commit": "decaf"})
        with writing_results(Path(f"{stem}.arrow")) as writer:
            faces = [table["key"][0], table["key"][12], ""], [table["key"][13], table["key"][1], table["key"][11]]
            image = png_bytes(np.zeros((8, 8, 3), np.uint8))
            writer.write([Result(*keys, image, np.zeros((68, 3), np.float32)) for keys in faces])
        pd.DataFrame({"csim": [0.25, 0.75], "ssim": [np.nan, 0.5]}).to_parquet(f"{stem}.parquet")
        nets = [NET] if method == "dg" else []
        record([f"{stem}.arrow"], "generate", 60, 65, [*data, *nets], settings={"method": method})
        judges = {"csim": "sface", "landmarks": {"backend": "fan-synthface"}, "seed": 0, "training_seed": 5}
        judged = [f"{stem}.arrow", *data]
        record([f"{stem}.json", f"{stem}.parquet"], "evaluate", 70, 75, judged, settings=judges | {"method": method})
        summaries.append(f"{stem}.json")
    row = {"test": "RaFD", "method": "dg", "title": "DG", "source": "measured", "csim": 0.5, "csim_low": 0.4}
    row |= {"csim_high": 0.6, "pairs": 2, "subjects": 2, "seeds": 1, "csim_backend": "sface", "paper_csim": 0.862}
    quoted = {"test": "RaFD", "method": "FOM", "title": "FOM", "source": "quoted", "paper_csim": 0.801}
    rows = [row, row | {"method": "mine", "title": "Mine, too"}, quoted, row | {"test": "MPIE_LP", "csim": np.nan}]
    pd.DataFrame(rows).to_csv("results/table4.csv", index=False)
    forms = ["results/table4.csv", "results/table4.md", lay("results/headlines/table4.json", {"RaFD": {"csim": 0.5}})]
    record(forms, "comparison", 80, 81, summaries, settings={"table": "table4"})
    variants = [f"results/ablations/ace/table1-{row}-{seed}/RaFD.json" for row in ("bl", "dg") for seed in (0, 1)]
    for path in variants:
        record([lay(path, {"test": "RaFD"})], "ace", 70, 75, data, settings={"seed": 0})
    ablation = {"losses": "BL", "ace": 4.0, "ace_low": 3.5, "ace_high": 4.5, "pairs": 2, "subjects": 2, "seeds": 2}
    pd.DataFrame([ablation | {"row": row} for row in ("bl", "dg")]).to_csv("results/table1.csv", index=False)
    NOTED.parent.mkdir()
    NOTED.write_text('{"start": -5, "words": []}\n')
    record(["results/table1.csv"], "ablation", 80, 81, variants, settings={"table": "table1", "seeds": 2})
    return tmp_path


def parts(text):
    """The blocks of an answer by their first lines."""
    return {block.splitlines()[0]: block for block in text.split("\n\n")}


def jobs_in(text):
    """The files whose jobs an answer tells of, in order."""
    return [block.splitlines()[0] for block in text.split("as the job read it:\n\n")[1].split("\n\n")]


@pytest.mark.usefixtures("project")
def test_a_number_is_followed_back_to_raw_data_along_its_row_alone():
    said = why(Path("results/table4.csv"), ["RaFD", "DG", "csim"])
    assert "0.500, 95 % interval 0.400 to 0.600; 2 pairs of 2 people, 1 training seed(s)" in said
    assert "judged by sface" in said and "the paper prints 0.862" in said
    assert jobs_in(said) == [
        "results/table4.csv", "results/evaluate/dg/RaFD/dg.json", "results/evaluate/dg/RaFD/dg.arrow", NET,
        f"{SET}/frames/0.arrow", f"{SET}/manifest.parquet", RECIPE,
    ]  # fmt: skip
    short = dict(re.findall(r"(?m)^(\w+(?: \w+)?) {2,}(.+)$", said.split("\n\n")[1]))
    assert short["again"] == "snakemake --cores all --forceall -- results/table4.csv"
    assert short["jobs"].startswith("8 jobs; they took 56.0 s")
    assert short["made"] == "1970-01-01 00:00:00 UTC to 1970-01-01 00:01:21 UTC"
    assert short["commit"] == "decaf, c0ffee" and short["versions"] == "numpy 8.8, torch 9.9"
    assert short["judges"] == "csim sface, landmarks fan-synthface"
    assert short["seeds"] == "seed 0 (evaluate); training_seed 5 (evaluate); seed 5 (rfg_cross); seed 7 (synthface)"
    assert short["raw data"] == "data/raw/synth_rafd (synthface), digest 0123456789abcdef of its recipe"
    for path in (NET, f"{SET}/frames/1.arrow", f"{SET}/manifest.parquet"):
        assert f"{path}  {file_digest(Path(path))}" in parts(said)["results/evaluate/dg/RaFD/dg.arrow"]


@pytest.mark.usefixtures("project")
def test_a_row_a_test_and_a_table_have_the_jobs_of_all_their_numbers():
    both = jobs_in(why(Path("results/table4.md"), ["rafd"]))
    assert {"results/evaluate/dg/RaFD/dg.json", "results/evaluate/dg/RaFD/mine.json"} <= set(both)
    assert set(jobs_in(why(Path("results/table4.csv"), []))) == set(both)
    assert "0.500, 95 %" in why(Path("results/headlines/table4.json"), ["rafd", "dg", "csim"])
    mine = jobs_in(why(Path("results/table4.csv"), ["RaFD", "Mine, too"]))
    assert "results/evaluate/dg/RaFD/mine.json" in mine and NET not in mine
    row = jobs_in(why(Path("results/table1.csv"), ["bl", "ACE"]))
    assert [path for path in row if "/ace/" in path] == [
        f"results/ablations/ace/table1-bl-{seed}/RaFD.json" for seed in (0, 1)
    ]


@pytest.mark.usefixtures("project")
def test_the_command_that_makes_it_again_has_the_options_of_that_jobs_run():
    table = Path("results/table4.csv")  # its job began at 80

    def told():
        return dict(re.findall(r"(?m)^(again|options) {2,}(.+)$", why(table, [])))

    runs = [(0, []), (79.5, ["--configfile", "my own.yaml", "--config", "seed=3"]), (80.5, ["--config", "seed=4"])]
    NOTED.write_text("".join(json.dumps({"start": start, "words": words}) + "\n" for start, words in runs))
    again = "snakemake --cores all --configfile 'my own.yaml' --config seed=3 --forceall -- results/table4.csv"
    assert told() == {"again": again}
    plain = "snakemake --cores all --forceall -- results/table4.csv"
    for nothing_noted in (lambda: NOTED.write_text('{"start": 90, "words": []}\n'), NOTED.unlink):
        nothing_noted()
        assert told()["again"] == plain and "--configfile" in told()["options"]


@pytest.mark.usefixtures("project")
def test_what_was_not_measured_says_so():
    quoted = why(Path("results/table4.csv"), ["RaFD", "FOM", "csim"])
    assert "not measured here, quoted: the paper prints 0.801" in quoted and jobs_in(quoted) == ["results/table4.csv"]
    assert "this test gives no such number" in why(Path("results/table4.csv"), ["MPIE (Large Pose)", "DG", "csim"])


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (["RaFT"], r"no test 'RaFT'; expected one of: RaFD, MPIE_LP \(MPIE \(Large Pose\)\)\. Did you mean 'RaFD'\?"),
        (["RaFD", "GD"], r"no method 'GD'; expected one of: dg \(DG\), mine \(Mine, too\), FOM\."),
        (["RaFD", "DG", "csin"], r"no metric 'csin'; expected one of: csim \(CSIM\)\. Did you mean 'csim'\?"),
        (["RaFD", "DG", "csim", "0"], r"is too much\. After this file come TEST METHOD METRIC"),
    ],
)
def test_a_wrong_word_is_answered_with_what_was_expected(words, answer):
    with pytest.raises(DgError, match=answer):
        why(Path("results/table4.csv"), words)


@pytest.mark.usefixtures("project")
def test_a_file_that_nothing_made_is_answered_with_what_was_expected():
    Path("README.md").touch()
    with pytest.raises(DgError, match=r"README\.md: no job of Snakemake made .* results/table4\.csv, results/table1"):
        why(Path("README.md"), [])
    with pytest.raises(DgError, match=r"table9\.csv: not found\. .*snakemake --cores all -- results/table9\.csv"):
        why(Path("results/table9.csv"), [])
    with pytest.raises(DgError, match=r"joint\.safetensors: 'x' says nothing here"):
        why(Path(NET), ["x"])


def test_without_records_it_says_how_to_get_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("x").touch()
    with pytest.raises(DgError, match=r"no records of Snakemake's runs.*dvc pull"):
        why(Path("x"), [])


@pytest.mark.usefixtures("project")
def test_the_record_that_a_killed_snakemake_was_writing_is_none():
    before = len(list(Jobs()))
    Path(".snakemake/metadata/bmV3").write_text('{"rule": "fra')
    assert len(list(Jobs())) == before


@pytest.mark.usefixtures("project")
def test_a_picture_names_its_pair_and_their_files():
    said = why(Path("results/evaluate/dg/RaFD/dg.arrow"), ["1"])
    table = face_table(2)
    for role, row in (("source", 13), ("reference", 1), ("ground truth", 11)):
        assert f"{role}: {table['key'][row]} (data/raw/synth_rafd/{table['path'][row]})" in said
    assert "scores: SSIM 0.500, CSIM 0.750" in said
    first = why(Path("results/evaluate/dg/RaFD/dg.arrow"), ["0"])
    assert "ground truth: none" in first and "scores: CSIM 0.250" in first
    for wrong in ("2", "-1", "dg"):
        with pytest.raises(DgError, match=rf"no picture '{wrong}'; expected a number from 0 to 1"):
            why(Path("results/evaluate/dg/RaFD/dg.arrow"), [wrong])


def test_what_lies_beside_an_output_or_inside_is_of_its_job(project):
    Path("results/plots").mkdir()
    record(["results/plots"], "curves", 80, 81)
    record([LONG], "evaluate", 0, 1)
    jobs = Jobs()
    of = {NET: "rfg_cross", LONG: "evaluate", "results/plots/yaw_RaFD.csv": "curves", SET: None, "results": None}
    for end in (".json", ".losses.csv", "_samples/0000003.png"):
        of[NET.replace(".safetensors", end)] = "rfg_cross"
    of |= {"data/raw/synth_rafd/pictures/1.png": "synthface", "results/evaluate/dg/RaFD/dg.parquet": "evaluate"}
    found = {path: jobs.behind(path) for path in of}
    assert {path: job and job.rule for path, job in found.items()} == of
    # DVC's stages call it so.
    Path("made").mkdir()
    Path("made/results").symlink_to("../results")
    assert why(project / "made" / NET, []) == why(Path(NET), [])


def test_what_changed_since_is_marked(project):
    Path(f"{SET}/frames/1.arrow").write_bytes(b"other")
    record([f"{SET}/frames/1.arrow"], "frames", 90, 91, [f"{SET}/manifest.parquet"], settings={"size": 32})
    said = why(Path(NET), [])
    (line,) = [line for line in parts(said)[NET].splitlines() if "frames/1.arrow" in line]
    assert "MADE AGAIN since, 1970-01-01 00:01:31 UTC" in line
    assert "MADE AGAIN" not in said.replace(line, "") and "CHANGED" not in said
    Path(NET).write_bytes(b"by hand")
    changed = f"{file_digest(Path(NET))} (CHANGED since it was read for results/evaluate/dg/RaFD/dg.arrow)"
    assert changed in why(Path(NET), [])


@pytest.mark.usefixtures("project")
def test_the_code_of_a_job_is_held_to_the_code_that_lies_here():
    assert "that of the code that lies here; commit c0ffee" in parts(why(Path(NET), []))[NET]
    told = json.loads(step_settings(params_at(), "rfg", phase="cross").job())
    for settings, answer in (
        (told | {"code": "0" * 16}, f"digest {'0' * 16}, the code here has {told['code']}"),
        ({"code": "0" * 16, "gone": 1}, f"digest {'0' * 16}; commit"),
    ):
        record([NET], "rfg_cross", 20, 50, [], f"python -m dg rfg --settings x --out {NET}", settings)
        assert answer in parts(why(Path(NET), []))[NET]


@pytest.mark.usefixtures("project")
def test_a_command_shows_its_settings_once():
    block = parts(why(Path(NET), []))[NET]
    assert f"command   python -m dg rfg --settings SETTINGS --out {NET}" in block
    shown = json.loads(re.search(r"SETTINGS  (\{.*)", block)[1])
    assert shown["seed"] == 5 and "code" not in shown and block.count("lambda_id") == 1


@pytest.mark.usefixtures("project")
def test_many_shards_are_one_line_with_a_digest_that_can_be_made_again():
    shards = [f"{SET}/landmarks/{k}.arrow" for k in range(12)]
    for shard in shards:
        record([shard], "landmarks", 14, 15, settings={"backend": "x"})
    record([NET], "rfg_cross", 20, 50, shards)
    said = why(Path(NET), [])
    lines = "".join(f"{file_digest(Path(shard))}  {shard}\n" for shard in sorted(shards))
    Path("sums").write_text(lines, encoding="utf-8")
    assert f"{SET}/landmarks/ (12 files)  {file_digest(Path('sums'))} of the lines" in said
    assert jobs_in(said) == [NET, shards[0]] and "12 jobs alike, in all 12.0 s" in said


def test_dvc_s_digest_is_named(project):
    Path("results.dvc").write_text("outs:\n- path: results/rfg_cross\n  md5: abc.dir\n- path: data/sets\n")
    assert "in DVC     results/rfg_cross has md5 abc.dir in results.dvc" in why(Path(NET), [])
    Path("dvc.lock").write_text("stages:\n  tables:\n    outs:\n    - path: results/table4.csv\n      md5: fed\n")
    assert "in DVC     results/table4.csv has md5 fed in dvc.lock" in why(Path("results/table4.csv"), [])
