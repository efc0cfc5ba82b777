"""A Docker daemon of our own, for tests and for machines that have none running: `python -m lab.docker`.

It keeps to build/docker, so that images are made once, and to a directory in /run; the machine's own Docker, if any, is
left alone. No bridge, no iptables: containers have the host's network, none, or another container's. No registry
either: the base image is made from the machine's own apt sources.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Self

from lab.host import Host
from lab.objects import TOP
from lab.process import CommandFailed, Process, run
from lab.wait import wait_until

HOME = TOP / "build" / "docker"
BASE_IMAGE = "debian:bookworm-slim"
RELEASE = "bookworm"
TOOLS = ("dockerd", "docker", "containerd", "runc", "mmdebstrap")

START_DEADLINE_S = 60.0
BUILD_DEADLINE_S = 1200.0

# As the official slim images are: no documentation, no translations.
_SLIM = (
    "path-exclude=/usr/share/doc/*",
    "path-include=/usr/share/doc/*/copyright",
    "path-exclude=/usr/share/man/*",
    "path-exclude=/usr/share/info/*",
    "path-exclude=/usr/share/locale/*",
    "force-unsafe-io",
)
_MERGED_USR = Path("/usr/share/mmdebstrap/hooks/merged-usr")


def missing() -> list[str]:
    """What this machine lacks."""
    lacks = [] if os.geteuid() == 0 else ["root"]
    return lacks + [tool for tool in TOOLS if shutil.which(tool) is None]


# As on a machine of its own: a bpffs where systemd mounts one, and nothing of DPVS.
_OWN_MOUNTS = """
mount -t bpf bpf /sys/fs/bpf
mkdir -p /run/dpvs
mount -t tmpfs tmpfs /run/dpvs
exec "$@"
"""


class Docker:
    """A daemon that runs from __enter__ to __exit__. Containers end with it; images stay.

    With a host of the lab it believes to be on that machine: the host's namespace is what `--network host` means to its
    containers, and /sys/fs/bpf and /var/run/dpvs are that machine's own. There are no networks to build images from.
    """

    def __init__(self, host: Host | None = None, *, runtimes: Mapping[str, Path] | None = None) -> None:
        self._host = host
        self._runtimes = dict(runtimes or {})
        self._undo = ExitStack()
        self._pid = 0
        self.run_dir = Path()

    def __enter__(self) -> Self:
        with ExitStack() as undo:
            HOME.mkdir(parents=True, exist_ok=True)
            undo.enter_context(_only_one())
            # A short path: that of a socket has room for a hundred bytes.
            self.run_dir = Path(tempfile.mkdtemp(prefix="xdpvs-docker-", dir="/run"))
            undo.callback(shutil.rmtree, self.run_dir, ignore_errors=True)
            process = Process(self._argv(), self.run_dir / "dockerd.log")
            undo.callback(process.stop, 30.0)
            _remember(process.pid)
            self._pid = process.pid

            def answers() -> bool:
                if not process.running():
                    raise CommandFailed(f"dockerd ended with {process.exit_status()}\n{process.output()[-2000:]}")
                return self.run("version", check=False).returncode == 0

            wait_until(answers, START_DEADLINE_S, "dockerd answers")
            self.remove_containers()
            undo.callback(self.remove_containers)
            self._undo = undo.pop_all()
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self._undo.close()

    @property
    def environment(self) -> dict[str, str]:
        """What has `docker` talk to this daemon."""
        return {"DOCKER_HOST": f"unix://{self.run_dir}/docker.sock"}

    def run(self, *arguments: str, check: bool = True, timeout_s: float = 60.0) -> subprocess.CompletedProcess[str]:
        """Run the docker command to its end."""
        return run(["docker", *arguments], environment=self.environment, check=check, timeout_s=timeout_s)

    def on_machine(
        self, *command: str, check: bool = True, timeout_s: float = 60.0
    ) -> subprocess.CompletedProcess[str]:
        """Run a command as a user of the daemon's machine would."""
        namespaces = [f"--{kind}=/proc/{self._pid}/ns/{name}" for kind, name in (("net", "net"), ("mount", "mnt"))]
        argv = ["nsenter", *namespaces, f"--wd={TOP}", "--", *command]
        return run(argv, environment=self.environment, check=check, timeout_s=timeout_s)

    def remove_containers(self) -> None:
        """Remove every container there is, running or not."""
        containers = self.run("ps", "-aq").stdout.split()
        if containers:
            self.run("rm", "-f", *containers)

    def pid(self, container: str) -> int:
        """The host's number of a container's first process."""
        return int(self.run("inspect", "-f", "{{.State.Pid}}", container).stdout)

    def ensure_base(self) -> None:
        """Have the base image, by making it if need be."""
        if self.run("image", "inspect", BASE_IMAGE, check=False).returncode == 0:
            return
        tar = HOME / "base.tar"
        try:
            run(base_argv(tar), timeout_s=BUILD_DEADLINE_S)
            self.run("import", str(tar), BASE_IMAGE, timeout_s=BUILD_DEADLINE_S)
        finally:
            tar.unlink(missing_ok=True)

    def build(self, tag: str, target: str = "runner") -> str:
        """Build one of the Dockerfile's targets and return what the builder said."""
        self.ensure_base()
        client, environment = build_client()
        argv = [client, "build", "--network", "host", "--target", target, "-t", tag, str(TOP)]
        with local_configuration():
            done = run(argv, environment={**self.environment, **environment}, timeout_s=BUILD_DEADLINE_S)
        return done.stdout + done.stderr

    def _argv(self) -> list[str]:
        argv = [
            *("dockerd", "--iptables=false", "--bridge=none"),
            *("--data-root", str(HOME / "data"), "--exec-root", str(self.run_dir / "exec")),
            *("-H", f"unix://{self.run_dir}/docker.sock", "-p", str(self.run_dir / "dockerd.pid")),
        ]
        for name, path in self._runtimes.items():
            argv += ["--add-runtime", f"{name}={path}"]
        if self._host is None:
            return argv
        own = ["unshare", "--mount", "--propagation", "private", "sh", "-e", "-c", _OWN_MOUNTS, "sh"]
        return self._host.argv([*own, *argv])


