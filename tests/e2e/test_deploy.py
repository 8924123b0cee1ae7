"""What is in deploy/: where no container engine runs, the Dockerfile's steps are tried as a script."""
import os
import pathlib
import re
import shutil
import subprocess

import pytest

from conftest import BINARY, ROOT, call, eventually, free_port

DOCKERFILE = ROOT / "deploy/Dockerfile"


def steps():
    """[(stage, instruction, argument)], lines joined."""
    text = re.sub(r"\\\n", " ", DOCKERFILE.read_text())
    stage, found = None, []
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        instruction, argument = line.split(None, 1)
        if instruction == "FROM":
            stage = argument.split(" AS ")[-1]
        found.append((stage, instruction, argument))
    return found


def test_the_dockerfile_builds_what_it_copies():
    """Every COPY of the build stage names what the repository has, and the workspace is complete with it."""
    copied = [argument.split() for stage, instruction, argument in steps() if stage == "build" and instruction == "COPY"]
    sources = [source for parts in copied for source in parts[:-1]]
    for source in sources:
        assert (ROOT / source).exists(), source
    workspace = (ROOT / "Cargo.toml").read_text()
    members = re.search(r"members = \[(.*?)\]", workspace).group(1)
    for member in re.findall(r'"(\w[^"/*]*)', members):
        assert member in sources, f"{member} is a member of the workspace and not copied"
    grep = ["git", "grep", "-oE", r'include_(str|bytes)!\("[^"]*"', "--", "crates"]
    for found in subprocess.run(grep, cwd=ROOT, capture_output=True, text=True).stdout.splitlines():
        file, _, included = found.partition(":")
        path = (ROOT / file).parent / included.split('"')[1]
        top = path.resolve().relative_to(ROOT).parts[0]
        assert top in sources, f"{path} is compiled in and not copied"


def test_the_build_stage_has_a_whole_workspace(tmp_path):
    """What the build stage copies, and nothing else, is a workspace that cargo accepts with the locked versions."""
    for stage, instruction, argument in steps():
        if stage != "build" or instruction != "COPY":
            continue
        *sources, target = argument.split()
        for source in sources:
            into = tmp_path / (pathlib.Path(source).name if target == "./" else target)
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, into)
            elif not target.startswith("/image"):
                shutil.copy(ROOT / source, into)
    build = next(argument for stage, _, argument in steps() if stage == "build" and "cargo build" in argument)
    assert "--locked" in build and "--profile dist" in build and "--package watchbell-server" in build
    done = subprocess.run(["cargo", "metadata", "--locked", "--format-version", "1", "--no-deps"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "[profile.dist]" in (tmp_path / "Cargo.toml").read_text()


@pytest.mark.skipif(os.geteuid() != 0, reason="another user and root folder need root")
def test_the_image_runs_as_an_unprivileged_user(tmp_path):
    """The final stage by hand: a root folder with the binary, its libraries and settings, entered as user 65532."""
    run = [argument for stage, instruction, argument in steps() if stage == "build" and instruction == "RUN" and "/image" in argument]
    image = tmp_path / "image"
    script = run[0].replace("/image", str(image)).replace("target/dist/watchbell", str(BINARY))
    subprocess.run(["sh", "-ec", script], check=True, cwd=ROOT)
    shutil.copy(ROOT / "deploy/watchbell.yml", image / "etc/watchbell/watchbell.yml")
    for line in subprocess.run(["ldd", str(BINARY)], capture_output=True, text=True, check=True).stdout.splitlines():
        for library in re.findall(r"(/\S+) \(0x", line):                    # what distroless/cc brings
            target = image / library.lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(library, target)
    user = next(argument for _, instruction, argument in steps() if instruction == "USER")
    uid = int(user.split(":")[0])
    for path in [image, *image.rglob("*")]:
        os.chown(path, uid, uid)
    for parent in image.parents:                                             # pytest's folders are private
        if str(parent).startswith(str(tmp_path.parent.parent)):
            parent.chmod(0o755)
    command = next(argument for _, instruction, argument in steps() if instruction == "CMD")
    port = free_port()
    arguments = [part.strip('" ') for part in command.strip("[]").split(",")] + ["-E", f"http.port={port}"]
    process = subprocess.Popen(["chroot", f"--userspec={uid}:{uid}", str(image), "/usr/bin/watchbell", *arguments],
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        eventually(lambda: process.poll() is not None or call("GET", f"http://127.0.0.1:{port}/")[0] == 200, what="the image's start")
        assert process.poll() is None, process.stdout.read()
        assert call("PUT", f"http://127.0.0.1:{port}/_watcher/watch/w", {"trigger": {"schedule": {"interval": "1h"}}})[0] == 201
        status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
        assert f"Uid:\t{uid}\t{uid}\t{uid}\t{uid}" in status
    finally:
        process.terminate()
        assert process.wait(20) == 0, process.stdout.read()


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_the_unit_is_valid_and_hardened(tmp_path):
    root = tmp_path / "root"
    (root / "usr/bin").mkdir(parents=True)
    (root / "etc/systemd/system").mkdir(parents=True)
    shutil.copy(BINARY, root / "usr/bin/watchbell")
    unit = root / "etc/systemd/system/watchbell.service"
    shutil.copy(ROOT / "deploy/watchbell.service", unit)
    done = subprocess.run(["systemd-analyze", "verify", f"--root={root}", "--recursive-errors=no", "watchbell.service"], capture_output=True, text=True)
    complaints = [line for line in done.stderr.splitlines() if "watchbell.service" in line and "Failed to" not in line]
    assert complaints == [], complaints
    done = subprocess.run(["systemd-analyze", "security", "--offline=yes", "--threshold=25", str(unit)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-1500:] + done.stderr
