# Generated from the descriptors by: python -m abeja_run.stubs catalogue_client

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, Literal

from typing_extensions import NotRequired, TypedDict

from abeja_run.client import APIClient
from abeja_run.descriptors.answers import Downloaded
from abeja_run.sources import UploadContent
from catalogue import Colour
from os import PathLike

class LimitsInput(TypedDict):
    """Bounds of a thing."""

    most: int
    """The most."""
    kind: NotRequired[Literal['soft', 'hard']]
    """How they hold."""


class Limits(TypedDict):
    """Bounds of a thing."""

    max: int
    """The most."""
    kind: NotRequired[Literal['soft', 'hard']]
    """How they hold."""


Thing = TypedDict("Thing", {
    'name': str,
    'state': Literal['NEW', 'DONE'],
    'colour': Literal['red', 'blue'],
    'limits': Limits,
    'weights': dict[str, float],
    'a-note': str | None,
})


Facts = TypedDict("Facts", {
    'content-length': int,
    'meta': dict[str, str],
})


class CatalogueClient(APIClient):
    def create_thing(
        self,
        name: str,
        limits: LimitsInput | None = None,
        tags: list[Literal['x', 'y']] | None = None,
        colour: Colour | None = None,
        trace: str | None = None,
        meta: Mapping[str, str] | None = None,
    ) -> Thing:
        """Create.

        API reference: POST /things

        Args:
            name (str): Its name.
            limits (Mapping, optional): Its bounds.
            tags (list, optional): Tags.
            colour (Colour, optional): Its colour.
            trace (str, optional): An ID.
            meta (Mapping, optional): Further words.

        Returns:
            dict: A thing. Unknown fields are kept.
                name: Its name.
                state: How it is.
                colour: Its colour.
                limits: Its bounds.
                weights: Weights by name.
                a-note: A note.

        Raises:
            HttpError: Any other error status.
            ValidationError: Arguments were refused; nothing was sent.
            TransportError: There is no complete answer; its subclasses say whether the request may have
                arrived.
            InvalidResponse: The answer is not what is described above.
        """

    def get_thing(
        self,
        thing_id: str,
    ) -> Thing | None:
        """Get.

        API reference: GET /things/{thing_id}

        Args:
            thing_id (str): The thing. It matches [a-z]+

        Returns:
            dict: A thing. Unknown fields are kept.
                name: Its name.
                state: How it is.
                colour: Its colour.
                limits: Its bounds.
                weights: Weights by name.
                a-note: A note.

        Raises:
            HttpError: Any other error status.
            ValidationError: Arguments were refused; nothing was sent.
            TransportError: There is no complete answer; its subclasses say whether the request may have
                arrived.
            InvalidResponse: The answer is not what is described above.
        """

    def wait_for_thing(
        self,
        thing_id: str,
        *,
        timeout: float | None = None,
        interval: float = 1.0,
        max_interval: float = 15.0,
        on_change: Callable[[dict[str, Any]], object] | None = None,
    ) -> Thing:
        """Wait until state is DONE.

        Asks get_thing again and again, with growing pauses, and bears faults in between.

        API reference: GET /things/{thing_id}

        Args:
            thing_id (str): The thing. It matches [a-z]+
            timeout: Seconds to wait at most; by default for ever.
            interval: Seconds of the first pause; each is half as long again as the one before.
            max_interval: Seconds of the longest pause.
            on_change: Called with the answer whenever the state has changed.

        Returns:
            dict: A thing. Unknown fields are kept.
                name: Its name.
                state: How it is.
                colour: Its colour.
                limits: Its bounds.
                weights: Weights by name.
                a-note: A note.

        Raises:
            WaitFailed: It has come to a bad end.
            WaitTimeout: It has not ended in time.
            HttpError: Any other error status.
            ValidationError: Arguments were refused; nothing was sent.
            TransportError: There is no complete answer; its subclasses say whether the request may have
                arrived.
            InvalidResponse: The answer is not what is described above.
        """

    def get_things(
        self,
        order: Literal['up', 'down'] | None = None,
        since: datetime | None = None,
        exact: bool | None = None,
        offset: int | None = None,
    ) -> list[Thing]:
        """List things.

        API reference: GET /things

        Args:
            order (str, optional): The order.
            since (datetime, optional): Not before.
            exact (bool, optional): Exactly.
            offset (int, optional): After so many.

        Returns:
            list of dict: A thing. Unknown fields are kept.
                name: Its name.
                state: How it is.
                colour: Its colour.
                limits: Its bounds.
                weights: Weights by name.
                a-note: A note.

        Raises:
            HttpError: Any other error status.
            ValidationError: Arguments were refused; nothing was sent.
            TransportError: There is no complete answer; its subclasses say whether the request may have
                arrived.
            InvalidResponse: The answer is not what is described above.
        """

    def iter_things(
        self,
        order: Literal['up', 'down'] | None = None,
        since: datetime | None = None,
        exact: bool | None = None,
        offset: int | None = None,
    ) -> Iterator[Thing]:
        """List things: every item of every page.

        Asks get_things for the next page when it is reached.

        API reference: GET /things

        Args:
            order (str, optional): The order.
            since (datetime, optional): Not before.
            exact (bool, optional): Exactly.
            offset (int, optional): After so many.

        Yields:
            dict: A thing. Unknown fields are kept.
                name: Its name.
                state: How it is.
                colour: Its colour.
                limits: Its bounds.
                weights: Weights by name.
                a-note: A note.

        Raises:
            HttpError: Any other error status.
            ValidationError: Arguments were refused; nothing was sent.
            TransportError: There is no complete answer; its subclasses say whether the request may have
                arrived.
            InvalidResponse: The answer is not what is described above.
        """

    def get_names(
        self,
    ) -> list[str]:
        """Names.

        API reference: GET /things/names

        Args:

        Returns:
            list: What the answer says.

        Raises:
            HttpError: Any other error status.
            ValidationError: Arguments were refused; nothing was sent.
            TransportError: There is no complete answer; its subclasses say whether the request may have
                arrived.
            InvalidResponse: The answer is not what is described above.
        """

    def iter_names(
        self,
    ) -> Iterator[str]:
        """Names: every item of every page.

        Asks get_names for the next page when it is reached.

        API reference: GET /things/names

        Args:

        Yields:
            str: What the answer says.

        Raises:
            HttpError: Any other error status.
            ValidationError: Arguments were refused; nothing was sent.
            TransportError: There is no complete answer; its subclasses say whether the request may have
                arrived.
            InvalidResponse: The answer is not what is described above.
        """

    def count(
        self,
    ) -> int:
        """Count.

        API reference: GET /things/count

        Args:

        Returns:
            int: What the answer says.

        Raises:
            HttpError: Any other error status.
            ValidationError: Arguments were refused; nothing was sent.
            TransportError: There is no complete answer; its subclasses say whether the request may have
                arrived.
            InvalidResponse: The answer is not what is described above.
        """

    def put_limits(
        self,
        limits: list[LimitsInput],
    ) -> None:
        """Put limits.

        API reference: PUT /things/limits

        Args:
            limits (list): All.

        Returns:
            None: The answer is empty.

        Raises:
            HttpError: Any other error status.
            ValidationError: Arguments were refused; nothing was sent.
            TransportError: There is no complete answer; its subclasses say whether the request may have
                arrived.
            InvalidResponse: The answer is not what is described above.
        """

    def upload(
        self,
        thing_id: str,
        content: UploadContent,
    ) -> Thing:
        """Upload.

        API reference: PUT /things/{thing_id}/raw

        Args:
            thing_id (str): The thing. It matches [a-z]+
            content (bytes, Path, binary file or iterable of bytes): The content.

        Returns:
            dict: A thing. Unknown fields are kept.
                name: Its name.
                state: How it is.
                colour: Its colour.
                limits: Its bounds.
                weights: Weights by name.
                a-note: A note.

        Raises:
            HttpError: Any other error status.
            ValidationError: Arguments were refused; nothing was sent.
            TransportError: There is no complete answer; its subclasses say whether the request may have
                arrived.
            InvalidResponse: The answer is not what is described above.
        """

    def add_picture(
        self,
        thing_id: str,
        picture: UploadContent,
        labels: Mapping[str, Any] | None = None,
    ) -> Thing:
        """Add.

        API reference: POST /things/{thing_id}/picture

        Args:
            thing_id (str): The thing. It matches [a-z]+
            picture (bytes, Path, binary file or iterable of bytes): The picture.
            labels (Mapping, optional): Labels.

        Returns:
            dict: A thing. Unknown fields are kept.
                name: Its name.
                state: How it is.
                colour: Its colour.
                limits: Its bounds.
                weights: Weights by name.
                a-note: A note.

        Raises:
            HttpError: Any other error status.
            ValidationError: Arguments were refused; nothing was sent.
            TransportError: There is no complete answer; its subclasses say whether the request may have
                arrived.
            InvalidResponse: The answer is not what is described above.
        """

    def get_text(
        self,
        thing_id: str,
    ) -> str:
        """Get the text.

        API reference: GET /things/{thing_id}/text

        Args:
            thing_id (str): The thing. It matches [a-z]+

        Returns:
            str: The text of the answer.

        Raises:
            HttpError: Any other error status.
            ValidationError: Arguments were refused; nothing was sent.
            TransportError: There is no complete answer; its subclasses say whether the request may have
                arrived.
            InvalidResponse: The answer is not what is described above.
        """

    def look(
        self,
        thing_id: str,
    ) -> Facts:
        """Look at the file.

        API reference: HEAD /things/{thing_id}/file

        Args:
            thing_id (str): The thing. It matches [a-z]+

        Returns:
            dict: What is told of a file. Other headers are left out.
                content-length: Its size.
                meta: Further words.

        Raises:
            HttpError: Any other error status.
            ValidationError: Arguments were refused; nothing was sent.
            TransportError: There is no complete answer; its subclasses say whether the request may have
                arrived.
            InvalidResponse: The answer is not what is described above.
        """

    def download(
        self,
        thing_id: str,
        path: str | PathLike[str],
    ) -> Downloaded:
        """Download.

        API reference: GET /things/{thing_id}/file

        Args:
            thing_id (str): The thing. It matches [a-z]+
            path (str or Path): Where the file is to be; it appears there when it is whole.

        Returns:
            Downloaded: The file: its path, its size in bytes and its content_type.

        Raises:
            HttpError: Any other error status.
            ValidationError: Arguments were refused; nothing was sent.
            TransportError: There is no complete answer; its subclasses say whether the request may have
                arrived.
            InvalidResponse: The answer is not what is described above.
        """

    def delete_thing(
        self,
        thing_id: str,
    ) -> None:
        """Delete.

        API reference: DELETE /things/{thing_id}

        Args:
            thing_id (str): The thing. It matches [a-z]+

        Returns:
            None: The answer is empty.

        Raises:
            HttpError: Any other error status.
            ValidationError: Arguments were refused; nothing was sent.
            TransportError: There is no complete answer; its subclasses say whether the request may have
                arrived.
            InvalidResponse: The answer is not what is described above.
        """

