"""Put a workshop on a stick: `python lessons/stick.py FOLDER [PLATFORM/PYTHON ...]`.

The folder gets the suite, wheels of all that the lessons need, the notebooks, the handout, and a
text that says what to do. Wheels are for this machine's platform and Python, and for others that
are named, such as win_amd64/3.12 or macosx_14_0_arm64/3.13.
"""

import shutil
import subprocess
import sys
import tarfile
from io import BytesIO
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent
LOCAL_WHEELS = "--no-index --find-links ../wheels toymodels"
TEXT = """A workshop on toy models of superposition, without a network
===========================================================

Nothing but a browser: open page/playground.html.

The lessons need Python {pythons} on {platforms}, or another for which wheels/ has files. Copy this
folder from the stick to the disk, open a terminal in the copy, and type:

  Linux, macOS                                            Windows
  python3 -m venv env                                     py -m venv env
  env/bin/pip install --no-index --find-links wheels "toymodels[lessons]"
                                                          env\\Scripts\\pip install (the same)
  cd toymodels                                            cd toymodels
  ../env/bin/marimo edit lessons                          ..\\env\\Scripts\\marimo edit lessons

A browser opens with a list of files: begin with 01_superposition.py. Answers are saved in the
files. To begin a lesson again, copy its file from the stick.

  toymodels/lessons/README.md   the teacher's page: a plan, misconceptions, what to have ready
  handout.pdf                   a page to print: five pictures and their formulas
  notebooks/                    the lessons for Jupyter, if it is installed
  toymodels/                    the suite: figures, scripts, documentation
"""


def pip(command: str, *words: str) -> None:
    """Run a command of this environment's pip."""
    subprocess.run([sys.executable, "-m", "pip", command, "--quiet", *words], check=True)


def run(script: str, *words: str) -> None:
    """Run another script of this folder."""
    subprocess.run([sys.executable, str(HERE / script), *words], check=True)


def write_files(out: Path, pythons: str, platforms: str) -> None:
    """Write all but the wheels: the files under version control, page, notebooks, handout, text."""
    out.mkdir(parents=True)
    tracked = ["git", "archive", "--format=tar", "HEAD"]
    done = subprocess.run(tracked, cwd=REPOSITORY, check=True, capture_output=True)
    with tarfile.open(fileobj=BytesIO(done.stdout)) as files:
        files.extractall(out / "toymodels", filter="data")
    (out / "page").mkdir()
    shutil.copy(HERE / "playground.html", out / "page")
    run("notebooks.py", str(out / "notebooks"), LOCAL_WHEELS)
    run("handout.py", str(out / "handout.pdf"))
    text = TEXT.format(pythons=pythons, platforms=platforms)
    (out / "START_HERE.txt").write_text(text, encoding="utf-8")


def write_wheels(out: Path, others: list[str]) -> None:
    """Write wheels of the suite and of what the lessons need, for this platform and others."""
    wheels = out / "wheels"
    pip("wheel", "--wheel-dir", str(wheels), f"{REPOSITORY}[lessons]")
    (own,) = wheels.glob("toymodels-*.whl")
    for other in others:
        platform, _, python = other.partition("/")
        where = ["--platform", platform, "--python-version", python, "--only-binary=:all:"]
        pip("download", "--dest", str(wheels), *where, f"{own}[lessons]")


def main(folder: str, *others: str) -> None:
    """Write the stick into a folder that is not there yet."""
    out = Path(folder)
    if out.exists():
        sys.exit(f"error: {out} is there already: move it, or name another folder")
    version = "{}.{}".format(*sys.version_info)
    pythons = [version, *(other.partition("/")[2] for other in others)]
    platforms = [sys.platform, *(other.partition("/")[0] for other in others)]
    write_files(out, *(" or ".join(dict.fromkeys(names)) for names in (pythons, platforms)))
    write_wheels(out, list(others))
    print(out)


if __name__ == "__main__":
    main(*sys.argv[1:])
