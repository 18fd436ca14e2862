"""The paper's claims: differences against plain NumPy, the rule by hand, a made-up run from files to verdicts."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from dg.checkpoints import card_path
from dg.errors import DgError
from dg.files import read_json, write_csv, write_json, write_parquet
from dg.metrics.bootstrap import mean_interval
from dg.metrics.metric import METRICS
from dg.params import validate
from dg.reports.claims import make_claims
from dg.reports.claims.finding import Finding, verdict_of
from dg.reports.claims.table import read_table
from dg.reports.claims.text import as_markdown
from dg.reports.differences import Difference, Paired
from dg.steps.registry import step_settings
from dg.study.claims import CLAIMS
from dg.weights import bundled
from tests.scales import params_at, values_at

PEOPLE = np.repeat([f"p{k}" for k in range(6)], 8)
YAW = np.tile(np.linspace(2, 88, 8), 6)
PAIRS = pd.DataFrame({"subject": PEOPLE, "source": PEOPLE, "reference": [f"r{k}" for k in range(48)], "yaw": YAW})


def test_a_mean_difference_of_one_seed_has_the_interval_of_the_bootstrap_over_people():
    values = np.random.default_rng(0).normal(size=48)
    values[5] = np.nan
    found = Paired(PEOPLE, YAW, values[None]).mean(500, seed=4)
    assert found.value == pytest.approx(np.nanmean(values))
    assert (found.low, found.high) == pytest.approx(mean_interval(values, PEOPLE, 500, seed=4))
    assert (found.seeds, found.pairs, found.people) == (1, 47, 6)
    assert found.above == pytest.approx((values[~np.isnan(values)] > 0).mean())


def test_a_slope_is_numpys_and_its_interval_narrow_where_all_people_share_it():
    rng = np.random.default_rng(1)
    values = np.stack([0.02 * YAW + rng.normal(size=48), 0.03 * YAW + rng.normal(size=48)])
    found = Paired(PEOPLE, YAW, values).slope(500, seed=0)
    assert found.value == pytest.approx(np.mean([np.polyfit(YAW, row, 1)[0] for row in values]))
    exact = Paired(PEOPLE, YAW, (0.5 - 0.02 * YAW)[None]).slope(500, seed=0)
    assert (exact.value, exact.low, exact.high) == pytest.approx((-0.02, -0.02, -0.02))


def test_pairs_of_one_yaw_have_no_slope_and_one_person_no_interval():
    flat = Paired(PEOPLE, np.full(48, 30.0), np.arange(48.0)[None]).slope(100, seed=0)
    assert np.isnan(flat.value)
    alone = Paired(PEOPLE[:8], YAW[:8], np.arange(8.0)[None]).mean(100, seed=0)
    assert alone.value == 3.5 and np.isnan([alone.low, alone.high]).all()


def test_bins_of_yaw_take_each_pair_once():
    paired = Paired(PEOPLE, YAW, np.ones((2, 48)))
    parts = [paired.between(low, high) for low, high in ((0, 15), (15, 45), (45, np.inf))]
    assert sum(len(part.yaw) for part in parts) == 48 and (parts[1].yaw >= 15).all() and (parts[1].yaw < 45).all()


def finding(value, low, high, wanted, seeds=2, decides=True):
    measured = Difference(value, low, high, seeds, 9, 3, 0.75)
    return Finding(
        claim=1, what="a - b", test="RaFD", measure="CSIM", metric="csim", judge="sface", wanted=wanted,
        difference=measured, decides=decides,
    )  # fmt: skip


YES, NO, OPEN = finding(2, 1, 3, 1), finding(2, 1, 3, -1), finding(2, -1, 5, 1)


@pytest.mark.parametrize(
    ("found", "sign", "verdict"),
    [
        (YES, "paper's", "confirmed"),
        (NO, "opposite", "refuted"),
        (OPEN, "paper's", "open"),
        (finding(-2, -3, -1, -1), "paper's", "confirmed"),
        (finding(2, 1, 3, 1, seeds=1), "paper's", "open"),
        (finding(2, 1, 3, -1, seeds=1), "opposite", "open"),
        (finding(2, np.nan, np.nan, 1), "paper's", "open"),
        (finding(np.nan, np.nan, np.nan, 1), "", "open"),
    ],
)
def test_the_rule_for_a_finding(found, sign, verdict):
    assert (found.sign, found.verdict) == (sign, verdict)


@pytest.mark.parametrize(
    ("findings", "verdict"),
    [
        ([YES, YES], "confirmed"),
        ([YES, OPEN], "open"),
        ([YES, OPEN, NO], "refuted"),
        ([], "open"),
        ([YES, finding(2, 1, 3, -1, decides=False)], "confirmed"),
    ],
)
def test_the_rule_for_a_claim(findings, verdict):
    assert verdict_of(findings) == verdict


def test_pairs_won_are_those_on_the_papers_side():
    assert (YES.won, NO.won) == (0.75, 0.25)


def settings(rivals=("fom",), pose_seeds=2):
    """Of params.yaml as shipped, with FOM in RaFD's test but not in Figure 6, and two seeds."""
    values = values_at()
    values["scales"][values["scale"]]["tables"] |= {"comparison_seeds": 2, "figure6_seeds": pose_seeds}
    values["methods"]["fom"]["tests"] = []
    told = step_settings(validate(values, "params.yaml"), "claims")
    changes = {
        "landmark_tests": ["RaFD"], "bootstrap": 300,
        "rivals": [["RaFD", list(rivals)]] if rivals else [],
        "titles": [*told.titles, ["fom", "FOM (absolute)"]],
    }  # fmt: skip
    return type(told).model_validate(told.model_dump() | changes)


