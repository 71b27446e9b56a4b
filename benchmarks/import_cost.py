"""What declared endpoints cost at import: a module of 500 endpoints beside one without any.

``python benchmarks/import_cost.py``; each import in a fresh interpreter, from compiled files, in turns.
"""

from __future__ import annotations

import argparse
import compileall
import subprocess
import sys
import tempfile
from pathlib import Path

_HEAD = """\
from __future__ import annotations

from marshmallow import Schema, fields
from marshmallow.validate import Length, OneOf

from abeja_run import DELETE, GET, POST, APIClient, Endpoint, Resource
from abeja_run.descriptors import Cursor, NoContent
from abeja_run.fields import about

"""
_SCHEMAS = """

class Thing{number}(Schema):
    thing_id = fields.String(required=True, metadata=about("The ID."))
    state = fields.String(validate=OneOf(["A", "B"]), metadata=about("How it is."))
    created_at = fields.DateTime(metadata=about("When."))


class ThingPage{number}(Schema):
    entries = fields.List(fields.Nested(Thing{number}, unknown="include"), metadata=about("Those of this page."))
    next_page_token = fields.String(metadata=about("The token of the next page."))


class CreateThing{number}(Schema):
    name = fields.String(required=True, validate=Length(min=1), metadata=about("The name."))
    settings = fields.Dict(metadata=about("The settings."))


class ListThings{number}(Schema):
    next_page_token = fields.String(metadata=about("The token of the page."))
    newest_first = fields.Boolean(metadata=about("The newest come first."))
"""
_RESOURCE = """

class Things{number}(Resource):
    path = "/organizations/{{organization_id}}/things{number}"
    variables = {{"organization_id": "The organization.", "thing_id": "The thing."}}
    create_{number} = Endpoint(POST, body=CreateThing{own}, returns=Thing{own}, summary="Create a thing.")
    get_{number} = Endpoint(GET, "/{{thing_id}}", returns=Thing{own}, summary="Get a thing.")
    list_{number} = Endpoint(
        GET,
        query=ListThings{own},
        returns=ThingPage{own},
        pages=Cursor("iter_{number}", items="entries", token="next_page_token"),
        summary="List things.",
    )
    delete_{number} = Endpoint(DELETE, "/{{thing_id}}", returns=NoContent(), summary="Delete a thing.")
    cancel_{number} = Endpoint(POST, "/{{thing_id}}/cancel", returns=Thing{own}, summary="Cancel a thing.")
"""


def source(endpoints: int, *, own: bool) -> str:
    """A module with a client of that many endpoints, five to a resource of four schemas, shared or its own."""
    numbers = range(endpoints // 5)
    listed = ", ".join(f"Things{number}" for number in numbers)
    parts = [] if own else [_SCHEMAS.format(number="")]
    for number in numbers:
        parts += [_SCHEMAS.format(number=number)] if own else []
        parts.append(_RESOURCE.format(number=number, own=number if own else ""))
    return f"{_HEAD}{''.join(parts)}\n\nclass Client(APIClient, resources=[{listed}]):\n    pass\n"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--endpoints", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=15, help="how often each module is imported")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        modules = {
            "no endpoints": source(0, own=False),
            f"no endpoints and {options.endpoints // 5 * 4} schemas": _HEAD
            + "".join(_SCHEMAS.format(number=number) for number in range(options.endpoints // 5)),
            f"{options.endpoints} endpoints": source(options.endpoints, own=False),
            f"{options.endpoints} endpoints and {options.endpoints // 5 * 4} schemas": source(
                options.endpoints, own=True
            ),
        }
        times: dict[str, list[float]] = {}
        for number, (name, text) in enumerate(modules.items()):
            (Path(folder) / f"module{number}.py").write_text(text)
            times[name] = []
        compileall.compile_dir(folder, quiet=1)
        code = "import sys, time; sys.path.insert(0, sys.argv[1]); t = time.perf_counter(); import {}; "
        code += "print((time.perf_counter() - t) * 1e3)"
        for turn in range(options.rounds + 1):
            for number, values in enumerate(times.values()):
                command = [sys.executable, "-c", code.format(f"module{number}"), folder]
                done = subprocess.run(command, capture_output=True, text=True, check=True)
                if turn:
                    values.append(float(done.stdout))
    # The least, not the median: whatever else the machine does only ever adds.
    least = {name: min(values) for name, values in times.items()}
    print("| module | least, ms | more, ms |\n| --- | ---: | ---: |")
    for name, time in least.items():
        print(f"| {name} | {time:.1f} | {time - least['no endpoints']:.1f} |")


if __name__ == "__main__":
    main()
