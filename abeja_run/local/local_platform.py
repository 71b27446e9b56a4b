"""A platform on this machine: one deployment's code, truly executed, behind the Run API."""

from __future__ import annotations

import contextlib
import secrets
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from abeja_run.credentials import Credential
from abeja_run.exceptions import ConfigurationError
from abeja_run.local.application import VERSION_NUMBER, Application, Served
from abeja_run.local.executor import Deployed, Executor
from abeja_run.local.faults import Faults
from abeja_run.local.faulty_server import FaultyServer
from abeja_run.local.faulty_transport import FaultyTransport
from abeja_run.local.serving import Server
from abeja_run.local.store import Store, StoreError
from abeja_run.local.tokens import Tokens
from abeja_run.local.transport import ApplicationTransport
from abeja_run.transports import Transport

__all__ = ["LocalPlatform"]


class LocalPlatform:
    """The Run API on this machine. A context manager; nothing is left running or lying about behind it.

    Args:
        code: The folder of the deployment's code.
        datalake: The folder of the datalake; a file is ``<channel_id>/<file_id>`` in it.
        state: The SQLite file that remembers runs; a temporary one by default, gone at the end. It keeps the
            runs' environment variables and the credential, and only its owner may read it.
        workers: How many attempts may run side by side; with 0 every run stays as it was submitted.
        timeout: Seconds one attempt may take.
        handler: The ``module:function`` that is called.
        organization_id: The ID of the organization; like the next two, that of the state file by default.
        deployment_id: The ID of the deployment.
        version_id: The ID of the version of the code.
        credential: Who may use the platform, as ``APIClient`` takes it; a random token by default.
        page_size: How many runs or events a page holds at most.
        pace: Seconds for which each status on the way to ``RUNNING`` stays visible.
        faults: What goes wrong between clients and the platform, over HTTP and in the process; nothing by default.

    Attributes:
        organization_id: The ID of the organization.
        deployment_id: The ID of the deployment.
        version_id: The ID of the version.
        credential: Who may use it, as ``APIClient`` takes it.
        app: The WSGI application.
        url: Where it is reached over HTTP, or None while it is not served.

    Raises:
        ConfigurationError: A folder does not exist, or the state file cannot be used.

    Example:
        >>> import pathlib, tempfile
        >>> from abeja_run import APIClient
        >>> folder = pathlib.Path(tempfile.mkdtemp())
        >>> _ = (folder / "main.py").write_text("def handler(request, context): return {'content': 'done'}")
        >>> with LocalPlatform(code=folder, datalake=folder) as platform:
        ...     client = APIClient(platform.credential, transport=platform.transport())
        ...     ids = platform.organization_id, platform.deployment_id
        ...     run = client.create_run(*ids, platform.version_id)
        ...     client.wait_for_run(*ids, run["run_id"], interval=0.05)["status"]
        'SUCCEEDED'
    """

    def __init__(
        self,
        code: str | Path,
        datalake: str | Path,
        *,
        state: str | Path | None = None,
        workers: int = 2,
        timeout: float = 3600.0,
        handler: str = "main:handler",
        organization_id: str | None = None,
        deployment_id: str | None = None,
        version_id: str | None = None,
        credential: Mapping[str, str] | None = None,
        page_size: int = 100,
        pace: float = 0.05,
        faults: Faults | None = None,
    ) -> None:
        _check(workers=workers, timeout=timeout, page_size=page_size)
        folders = _folder(code, "code"), _folder(datalake, "datalake")
        with contextlib.ExitStack() as stack, _readable():
            if state is None:
                # Its clean-up at the end of the process is no fault of the caller's who forgot to close.
                state = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="abeja-run-"))) / "state.sqlite"
            store = Store(Path(state))
            stack.callback(store.close)
            self.organization_id = organization_id or store.setting("organization_id", lambda: _digits(13))
            self.deployment_id = deployment_id or store.setting("deployment_id", lambda: _digits(13))
            self.version_id = version_id or store.setting("version_id", lambda: f"ver-{_digits(16)}")
            self.credential: dict[str, str] = dict(
                credential or {"auth_token": store.setting("auth_token", lambda: secrets.token_urlsafe(24))}
            )
            served = Served(
                self.organization_id, self.deployment_id, self.version_id, Credential(self.credential, "the platform")
            )
            environment = {
                "ABEJA_ORGANIZATION_ID": self.organization_id,
                "ABEJA_DEPLOYMENT_ID": self.deployment_id,
                "ABEJA_MODEL_VERSION": VERSION_NUMBER,
                "ABEJA_MODEL_VERSION_ID": self.version_id,
            }
            executor = Executor(store, Deployed(*folders, handler, timeout, environment), workers, pace)
            stack.callback(executor.close)
            tokens = Tokens(store.setting("token_secret", lambda: secrets.token_hex(32)))
            self.app: Any = Application(store, executor.submit, served, tokens, page_size)
            self._closing = stack.pop_all()
        self._faults = faults
        self._servers: list[Server | FaultyServer] = []

    @property
    def url(self) -> str | None:
        """Where the platform is reached over HTTP, or None while it is not served."""
        return self._servers[-1].url if self._servers else None

    def transport(self) -> Transport:
        """A transport that calls the application in this process; each is met by its faults from their first on."""
        direct = ApplicationTransport(self.app)
        return direct if self._faults is None else FaultyTransport(direct, self._faults)

    def serve(self, host: str = "127.0.0.1", port: int = 0) -> Server | FaultyServer:
        """Serve over HTTP, in the background, until the platform is closed.

        Args:
            host: The address to listen on. Others than this machine's own let everyone in the network try.
            port: The port; 0 takes a free one.

        Returns:
            The server; its ``url`` is where the platform is reached.

        Raises:
            ConfigurationError: The address or the port cannot be listened on.
        """
        server: Server | FaultyServer
        if self._faults is None:
            server = Server(self.app, host, port)
        else:
            server = FaultyServer(ApplicationTransport(self.app), self._faults, host, port)
        self._closing.callback(server.close)
        self._servers.append(server)
        return server

    def close(self) -> None:
        """Stop serving, kill what is running, and forget a temporary state. Closing twice is allowed."""
        self._closing.close()

    def __enter__(self) -> LocalPlatform:  # noqa: PYI034 - typing has no Self before Python 3.11
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<LocalPlatform {self.url or 'in this process'}, deployment {self.deployment_id}>"


@contextlib.contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except StoreError as error:
        raise ConfigurationError(f"the state file cannot be used: {error}") from error


def _check(*, workers: object, timeout: object, page_size: object) -> None:
    for name, value, least in (("workers", workers, 0), ("page_size", page_size, 1)):
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise ConfigurationError(f"{name} must be a whole number from {least}, not {value!r}")
    if isinstance(timeout, bool) or not isinstance(timeout, (int, float)) or not 0 < timeout < 1e9:
        raise ConfigurationError(f"timeout must be a number of seconds above 0, not {timeout!r}")


def _folder(path: str | Path, name: str) -> Path:
    folder = Path(path).resolve()
    if not folder.is_dir():
        raise ConfigurationError(f"{name} is {str(path)!r}, which is not a folder")
    return folder


def _digits(count: int) -> str:
    """A random ID as the platform gives them out: digits, the first one not zero."""
    return str(secrets.randbelow(9 * 10 ** (count - 1)) + 10 ** (count - 1))
