import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from only2u.mesh.v1 import policy_pb2 as _policy_pb2
from only2u.product.v1 import product_pb2 as _product_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ProductChanged(_message.Message):
    __slots__ = ("product_id", "vendor_id", "handle", "title", "status", "version", "change_time")
    PRODUCT_ID_FIELD_NUMBER: _ClassVar[int]
    VENDOR_ID_FIELD_NUMBER: _ClassVar[int]
    HANDLE_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    CHANGE_TIME_FIELD_NUMBER: _ClassVar[int]
    product_id: str
    vendor_id: str
    handle: str
    title: str
    status: _product_pb2.ProductStatus
    version: int
    change_time: _timestamp_pb2.Timestamp
    def __init__(self, product_id: _Optional[str] = ..., vendor_id: _Optional[str] = ..., handle: _Optional[str] = ..., title: _Optional[str] = ..., status: _Optional[_Union[_product_pb2.ProductStatus, str]] = ..., version: _Optional[int] = ..., change_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ProductDeleted(_message.Message):
    __slots__ = ("product_id", "vendor_id", "handle", "delete_time")
    PRODUCT_ID_FIELD_NUMBER: _ClassVar[int]
    VENDOR_ID_FIELD_NUMBER: _ClassVar[int]
    HANDLE_FIELD_NUMBER: _ClassVar[int]
    DELETE_TIME_FIELD_NUMBER: _ClassVar[int]
    product_id: str
    vendor_id: str
    handle: str
    delete_time: _timestamp_pb2.Timestamp
    def __init__(self, product_id: _Optional[str] = ..., vendor_id: _Optional[str] = ..., handle: _Optional[str] = ..., delete_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...
