import datetime

from google.protobuf import descriptor_pb2 as _descriptor_pb2
from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Access(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ACCESS_UNSPECIFIED: _ClassVar[Access]
    ACCESS_PUBLIC: _ClassVar[Access]
    ACCESS_USER: _ClassVar[Access]
    ACCESS_ROLES: _ClassVar[Access]
    ACCESS_INTERNAL: _ClassVar[Access]
ACCESS_UNSPECIFIED: Access
ACCESS_PUBLIC: Access
ACCESS_USER: Access
ACCESS_ROLES: Access
ACCESS_INTERNAL: Access
MESH_FIELD_NUMBER: _ClassVar[int]
mesh: _descriptor.FieldDescriptor
EVENT_FIELD_NUMBER: _ClassVar[int]
event: _descriptor.FieldDescriptor
SERVICE_FIELD_NUMBER: _ClassVar[int]
service: _descriptor.FieldDescriptor
METHOD_FIELD_NUMBER: _ClassVar[int]
method: _descriptor.FieldDescriptor

class MeshPolicy(_message.Message):
    __slots__ = ("workloads",)
    WORKLOADS_FIELD_NUMBER: _ClassVar[int]
    workloads: _containers.RepeatedCompositeFieldContainer[Workload]
    def __init__(self, workloads: _Optional[_Iterable[_Union[Workload, _Mapping]]] = ...) -> None: ...

class Workload(_message.Message):
    __slots__ = ("name", "kind")
    class Kind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        KIND_UNSPECIFIED: _ClassVar[Workload.Kind]
        KIND_EDGE: _ClassVar[Workload.Kind]
        KIND_CLIENT: _ClassVar[Workload.Kind]
    KIND_UNSPECIFIED: Workload.Kind
    KIND_EDGE: Workload.Kind
    KIND_CLIENT: Workload.Kind
    NAME_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    name: str
    kind: Workload.Kind
    def __init__(self, name: _Optional[str] = ..., kind: _Optional[_Union[Workload.Kind, str]] = ...) -> None: ...

class EventPolicy(_message.Message):
    __slots__ = ("publisher", "subscribers")
    PUBLISHER_FIELD_NUMBER: _ClassVar[int]
    SUBSCRIBERS_FIELD_NUMBER: _ClassVar[int]
    publisher: str
    subscribers: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, publisher: _Optional[str] = ..., subscribers: _Optional[_Iterable[str]] = ...) -> None: ...

class ServicePolicy(_message.Message):
    __slots__ = ("workload", "defaults")
    WORKLOAD_FIELD_NUMBER: _ClassVar[int]
    DEFAULTS_FIELD_NUMBER: _ClassVar[int]
    workload: str
    defaults: MethodPolicy
    def __init__(self, workload: _Optional[str] = ..., defaults: _Optional[_Union[MethodPolicy, _Mapping]] = ...) -> None: ...

class MethodPolicy(_message.Message):
    __slots__ = ("callers", "access", "roles", "timeout", "rate_limits", "cache", "concurrency", "hedge_after")
    CALLERS_FIELD_NUMBER: _ClassVar[int]
    ACCESS_FIELD_NUMBER: _ClassVar[int]
    ROLES_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    RATE_LIMITS_FIELD_NUMBER: _ClassVar[int]
    CACHE_FIELD_NUMBER: _ClassVar[int]
    CONCURRENCY_FIELD_NUMBER: _ClassVar[int]
    HEDGE_AFTER_FIELD_NUMBER: _ClassVar[int]
    callers: _containers.RepeatedScalarFieldContainer[str]
    access: Access
    roles: _containers.RepeatedScalarFieldContainer[str]
    timeout: _duration_pb2.Duration
    rate_limits: _containers.RepeatedCompositeFieldContainer[RateLimit]
    cache: Cache
    concurrency: int
    hedge_after: _duration_pb2.Duration
    def __init__(self, callers: _Optional[_Iterable[str]] = ..., access: _Optional[_Union[Access, str]] = ..., roles: _Optional[_Iterable[str]] = ..., timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., rate_limits: _Optional[_Iterable[_Union[RateLimit, _Mapping]]] = ..., cache: _Optional[_Union[Cache, _Mapping]] = ..., concurrency: _Optional[int] = ..., hedge_after: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class RateLimit(_message.Message):
    __slots__ = ("scope", "requests", "window")
    class Scope(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        SCOPE_UNSPECIFIED: _ClassVar[RateLimit.Scope]
        SCOPE_ADDRESS: _ClassVar[RateLimit.Scope]
        SCOPE_USER: _ClassVar[RateLimit.Scope]
        SCOPE_CALLER: _ClassVar[RateLimit.Scope]
    SCOPE_UNSPECIFIED: RateLimit.Scope
    SCOPE_ADDRESS: RateLimit.Scope
    SCOPE_USER: RateLimit.Scope
    SCOPE_CALLER: RateLimit.Scope
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    WINDOW_FIELD_NUMBER: _ClassVar[int]
    scope: RateLimit.Scope
    requests: int
    window: _duration_pb2.Duration
    def __init__(self, scope: _Optional[_Union[RateLimit.Scope, str]] = ..., requests: _Optional[int] = ..., window: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class Cache(_message.Message):
    __slots__ = ("max_age", "shared", "invalidated_by")
    MAX_AGE_FIELD_NUMBER: _ClassVar[int]
    SHARED_FIELD_NUMBER: _ClassVar[int]
    INVALIDATED_BY_FIELD_NUMBER: _ClassVar[int]
    max_age: _duration_pb2.Duration
    shared: bool
    invalidated_by: _containers.RepeatedCompositeFieldContainer[Invalidation]
    def __init__(self, max_age: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., shared: _Optional[bool] = ..., invalidated_by: _Optional[_Iterable[_Union[Invalidation, _Mapping]]] = ...) -> None: ...

class Invalidation(_message.Message):
    __slots__ = ("event", "response_field")
    EVENT_FIELD_NUMBER: _ClassVar[int]
    RESPONSE_FIELD_FIELD_NUMBER: _ClassVar[int]
    event: str
    response_field: str
    def __init__(self, event: _Optional[str] = ..., response_field: _Optional[str] = ...) -> None: ...
