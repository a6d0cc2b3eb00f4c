"""Makes .venv from the hashed requirements: `make setup`, `make demo` -> here. Done before: instant.

Runs on any Python 3.7 or newer, to say clearly that it is too old, or to find a newer one beside it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = Path(os.environ.get("VENV") or ROOT / ".venv")
OLDEST, NEWEST = (3, 11), (3, 13)  # what the tests run on
NEEDED_MEGABYTES = 700
RUN, TEST, JAVA = "requirements.txt", "requirements-dev.txt", "requirements-java.txt"
PIP = ["-q", "install", "--disable-pip-version-check", "--no-input", "--no-deps", "--require-hashes"]


class SetupProblem(Exception):
    """The environment cannot be made; the text says why, and what to do."""


def main() -> int:
    """Make what the arguments ask for: nothing or --dev. Returns the exit code."""
    try:
        use_a_good_python()
        set_up([RUN, TEST] if "--dev" in sys.argv[1:] else [RUN])
    except SetupProblem as problem:
        sys.stderr.write("make setup: %s\n" % problem)  # noqa: UP031 - an old Python must get this far
        return 1
    return 0


def use_a_good_python() -> None:
    """Go on in a Python that is new enough. Raises SetupProblem where there is none."""
    if OLDEST <= sys.version_info[:2] <= NEWEST:
        return
    for minor in range(NEWEST[1], OLDEST[1] - 1, -1):
        found = shutil.which(f"python3.{minor}")
        if found and runs(found):
            os.execv(found, [found, __file__, *sys.argv[1:]])
    mine = "{}.{}".format(*sys.version_info[:2])
    if sys.version_info[:2] < OLDEST:
        raise SetupProblem(
            f"python3 is version {mine}, and no python3.11, python3.12 or python3.13 is on the PATH. "
            "Install one of these (Debian, Ubuntu: apt install python3.11 python3.11-venv), then try again."
        )
    say(f"Python {mine} is newer than what the tests run on (3.11 to 3.13): it may work.")


def runs(python: str) -> bool:
    """Whether it is there, and new enough: version managers leave names that only say what to install."""
    test = f"import sys; sys.exit(sys.version_info[:2] < {OLDEST})"
    try:
        done = subprocess.run(
            [python, "-c", test], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False
        )
    except OSError:
        return False
    return done.returncode == 0


def set_up(wanted: list[str]) -> None:
    """Make .venv where it is missing and install what is not in it yet."""
    began = time.monotonic()
    python = VENV / "bin" / "python"
    if not runs(str(python)):
        check_disk()
        say(f"Making {VENV.name} with Python {sys.version.split()[0]}")
        make_venv()
    missing = [name for name in wanted if not has_stamp(name)]
    if RUN in missing and needs_java():
        missing.append(JAVA)
    if not missing:
        return
    check_disk()
    count = sum((ROOT / name).read_text().count("==") for name in missing)
    say(f"Installing {count} packages, checked by sha256 ({', '.join(missing)})")
    install(python, missing)
    for name in missing:
        stamp(name)
    say(f"{VENV.name} is ready after {time.monotonic() - began:.1f} s")


def make_venv() -> None:
    """An empty environment; without a pip of its own where ours can serve it, which saves 3 s."""
    shutil.rmtree(VENV, ignore_errors=True)
    command = [sys.executable, "-m", "venv", str(VENV)]
    if has_new_pip(sys.executable):
        command.append("--without-pip")
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        shutil.rmtree(VENV, ignore_errors=True)
        version = "{}.{}".format(*sys.version_info[:2])
        raise SetupProblem(
            f"Python's venv module does not work here. Debian, Ubuntu: apt install python{version}-venv, "
            f"then try again. It said:\n{done.stdout.strip()}"
        )


def install(python: Path, names: list[str]) -> None:
    """Have pip install requirement files. Raises SetupProblem with the cause in words."""
    command = [sys.executable, "-m", "pip", "--python", str(python)]
    if not has_new_pip(sys.executable):
        command = [str(python), "-m", "pip"]
    # --no-compile: the first start compiles what it imports, which is a third of it all
    command += [*PIP, "--no-compile", *(part for name in names for part in ("-r", str(ROOT / name)))]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        raise SetupProblem(explain(done.stdout))


def explain(output: str) -> str:
    """What pip's output means, in words, with its last lines."""
    last = "\n".join(output.strip().splitlines()[-6:])
    if "No space left on device" in output or "Disk quota exceeded" in output:
        return f"The disk is full: free {NEEDED_MEGABYTES} MB at {ROOT}, then try again. pip said:\n{last}"
    if "DO NOT MATCH THE HASHES" in output:
        return f"A package is not the one that the requirements name (its sha256 differs). pip said:\n{last}"
    if any(
        sign in output for sign in ("NewConnectionError", "NameResolution", "ConnectTimeout", "Retrying (")
    ):
        return (
            "The package index cannot be reached. The first set-up needs a network: connect, or name your "
            f"mirror (pip config set global.index-url ...), then try again. pip said:\n{last}"
        )
    return f"pip could not install the requirements. It said:\n{last}"


def has_new_pip(python: str) -> bool:
    """Whether this Python has a pip that can serve another environment (22.3 or newer)."""
    done = subprocess.run(
        [python, "-m", "pip", "--version"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=False,
    )
    words = done.stdout.split()
    if done.returncode or len(words) < 2:
        return False
    major, minor = (int(part) for part in words[1].split(".")[:2])
    return (major, minor) >= (22, 3)


def needs_java() -> bool:
    """Whether no Java that Kafka can run on is found outside .venv."""
    sys.path.insert(0, str(ROOT))
    # only now, since an old Python could not read it
    from shopsite.runtime.java import OLDEST as OLDEST_JAVA
    from shopsite.runtime.java import java_version, system_javas

    return not any(java_version(path) >= OLDEST_JAVA for path in system_javas())


def check_disk() -> None:
    """Raises SetupProblem where the packages would not fit."""
    free = shutil.disk_usage(ROOT).free // 1_000_000
    if free < NEEDED_MEGABYTES:
        raise SetupProblem(
            f"The disk of {ROOT} has {free} MB left; {NEEDED_MEGABYTES} are needed. Free some room."
        )


def has_stamp(name: str) -> bool:
    """Whether this requirements file, as it is now, is installed in this Python."""
    path = VENV / f".done-{name}"
    return path.exists() and path.read_text() == state(name)


def stamp(name: str) -> None:
    """Note that the file is installed."""
    (VENV / f".done-{name}").write_text(state(name))


def state(name: str) -> str:
    """What an installation depends on: the file, and the Python that .venv has by now."""
    configuration = (VENV / "pyvenv.cfg").read_bytes()
    libraries = ",".join(sorted(path.name for path in (VENV / "lib").glob("python*")))
    return hashlib.sha256((ROOT / name).read_bytes() + configuration + libraries.encode()).hexdigest()


def say(text: str) -> None:
    """One line of progress."""
    sys.stdout.write(f"  {text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
