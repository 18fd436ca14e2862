"""params.yaml: what is refused and how, and which values reach which step."""

import difflib
import hashlib
import re
import shutil
from pathlib import Path

import pytest
import yaml
from dvc.utils.hydra import apply_overrides
from safetensors.torch import load_file

from dg import params
from dg.cli import main
from dg.errors import DgError
from dg.files import read_json
from dg.ready import check_variants
from dg.steps.registry import step_settings
from dg.study.figures import FIGURES
from dg.study.models import model_of, training_behind, training_sets, variants_of
from dg.study.rows import methods_of
from dg.study.tables import ABLATIONS, COMPARISONS
from dg.study.variants import all_variants
from dg.tests import TESTS
from dg.weights import BUNDLED, bundled_digest
from tests.scales import LAID_OVER, SCALES, params_at, values_at

ROOT = Path(__file__).parent.parent


@pytest.fixture
def values():
    return values_at()


def test_the_shipped_file_is_valid_and_an_editor_is_told_every_key(values, shipped_file, tmp_path):
    check_variants(params.load(shipped_file))
    assert main(["schema", "--out", str(tmp_path / "schema.json")]) == 0
    assert list(read_json(tmp_path / "schema.json")["properties"]) == list(params.Params.model_fields)
    assert set(values) == set(params.Params.model_fields)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("lambda_vls", "5.25"),
        ("scale", "another"),
        ("benchmarks.RaFD", "another"),
        ("landmarks.backend", "another"),
        ("datasets.voxceleb2.fps", "5.25"),
        ("scales.sample.rfg.self_steps", "7001"),
    ],
)
def test_dvc_changes_the_line_of_the_key_that_it_sets_and_no_other(key, value, shipped_file, tmp_path):
    path = Path(shutil.copy(shipped_file, tmp_path))
    before = path.read_text(encoding="utf-8")
    apply_overrides(path, [f"{key}={value}"])  # what `dvc exp run -S` calls
    after = path.read_text(encoding="utf-8")
    changed = [line for line in difflib.ndiff(before.splitlines(), after.splitlines()) if line[0] in "+-"]
    assert len(changed) == 2 and changed[1].split(":")[1].split()[0] == value, changed


def test_only_the_scales_that_users_choose_stand_in_params_yaml(shipped_file):
    assert set(params.load(shipped_file).scales).isdisjoint(LAID_OVER)


def test_a_typo_names_the_key_and_the_right_one(values):
    values["lamda_vls"] = values.pop("lambda_vls")
    values["idsg"]["r1"] = -1
    with pytest.raises(DgError) as error:
        params.validate(values, "params.yaml")
    message = str(error.value)
    assert "lamda_vls: unknown key, did you mean 'lambda_vls'?" in message
    assert "lambda_vls: missing" in message
    assert "idsg.r1" in message
    assert "greater than or equal to 0" in message


def test_missing_and_broken_files_are_told_apart(tmp_path):
    with pytest.raises(DgError, match="not found"):
        params.load(tmp_path / "params.yaml")
    (tmp_path / "params.yaml").write_text("a: [1\nb: 2")
    with pytest.raises(DgError, match="line 2"):
        params.load(tmp_path / "params.yaml")


def test_a_benchmark_needs_a_known_data_set(values):
    values["benchmarks"]["RaFD"] = "rafdd"
    with pytest.raises(DgError, match=r"benchmarks\.RaFD: 'rafdd' is not among datasets"):
        params.validate(values, "params.yaml")


def test_lambda_vls_reaches_the_idsg_and_never_the_rfg(values):
    before = params.validate(values, "params.yaml")
    after = params.validate({**values, "lambda_vls": 5}, "params.yaml")
    for phase in ("self", "cross"):
        # The self phase has no pair that eq. (3) counts, unless idsg.vls_pairs says so.
        same = step_settings(before, "idsg", phase=phase) == step_settings(after, "idsg", phase=phase)
        assert same == (phase == "self")
        assert step_settings(before, "rfg", phase=phase) == step_settings(after, "rfg", phase=phase)
    values["idsg"]["vls_pairs"] = "all"
    before, after = (params.validate({**values, "lambda_vls": weight}, "params.yaml") for weight in (10, 5))
    assert step_settings(before, "idsg", phase="self") != step_settings(after, "idsg", phase="self")
    for dataset in ("synth_rafd", "synth_vox"):
        for step in ("synthface", "manifest", "frames"):
            assert step_settings(before, step, dataset=dataset) == step_settings(after, step, dataset=dataset)


