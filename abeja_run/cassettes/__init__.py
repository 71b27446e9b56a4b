"""What was said over the wire, kept in a file: interactions, how they are redacted, matched and written.

Knows no endpoint and sends nothing; the transports that record and replay stand in :mod:`abeja_run.transports`.
"""

from abeja_run.cassettes.file import load, save
from abeja_run.cassettes.interaction import Interaction
from abeja_run.cassettes.matching import (
    DEFAULT_MATCH,
    Matcher,
    Part,
    body,
    body_without,
    headers,
    host,
    method,
    path,
    query,
)
from abeja_run.cassettes.redaction import Redaction

__all__ = [
    "DEFAULT_MATCH",
    "Interaction",
    "Matcher",
    "Part",
    "Redaction",
    "body",
    "body_without",
    "headers",
    "host",
    "load",
    "method",
    "path",
    "query",
    "save",
]
