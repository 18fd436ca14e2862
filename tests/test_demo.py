"""`python -m dg demo`: the page in headless Chromium, and what its server refuses."""

from __future__ import annotations

import asyncio
import gzip
import http.client
import io
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import webbrowser
import zlib
from concurrent.futures import ThreadPoolExecutor
from queue import Queue
from typing import NamedTuple

import aiohttp
import numpy as np
import psutil
import pytest
import torch
from aiohttp import web
from PIL import Image

from dg.cli import main
from dg.demo import studio as studios
from dg.demo.command import _open
from dg.demo.server import _page
from dg.demo.sliders import Driver, Moves
from dg.demo.studio import Studio, Wanted
from dg.demo.uploads import MOST_BYTES
from dg.errors import DgError
from dg.landmarks.fan import Landmarks
from dg.landmarks.pose import fit_pose
from dg.reenact.networks import BUNDLED_FOR, load_networks
from dg.reenact.painter import Painter
from dg.reenact.reenactor import Reenactor
from dg.synthface import Action, Scene, render, sample_person, truth
from tests.scales import ROOT
from tests.test_reenact import TERMS, digital_source


class Server(NamedTuple):
    process: subprocess.Popen
    port: int
    address: str
    temporary: os.PathLike


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The command as a user starts it, on any free port."""
    temporary = tmp_path_factory.mktemp("temporary")
    words = [sys.executable, "-m", "dg", "demo", "--port", "0", "--threads", "1"]
    process = subprocess.Popen(
        words,
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(temporary)},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    said = ""
    while not (found := re.search(r"(http://127\.0\.0\.1:(\d+)) ", said)):
        line = process.stdout.readline()
        assert line, said
        said += line
    yield Server(process, int(found[2]), found[1], temporary)
    process.kill()
    process.wait()
    process.stdout.close()


@pytest.fixture(scope="module")
def faces(head):
    """me, frontal, and you, somebody else, turned: (192, 192, 3) uint8."""
    shots = {"me": (3, 0), "you": (7, 25)}
    return {
        name: render(head, sample_person(0, person), Action(yaw=yaw), Scene(), 192).image
        for name, (person, yaw) in shots.items()
    }


@pytest.fixture(scope="module")
def painter():
    return Painter(load_networks(), "dlib")


@pytest.fixture
def tab(browser, server):
    """The page with its first result; at the end no complaint, and nothing asked of anybody else."""
    tab = browser.new_page(viewport={"width": 1280, "height": 1000})
    tab.complaints, tab.requests = [], []
    # A refused upload is an answer like others; the browser reports each as an error.
    tab.on(
        "console",
        lambda said: tab.complaints.append(said.text) if said.type == "error" and "422" not in said.text else None,
    )
    tab.on("pageerror", lambda error: tab.complaints.append(str(error)))
    tab.on("request", lambda request: tab.requests.append(request.url))
    tab.goto(server.address)
    tab.locator("#download").wait_for()
    yield tab
    assert tab.complaints == []
    assert len(tab.requests) > 3
    assert {url for url in tab.requests if not url.startswith((f"{server.address}/", "data:"))} == set()
    tab.close()


def png(image):
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "png")
    return buffer.getvalue()


def upload(tab, role, name, content):
    tab.locator(f"#{role}-file").set_input_files({"name": name, "mimeType": "image/png", "buffer": content})


def slide(tab, **values):
    """Move sliders and wait until their result is there."""
    with tab.expect_response(lambda answer: asked(answer) == values):
        for name, value in values.items():
            tab.locator(f"#{name}").fill(str(value))
    tab.wait_for_timeout(100)


def asked(answer):
    """What a painting's sliders stood at, those that did not stand at 0."""
    if not answer.url.endswith("/paintings"):
        return None
    return {name: value for name, value in json.loads(answer.request.post_data)["moves"].items() if value}


def downloaded(tab):
    with tab.expect_download() as download:
        tab.locator("#download").click()
    with Image.open(download.value.path()) as picture:
        picture.load()
        return picture


