"""The packages of the distribution; everything else about it stands in pyproject.toml."""

from setuptools import find_namespace_packages, setup

# The example deployment is part of the package where it is installed: the demonstration runs it.
EXAMPLES = {"abeja_run.examples": "examples", "abeja_run.examples.iris": "examples/iris"}

setup(
    # abeja has no __init__.py here: the distribution abeja-sdk owns that file.
    packages=[*find_namespace_packages(include=["abeja_run", "abeja_run.*", "abeja.run"]), *EXAMPLES],
    package_dir=EXAMPLES,
)