def test_a_model_of_chosen_sets_learns_from_them_alone(values):
    p = params.validate(values, "params.yaml")
    names = [model_of(p, "synth_vox", f"figure6-{row}_large_pose-0") for row in ("with", "without")]
    assert names == ["synth_mpie+synth_vox", "synth_vox"]
    assert [training_sets(p, name) for name in names] == [["synth_mpie", "synth_vox"], ["synth_vox"]]
    assert model_of(p, "synth_vox") == "joint"


def test_self_reenactment_is_tested_with_the_self_phases_networks(values):
    p = params.validate(values, "params.yaml")

    def tested(p, test):
        return [training_behind(p, network, test, "dg").rule for network in ("idsg", "rfg")]

    assert tested(p, "VoxCeleb1") == ["idsg_self", "rfg_self"]
    assert tested(p, "VoxCeleb2") == ["idsg_cross", "rfg_cross"]
    values["rfg"]["cross_phase"] = "skip"
    assert tested(params.validate(values, "params.yaml"), "RaFD") == ["idsg_cross", "rfg_self"]


def test_tables_3_and_4_take_further_training_seeds_of_methods_with_networks_alone(values):
    values["scales"]["sample"]["tables"]["comparison_seeds"] = 3
    p = params.validate({**values, "training_seed": 4}, "params.yaml")
    variants = ["dg", "seed-1", "seed-2"]
    assert variants_of(p, "dg") == variants_of(p, "rfg_alone") == variants
    assert variants_of(p, "source_unchanged") == ["dg"]
    assert [step_settings(p, "rfg", variant, phase="self").seed for variant in variants] == [4, 5, 6]
    evaluate = [step_settings(p, "evaluate", variant, test="RaFD", method="dg") for variant in variants]
    assert [settings.training_seed for settings in evaluate] == [4, 5, 6]
    # A baseline is measured once, whatever the training seed.
    which = {"test": "RaFD", "method": "source_unchanged"}
    floors = [step_settings(p, "evaluate", variant, **which) for variant in variants]
    assert floors[0] == floors[2] and floors[0].training_seed is None
    one = params_at()
    assert variants_of(one, "dg") == ["dg"] and not any(name.startswith("seed") for name in all_variants(one))


@pytest.mark.parametrize("variant", ["dg", "table1-bl-1", "table2-lm-0"])
def test_a_preset_holds_for_every_variant(values, variant):
    values["preset"] = "released"
    idsg = step_settings(params.validate(values, "params.yaml"), "idsg", variant, phase="self")
    assert (idsg.landmark_dims, idsg.coordinates, idsg.lr, idsg.batch) == (2, "raw", 2e-5, 32)


@pytest.mark.parametrize("row", ["bl", "l", "a", "dg"])
def test_rows_of_table_1_add_the_losses_the_paper_adds(values, row):
    p = params.validate(values, "params.yaml")
    used = [
        step_settings(p, "idsg", f"table1-{row}-1", phase="cross").plain()[f"lambda_{x}"] > 0
        for x in ("c", "l", "a", "vls")
    ]
    assert used == [True, row != "bl", row in ("a", "dg"), row == "dg"]


@pytest.mark.parametrize(("row", "added"), [("bl", 0), ("id", 1), ("st", 2), ("lm", 3), ("dg", 4)])
def test_rows_of_table_2_add_the_losses_the_paper_adds(values, row, added):
    p = params.validate(values, "params.yaml")
    settings = step_settings(p, "rfg", f"table2-{row}-0", phase="self")
    used = [settings.plain()[f"lambda_{name}"] > 0 for name in ("at", "id", "st", "lm", "ds")]
    assert used == [True] + [k < added for k in range(4)]
    assert settings.seed == 0 and step_settings(p, "rfg", f"table2-{row}-1", phase="self").seed == 1


