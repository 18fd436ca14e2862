"""A SLURM cluster of one node as ordinary processes of this machine, with a folder for all that they write.

By hand, with two GPUs that are none: python -m tests.slurm_cluster FOLDER COMMAND ...
"""

from __future__ import annotations

import os
import shutil
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.waiting import free_port, wait_for

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scontrol", "scancel")
ADMIN = f"{os.environ['PATH']}{os.pathsep}/usr/sbin{os.pathsep}/sbin"
NULL, ZERO = os.makedev(1, 3), os.makedev(1, 5)
CONFIGURATION = """\
ClusterName=one
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmdPort={node}
AuthInfo=socket={folder}/munge.socket
SlurmUser=root
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SlurmdParameters=config_overrides
AccountingStorageType=accounting_storage/none
MinJobAge=86400
KillWait=5
ReturnToService=2
GresTypes=gpu
NodeName=one NodeHostname={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory={memory} Gres=gpu:2
PartitionName=main Nodes=ALL Default=YES State=UP MaxTime=INFINITE
"""


def why_not() -> str | None:
    """Why no cluster can be started here; None if it can."""
    missing = [name for name in PROGRAMS if not shutil.which(name, path=ADMIN)]
    if missing:
        return f"SLURM is not installed ({', '.join(missing)}; Debian: apt install slurmctld slurmd slurm-client munge)"
    return None if os.getuid() == 0 else "only root can start a SLURM node"


class Cluster:
    """The running cluster.

    Attributes:
        environment: variables by which SLURM's commands find it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        path = f"{folder}/bin{os.pathsep}{os.environ['PATH']}"
        self.environment = {**os.environ, "PATH": path, "SLURM_CONF": str(folder / "slurm.conf")}
        self._processes: dict[str, subprocess.Popen] = {}

    def tell(self, *command: str) -> str:
        """What a command says that is to succeed."""
        return subprocess.run(command, env=self.environment, stdout=subprocess.PIPE, text=True, check=True).stdout

    def jobs(self) -> list[dict[str, str]]:
        """All jobs so far, ended ones too: what each asked for and what became of it, by scontrol's names."""
        lines = self.tell("scontrol", "--oneliner", "show", "job").splitlines()
        words = [[word.partition("=") for word in line.split()] for line in lines if line.startswith("JobId=")]
        return [{name: value for name, _, value in each} for each in words]

    def start(self, *command: str) -> None:
        """A daemon in the foreground, so that it is this process's child."""
        with open(self.folder / f"{command[0]}.said", "a", encoding="utf-8") as said:
            self._processes[command[0]] = subprocess.Popen(
                command, env={**self.environment, "PATH": ADMIN}, stdout=said, stderr=said, start_new_session=True
            )

    def stop(self, name: str) -> None:
        """End a daemon."""
        process = self._processes.pop(name)
        process.terminate()
        process.wait(30)

    def start_controller(self) -> None:
        """Which knows the jobs that it had when it was stopped."""
        self.start("slurmctld", "-D")
        wait_for(lambda: "idle" in self.states() or "mix" in self.states(), 30, "SLURM's node is ready")

    def states(self) -> str:
        """Of the node; nothing where the controller doesn't answer."""
        asked = subprocess.run(
            ["sinfo", "--noheader", "--format=%T"], env=self.environment, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        return asked.stdout

    def end_jobs(self) -> None:
        """Cancel what still waits or runs."""
        self.tell("scancel", "--user=root")
        wait_for(lambda: not self.tell("squeue", "--noheader"), 30, "SLURM's jobs are cancelled")


@contextmanager
def cluster(folder: Path, cpus: int = 16, memory: int = 64_000) -> Iterator[Cluster]:
    """A cluster whose node claims to have `cpus` cores, `memory` MB and two GPUs, device files that are none.

    `folder`: new, with a short path, as sockets lie there.
    """
    for name in ("bin", "state", "spool", "gpus"):
        (folder / name).mkdir(parents=True)
    for name, device in (("nvidia0", NULL), ("nvidia1", ZERO)):
        os.mknod(folder / "gpus" / name, stat.S_IFCHR | 0o600, device)
    words = {"folder": folder, "cpus": cpus, "memory": memory, "host": socket.gethostname().split(".")[0]}
    words |= {"controller": free_port(), "node": free_port()}
    (folder / "slurm.conf").write_text(CONFIGURATION.format(**words), encoding="utf-8")
    (folder / "gres.conf").write_text(
        f"NodeName=one Name=gpu Flags=nvidia_gpu_env File={folder}/gpus/nvidia[0-1]\n", encoding="utf-8"
    )
    # Snakemake's plugin calls srun without the variables of SLURM, as on a cluster whose slurm.conf lies where all do.
    srun = folder / "bin/srun"
    srun.write_text(f'#!/bin/sh\nSLURM_CONF={folder}/slurm.conf exec {shutil.which("srun", path=ADMIN)} "$@"\n')
    srun.chmod(0o755)
    (folder / "munge.key").write_bytes(os.urandom(128))
    (folder / "munge.key").chmod(0o400)
    files = {"key-file": "key", "socket": "socket", "pid-file": "pid", "log-file": "log", "seed-file": "seed"}
    made = Cluster(folder)
    with ExitStack() as ends:
        for name in ("munged", "slurmd", "slurmctld"):
            ends.callback(lambda name=name: name in made._processes and made.stop(name))
        made.start("munged", "--foreground", "--force", *(f"--{k}={folder}/munge.{v}" for k, v in files.items()))
        wait_for((folder / "munge.socket").exists, 10, "munged's socket is there")
        made.start("slurmd", "-D")
        made.start_controller()
        ends.callback(made.end_jobs)
        yield made


if __name__ == "__main__":
    reason = why_not()
    if reason:
        sys.exit(reason)
    with cluster(Path(sys.argv[1]).resolve()) as here:
        done = subprocess.run(sys.argv[2:], env=here.environment)
    sys.exit(done.returncode)
