"""Who may ask the page's server, and how much at once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web

from dg.errors import DgError

HOST = "127.0.0.1"
"""Where the server listens: no other machine reaches it."""
MOST_AT_ONCE = 8
"""Uploads and paintings that are read or wait; one is worked on at a time."""

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def in_plain_words(request: web.Request, handler: _Handler) -> web.StreamResponse:
    """Answer what goes wrong as {"error": words}, and tell the browser to ask nobody but this server for anything."""
    try:
        response = await handler(request)
    except DgError as error:
        response = web.json_response({"error": str(error)}, status=422)
    except web.HTTPException as error:
        response = web.json_response({"error": error.text}, status=error.status)
    response.headers.update(_HEADERS)
    return response


@web.middleware
async def from_this_page_alone(request: web.Request, handler: _Handler) -> web.StreamResponse:
    """Refuse other sites that are open in the same browser.

    A name of theirs that leads to this machine has another Host; a request that they send has another Origin. Ports may
    differ from the server's, as through a tunnel of ssh's.
    """
    if request.host.split(":")[0] not in (HOST, "localhost"):
        raise web.HTTPForbidden(text=f"This page is reached as {HOST} or localhost alone.")
    if request.method not in ("GET", "HEAD") and request.headers.get("Origin") != f"http://{request.host}":
        raise web.HTTPForbidden(text="This server takes orders of its own page alone.")
    return await handler(request)


class Turnstile:
    """Lets few requests in at once, before their bodies are read; the others are told to come again."""

    def __init__(self) -> None:
        self._inside = 0

    async def __call__(self, work: Callable[[], Awaitable[web.Response]]) -> web.Response:
        """What `work` answers.

        Raises:
            HTTPServiceUnavailable: MOST_AT_ONCE are inside.
        """
        if self._inside >= MOST_AT_ONCE:
            raise web.HTTPServiceUnavailable(text="Too many requests at once. Try again in a moment.")
        self._inside += 1
        try:
            return await work()
        finally:
            self._inside -= 1