def test_an_ablation_of_an_unknown_key_is_refused(values):
    values["ablations"]["table1"] = {"x": {"idsg.vls_fom": "abs"}}
    p = params.validate(values, "params.yaml")
    with pytest.raises(DgError, match=r"ablations\.table1\.x.*idsg\.vls_fom.*Did you mean 'idsg\.vls_form'"):
        step_settings(p, "idsg", "table1-x-0", phase="self")


@pytest.mark.parametrize(
    ("key", "value", "answer"),
    [
        ("seed", 1, "change seed itself"),
        ("landmarks.backend", "fan", "change landmarks.backend itself"),
        ("identity.backend", "vggface", "-S identity.backend="),
        ("metrics.csim", "arcface", "change metrics.csim itself"),
        ("benchmarks.RaFD", "rafd", "change benchmarks.RaFD itself"),
        ("datasets.synth_rafd.max_broken", 0.5, "change datasets.synth_rafd.max_broken itself"),
        ("sizes.protocols.references", 2, "change scales.sample.protocols.references itself"),
        ("sizes.synthface.synth_rafd.people", 2, "change scales.sample.synthface.synth_rafd.people itself"),
        ("sizes.image_size", 64, "change scales.sample.image_size itself"),
        ("training_seed", 5, "set scales.sample.tables.seeds"),
    ],
)
def test_an_ablation_of_what_all_rows_share_is_refused(values, key, value, answer):
    values["ablations"]["table1"]["mine"] = {"lambda_c": 2, key: value}
    with pytest.raises(DgError) as caught:
        check_variants(params.validate(values, "params.yaml"))
    assert f"ablations.table1.mine changes {key}," in str(caught.value) and answer in str(caught.value)
    del values["ablations"]["table1"]["mine"]
    values["scales"]["sample"]["tables"]["table2"][key] = value
    with pytest.raises(DgError, match=rf"scales\.sample\.tables\.table2 changes {key},"):
        check_variants(params.validate(values, "params.yaml"))


@pytest.mark.parametrize("scale", SCALES)
def test_an_ablation_of_a_training_is_accepted_and_changes_its_own_row_alone(scale):
    values = values_at(scale)
    values["ablations"]["table2"]["mine"] = {"rfg.line_width": 1, "sizes.rfg.lr": 0.1, "training.compile": True}
    p = params.validate(values, "params.yaml")
    check_variants(p)
    mine, other = (step_settings(p, "rfg", f"table2-{row}-0", phase="self").plain() for row in ("mine", "dg"))
    changed = {key: mine[key] for key in mine if mine[key] != other[key]}
    assert changed == {"line_width": 1, "lr": 0.1, "compile": True}


def test_an_unknown_variant_or_preset_is_refused(values):
    p = params.validate(values, "params.yaml")
    with pytest.raises(DgError, match="no variant 'table1-bl-9', only dg, table1-bl-0"):
        step_settings(p, "idsg", "table1-bl-9", phase="self")
    with pytest.raises(DgError, match="'realeased' is not among presets"):
        params.validate({**values, "preset": "realeased"}, "params.yaml")


def calls(p):
    """Every step with everything it can work on."""
    yield from ((step, {}) for step in ("landmarks", "identity", "finetune", "curves", "report"))
    yield from ((step, {"phase": phase}) for step in ("idsg", "rfg") for phase in ("self", "cross"))
    yield from ((step, {"dataset": name}) for step in ("manifest", "frames") for name in p.datasets)
    yield from (("synthface", {"dataset": name}) for name in ("synth_rafd", "synth_mpie", "synth_vox"))
    for test in TESTS:
        yield from ((step, {"test": test}) for step in ("pairs", "ace"))
        each = [("generate", method) for method in methods_of(p, test)] + [("evaluate", "dg")]
        yield from ((step, {"test": test, "method": method}) for step, method in each)
        if test != "Extreme":
            yield "figure", {"test": test}
    yield from (("paper_figure", {"figure": name}) for name in FIGURES)
    yield from (("comparison", {"table": name}) for name in COMPARISONS)
    yield from (("ablation", {"table": name}) for name in ABLATIONS)