def shape(painter, picture):
    """Of a painted face, by F_l: yaw and pitch in degrees, how far mouth and eyes are open, how wide the mouth is."""
    found = painter.look_at([np.asarray(picture.convert("RGB"))])
    points = found.points[0, :, :2].numpy()

    def apart(a, b):
        return np.linalg.norm(points[a] - points[b], axis=-1).mean()

    return {
        "yaw": found.pose[0, 0].item(),
        "pitch": found.pose[0, 1].item(),
        "mouth": apart(62, 66) / apart(60, 64),
        "smile": apart(48, 54) / apart(36, 45),
        "blink": -apart([37, 38, 43, 44], [41, 40, 47, 46]) / apart([36, 42], [39, 45]),
    }


def test_uploads_give_what_the_command_gives(tab, faces, painter):
    assert BUNDLED_FOR[1:] in tab.locator(".notice").inner_text()
    before = downloaded(tab)
    for role, name in (("source", "me"), ("reference", "you")):
        with tab.expect_response("**/paintings"):
            upload(tab, role, f"{name}.png", png(faces[name]))
    tab.wait_for_timeout(100)
    picture = downloaded(tab)
    made = Reenactor().picture(faces["me"], faces["you"])
    # The server computes in a thread of its own: sums in another order, a grey level.
    assert np.abs(np.asarray(picture).astype(int) - made.image).max() <= 2
    assert np.abs(np.asarray(picture).astype(int) - np.asarray(before)).mean() > 10
    assert digital_source(picture.text["XML:com.adobe.xmp"]) == f"{TERMS}trainedAlgorithmicMedia"
    assert "synthetic, made by DG" in picture.text["provenance"]
    assert abs(float(re.search(r"(-?\d+)° of yaw", tab.inner_text("#status"))[1]) - 25) < 5


def test_sliders_move_the_painted_face(tab, painter):
    still = shape(painter, downloaded(tab))
    moved = {}
    for name, value in (("yaw", 40), ("pitch", -20), ("mouth", 1), ("smile", 1), ("blink", 1)):
        tab.locator("#reset").click()
        slide(tab, **{name: value})
        moved[name] = shape(painter, downloaded(tab))[name] - still[name]
    assert abs(moved["yaw"] - 40) < 6 and abs(moved["pitch"] + 20) < 8
    assert moved["mouth"] > 0.4 and moved["smile"] > 0.05 and moved["blink"] > 0.1
    assert tab.locator("output[for=blink]").inner_text() == "1"


def test_a_picture_without_a_face_is_said_with_its_name(tab, tmp_path):
    before = tab.get_attribute("#result", "src")
    name = "<img src=x onerror=alert(1)>.png"
    upload(tab, "source", name, png(np.full((80, 120, 3), 128, np.uint8)))
    tab.locator("#error").wait_for()
    assert tab.inner_text("#error").startswith(f"{name}: no face found. Looked at the whole picture, 120 x 80 pixels")
    assert tab.get_attribute("#result", "src") == before
    upload(tab, "source", "notes.png", b"no picture")
    tab.get_by_text("notes.png: is none that can be read here.").wait_for()
    with open(tmp_path / "film.png", "wb") as file:
        file.truncate(MOST_BYTES + 1)
    tab.locator("#source-file").set_input_files(file.name)
    tab.get_by_text("film.png has 33 MB. Give a picture of at most 32 MB.").wait_for()


@pytest.mark.parametrize("width", [360, 1280])
def test_nothing_scrolls_sideways_and_every_control_has_a_name(tab, width):
    tab.set_viewport_size({"width": width, "height": 800})
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    unnamed = """[...document.querySelectorAll('button, input, img, a')]
      .filter(e => !(e.textContent.trim() || e.alt || [...(e.labels ?? [])].some(
        label => label.textContent.trim() || label.querySelector('img').alt)))
      .map(e => e.outerHTML.slice(0, 80))"""
    assert tab.evaluate(unnamed) == []


