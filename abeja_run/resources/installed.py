"""Resources that other distributions offer, by the entry-point group ``abeja_run.resources``.

None of them is imported before it is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.metadata import EntryPoint, entry_points

from abeja_run.descriptors import Resource
from abeja_run.exceptions import DescriptorError

__all__ = ["GROUP", "installed_resources"]

GROUP = "abeja_run.resources"


def installed_resources() -> Mapping[str, type[Resource]]:
    """The resources that are installed, by the names of their entry points; each is imported when it is looked up.

    A distribution offers one in its ``pyproject.toml``::

        [project.entry-points."abeja_run.resources"]
        triggers = "mypackage.triggers:Triggers"

    Raises:
        DescriptorError: When one is looked up: it cannot be imported or is no resource, or two distributions offer
            one of this name; the text names the distributions.

    Example:
        >>> from abeja_run import APIClient
        >>> class PlatformClient(APIClient, resources=[*installed_resources().values()]):
        ...     pass
    """
    found: dict[str, list[EntryPoint]] = {}
    for point in entry_points(group=GROUP):
        found.setdefault(point.name, []).append(point)
    return _Installed(found)


class _Installed(Mapping[str, type[Resource]]):
    def __init__(self, points: Mapping[str, list[EntryPoint]]) -> None:
        self._points = points

    def __getitem__(self, name: str) -> type[Resource]:
        points = self._points[name]
        if len({point.value for point in points}) > 1:
            offered = " and ".join(sorted(map(_origin, points)))
            raise DescriptorError(f"{offered} both offer a resource named {name!r}")
        point = points[0]
        where = f"{_origin(point)}: the resource {name!r}, {point.value}"
        try:
            loaded = point.load()
        except Exception as error:
            raise DescriptorError(f"{where}, cannot be imported: {type(error).__name__}: {error}") from error
        if not (isinstance(loaded, type) and issubclass(loaded, Resource)):
            raise DescriptorError(f"{where}, is not a subclass of Resource")
        return loaded

    def __iter__(self) -> Iterator[str]:
        return iter(self._points)

    def __len__(self) -> int:
        return len(self._points)

    def __repr__(self) -> str:
        return f"<the installed resources {', '.join(self._points) or '(none)'}>"


def _origin(point: EntryPoint) -> str:
    """The distribution that an entry point is of."""
    return f"{point.dist.name} {point.dist.version}" if point.dist is not None else "an unnamed distribution"