@pytest.mark.parametrize("preset", ["paper", "released"])
@pytest.mark.parametrize("scale", SCALES)
def test_every_step_of_every_scale_and_preset_has_its_values(scale, preset):
    values = values_at(scale)
    assert set(values["presets"]) == {"paper", "released"}
    p = params.validate(values | {"preset": preset}, "params.yaml")
    check_variants(p)
    starts = set()
    for step, which in calls(p):
        assert step_settings(p, step, **which)
    for variant in all_variants(p):
        assert all(step_settings(p, "idsg", variant, phase=phase) for phase in ("self", "cross"))
        starts |= {step_settings(p, net, variant, phase="self").init for net in ("idsg", "rfg")}
    # The bundled weights are of 128 px and 24 to 192 channels; the release's networks are others at any size.
    fits = values["scales"][scale]["image_size"] == 128 and scale != "bundled" and preset == "paper"
    assert (bundled_digest("rfg-synthface") in starts) == fits
    assert (bundled_digest("idsg-synthface") in starts) == (scale == "sample" and preset == "paper")


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (("scales", "sample", "image_size"), 256, r"scales\.sample\.image_size: 256 \(bundled: 128\)"),
        (("scales", "sample", "rfg", "channels"), 32, r"scales\.sample\.rfg\.channels: 32 \(bundled: 24\)"),
        (("scales", "sample", "rfg", "max_channels"), 96, r"scales\.sample\.rfg\.max_channels: 96 \(bundled: 192\)"),
        (("rfg", "style_dim"), 64, r"rfg\.style_dim: 64 \(bundled: 128\)"),
        (("rfg", "adain_intermediate"), 4, r"rfg\.adain_intermediate: 4 \(bundled: 2\)"),
        (("rfg", "rgb_kernel"), 1, r"rfg\.rgb_kernel: 1 \(bundled: 3\)"),
        (("idsg", "landmark_dims"), 2, r"idsg\.landmark_dims: 2 \(bundled: 3\)"),
        (("idsg", "coordinates"), "raw", r"idsg\.coordinates: raw \(bundled: centred\)"),
        (("identity", "backend"), "vggface2", r"identity\.backend: 2048 \(bundled: 160\)"),
    ],
)
def test_a_start_from_weights_of_other_sizes_is_refused(values, place, value, message):
    block = values
    for key in place[:-1]:
        block = block[key]
    block[place[-1]] = value
    network = "idsg" if place[0] in ("idsg", "identity") else "rfg"
    with pytest.raises(DgError, match=message + rf".*Set scales\.sample\.{network}\.init: scratch"):
        check_variants(params.validate(values, "params.yaml"))
    values["scales"]["sample"][network]["init"] = "scratch"
    check_variants(params.validate(values, "params.yaml"))


def test_a_term_that_is_not_the_papers_is_said_where_it_is_in_force(values):
    sizes = values["scales"]["sample"]

    def said():
        p = params.validate(values, "params.yaml")
        table4, table2 = (
            step_settings(p, step, table=t).kept for step, t in (("comparison", "table4"), ("ablation", "table2"))
        )
        page = any("lambda_keep" in words for words in step_settings(p, "report").stand_ins)
        return table4, table2, page

    assert said() == (True, ("bl", "id", "st", "lm", "dg"), True)
    sizes["idsg"]["lambda_keep"] = 0
    assert said() == (False, (), False)
    sizes["idsg"] |= {"lambda_keep": 1, "init": "scratch"}
    assert said() == (False, (), False)


def test_the_bundled_card_s_sizes_are_those_of_its_weights():
    """What `check_variants` compares is what `load_state_dict` will find."""
    sizes = read_json(BUNDLED / "rfg-synthface.json")["sizes"]
    state = load_file(BUNDLED / "rfg-synthface.safetensors")
    first = state["ema_rfg.generator.first.weight"]
    assert first.shape[0] == sizes["channels"] and state["ema_rfg.style_encoder.linear.weight"].shape[0] == 128
    assert max(t.shape[0] for name, t in state.items() if name.endswith("conv1.weight")) == sizes["max_channels"]


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("sigma", [0.05, -0.05, 0.1, 0.05, 0.2], r"sigma\.1: .*greater than or equal to 0 \(got -0\.05\)"),
        ("preset", "realeased", r"preset: 'realeased' is not among presets \(paper, released\)"),
        ("scale", "smaple", r"scale: 'smaple' is not among scales \(sample, "),
    ],
)
def test_values_out_of_bounds_are_refused(values, key, value, message):
    with pytest.raises(DgError, match=message):
        params.validate(values | {key: value}, "params.yaml")


