"""The page: what it says, by its text; what it does, in headless Chromium."""

from __future__ import annotations

import base64
import io
import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import ExifTags, Image
from safetensors.numpy import save_file

from dg import params
from dg.errors import DgError
from dg.files import write_csv, write_json, write_parquet
from dg.metrics.metric import metric, shown_by_yaw, shown_in
from dg.protocols.methods import NO_POINTS
from dg.protocols.pairs import make_pairs
from dg.protocols.results import Result, Results, writing_results
from dg.provenance import REENACTED, png_bytes, save_png
from dg.reports.claims.table import shaped
from dg.reports.page import make_report
from dg.reports.page.costs import costs
from dg.reports.page.facts import facts
from dg.reports.page.gallery import ENDS, PAIRS, SCORES, chosen, data_uri
from dg.reports.page.tables import cell
from dg.reports.summaries import COMPARED
from dg.shards import FaceSet
from dg.steps.registry import step_settings
from dg.study.claims import CLAIMS
from dg.xmp import SourceType
from tests.prepared import face_table, prepare, took
from tests.scales import values_at
from tests.told import changed, pairs_settings

ROOT = Path(__file__).resolve().parent.parent
TITLE = "Mine <script>alert(1)</script> & yours"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A made-up run: one test with ground truth and one without, two methods."""
    root = tmp_path_factory.mktemp("run")
    results, data = root / "results", root / "sets"
    folder = prepare(data / "synth_rafd", face_table(4), size=64)
    report = {"subjects": 4, "rows": 40, "splits": {"test": 40}}
    write_json(folder / "manifest.json", report)
    make_pairs(pairs_settings(references=12), [folder], root / "pairs.parquet")
    pairs, faces, rng = pd.read_parquet(root / "pairs.parquet"), FaceSet([folder]), np.random.default_rng(0)
    for test in ("RaFD", "VoxCeleb2"):
        table = pairs if test == "RaFD" else pairs.assign(target="")
        for method in ("dg", "mine"):
            here = results / f"evaluate/dg/{test}/{method}"
            with writing_results(here.with_suffix(".arrow")) as writer:
                for pair in table.itertuples():
                    row = faces.row(pair.source)
                    points = faces.points[row] if method == "dg" else NO_POINTS
                    image = png_bytes(255 - faces.image(row))
                    writer.write([Result(pair.source, pair.reference, pair.target, image, points)])
            unmeasured = {metric.key: np.nan for metric in SCORES}
            scores = {name: rng.random(len(table)) for name in ("csim", "rank1", "landmark_error", "pose_error")}
            scores["ssim"] = rng.random(len(table)) if test == "RaFD" else np.nan
            if test == "RaFD":
                scores["ssim"][:6] = np.nan
            found = [faces.points[faces.row(key)][:, :2].reshape(-1) for key in table["source"]]
            write_parquet(
                here.with_suffix(".parquet"),
                table.assign(**unmeasured | scores, yaw=table["reference_yaw"].abs(), landmarks=found),
            )
            mean = {"value": 0.5, "low": None, "high": None}
            names = [metric.key for metric in shown_by_yaw()]
            bins = [{"from": 0, "to": 15, "pairs": 9, "subjects": 3} | dict.fromkeys(names, mean)]
            bins.append({"from": 75, "to": 90, "pairs": 7, "subjects": 3} | dict.fromkeys(names, mean))
            write_json(here.with_suffix(".json"), {"yaw_bins": bins})
    write_tables(results)
    write_claims(results)
    for number in range(2, 7):
        path = results / f"figures/figure{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        save_png(Image.new("RGB", (1200, 300), (9 * number, 0, 90)), path, "synthetic, a test")
    values = values_at()
    values["methods"] = {
        "mine": {"title": TITLE, "tests": ["RaFD", "VoxCeleb2"], "command": "x {pairs} {out}"},
    }
    values["benchmarks"] = dict.fromkeys(values["benchmarks"], "synth_rafd")
    settings = step_settings(params.validate(values, "params.yaml"), "report")
    tests = [[test, methods] for test, methods in settings.tests if len(methods) > 1]
    rivals = [["RaFD", "mine"], ["VoxCeleb2", "mine"]]
    assert [list(pair) for pair in settings.rivals] == rivals[::-1]
    for test, method in rivals:
        (results / "figures/leads").mkdir(exist_ok=True)
        save_png(Image.new("RGB", (600, 300)), results / f"figures/leads/{method}_{test}.png", "synthetic, a test")
    return changed(settings, tests=tests), results, data


def step(metric, value, low, high, printed, sign, excludes):
    step = {"_step": value, "_step_low": low, "_step_high": high, "_step_sign": sign, "_step_excludes_zero": excludes}
    return {metric + end: part for end, part in step.items()} | {f"paper_{metric}_step": printed}


def write_claims(results):
    """Claim 1 refuted by one finding, the others without any."""
    rows = [{"claim": number, "kind": "claim", "what": "x", "verdict": "open"} for number in CLAIMS]
    rows[0]["verdict"] = "refuted"
    compared = {"what": "Table 2, + L_id", "test": "RaFD", "measure": "SSIM", "metric": "ssim", "wanted": 1, "seeds": 2}
    found = {"value": -0.1, "low": -0.2, "high": -0.05, "sign": "opposite", "verdict": "refuted"}
    rows.append({"claim": 1, "kind": "finding"} | compared | found)
    write_csv(results / "claims.csv", shaped(pd.DataFrame(rows)))
    save_png(Image.new("RGB", (600, 300)), results / "claims.png", "a drawing, a test")


def write_tables(results):
    ace = {"ace": 4.0, "ace_low": 3.5, "ace_high": 4.5, "paper_ace": 8.07}
    ace |= {"ace_pictures_std": 0.512, "paper_ace_pictures_std": 2.59}
    shared = {"stand_in": "data: SynthFace", "pairs": 48, "subjects": 4, "seeds": 2}
    first = {"row": "bl", "compared_with": "", "losses": "BL: L_adv + L_C", **ace, **shared}
    first |= step("ace", np.nan, np.nan, np.nan, np.nan, "", "")
    second = {**first, "row": "l", "losses": "+ L_l", "compared_with": "bl"}
    second |= step("ace", -1.0, -1.5, -0.5, -1.14, "paper's", "yes")
    write_csv(results / "table1.csv", pd.DataFrame([first, second]))
    scores = {"ssim": 0.7, "ssim_low": 0.65, "ssim_high": 0.75, "paper_ssim": 0.726}
    scores |= {"fid": 30.0, "fid_low": 20.0, "fid_high": 40.0, "paper_fid": 3.99}
    scores |= {"csim": 0.9, "csim_low": 0.88, "csim_high": 0.92, "paper_csim": 0.862}
    steps = step("ssim", 0.1, -0.1, 0.3, 0.019, "paper's", "no") | step(
        "csim", -0.2, -0.3, -0.1, 0.018, "opposite", "yes"
    )
    steps |= step("fid", 5.0, np.nan, np.nan, -1.6, "opposite", "")
    for other in (one.key for one in shown_in("table2") if one.key not in scores):
        steps |= step(other, np.nan, np.nan, np.nan, np.nan, "", "") | {other: np.nan}
    last = {"row": "dg", "compared_with": "lm", "losses": "DG", **scores, **steps, **shared}
    write_csv(results / "table2.csv", pd.DataFrame([last]))
    extra = {metric.key: np.nan for metric in COMPARED if metric.key not in scores}
    extra |= {"kid": 0.1, "landmark_error": 5.0, "pose_error": 2.0, "ssim_against": "ground truth"}
    row = {"test": "RaFD", "method": "dg", "title": "DG", "source": "measured", **scores, **extra, **shared}
    mine = row | {"method": "mine", "title": TITLE} | {f"paper_{name}": np.nan for name in ("ssim", "fid", "csim")}
    floor = mine | {"test": "VoxCeleb2", "method": "source_unchanged", "title": "floor", "fid": 0.0, "seeds": 1}
    floor |= {"ssim": 0.3, "ssim_against": "reference"}
    quoted = {"test": "RaFD", "method": "FOM", "title": "FOM", "source": "quoted"}
    quoted |= {"paper_ssim": 0.723, "paper_fid": 9.37, "paper_csim": 0.801}
    for number in (3, 4):
        write_csv(results / f"table{number}.csv", pd.DataFrame([row, mine, floor, quoted]))


@pytest.fixture(scope="module")
def page(run, tmp_path_factory):
    settings, results, data = run
    out = tmp_path_factory.mktemp("page") / "report.html"
    make_report(settings, results, data, out)
    return out


class Text(HTMLParser):
    """Rows of all tables as text, ids, links and everything that would load something."""

    def __init__(self):
        super().__init__()
        self.rows, self.ids, self.links, self.sources, self._in = [], [], [], [], None

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.ids += [attrs["id"]] if "id" in attrs else []
        self.links += [attrs["href"]] if tag == "a" else []
        self.sources += [attrs[name] for name in ("src", "href") if name in attrs and tag != "a"]
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th") and self.rows:
            self.rows[-1].append("")
            self._in = tag

    def handle_endtag(self, tag):
        self._in = None if tag == self._in else self._in

    def handle_data(self, data):
        if self._in:
            self.rows[-1][-1] = " ".join((self.rows[-1][-1] + " " + data).split())


@pytest.fixture(scope="module")
def read(page):
    parser = Text()
    parser.feed(page.read_text(encoding="utf-8"))
    return parser


def test_measured_numbers_stand_beside_the_papers_with_the_intervals_verdict(read):
    row = next(row for row in read.rows if row[0] == "RaFD" and row[1].startswith("DG"))
    assert row[2] == "0.700 [0.650, 0.750] paper 0.726, -0.026 ● open"
    assert row[3] == "30.0 [20.0, 40.0] paper 3.99, +26.0 ▼ worse"
    assert row[4] == "0.100"
    assert row[5] == "0.900 [0.880, 0.920] paper 0.862, +0.038 ▲ better"
    quoted = next(row for row in read.rows if row[:2] == ["RaFD", "FOM (quoted)"])
    assert quoted[2:6] == ["paper 0.723", "paper 9.37", "", "paper 0.801"]
    ace = next(row for row in read.rows if row[0] == "BL: L_adv + L_C")
    assert ace[1] == "4.00 ± 0.51 [3.50, 4.50] paper 8.07 ± 2.59, -4.07 ▲ better"


def test_tables_3_and_4_say_how_much_each_row_rests_on(read):
    rows = [row[1] for row in read.rows if row[0] in ("RaFD", "VoxCeleb2")]
    assert "DG 48 pairs, 4 people, 2 seeds" in rows
    assert "floor 48 pairs, 4 people" in rows
    assert "FOM (quoted)" in rows
    marked = [row[2] for row in read.rows if "(r)" in " ".join(row)]
    assert len(marked) == 2 and all(text.startswith("0.300 (r) [") for text in marked)


def test_the_steps_of_the_ablations_stand_below_them(read):
    assert ["l - bl", "ACE ↓ (pixels at 256)", "-1.00 [-1.50, -0.50]", "-1.14", "paper's", "yes"] in read.rows
    assert ["dg - lm", "SSIM ↑", "+0.100 [-0.100, +0.300]", "+0.019", "paper's", "no"] in read.rows
    assert ["dg - lm", "FID ↓", "+5.0 [–, –]", "-1.6", "opposite", "–"] in read.rows
    # The first row of the paper's has none before it.
    assert not [row for row in read.rows if row[0].startswith("bl -")]


def test_the_claims_stand_at_the_top_with_their_findings(read):
    claim = "1. Each loss of the IDSG and of the RFG helps"
    assert read.rows[1] == [claim, "Tables 1 and 2", "refuted", "1 refuted; paper's sign in 0 of 1"]
    finding = ["Table 2, + L_id", "RaFD", "SSIM", "-0.100 [-0.200, -0.050]", "above 0", "refuted", "–", "2"]
    assert finding in read.rows
    assert read.rows.index(finding) < read.rows.index(["landmarks", "fan-synthface"])


def test_what_the_numbers_rest_on_is_said_below_them(page):
    text = page.read_text(encoding="utf-8").replace("&#39;", "'")
    assert text.count("<li>48 pairs of 4 people, 2 training seeds.</li>") == 2
    assert text.count("FID falls with the number of pairs, so compare rows of one test alone") == 3
    assert text.count("KID has no such bias") == 2
    assert "± is the standard deviation over pictures." in text
    assert "means over 2 training seeds" in text
    assert "(r): SSIM, and LPIPS with it, compare with the reference's picture" in text
    assert "'source unchanged' has FID 0 there by construction" in text


@pytest.mark.parametrize(
    ("name", "value", "low", "high", "paper", "verdict"),
    [
        ("csim", 0.9, 0.8, 0.95, 0.79, "better"),
        ("csim", 0.7, 0.6, 0.8, 0.81, "worse"),
        ("csim", 0.7, 0.6, 0.8, 0.8, "open"),
        ("fid", 5, 4, 6, 9, "better"),
        ("fid", 5, 4, 6, 3, "worse"),
        ("fid", 5, None, None, 3, ""),
    ],
)
def test_the_verdict_follows_the_interval_and_the_metrics_direction(name, value, low, high, paper, verdict):
    row = {name: value, f"{name}_low": low, f"{name}_high": high, f"paper_{name}": paper}
    assert cell(row, metric(name), quoted=False).verdict == verdict


def test_the_page_says_what_stands_in_and_loads_nothing(read, page):
    text = page.read_text(encoding="utf-8")
    assert "numbers can't be compared with the paper's absolute numbers" in text.replace("&#39;", "'")
    assert "SynthFace (synth_rafd), people who don" in text
    assert read.sources and all(source.startswith("data:") for source in read.sources)
    assert all(link.removeprefix("#") in read.ids for link in read.links)
    assert "<script>alert" not in text and "Mine &lt;script&gt;" in text
    assert str(ROOT) not in text


def test_every_table_and_figure_says_how_to_ask_where_it_comes_from(read, run):
    _, results, _ = run
    asked = [words for name, words in (row for row in read.rows if len(row) == 2) if name == "ask"]
    files = ["claims.csv", *(f"table{number}.csv" for number in range(1, 5))]
    files += [f"figures/figure{number}.png" for number in range(2, 7)]
    assert asked == [f"python -m dg why {results / name}" for name in files]


def test_pictures_keep_their_note():
    for source in (SourceType.TRAINED, None):
        uri = data_uri(np.zeros((8, 8, 3), np.uint8), REENACTED, source)
        with Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1]))) as image:
            assert image.getexif()[ExifTags.Base.ImageDescription] == REENACTED
            assert (b"/trainedAlgorithmicMedia<" in image.info.get("xmp", b"")) == (source is not None)


def test_the_gallery_takes_the_ends_and_a_spread_between():
    scores = pd.DataFrame({"ssim": np.random.default_rng(0).permutation(200) / 200, "csim": 0.0})
    picked = chosen(scores)
    ranks = (scores["ssim"].iloc[picked] * 200).round().astype(int).tolist()
    assert len(ranks) == PAIRS and ranks == sorted(ranks)
    assert ranks[:ENDS] == list(range(ENDS)) and ranks[-ENDS:] == list(range(200 - ENDS, 200))
    assert np.ptp(np.diff(ranks[ENDS:-ENDS])) <= 1
    few = chosen(scores.head(7).assign(ssim=np.nan, csim=range(7)))
    assert few == list(range(7))


def test_pairs_without_the_score_are_neither_worst_nor_best():
    scores = pd.DataFrame({"ssim": np.arange(200.0), "csim": 0.0})
    scores.loc[:99, "ssim"] = np.nan
    picked = chosen(scores)
    assert picked[:ENDS] == list(range(100, 100 + ENDS)) and picked[-ENDS:] == list(range(200 - ENDS, 200))
    assert len(picked) == PAIRS and any(row < 100 for row in picked[ENDS:-ENDS])
    few = chosen(scores.iloc[96:104].reset_index(drop=True))
    assert sorted(few) == list(range(8)) and few[0] == 4


def test_a_missing_table_is_named(run, tmp_path):
    settings, results, data = run
    shutil.copytree(results, tmp_path / "results")
    (tmp_path / "results/table3.csv").unlink()
    with pytest.raises(DgError, match=r"table3\.csv: not found\. Run .*snakemake"):
        make_report(settings, tmp_path / "results", data, tmp_path / "report.html")
    assert not (tmp_path / "report.html").exists()


@pytest.fixture
def opened(browser, page):
    """The page in the browser; what it complained of and what it asked the network for."""
    tab = browser.new_page(viewport={"width": 1280, "height": 900}, color_scheme="light")
    tab.complaints, tab.requests = [], []
    tab.on("console", lambda message: tab.complaints.append(message.text) if message.type == "error" else None)
    tab.on("pageerror", lambda error: tab.complaints.append(str(error)))
    tab.on("request", lambda request: tab.requests.append(request.url))
    tab.goto(page.as_uri())
    yield tab
    assert tab.complaints == []
    assert [url for url in tab.requests if not url.startswith(("data:", page.as_uri()))] == []
    tab.close()


def words(tab, selector):
    return " ".join(tab.locator(selector).inner_text().split())


def test_the_gallery_shows_what_is_chosen(opened, run):
    _, results, _ = run
    scores = pd.read_parquet(results / "evaluate/dg/RaFD/dg.parquet")
    opened.select_option("#test", label="RaFD")
    opened.select_option("#metric", "ssim")
    assert opened.locator("#pair figure").count() == 5
    assert words(opened, "#scores").startswith(f"Pair 1 of {PAIRS}") and "SSIM" in words(opened, "#scores")
    assert re.search(r"landmark error \d+\.\d\d pixels at 256, pose error \d+\.\d\d degrees", words(opened, "#scores"))
    assert opened.locator("#strip button").first.inner_text() == f"{scores['ssim'].min():.3f}"
    opened.select_option("#order", "best")
    assert opened.locator("#strip button").first.inner_text() == f"{scores['ssim'].max():.3f}"
    opened.select_option("#metric", "pose_error")
    values = [float(text) for text in opened.locator("#strip button").all_inner_texts()]
    assert values == sorted(values)  # a small error is best
    opened.select_option("#method", "mine")
    mine = pd.read_parquet(results / "evaluate/dg/RaFD/mine.parquet")
    shown = {float(text) for text in opened.locator("#strip button").all_inner_texts()}
    assert shown <= {float(f"{value:.2f}") for value in mine["pose_error"].round(3)}
    assert TITLE in words(opened, "#pair")
    asked, number = words(opened, "#why").rsplit(" ", 1)
    assert asked == "python -m dg why results/evaluate/dg/RaFD/mine.arrow"
    here = opened.locator("#strip [aria-current=true]").inner_text()
    assert here == f"{round(mine['pose_error'][int(number)], 3):.2f}"
    opened.select_option("#test", label="VoxCeleb2")
    assert words(opened, "#pair").count("none exists") == 2
    assert "SSIM" not in words(opened, "#metric")


def test_pairs_without_the_score_come_last_in_either_order(opened):
    opened.select_option("#test", label="RaFD")
    opened.select_option("#metric", "ssim")
    for order in ("worst", "best"):
        opened.select_option("#order", order)
        texts = opened.locator("#strip button").all_inner_texts()
        unknown = texts.count("–")
        assert 0 < unknown < 10 and texts[-unknown:] == ["–"] * unknown
        values = [float(text) for text in texts[:-unknown]]
        assert values == sorted(values, reverse=order == "best")


def test_another_method_shows_the_same_pair(opened):
    opened.select_option("#test", label="RaFD")
    opened.locator("#strip button").nth(7).click()

    def pair():
        canvases = "[...document.querySelectorAll('#pair canvas')].slice(0, 2).map(c => c.toDataURL())"
        opened.wait_for_timeout(300)
        return opened.evaluate(canvases), words(opened, "#scores").split(":")[0].split(", ")[1]

    before = pair()
    opened.select_option("#method", "mine")
    assert TITLE in words(opened, "#pair")
    assert pair() == before
    opened.select_option("#order", "best")
    assert words(opened, "#scores").startswith("Pair 1 of")


def test_the_gallery_says_how_its_pairs_were_chosen(opened, run):
    said = f"{PAIRS} of 48 pairs: DG's {ENDS} worst and {ENDS} best by SSIM"
    opened.select_option("#test", label="RaFD")
    assert words(opened, "#count").startswith(said) and "sort these pairs alone" in words(opened, "#count")
    opened.select_option("#test", label="VoxCeleb2")
    assert words(opened, "#count").startswith(said.replace("SSIM", "CSIM"))
    assert "computed from this page's compressed pictures" in words(opened, "#gallery")


def test_the_gallery_obeys_mouse_and_keyboard(opened):
    first = words(opened, "#scores")
    opened.click("#next")
    second = words(opened, "#scores")
    assert first.startswith("Pair 1 of") and second.startswith("Pair 2 of")
    opened.focus("#pair")
    opened.keyboard.press("ArrowLeft")
    assert words(opened, "#scores") == first
    opened.keyboard.press("ArrowLeft")
    assert words(opened, "#scores").startswith(f"Pair {PAIRS} of")
    opened.locator("#strip button").nth(4).click()
    assert words(opened, "#scores").startswith("Pair 5 of")
    assert opened.locator("#strip [aria-current=true]").count() == 1


def test_landmarks_can_be_switched_off_and_the_error_map_is_the_difference(opened, run):
    opened.select_option("#test", label="RaFD")
    opened.select_option("#metric", "ssim")
    opened.wait_for_timeout(300)
    number = "document.querySelectorAll('#pair canvas')[3]"
    with_lines = opened.evaluate(f"{number}.toDataURL()")
    opened.uncheck("#lines")
    opened.wait_for_timeout(300)
    assert opened.evaluate(f"{number}.toDataURL()") != with_lines
    data = json.loads(opened.evaluate("document.getElementById('data').textContent"))
    pairs = next(test for test in data["tests"] if test["title"] == "RaFD")["pairs"]
    metric = np.array([pair["methods"]["dg"]["scores"]["ssim"] for pair in pairs], float)
    pair = pairs[int(np.nanargmin(metric))]
    result, truth = (decoded(data["images"][k]) for k in (pair["methods"]["dg"]["image"], pair["target"]))
    share = np.minimum(1, 2 * np.abs(result - truth).mean(axis=2) / 255)
    wanted = np.stack([255 * np.clip(3 * share - k, 0, 1) for k in range(3)], axis=2)
    opened.wait_for_timeout(300)
    uri = opened.evaluate("document.querySelectorAll('#pair canvas')[4].toDataURL()")
    # The browser's WebP decoder may differ from Pillow's by a step or two.
    assert np.abs(decoded(uri) - wanted).mean() < 4


def decoded(uri):
    with Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1]))) as image:
        return np.asarray(image.convert("RGB")).astype(float)


@pytest.mark.parametrize("width", [360, 768, 1280, 3840])
def test_nothing_scrolls_sideways_but_tables(opened, width):
    opened.set_viewport_size({"width": width, "height": 800})
    opened.wait_for_timeout(200)
    assert opened.evaluate("document.documentElement.scrollWidth") <= width


def test_tables_and_pictures_grow_on_large_screens(opened):
    sizes = """['.numbers td', '#pair canvas', '#strip img'].map(name => {
      const found = document.querySelector(name);
      return name.endsWith('td') ? parseFloat(getComputedStyle(found).fontSize) : found.clientWidth;
    })"""
    usual = opened.evaluate(sizes)
    opened.set_viewport_size({"width": 3840, "height": 2160})
    opened.wait_for_timeout(200)
    assert all(large > 1.3 * small for small, large in zip(usual, opened.evaluate(sizes)))


def test_dark_colours_follow_the_system_and_the_button(opened):
    ground = "getComputedStyle(document.body).backgroundColor"
    light = opened.evaluate(ground)
    opened.emulate_media(color_scheme="dark")
    dark = opened.evaluate(ground)
    assert light != dark
    label = words(opened, "#theme")
    assert opened.get_attribute("#theme", "aria-pressed") == "true"
    opened.click("#theme")
    assert opened.evaluate(ground) == light
    # A name that changed with the state would say the opposite of it.
    assert (words(opened, "#theme"), opened.get_attribute("#theme", "aria-pressed")) == (label, "false")
    opened.emulate_media(color_scheme="light")
    opened.click("#theme")
    assert opened.evaluate(ground) == dark
    assert opened.get_attribute("#theme", "aria-pressed") == "true"


def test_every_control_has_a_name_and_a_visible_focus(opened):
    opened.keyboard.press("Tab")
    assert words(opened, ":focus") == "Skip to the tables"
    opened.keyboard.press("Enter")
    for _ in range(4):
        opened.keyboard.press("Tab")
        assert opened.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    unnamed = """[...document.querySelectorAll('button, select, input, [role=region], [role=group], img, canvas, svg')]
      .filter(e => !(e.ariaLabel || e.textContent.trim() || e.labels?.length || e.alt || e.closest('button')))
      .map(e => e.outerHTML.slice(0, 80))"""
    assert opened.evaluate(unnamed) == []


def test_links_lead_to_their_parts(opened):
    opened.emulate_media(reduced_motion="reduce")
    for name in ("run", "tables", "figures", "yaw", "gallery"):
        opened.click(f"nav a[href='#{name}']")
        top = opened.evaluate(f"document.getElementById('{name}').getBoundingClientRect().top")
        below = opened.evaluate("document.documentElement.scrollHeight - innerHeight - scrollY")
        # The last part may be too short to reach the top.
        assert abs(top) < 5 or (below < 5 and 0 <= top < 900)


def test_time_and_cost_count_the_jobs_whose_files_are_there(run, tmp_path, monkeypatch):
    settings, results, data = run

    monkeypatch.chdir(tmp_path)
    took("results/rfg_self/dg/joint.safetensors", "rfg_self", 100, 3700, threads=2, max_rss=3072.0)
    took("results/evaluate/dg/RaFD/dg.json", "evaluate", 100, 1000, max_rss=512.0)
    took("results/evaluate/dg/MPIE/dg.json", "evaluate", 100, 1000, max_rss=1024.0)
    took("data/sets/synth_rafd/pairs/RaFD.parquet", "pairs", 100, 1900)
    took("results/ablations/ace/table1-gone-0/RaFD.json", "ace", 100, 9100, there=False)
    found = facts(settings, results, data)
    assert found["times"] == [
        ["rfg_self", 1, "60.0", "2.00", "67 %", "3.0"], ["evaluate", 2, "30.0", "0.50", "17 %", "1.0"],
        ["pairs", 1, "30.0", "0.50", "17 %", ""],
    ]  # fmt: skip
    assert (found["minutes"], found["core_hours"]) == (120, "3.0")


def test_a_methods_cost_is_its_networks_and_its_jobs_time_over_the_pictures(run, tmp_path, monkeypatch):
    settings, results, _ = run
    monkeypatch.chdir(tmp_path)
    Path("results").symlink_to(results)
    save_file({"ema_a.x": np.zeros((1000, 300), np.float32), "judge.x": np.zeros(9, np.float32)}, "net.safetensors")
    Path("model").mkdir()
    save_file({"ema_b.x": np.zeros((500, 1000), np.float32)}, "model/fom.safetensors")
    pictures = len(Results(results / "evaluate/dg/RaFD/dg.arrow"))
    files = {"net.safetensors": 1.0, "model": 1.0, "data/sets/synth_rafd/manifest.parquet": 1.0}
    took("results/evaluate/dg/RaFD/dg.arrow", "generate", 100, 100 + 3 * pictures, threads=2, input_size_mb=files)
    took("results/evaluate/dg/RaFD/mine.arrow", "generate", 100, 100 + pictures / 2)
    rows = [row for row in costs(settings, Path("results")) if row[1] in ("DG", TITLE)]
    assert [row[1:] for row in rows] == [["DG", "0.8", "3", "2"], [TITLE, "", "0.5", "1"]]
