"""A platform on this machine: the Run API, served from the descriptors, with code truly executed."""

from abeja_run.exceptions import MissingExtra

try:
    from abeja_run.local.faults import Faults
    from abeja_run.local.local_platform import LocalPlatform
except ModuleNotFoundError as error:
    if error.name is None or error.name.partition(".")[0] not in ("werkzeug", "waitress"):
        raise
    raise MissingExtra(f"the local platform needs {error.name}; pip install 'abeja-run[local]' brings it") from error

__all__ = ["Faults", "LocalPlatform"]