@pytest.mark.parametrize(("network", "betas", "place"), [("idsg", [0.5, 1], 1), ("rfg", [-0.1, 0.99], 0)])
def test_betas_lie_from_0_to_below_1(values, network, betas, place):
    values["scales"]["sample"][network]["betas"] = betas
    with pytest.raises(DgError, match=rf"scales\.sample\.{network}\.betas\.{place}: "):
        params.validate(values, "params.yaml")
    values["scales"]["sample"][network]["betas"] = [0, 0.999]
    params.validate(values, "params.yaml")


def test_the_check_looks_into_every_variant(values, shipped_file, tmp_path, capsys):
    path = tmp_path / "params.yaml"
    values["ablations"]["table2"]["foo"] = {"lambda_foo": 0}
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    assert main(["check", "--params", str(path)]) == 1
    assert "ablations.table2.foo: no key 'lambda_foo' to override" in capsys.readouterr().err
    values["ablations"]["table2"]["foo"] = {"lambda_id": -1}
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    assert main(["check", "--params", str(path)]) == 1
    assert "(table2-foo-0)" in (said := capsys.readouterr().err) and "lambda_id" in said
    assert main(["check", "--params", str(shipped_file)]) == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["rgf"], "no step 'rgf', only synthface, .* Did you mean 'rfg'?"),
        (["idsg"], r"step 'idsg' needs phase=\.\.\.; it got nothing"),
        (["landmarks", "phase=self"], "step 'landmarks' needs nothing more; it got phase"),
        (["idsg", "phase=slef"], "no phase 'slef', only self, cross"),
        (["synthface", "dataset=rafd"], "no dataset 'rafd', only synth_rafd, synth_mpie, synth_vox"),
        (["pairs", "test=RAFD"], "no test 'RAFD', only VoxCeleb1"),
        (["comparison", "table=table1"], "no table 'table1', only table3, table4"),
        (["idsg", "self"], "'self': expected KEY=VALUE, such as phase=self"),
    ],
)
def test_settings_that_no_step_has_are_answered_with_those_there_are(words, message, shipped_file, capsys):
    assert main(["settings", *words, "--params", str(shipped_file)]) == 1
    assert re.search(message, capsys.readouterr().err)


def test_the_digest_of_a_face_encoder_laid_by_hand_is_among_its_step_s_values(values, tmp_path, monkeypatch):
    values["identity"]["backend"] = "vggface2"
    p = params.validate(values, "params.yaml")
    monkeypatch.chdir(tmp_path)
    assert step_settings(p, "identity").weights is None
    path = tmp_path / "data/weights/resnet50_vggface2.pth"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"some weights")
    assert step_settings(p, "identity").weights == hashlib.sha256(b"some weights").hexdigest()


def leaves(schema, node, prefix):
    """Dotted names of all values of the JSON schema; of the blocks that people name, one for all."""
    node = schema["$defs"][node["$ref"].rsplit("/", 1)[-1]] if "$ref" in node else node
    for name, child in node.get("properties", {}).items():
        inner = child.get("additionalProperties")
        if isinstance(inner, dict) and "$ref" in inner:
            place = {"scales": "sizes", "datasets": "datasets.<set>", "methods": "methods.<name>"}[name]
            yield from leaves(schema, inner, f"{place}.")
        elif "$ref" in child:
            yield from leaves(schema, child, f"{prefix}{name}.")
        else:
            yield prefix + name


def test_every_key_stands_in_the_list_of_options():
    text = (ROOT / "docs/options.md").read_text(encoding="utf-8")
    keys = list(leaves(params.schema(), params.schema(), ""))
    assert len(keys) > 90 and {"sizes.fine_tune.lr", "datasets.<set>.crop", "lambda_vls", "metrics.fid"} < set(keys)
    assert [key for key in keys if f"`{key}`" not in text] == []
