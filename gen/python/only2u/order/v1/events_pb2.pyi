import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from only2u.mesh.v1 import policy_pb2 as _policy_pb2
from only2u.order.v1 import order_pb2 as _order_pb2
from only2u.type.v1 import money_pb2 as _money_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class OrderChanged(_message.Message):
    __slots__ = ("order_id", "user_id", "status", "step", "part_id", "version", "change_time")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    PART_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    CHANGE_TIME_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    user_id: str
    status: _order_pb2.OrderStatus
    step: str
    part_id: str
    version: int
    change_time: _timestamp_pb2.Timestamp
    def __init__(self, order_id: _Optional[str] = ..., user_id: _Optional[str] = ..., status: _Optional[_Union[_order_pb2.OrderStatus, str]] = ..., step: _Optional[str] = ..., part_id: _Optional[str] = ..., version: _Optional[int] = ..., change_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class OrderConfirmed(_message.Message):
    __slots__ = ("order_id", "user_id", "cart_id", "items", "total", "coupon_codes", "confirm_time", "cart_etag")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    CART_ID_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    COUPON_CODES_FIELD_NUMBER: _ClassVar[int]
    CONFIRM_TIME_FIELD_NUMBER: _ClassVar[int]
    CART_ETAG_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    user_id: str
    cart_id: str
    items: _containers.RepeatedCompositeFieldContainer[ConfirmedItem]
    total: _money_pb2.Money
    coupon_codes: _containers.RepeatedScalarFieldContainer[str]
    confirm_time: _timestamp_pb2.Timestamp
    cart_etag: str
    def __init__(self, order_id: _Optional[str] = ..., user_id: _Optional[str] = ..., cart_id: _Optional[str] = ..., items: _Optional[_Iterable[_Union[ConfirmedItem, _Mapping]]] = ..., total: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., coupon_codes: _Optional[_Iterable[str]] = ..., confirm_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., cart_etag: _Optional[str] = ...) -> None: ...

class ConfirmedItem(_message.Message):
    __slots__ = ("variant_id", "vendor_id", "quantity", "total")
    VARIANT_ID_FIELD_NUMBER: _ClassVar[int]
    VENDOR_ID_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    variant_id: str
    vendor_id: str
    quantity: int
    total: _money_pb2.Money
    def __init__(self, variant_id: _Optional[str] = ..., vendor_id: _Optional[str] = ..., quantity: _Optional[int] = ..., total: _Optional[_Union[_money_pb2.Money, _Mapping]] = ...) -> None: ...
