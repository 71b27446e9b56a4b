"""The words for "what": a resource and its endpoints, frozen data checked when the class is made.

Knows nothing of how a request is sent. Everything a user touches is derived from what stands here.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar

from abeja_run.descriptors.answers import Answer, ArrayOf, Download, Downloaded, InHeaders, JSONAnswer, NoContent, Text
from abeja_run.descriptors.bodies import Body, JSONBody, Multipart, RawBody
from abeja_run.descriptors.declaration import completed
from abeja_run.descriptors.endpoints import DELETE, GET, HEAD, PATCH, POST, PUT, Endpoint, Waiter
from abeja_run.descriptors.pages import Cursor, Links, Offset, Pages
from abeja_run.descriptors.parameters import Parameter, Variable
from abeja_run.sources import Upload

__all__ = [
    "DELETE",
    "GET",
    "HEAD",
    "PATCH",
    "POST",
    "PUT",
    "Answer",
    "ArrayOf",
    "Body",
    "Cursor",
    "Download",
    "Downloaded",
    "Endpoint",
    "InHeaders",
    "JSONAnswer",
    "JSONBody",
    "Links",
    "Multipart",
    "NoContent",
    "Offset",
    "Pages",
    "Parameter",
    "RawBody",
    "Resource",
    "Text",
    "Upload",
    "Variable",
    "Waiter",
]


class Resource:
    """A group of endpoints under one path. Subclass it, and name the subclass to a client.

    Class attributes:
        path: The path template that all endpoints begin with.
        variables: The description of each variable of the templates: a text, or a
            :class:`~abeja_run.descriptors.parameters.Variable` with a pattern.
        endpoints: Every endpoint by name, filled in when the class is made.

    Raises:
        DescriptorError: When the subclass is made, if something in it is declared wrongly.

    Example:
        >>> from marshmallow import Schema, fields
        >>> from abeja_run import BaseClient, Endpoint
        >>> class Deployment(Schema):
        ...     name = fields.String()
        >>> class Deployments(Resource):
        ...     path = "/organizations/{organization_id}/deployments"
        ...     variables = {"organization_id": "The organization.", "deployment_id": "The deployment."}
        ...     get_deployment = Endpoint(GET, "/{deployment_id}", returns=Deployment, summary="Get a deployment.")
        >>> class MyClient(BaseClient, resources=[Deployments]):
        ...     pass
        >>> Deployments.endpoints["get_deployment"].template
        '/organizations/{organization_id}/deployments/{deployment_id}'
    """

    path: ClassVar[str] = ""
    variables: ClassVar[Mapping[str, str | Variable]] = {}
    endpoints: ClassVar[Mapping[str, Endpoint]] = MappingProxyType({})

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        found = dict(cls.endpoints)
        for name, declared in list(vars(cls).items()):
            if isinstance(declared, Endpoint):
                endpoint = completed(f"{cls.__qualname__}.{name}", cls.path, cls.variables, declared)
                setattr(cls, name, endpoint)
                found[name] = endpoint
        cls.endpoints = MappingProxyType(found)
