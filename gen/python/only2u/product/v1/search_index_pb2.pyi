import datetime

from buf.validate import validate_pb2 as _validate_pb2
from google.protobuf import duration_pb2 as _duration_pb2
from only2u.mesh.v1 import policy_pb2 as _policy_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class SearchEngine(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SEARCH_ENGINE_UNSPECIFIED: _ClassVar[SearchEngine]
    SEARCH_ENGINE_POSTGRES: _ClassVar[SearchEngine]
    SEARCH_ENGINE_ELASTICSEARCH: _ClassVar[SearchEngine]
SEARCH_ENGINE_UNSPECIFIED: SearchEngine
SEARCH_ENGINE_POSTGRES: SearchEngine
SEARCH_ENGINE_ELASTICSEARCH: SearchEngine

class GetSearchIndexRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetSearchIndexResponse(_message.Message):
    __slots__ = ("engine", "configured_engine", "indices")
    ENGINE_FIELD_NUMBER: _ClassVar[int]
    CONFIGURED_ENGINE_FIELD_NUMBER: _ClassVar[int]
    INDICES_FIELD_NUMBER: _ClassVar[int]
    engine: SearchEngine
    configured_engine: SearchEngine
    indices: _containers.RepeatedCompositeFieldContainer[SearchIndex]
    def __init__(self, engine: _Optional[_Union[SearchEngine, str]] = ..., configured_engine: _Optional[_Union[SearchEngine, str]] = ..., indices: _Optional[_Iterable[_Union[SearchIndex, _Mapping]]] = ...) -> None: ...

class SearchIndex(_message.Message):
    __slots__ = ("name", "state", "document_count", "waiting_count", "lag", "filled_count", "total_count")
    class State(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        STATE_UNSPECIFIED: _ClassVar[SearchIndex.State]
        STATE_FILLING: _ClassVar[SearchIndex.State]
        STATE_LIVE: _ClassVar[SearchIndex.State]
        STATE_OLD: _ClassVar[SearchIndex.State]
    STATE_UNSPECIFIED: SearchIndex.State
    STATE_FILLING: SearchIndex.State
    STATE_LIVE: SearchIndex.State
    STATE_OLD: SearchIndex.State
    NAME_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    DOCUMENT_COUNT_FIELD_NUMBER: _ClassVar[int]
    WAITING_COUNT_FIELD_NUMBER: _ClassVar[int]
    LAG_FIELD_NUMBER: _ClassVar[int]
    FILLED_COUNT_FIELD_NUMBER: _ClassVar[int]
    TOTAL_COUNT_FIELD_NUMBER: _ClassVar[int]
    name: str
    state: SearchIndex.State
    document_count: int
    waiting_count: int
    lag: _duration_pb2.Duration
    filled_count: int
    total_count: int
    def __init__(self, name: _Optional[str] = ..., state: _Optional[_Union[SearchIndex.State, str]] = ..., document_count: _Optional[int] = ..., waiting_count: _Optional[int] = ..., lag: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., filled_count: _Optional[int] = ..., total_count: _Optional[int] = ...) -> None: ...

class RebuildSearchIndexRequest(_message.Message):
    __slots__ = ("request_id",)
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    def __init__(self, request_id: _Optional[str] = ...) -> None: ...

class RebuildSearchIndexResponse(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...
