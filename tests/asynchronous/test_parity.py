"""The level of jobs, awaited, has what the one has that is not: the same names, with the same arguments."""

import inspect
import re

import pytest

from abeja_run import AsyncClient, Client
from abeja_run.asynchronous.jobs import AsyncDeployment, AsyncRun
from abeja_run.jobs import Deployment, Run

TWINS = {Client: AsyncClient, Deployment: AsyncDeployment, Run: AsyncRun}
#: What asks the service nothing, and is not awaited.
AT_ONCE = {"Client.__init__", "Client.deployment", "Deployment.__init__", "Run.__init__", "Run.copy"}
#: What is to differ, and nothing else: the annotation of the one and that of the other, None where there is none.
DIFFERENCES = {
    ("Client.__init__", "transport"): ("Transport | None", "AsyncTransport | Transport | None"),
    ("Deployment.submit_many", "inputs"): ("Iterable[Any]", "Iterable[Any] | AsyncIterable[Any]"),
    # The event loop carries the requests out.
    ("Deployment.submit_many", "executor"): ("Executor | None", None),
}
#: What has another name where it is awaited.
RENAMED = {"__enter__": "__aenter__", "__exit__": "__aexit__"}
SHOWN = ("__init__", "__repr__", "_repr_html_", *RENAMED)


def names(kind):
    own = {name for base in kind.__mro__[:-1] for name in vars(base)}
    return {name for name in own if not name.startswith("_") or name in (*SHOWN, *RENAMED.values())}


def methods():
    for sync in TWINS:
        for name in sorted(names(sync)):
            if inspect.isfunction(getattr(sync, name)):
                yield pytest.param(sync, name, id=f"{sync.__name__}.{name}")


def awaited(annotation):
    """What an annotation is where it is awaited."""
    for sync, twin in TWINS.items():
        annotation = re.sub(rf"\b{sync.__name__}\b", twin.__name__, annotation)
    annotation = re.sub(r"\bBatchResult\b", "BatchResult[AsyncRun]", annotation)
    annotation = re.sub(r"\bGenerator\[(.+), None, None\]$", r"AsyncGenerator[\1, None]", annotation)
    return re.sub(r"\bIterator\b", "AsyncIterator", annotation)


@pytest.mark.parametrize("sync", list(TWINS), ids=lambda sync: sync.__name__)
def test_it_has_the_same_names_and_the_same_attributes(sync):
    assert {RENAMED.get(name, name) for name in names(sync)} == names(TWINS[sync])
    for name in names(sync):
        if isinstance(getattr(sync, name), property):
            assert getattr(TWINS[sync], name) is getattr(sync, name)


@pytest.mark.parametrize(("sync", "name"), list(methods()))
def test_a_method_takes_the_same_arguments_and_gives_the_same_awaited(sync, name):
    where = f"{sync.__name__}.{name}"
    ours, theirs = getattr(sync, name), getattr(TWINS[sync], RENAMED.get(name, name))
    expected, given = inspect.signature(ours), inspect.signature(theirs)
    parameters = []
    for parameter in expected.parameters.values():
        annotation = awaited(parameter.annotation) if isinstance(parameter.annotation, str) else parameter.annotation
        if (where, parameter.name) in DIFFERENCES:
            before, annotation = DIFFERENCES[where, parameter.name]
            assert parameter.annotation == before
        if annotation is not None:
            parameters.append(parameter.replace(annotation=annotation))
    assert [str(parameter) for parameter in given.parameters.values()] == [str(one) for one in parameters]
    if ours is theirs:
        return
    assert given.return_annotation == awaited(expected.return_annotation)
    iterates = given.return_annotation.startswith(("AsyncIterator", "AsyncGenerator"))
    plain = iterates or where in AT_ONCE or name in ("__repr__", "_repr_html_")
    assert inspect.iscoroutinefunction(theirs) is not plain
    assert not inspect.isasyncgenfunction(theirs), "wrong arguments are refused when it is called"