def ask(server, method, path, body=None, **headers):
    """Status and body; the path goes out as it stands."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.request(method, path, body, {"Origin": server.address} | headers)
    answer = connection.getresponse()
    content = answer.read().decode()
    connection.close()
    return answer.status, content


def bomb(side):
    """A PNG of a few bytes whose header says side x side pixels."""
    image = io.BytesIO()
    Image.new("L", (1, 1)).save(image, "png")
    header = b"IHDR" + struct.pack(">II", side, side) + image.getvalue()[24:29]
    return image.getvalue()[:12] + header + struct.pack(">I", zlib.crc32(header)) + image.getvalue()[33:]


@pytest.mark.parametrize(
    ("content", "status", "said"),
    [
        (b"", 422, "is none that can be read here"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(/etc/passwd) run\n", 422, "is none that can be read here"),
        (bomb(9_000), 422, "has 9000 x 9000 pixels. Shrink it to at most 64 million in all."),
        (bomb(60_000), 422, "is none that can be read here"),
        (png(np.zeros((99, 99, 3), np.uint8))[:-60], 422, "can't be read as a picture"),
        (bytes(MOST_BYTES + 1), 413, "Files have at most 32 MB here. Give a smaller one."),
    ],
    ids=["empty", "PostScript", "bomb", "larger bomb", "cut off", "huge"],
)
def test_files_that_are_no_pictures_are_refused(server, content, status, said):
    got, answer = ask(server, "POST", "/pictures", content)
    assert got == status and said in json.loads(answer)["error"]


def test_a_bomb_of_the_transfer_is_refused(server):
    content = gzip.compress(bytes(8 * MOST_BYTES), 1)
    status, answer = ask(server, "POST", "/pictures", content, **{"Content-Encoding": "gzip"})
    assert status == 413 and "at most 32 MB" in answer


@pytest.mark.parametrize(
    "path",
    [
        "/../../../../etc/passwd",
        "/%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
        "//etc/passwd",
        "/page.css/../server.py",
        "/file=/etc/passwd",
        "/gradio_api/file=/etc/passwd",
        "/server.py",
        "/pictures/../../pyproject.toml",
    ],
)
def test_paths_lead_to_no_file(server, path):
    assert ask(server, "GET", path) == (404, '{"error": "There is nothing here. The page is at /."}')
    wanted = {"source": path, "reference": path, "moves": {}}
    status, answer = ask(server, "POST", "/paintings", json.dumps(wanted))
    assert (status, json.loads(answer)["error"]) == (422, "This picture isn't kept any more. Upload it again.")


@pytest.mark.parametrize(
    ("method", "headers", "said"),
    [
        ("GET", {"Host": "elsewhere.example:7860"}, "reached as 127.0.0.1 or localhost alone"),
        ("GET", {"Host": "127.0.0.1.elsewhere.example"}, "reached as 127.0.0.1 or localhost alone"),
        ("GET", {"Host": "[localhost"}, "reached as 127.0.0.1 or localhost alone"),
        ("POST", {"Origin": "http://elsewhere.example"}, "orders of its own page alone"),
        ("POST", {"Origin": "null"}, "orders of its own page alone"),
        ("POST", {"Origin": "http://127.0.0.1:1"}, "orders of its own page alone"),
    ],
)
def test_other_sites_in_the_browser_are_refused(server, method, headers, said):
    status, answer = ask(server, method, "/" if method == "GET" else "/pictures", **headers)
    assert status == 403 and said in answer


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("{", "is no JSON"),
        ('{"source": "a", "reference": "b", "moves": {"yaw": 500}}', "moves.yaw: Input should be less than or equal"),
        ('{"source": "a", "reference": "b", "moves": {"yaw": NaN}}', "moves.yaw: Input should be a finite number"),
        ('{"source": "a", "reference": "b", "moves": {"yam": 5}}', "moves.yam: unknown key, did you mean 'moves.yaw'"),
    ],
)
def test_wrong_orders_are_named(server, wanted, said):
    status, answer = ask(server, "POST", "/paintings", wanted)
    assert status == 422 and said in json.loads(answer)["error"]


def test_of_several_hundred_requests_at_once_most_are_sent_away(server):
    """Each names pictures that aren't there: what is asked for is how many come through, not what they paint."""

    async def flood():
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(server.address, connector=connector) as session:

            async def one():
                body, headers = bytes(100_000), {"Origin": server.address}
                async with session.post("/pictures", data=body, headers=headers) as answer:
                    return answer.status, (await answer.json())["error"]

            return await asyncio.gather(*(one() for _ in range(300)))

    # In a thread, as playwright's loop runs in this one.
    with ThreadPoolExecutor(1) as thread:
        answers = thread.submit(asyncio.run, flood()).result()
    refused = {said for status, said in answers if status == 503}
    assert {status for status, _ in answers} == {422, 503} and refused == {
        "Too many requests at once. Try again in a moment."
    }
    assert ask(server, "GET", "/")[0] == 200


