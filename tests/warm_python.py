"""A `python` that has imported torch and the like already, for the jobs of pipelines that tests run.

A job of the tiny pipeline works for a second or less and imports for four. So what Snakemake and DVC find on PATH hands
`python -m …` to a process that has imported and forks: each job is still a process of its own, in its folder, with its
environment, by the code that lies there. `make table4` starts jobs in CI as it does for everybody.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import runpy
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from functools import cache
from importlib import import_module
from pathlib import Path

IMPORTED = """
    av cv2 dvc.repo face_alignment.models jinja2 matplotlib.pyplot pandas PIL.Image psutil pyarrow.parquet
    pydantic safetensors.torch scipy.spatial skimage.metrics torch torch_fidelity torchvision tqdm yaml
""".split()
"""Nothing of `dg`, whose code is that of the folder where the job runs."""
_PYTHON = """#!{python} -IS
import json, os, socket, sys

if sys.argv[1:2] != ["-m"]:
    os.execv({python!r}, [{python!r}, *sys.argv[1:]])
with socket.socket(socket.AF_UNIX) as server:
    server.connect({address!r})
    socket.send_fds(server, [b"."], [0, 1, 2])
    server.sendall(json.dumps([os.getcwd(), dict(os.environ), sys.argv[2:]]).encode())
    server.shutdown(socket.SHUT_WR)
    status = int(server.makefile().read() or 1)
if status < 0:
    os.kill(os.getpid(), -status)
sys.exit(status)
"""


@cache
def warm_python() -> Path:
    """The folder of that `python`, which lasts as long as this process."""
    folder = Path(tempfile.mkdtemp(prefix="warm-python-"))
    (folder / "python").write_text(_PYTHON.format(python=sys.executable, address=str(folder / "socket")))
    (folder / "python").chmod(0o755)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(folder / "socket"))
        server.listen()
        subprocess.Popen(
            [sys.executable, __file__, str(server.fileno()), str(folder)],
            # A pipe that nobody writes to: it ends with this process, however that ends.
            stdin=subprocess.PIPE,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            pass_fds=[server.fileno()],
            start_new_session=True,  # nor does Ctrl-C end it before
        )
    return folder


def _serve(server: socket.socket, folder: str) -> None:
    for name in IMPORTED:
        import_module(name)
    gc.freeze()  # a job's collector would touch all of that, and so copy it
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the watchers
    while sys.stdin not in select.select([server, sys.stdin], [], [])[0]:
        client, _ = server.accept()
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            server.close()
            _watch(client)
        client.close()
    shutil.rmtree(folder)


def _watch(client: socket.socket) -> None:
    """Run the client's job and tell it the exit status; ends this process."""
    job = os.fork()
    if job == 0:
        os._exit(_status(_become(client)))
    _, status = os.waitpid(job, 0)
    client.send(str(os.waitstatus_to_exitcode(status)).encode())
    os._exit(0)


def _become(client: socket.socket) -> str:
    """Have the client's streams, folder, environment and arguments; returns the module to run."""
    _, streams, _, _ = socket.recv_fds(client, 1, 3)
    with client, client.makefile("rb") as file:
        folder, environment, (module, *words) = json.load(file)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.path[0], sys.argv[1:] = folder, words
    return module


def _status(module: str) -> int:
    """Run it; then what an interpreter does at its end, but for freeing everything."""
    status = 1
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
        status = 0
    except SystemExit as end:
        status = end.code or 0
    except BaseException:
        traceback.print_exc()
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    return status


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])), sys.argv[2])
