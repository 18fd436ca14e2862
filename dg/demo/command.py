"""`python -m dg demo`: the page on a port of this machine, until Ctrl-C."""

from __future__ import annotations

import argparse
import socket
import sys
import threading
import webbrowser

from dg.errors import DgError
from dg.reenact.command import add_mark_option, add_network_options

PORT = 7860


def add_options(parser: argparse.ArgumentParser) -> None:
    """Those of `demo`."""
    parser.add_argument("--port", type=int, default=PORT, help=f"default: {PORT}; 0: any that is free")
    parser.add_argument("--open", action="store_true", help="open the page in the browser")
    add_mark_option(parser)
    add_network_options(parser)


def demo(a: argparse.Namespace) -> None:
    """Serve the page.

    Raises:
        DgError: the port is taken, or a checkpoint can't be used.
    """
    listening = _listen(a.port)
    # Now: loading the networks takes longer than to say that the port is taken.
    from aiohttp import web

    from dg.demo.people import make_head, people
    from dg.demo.server import application
    from dg.demo.sliders import Driver
    from dg.demo.studio import Studio
    from dg.reenact.networks import BUNDLED_FOR, load_networks
    from dg.reenact.painter import Painter

    notice = BUNDLED_FOR if a.rfg is None or a.idsg is None else None
    painter = Painter(load_networks(a.rfg, a.idsg, a.landmarks), None if a.crop == "whole" else a.detector)
    print("dg demo: rendering the example people, some 15 seconds", flush=True)
    head = make_head()
    app = application(Studio(painter, Driver(head), people(head), not a.no_mark), notice)
    address = f"http://127.0.0.1:{listening.getsockname()[1]}"
    print(f"dg demo: {address} (this machine alone; Ctrl-C ends it)", flush=True)
    if a.open:
        # Browsers of the terminal keep their caller until they are closed, and wait for the page meanwhile.
        threading.Thread(target=_open, args=(address,), daemon=True).start()
    web.run_app(app, sock=listening, print=None, access_log=None, shutdown_timeout=2)


def _open(address: str) -> None:
    try:
        found = webbrowser.open(address)
    except webbrowser.Error:
        found = False
    if not found:
        print(f"dg demo: --open finds no browser here. Open {address} yourself.", file=sys.stderr)


def _listen(port: int) -> socket.socket:
    try:
        return socket.create_server(("127.0.0.1", port))
    except (OSError, OverflowError) as error:
        raise DgError(
            f"--port {port}: can't be listened on ({error}). Give another one, 1024 to 65535, or 0 for any."
        ) from None