def base_argv(tar: Path) -> list[str]:
    """The command line that makes the base image's file system, from the apt sources and settings of this machine."""
    argv = ["mmdebstrap", "--quiet", "--variant=apt", "--include=usr-is-merged", f"--hook-dir={_MERGED_USR}"]
    argv += [f"--dpkgopt={option}" for option in _SLIM]
    argv += [f"--aptopt={path}" for path in _apt_settings(Path("/etc/apt/apt.conf.d"))]
    return [*argv, '--aptopt=Acquire::Languages "none"', RELEASE, str(tar), *map(str, _apt_sources(Path("/etc/apt")))]


def _apt_sources(directory: Path) -> Iterator[Path]:
    for path in (directory / "sources.list", *sorted((directory / "sources.list.d").glob("*"))):
        if path.suffix in (".list", ".sources") and path.exists() and re.search(rf"\b{RELEASE}\b", path.read_text()):
            yield path


def _apt_settings(directory: Path) -> list[Path]:
    """Files that say how to reach the sources."""
    wanted = re.compile(r"^\s*Acquire::(https?::|Check-|Retries)", re.MULTILINE)
    return [path for path in sorted(directory.glob("*")) if wanted.search(path.read_text())]


def build_client() -> tuple[str, dict[str, str]]:
    """The docker command that has BuildKit, and the environment to say so; else any, with the classic builder.

    From version 23 on a client needs its plugin `buildx` for it.
    """
    for client in dict.fromkeys(filter(None, (shutil.which("docker"), shutil.which("docker", path="/usr/bin")))):
        version = run([client, "--version"], check=False).stdout
        number = re.search(r"version (\d+)", version)
        embedded = number is not None and int(number[1]) < 23
        if embedded or run([client, "buildx", "version"], check=False).returncode == 0:
            return client, {"DOCKER_BUILDKIT": "1"}
    return "docker", {"DOCKER_BUILDKIT": "0"}


@contextmanager
def local_configuration() -> Iterator[None]:
    """Lend this machine's certificates and pip configuration to a build."""
    directory = TOP / "containers" / "local"
    lent: list[Path] = []
    try:
        for path in Path("/usr/local/share/ca-certificates").glob("*.crt"):
            copy = directory / path.name
            if not copy.exists():
                shutil.copyfile(path, copy)
                lent.append(copy)
        yield
    finally:
        for copy in lent:
            copy.unlink(missing_ok=True)


@contextmanager
def _only_one() -> Iterator[None]:
    """Hold the images' directory, waiting for another run to end; take down the daemon of one that died."""
    with (HOME / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _take_down_forgotten()
        yield


def _remember(pid: int) -> None:
    (HOME / "pid").write_text(f"{pid}\n")


def _take_down_forgotten() -> None:
    try:
        pid = int((HOME / "pid").read_text())
        command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError):
        return
    if os.fsencode(HOME / "data") not in command:
        return
    os.kill(pid, signal.SIGTERM)
    wait_until(lambda: not Path(f"/proc/{pid}").exists(), START_DEADLINE_S, "the dockerd of an earlier run ends")


def main() -> int:
    """Start the daemon, build the images, say how to use them, and wait for Ctrl-C."""
    from lab.__main__ import interrupt_on_sigterm

    parser = argparse.ArgumentParser(prog="lab.docker", description=__doc__)
    parser.add_argument("--tag", default="xdpvs", help="name of the image; the builder's gets -builder appended")
    arguments = parser.parse_args()
    if lacks := missing():
        print(f"lab: missing: {', '.join(lacks)}", file=sys.stderr)
        return 1
    interrupt_on_sigterm()
    try:
        with Docker() as docker:
            started = time.monotonic()
            docker.build(f"{arguments.tag}-builder", "builder")
            docker.build(arguments.tag)
            print(f"lab: images {arguments.tag} and {arguments.tag}-builder after {time.monotonic() - started:.0f} s")
            for name, value in docker.environment.items():
                print(f"  export {name}={value}")
            print("lab: Ctrl-C takes the daemon and its containers down", flush=True)
            signal.pause()
    except KeyboardInterrupt:
        print("\nlab: taking it down")
    except CommandFailed as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