def test_it_listens_on_this_machine_alone(server):
    sockets = psutil.Process(server.process.pid).net_connections("inet")
    assert {each.laddr for each in sockets if each.status == psutil.CONN_LISTEN} == {("127.0.0.1", server.port)}


def test_a_taken_port_is_named(server, capsys):
    assert main(["demo", "--port", str(server.port)]) == 1
    assert f"--port {server.port}: can't be listened on" in capsys.readouterr().err


def test_ctrl_c_ends_it_and_leaves_nothing(server):
    """The last test that asks the server."""
    server.process.send_signal(signal.SIGINT)
    assert server.process.wait(90) == 0
    assert server.process.stdout.read() == ""
    assert list(server.temporary.iterdir()) == []


def exact(head, person, action):
    points, visible = truth(head, sample_person(0, person), action, Scene())
    points, visible = torch.from_numpy(points)[None], torch.from_numpy(visible)[None]
    return Landmarks(points, torch.ones(1, 68), torch.ones(1), visible, fit_pose(points)[0])


@pytest.mark.parametrize("person", [3, 11])
def test_moved_landmarks_are_the_person_s_own(head, person):
    """Somebody else's exact landmarks, before and after the turn."""
    drive, found = Driver(head), exact(head, person, Action(yaw=10, pitch=-5))
    assert drive(found, Moves()) is found
    for by in (-50, 30):
        moved, wanted = drive(found, Moves(yaw=by)), exact(head, person, Action(yaw=10 + by, pitch=-5))
        error = (moved.points - wanted.points)[0, :, :2].norm(dim=1)
        start = (found.points - wanted.points)[0, :, :2].norm(dim=1)
        assert error.mean() < 0.02 and error.mean() < 0.2 * start.mean()
        assert (moved.visible == wanted.visible).float().mean() > 0.9
    assert abs(drive(exact(head, person, Action(yaw=60)), Moves(yaw=60)).pose[0, 0] - 75) < 6
    lips = [51, 57]
    opened = drive(found, Moves(mouth=1)).points[0, lips, 1] - found.points[0, lips, 1]
    assert opened[1] - opened[0] > 0.05


@pytest.mark.parametrize(("options", "marked", "opened"), [([], True, False), (["--no-mark", "--open"], False, True)])
def test_options_open_the_browser_and_leave_the_mark_out(painter, head, faces, monkeypatch, options, marked, opened):
    """What the command starts, less its networks and examples."""
    monkeypatch.setattr("dg.reenact.networks.load_networks", lambda *_: painter.networks)
    monkeypatch.setattr("dg.demo.people.make_head", lambda: head)
    monkeypatch.setattr("dg.demo.people.people", lambda _: [faces["you"]])
    started = []
    monkeypatch.setattr("dg.demo.server.application", lambda studio, notice: started.append(studio))
    asked = Queue()

    def visit(address):
        """As a browser does: the address answers, if only with a place in the queue."""
        socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2]))).close()
        asked.put(address)
        return True

    monkeypatch.setattr(webbrowser, "open", visit)
    monkeypatch.setattr(web, "run_app", lambda *_, **__: opened and asked.put(asked.get(timeout=60)))
    assert main(["demo", "--port", "0", *options]) == 0
    assert asked.qsize() == opened
    (studio,) = started
    (example,) = studio.examples
    made = studio.paint(Wanted(source=example.name, reference=example.name, moves=Moves()))
    assert (made.image != made.painted).any() == marked
    assert ("carry a visible mark" in _page(studio, None)) == marked


def test_a_machine_without_a_browser_is_told(monkeypatch, capsys):
    monkeypatch.setattr(webbrowser, "open", lambda _: False)
    _open("http://127.0.0.1:1")
    assert "--open finds no browser here. Open http://127.0.0.1:1 yourself." in capsys.readouterr().err


def test_old_uploads_make_room(painter, head, faces, monkeypatch):
    monkeypatch.setattr(studios, "MOST_KEPT", 1)
    studio = Studio(painter, Driver(head), [faces["you"]])
    (example,) = studio.examples
    first, second = (studio.add(png(faces["me"])) for _ in range(2))
    with pytest.raises(DgError, match=r"isn't kept any more\. Upload it again"):
        studio.paint(Wanted(source=first.name, reference=example.name, moves=Moves()))
    assert studio.paint(Wanted(source=second.name, reference=example.name, moves=Moves())).image.std() > 10
