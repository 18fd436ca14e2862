"""The command line as a whole: what a start loads, and that every step has its verb."""

import subprocess
import sys

import pytest

from dg.cli import main
from dg.steps.registry import STEPS
from tests.scales import ROOT


def test_a_start_loads_no_library_that_only_steps_need():
    code = (
        "import contextlib, sys\n"
        "from dg.cli import main\n"
        "with contextlib.suppress(SystemExit): main(['--help'])\n"
        "print({'numpy', 'pandas', 'pydantic', 'torch', 'yaml'} & set(sys.modules))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.startswith("usage: python -m dg") and said.endswith("\nset()\n")


def test_a_methods_own_command_is_not_kept_waiting_for_torch():
    """It takes half of the time of a method that only hands pictures on."""
    code = (
        "import sys\n"
        "from argparse import Namespace\n"
        "from dg.cli import tests\n"
        "import dg.protocols.methods, dg.resume\n"
        "tests._run_method = lambda args, networks: print(networks, 'torch' in sys.modules)\n"
        "tests._generate(Namespace(threads=1, settings=Namespace(command='x'), idsg=None, rfg='r', model=None))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said == "{'rfg': 'r'} False\n"


@pytest.mark.parametrize("step", STEPS)
def test_every_step_is_a_verb_that_takes_its_settings(step, capsys):
    with pytest.raises(SystemExit, match="0"):
        main([step, "--help"])
    assert "--settings" in capsys.readouterr().out


def test_who_reads_the_head_alone_gets_no_traceback():
    """`python -m dg describe | head -1`"""
    start = [sys.executable, "-m", "dg", "describe"]
    with subprocess.Popen(start, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        said = process.stderr.read()
    assert (process.returncode, said) == (1, b"")
