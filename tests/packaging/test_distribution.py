"""The distribution as people get it: built, installed into fresh environments, alone and beside abeja-sdk."""

import hashlib
import os
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.packaging

ROOT = Path(__file__).parents[2]
SDK = "abeja-sdk==2.3.6"
#: What the parts of abeja-sdk import that are looked at here; not all that it asks for.
SDK_NEEDS = ("requests", "retrying", "tomlkit", "protobuf<6", "tensorboardX")


def environment():
    """PATH and HOME, and nothing that was installed by hand."""
    return {"PATH": os.environ["PATH"], "HOME": os.path.expanduser("~"), "LANG": "C.UTF-8"}


class Fresh:
    """A virtual environment that holds nothing."""

    def __init__(self, folder):
        venv.create(folder, with_pip=True, symlinks=True)
        self.python = folder / "bin" / "python"
        self.folder = folder

    def run(self, *arguments, cwd):
        return subprocess.run(
            [str(self.python), *map(str, arguments)],
            cwd=cwd,
            env=environment(),
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    def pip(self, *arguments, cwd):
        return self.run("-m", "pip", "--disable-pip-version-check", "-q", *arguments, cwd=cwd)

    def sdk_files(self):
        (packages,) = (self.folder / "lib").glob("python*/site-packages")
        listed = next(packages.glob("abeja_sdk-*.dist-info")) / "RECORD"
        names = [line.split(",")[0] for line in listed.read_text().splitlines()]
        return {
            name: hashlib.sha256((packages / name).read_bytes()).hexdigest() for name in names if name.endswith(".py")
        }


@pytest.fixture(scope="session")
def home():
    """The home that pip knows its registry from."""
    return os.environ["HOME"]


@pytest.fixture(scope="session")
def wheel(tmp_path_factory):
    """The wheel, built from the sources of the source distribution."""
    folder = tmp_path_factory.mktemp("dist")
    source = folder / "source"
    subprocess.run(["git", "clone", "-q", str(ROOT), str(source)], check=True)
    fresh = Fresh(folder / "builder")
    fresh.pip("install", "build", cwd=folder)
    fresh.run("-m", "build", "--outdir", folder / "out", source, cwd=folder)
    (built,) = (folder / "out").glob("*.whl")
    return built


def test_the_wheel_holds_the_packages_the_types_and_the_example_and_no_file_of_abeja_sdk(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {
        "abeja_run/__init__.py",
        "abeja_run/py.typed",
        "abeja_run/client.pyi",
        "abeja_run/asynchronous/client.pyi",
        "abeja_run/local/attempt.py",
        "abeja_run/examples/iris/main.py",
        "abeja_run/examples/iris/measurements.csv",
        "abeja/run/__init__.py",
    } <= names
    assert "abeja/__init__.py" not in names
    assert not [name for name in names if name.startswith(("tests/", "examples/", "benchmarks/"))]


def test_both_distributions_hold_every_file_of_the_package(wheel):
    listed = subprocess.run(
        ["git", "ls-files", "abeja_run", "abeja"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    wanted = set(listed.stdout.split())
    assert {"abeja_run/asynchronous/client.pyi", "abeja_run/client.pyi", "abeja_run/py.typed"} <= wanted
    assert wanted <= set(zipfile.ZipFile(wheel).namelist())
    (source,) = wheel.parent.glob("*.tar.gz")
    with tarfile.open(source) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {*wanted, "LICENSE"} <= names


#: What needs an extra, and which.
NEEDS = {
    "from abeja_run import AsyncAPIClient": "async",
    "from abeja_run import AsyncClient": "async",
    "from abeja_run.transports import RequestsTransport": "requests",
    "from abeja_run.local import LocalPlatform": "local",
    "from abeja_run.openapi import document": "openapi",
}


def test_with_the_core_only_an_error_says_how_to_get_what_is_missing(wheel, tmp_path):
    fresh = Fresh(tmp_path / "env")
    fresh.pip("install", wheel, cwd=tmp_path)
    for code, extra in NEEDS.items():
        told = f"try: {code}\nexcept ImportError as error: print(type(error).__name__, error)"
        said = fresh.run("-c", told, cwd=tmp_path)
        assert said.startswith("MissingExtra ")
        assert f"pip install 'abeja-run[{extra}]'" in said


def test_the_documented_import_works_alone_with_the_core_only(wheel, tmp_path):
    fresh = Fresh(tmp_path / "env")
    fresh.pip("install", wheel, cwd=tmp_path)
    installed = fresh.run("-m", "pip", "list", "--format=freeze", cwd=tmp_path)
    assert "click" not in installed
    code = "from abeja.run import APIClient; import abeja_run; print(APIClient is abeja_run.APIClient)"
    assert fresh.run("-c", code, cwd=tmp_path).strip() == "True"
    done = subprocess.run(
        [fresh.python.with_name("abeja-run"), "demo"], capture_output=True, text=True, env=environment()
    )
    assert done.returncode == 2
    assert "pip install 'abeja-run[cli]'" in done.stderr


def test_the_demonstration_runs_from_the_installed_package(wheel, tmp_path):
    fresh = Fresh(tmp_path / "env")
    fresh.pip("install", f"{wheel}[all]", cwd=tmp_path)
    command = str(fresh.python.with_name("abeja-run"))
    done = subprocess.run(
        [command, "demo"], cwd=tmp_path, env=environment(), capture_output=True, text=True, check=True
    )
    assert "4.9,3.0,1.4,0.2,setosa,setosa" in done.stdout


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="abeja-sdk wants an older Python")
@pytest.mark.parametrize("order", ["ours first", "theirs first"])
def test_the_documented_import_works_beside_abeja_sdk_and_disturbs_none_of_it(wheel, tmp_path, order):
    fresh = Fresh(tmp_path / "env")
    steps = [lambda: fresh.pip("install", wheel, cwd=tmp_path)]
    sdk = [
        lambda: fresh.pip("install", *SDK_NEEDS, cwd=tmp_path),
        lambda: fresh.pip("install", "--no-deps", SDK, cwd=tmp_path),
    ]
    for step in steps + sdk if order == "ours first" else sdk + steps:
        step()
    before = fresh.sdk_files()
    code = (
        "from abeja.run import APIClient; import abeja.runs, abeja.datalake, abeja_run; "
        "print(APIClient is abeja_run.APIClient, abeja.runs.APIClient is not APIClient, abeja.VERSION)"
    )
    assert fresh.run("-W", "ignore", "-c", code, cwd=tmp_path).strip() == "True True 2.3.6"
    fresh.pip("uninstall", "-y", "abeja-run", cwd=tmp_path)
    assert fresh.sdk_files() == before
    assert fresh.run("-W", "ignore", "-c", "import abeja.runs; print(abeja.VERSION)", cwd=tmp_path).strip() == "2.3.6"