def write_steps(path, metrics):
    """A table of ablations with one step, on the paper's side in each of `metrics` (key -> step)."""
    rows = []
    for row, before in (("bl", ""), ("l" if "1" in path.name else "id", "bl")):
        step = {
            f"{key}_step{end}": value if before else np.nan
            for key, value in metrics.items()
            for end in ("", "_low", "_high")
        }
        rows.append(
            {"row": row, "losses": f"+ {row}", "compared_with": before, "seeds": 2, "pairs": 48, "subjects": 6} | step
        )
    write_csv(path, pd.DataFrame(rows))


def write_evaluation(path, values, fid):
    unmeasured = {one.key: np.nan for one in METRICS}
    write_parquet(path.with_suffix(".parquet"), PAIRS.assign(**unmeasured | values))
    summary = {one.key: {"value": None} for one in METRICS} | {key: {"value": 0.5} for key in values}
    fid = {"value": fid, "draws": [fid] * 300}
    write_json(path, summary | {"fid": fid, "kid": {"value": 0.1}, "backends": {"csim": "sface", "fid": "inception"}})


@pytest.fixture
def results(tmp_path):
    """DG's lead in CSIM is .001 per degree, in SSIM none; its FID 10 lower; its landmarks 1 pixel nearer."""
    noise = np.random.default_rng(0).normal(0, 1e-3, size=(2, 48))
    write_steps(tmp_path / "table1.csv", {"ace": -1.0})
    write_steps(tmp_path / "table2.csv", {"ssim": 0.1, "fid": -9.0, "csim": -0.1})
    for seed, variant in enumerate(("dg", "seed-1")):
        here = tmp_path / f"evaluate/{variant}/RaFD"
        write_evaluation(here / "dg.json", {"csim": 0.5 + 0.001 * YAW, "ssim": 0.6 + noise[seed]}, fid=20.0)
        write_evaluation(here / "fom.json", {"csim": np.full(48, 0.5), "ssim": np.full(48, 0.6)}, fid=30.0)
    told = settings()
    names = [f"ace/{variant}" for variant in told.variants]
    names += [f"ablations/ace/{name}" for _, ours, theirs, _ in told.landmark_variants for name in (*ours, *theirs)]
    for name in dict.fromkeys(names):
        error = 5.0 if "landmarks_2d" in name else 3.0
        table = PAIRS.assign(ace=error, ace_xy=error + 0.01 * noise[0], ace_unchanged=4.0)
        write_parquet(tmp_path / f"{name}/RaFD.parquet", table)
        write_json(tmp_path / f"{name}/RaFD.json", {"ace": {"value": error}})
    for _, _, ours, theirs in told.pose_variants:
        for name, error in [*((name, 5.0) for name in ours), *((name, 9.0) for name in theirs)]:
            here = tmp_path / f"ablations/evaluate/{name}/Extreme/dg.json"
            write_evaluation(here, {"landmark_error_yunet": error + noise[0]}, fid=1.0)
    return tmp_path


