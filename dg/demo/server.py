"""The page and its answers. No path names a file: what isn't listed in `application` isn't there."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import numpy as np
from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined

from dg.checked import checked
from dg.demo.guard import Turnstile, from_this_page_alone, in_plain_words
from dg.demo.sliders import Moves
from dg.demo.studio import Kept, Studio, Wanted
from dg.demo.uploads import FORMATS, MOST_BYTES
from dg.errors import DgError
from dg.pictures import encode
from dg.provenance import REENACTED, png_bytes
from dg.synthface.make import TAG
from dg.xmp import SourceType

_SLOWEST = 30  # seconds that a body may take to arrive
_FILES = Path(__file__).parent
_Result = TypeVar("_Result")


def application(studio: Studio, notice: str | None) -> web.Application:
    """The server's answers.

    GET / is the page, GET /page.css and /page.js are its parts. POST /pictures takes a picture's bytes and answers
    {"name", "crop"}; POST /paintings takes `Wanted` as JSON and answers {"result", "map", "pose", "seconds"}. Pictures
    are data: addresses.

    Args:
        notice: what the page says about its networks above all else.
    """
    app = web.Application(middlewares=[in_plain_words, from_this_page_alone], client_max_size=MOST_BYTES)
    answers = _Answers(studio)
    app.router.add_get("/", _text("text/html", _page(studio, notice)))
    for name, kind in (("page.css", "text/css"), ("page.js", "text/javascript")):
        app.router.add_get(f"/{name}", _text(kind, (_FILES / name).read_text(encoding="utf-8")))
    app.router.add_post("/pictures", answers.picture)
    app.router.add_post("/paintings", answers.painting)
    app.router.add_route("*", "/{other:.*}", _nothing)
    app.cleanup_ctx.append(answers.at_work)
    return app


class _Answers:
    """Those that cost something: let in a few at a time, worked on one by one."""

    def __init__(self, studio: Studio) -> None:
        self._studio, self._let_in = studio, Turnstile()
        self._worker = ThreadPoolExecutor(1)

    async def at_work(self, _: web.Application) -> AsyncIterator[None]:
        yield
        self._worker.shutdown(cancel_futures=True)

    async def picture(self, request: web.Request) -> web.Response:
        async def work() -> web.Response:
            content = await _body(request)
            kept = await self._in_turn(lambda: self._studio.add(content))
            return web.json_response(_shown(kept, encode(kept.crop, "png")))

        return await self._let_in(work)

    async def painting(self, request: web.Request) -> web.Response:
        async def work() -> web.Response:
            wanted = checked(Wanted, _json(await _body(request)), "the request", "give it")
            return web.json_response(await self._in_turn(lambda: self._painted(wanted)))

        return await self._let_in(work)

    def _painted(self, wanted: Wanted) -> dict[str, object]:
        began = time.perf_counter()
        made = self._studio.paint(wanted)
        drawn = png_bytes(np.repeat(made.map[..., None], 3, 2), f"a step of: {REENACTED}")
        yaw, pitch = made.reference_found.pose[0, :2].tolist()
        return {
            "result": _address(made.png()),
            "map": _address(drawn),
            "pose": {"yaw": yaw, "pitch": pitch},
            "seconds": time.perf_counter() - began,
        }

    async def _in_turn(self, work: Callable[[], _Result]) -> _Result:
        return await asyncio.get_running_loop().run_in_executor(self._worker, work)


async def _body(request: web.Request) -> bytes:
    too_large = f"Files have at most {MOST_BYTES >> 20} MB here. Give a smaller one."
    if (request.content_length or 0) > MOST_BYTES:
        raise web.HTTPRequestEntityTooLarge(MOST_BYTES, request.content_length, text=too_large)
    try:
        async with asyncio.timeout(_SLOWEST):
            return await request.read()
    except web.HTTPRequestEntityTooLarge as error:
        raise web.HTTPRequestEntityTooLarge(MOST_BYTES, MOST_BYTES, text=too_large) from error
    except TimeoutError:
        raise web.HTTPRequestTimeout(text=f"The request didn't arrive within {_SLOWEST} s.") from None


def _json(body: bytes) -> object:
    try:
        return json.loads(body)
    except ValueError:
        raise DgError("the request: is no JSON.") from None


def _page(studio: Studio, notice: str | None) -> str:
    environment = Environment(loader=PackageLoader("dg.demo", "."), autoescape=True, undefined=StrictUndefined)
    sliders = {name: field | {"name": name} for name, field in Moves.model_json_schema()["properties"].items()}
    return environment.get_template("page.html.j2").render(
        notice=notice,
        mark=studio.mark,
        examples=[_shown(kept, png_bytes(kept.crop, TAG, SourceType.RENDERED)) for kept in studio.examples],
        sliders=list(sliders.values()),
        formats=", ".join(FORMATS),
        most_bytes=MOST_BYTES,
    )


def _shown(kept: Kept, png: bytes) -> dict[str, str]:
    return {"name": kept.name, "crop": _address(png)}


def _address(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def _text(kind: str, text: str) -> Callable[[web.Request], object]:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(text=text, content_type=kind, charset="utf-8")

    return answer


async def _nothing(_: web.Request) -> web.Response:
    raise web.HTTPNotFound(text="There is nothing here. The page is at /.")