def test_a_run_is_answered_claim_by_claim(results):
    make_claims(settings(), results, results / "claims.csv")
    frame = read_table(results / "claims.csv")
    claims = frame[frame["kind"] == "claim"].set_index("claim")["verdict"]
    # Table 2's CSIM fell; SSIM has no lead over FOM; without L_vls nothing differs.
    assert claims.to_dict() == {1: "refuted", 2: "confirmed", 3: "open", 4: "open", 5: "confirmed"}
    found = frame[frame["kind"] == "finding"].set_index(["claim", "what", "measure"])
    assert found.loc[(1, "Table 2, + id", "CSIM"), ["value", "verdict"]].tolist() == [-0.1, "refuted"]
    two_d = found.loc[(3, "3-D - 2-D landmarks", "ACE in x, y (pixels at 256)")]
    assert two_d[["value", "wanted", "verdict", "yaw", "won"]].tolist() == [-2, -1, "confirmed", "45 to 90", 1]
    against = found.loc[(4, "DG - FOM (absolute)")]
    assert against.loc["CSIM per 10 degrees of yaw", ["value", "low", "high"]].tolist() == pytest.approx([0.01] * 3)
    assert against.loc["CSIM", "value"] == pytest.approx(0.001 * YAW.mean(), abs=1e-6)
    assert against.loc["FID", ["value", "verdict"]].tolist() == [-10, "confirmed"]
    assert against.loc["CSIM", "judge"] == "sface" and against.loc["FID", "judge"] == "inception"
    assert found.loc[5, "sign"].tolist() == ["paper's"]
    details = frame[(frame["kind"] == "detail") & (frame["claim"] == 4) & (frame["metric"] == "csim")]
    assert details["yaw"].tolist() == ["0 to 15", "15 to 30", "30 to 45", "45 to 60", "60 to 75", "75 to 90"]
    assert details["pairs"].astype(int).sum() == 48 and (details["value"].diff()[1:] > 0).all()
    assert frame["stand_in"].str.contains("SynthFace").all()
    assert (results / "claims.png").read_bytes().startswith(b"\x89PNG")


def test_variants_of_the_idsg_on_other_pairs_are_refused(results):
    for path in results.glob("ablations/ace/claims-*/RaFD.parquet"):
        write_parquet(path, pd.read_parquet(path).iloc[::-1].reset_index(drop=True))
    with pytest.raises(DgError, match=r"claims-landmarks_2d-0.*was measured on other pairs"):
        make_claims(settings(), results, results / "claims.csv")


def test_the_words_say_why_an_open_one_is_open(results):
    make_claims(settings(pose_seeds=1), results, results / "claims.csv")
    text = (results / "claims.md").read_text()
    assert f"## 5. {CLAIMS[5].words}: open" in text and "open: paper's sign, clear, of one seed" in text
    assert "on stand-ins" in text.splitlines()[0]
    for claim in CLAIMS.values():
        assert claim.words in text


def test_without_a_method_to_be_measured_against_the_claim_is_open(results):
    make_claims(settings(rivals=()), results, results / "claims.csv")
    frame = read_table(results / "claims.csv")
    assert frame.loc[frame["claim"] == 4, "verdict"].tolist() == ["open"]
    assert "Nothing: params.yaml has nothing to compare" in as_markdown(frame)
    assert (results / "claims.png").exists()


def test_methods_on_other_pairs_and_missing_tables_are_named(results):
    path = results / "evaluate/dg/RaFD/fom.parquet"
    write_parquet(path, pd.read_parquet(path).iloc[::-1].reset_index(drop=True))
    with pytest.raises(DgError, match=r"fom\.parquet: was measured on other pairs"):
        make_claims(settings(), results, results / "claims.csv")
    (results / "table1.csv").unlink()
    with pytest.raises(DgError, match=r"table1\.csv: not found\. Run the step that makes it"):
        make_claims(settings(), results, results / "claims.csv")


def test_a_row_of_ones_own_is_compared_and_decides_nothing():
    values = values_at()
    values["ablations"]["claims"]["raw"] = {"idsg.coordinates": "raw"}
    told = step_settings(validate(values, "params.yaml"), "claims")
    ours = ("table1-dg-0", "table1-dg-1")
    assert ("DG - raw", ours, ("claims-raw-0", "claims-raw-1"), False) in told.landmark_variants


def test_a_rival_that_starts_from_less_than_dg_is_said_to():
    values = values_at()
    values["methods"]["fom"]["tests"] = ["RaFD"]
    values["methods"]["fom"]["train"] = values["methods"]["fom"]["train"].replace("--init {init}", "")
    pictures = read_json(card_path(bundled("rfg-synthface")))["pictures"]
    unequal = f"no equal start: FOM (absolute) from random weights, DG's RFG from ones trained on {pictures:,}"
    for step in ("claims", "report"):
        assert unequal in step_settings(validate(values, "params.yaml"), step).stand_ins
    for name in ("idsg", "rfg"):
        values["scales"][values["scale"]][name]["init"] = "scratch"
    assert unequal not in step_settings(validate(values, "params.yaml"), "claims").stand_ins


def test_two_d_landmarks_are_trained_as_table_1s_rows():
    told = step_settings(params_at(), "claims")
    (words, ours, theirs, _), (_, _, without, _) = told.landmark_variants
    assert words == "3-D - 2-D landmarks"
    three, two = (step_settings(params_at(), "idsg", name, phase="self").plain() for name in (ours[1], theirs[1]))
    assert {key for key in three if three[key] != two[key]} == {"landmark_dims"}
    assert json.loads(step_settings(params_at(), "idsg", without[0], phase="cross").job())["lambda_vls"] == 0
