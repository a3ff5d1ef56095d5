import datetime

from buf.validate import validate_pb2 as _validate_pb2
from google.protobuf import field_mask_pb2 as _field_mask_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from only2u.mesh.v1 import policy_pb2 as _policy_pb2
from only2u.type.v1 import money_pb2 as _money_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class CartItemChangeKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CART_ITEM_CHANGE_KIND_UNSPECIFIED: _ClassVar[CartItemChangeKind]
    CART_ITEM_CHANGE_KIND_PRICE_ROSE: _ClassVar[CartItemChangeKind]
    CART_ITEM_CHANGE_KIND_PRICE_FELL: _ClassVar[CartItemChangeKind]
    CART_ITEM_CHANGE_KIND_NOT_ENOUGH_STOCK: _ClassVar[CartItemChangeKind]
    CART_ITEM_CHANGE_KIND_OUT_OF_STOCK: _ClassVar[CartItemChangeKind]
    CART_ITEM_CHANGE_KIND_NOT_ON_SALE: _ClassVar[CartItemChangeKind]
CART_ITEM_CHANGE_KIND_UNSPECIFIED: CartItemChangeKind
CART_ITEM_CHANGE_KIND_PRICE_ROSE: CartItemChangeKind
CART_ITEM_CHANGE_KIND_PRICE_FELL: CartItemChangeKind
CART_ITEM_CHANGE_KIND_NOT_ENOUGH_STOCK: CartItemChangeKind
CART_ITEM_CHANGE_KIND_OUT_OF_STOCK: CartItemChangeKind
CART_ITEM_CHANGE_KIND_NOT_ON_SALE: CartItemChangeKind

class Cart(_message.Message):
    __slots__ = ("id", "user_id", "items", "coupons", "quantity", "subtotal", "discount", "total", "ready_for_checkout", "expire_time", "etag")
    ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    COUPONS_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    SUBTOTAL_FIELD_NUMBER: _ClassVar[int]
    DISCOUNT_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    READY_FOR_CHECKOUT_FIELD_NUMBER: _ClassVar[int]
    EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    id: str
    user_id: str
    items: _containers.RepeatedCompositeFieldContainer[CartItem]
    coupons: _containers.RepeatedCompositeFieldContainer[CartCoupon]
    quantity: int
    subtotal: _money_pb2.Money
    discount: _money_pb2.Money
    total: _money_pb2.Money
    ready_for_checkout: bool
    expire_time: _timestamp_pb2.Timestamp
    etag: str
    def __init__(self, id: _Optional[str] = ..., user_id: _Optional[str] = ..., items: _Optional[_Iterable[_Union[CartItem, _Mapping]]] = ..., coupons: _Optional[_Iterable[_Union[CartCoupon, _Mapping]]] = ..., quantity: _Optional[int] = ..., subtotal: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., discount: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., total: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., ready_for_checkout: _Optional[bool] = ..., expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., etag: _Optional[str] = ...) -> None: ...

class CartItem(_message.Message):
    __slots__ = ("variant_id", "quantity", "product_id", "title", "variant_title", "handle", "image_url", "vendor_id", "unit_price", "seen_unit_price", "subtotal", "discount", "changes", "available")
    VARIANT_ID_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    PRODUCT_ID_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    VARIANT_TITLE_FIELD_NUMBER: _ClassVar[int]
    HANDLE_FIELD_NUMBER: _ClassVar[int]
    IMAGE_URL_FIELD_NUMBER: _ClassVar[int]
    VENDOR_ID_FIELD_NUMBER: _ClassVar[int]
    UNIT_PRICE_FIELD_NUMBER: _ClassVar[int]
    SEEN_UNIT_PRICE_FIELD_NUMBER: _ClassVar[int]
    SUBTOTAL_FIELD_NUMBER: _ClassVar[int]
    DISCOUNT_FIELD_NUMBER: _ClassVar[int]
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    AVAILABLE_FIELD_NUMBER: _ClassVar[int]
    variant_id: str
    quantity: int
    product_id: str
    title: str
    variant_title: str
    handle: str
    image_url: str
    vendor_id: str
    unit_price: _money_pb2.Money
    seen_unit_price: _money_pb2.Money
    subtotal: _money_pb2.Money
    discount: _money_pb2.Money
    changes: _containers.RepeatedCompositeFieldContainer[CartItemChange]
    available: int
    def __init__(self, variant_id: _Optional[str] = ..., quantity: _Optional[int] = ..., product_id: _Optional[str] = ..., title: _Optional[str] = ..., variant_title: _Optional[str] = ..., handle: _Optional[str] = ..., image_url: _Optional[str] = ..., vendor_id: _Optional[str] = ..., unit_price: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., seen_unit_price: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., subtotal: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., discount: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., changes: _Optional[_Iterable[_Union[CartItemChange, _Mapping]]] = ..., available: _Optional[int] = ...) -> None: ...

class CartItemChange(_message.Message):
    __slots__ = ("kind", "message")
    KIND_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    kind: CartItemChangeKind
    message: str
    def __init__(self, kind: _Optional[_Union[CartItemChangeKind, str]] = ..., message: _Optional[str] = ...) -> None: ...

class CartCoupon(_message.Message):
    __slots__ = ("code", "discount", "free_shipping", "problem_reason", "problem_message")
    CODE_FIELD_NUMBER: _ClassVar[int]
    DISCOUNT_FIELD_NUMBER: _ClassVar[int]
    FREE_SHIPPING_FIELD_NUMBER: _ClassVar[int]
    PROBLEM_REASON_FIELD_NUMBER: _ClassVar[int]
    PROBLEM_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    code: str
    discount: _money_pb2.Money
    free_shipping: bool
    problem_reason: str
    problem_message: str
    def __init__(self, code: _Optional[str] = ..., discount: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., free_shipping: _Optional[bool] = ..., problem_reason: _Optional[str] = ..., problem_message: _Optional[str] = ...) -> None: ...

class GetCartRequest(_message.Message):
    __slots__ = ("cart_id",)
    CART_ID_FIELD_NUMBER: _ClassVar[int]
    cart_id: str
    def __init__(self, cart_id: _Optional[str] = ...) -> None: ...

class GetCartResponse(_message.Message):
    __slots__ = ("cart",)
    CART_FIELD_NUMBER: _ClassVar[int]
    cart: Cart
    def __init__(self, cart: _Optional[_Union[Cart, _Mapping]] = ...) -> None: ...

class AddCartItemRequest(_message.Message):
    __slots__ = ("request_id", "cart_id", "variant_id", "quantity")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    CART_ID_FIELD_NUMBER: _ClassVar[int]
    VARIANT_ID_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    cart_id: str
    variant_id: str
    quantity: int
    def __init__(self, request_id: _Optional[str] = ..., cart_id: _Optional[str] = ..., variant_id: _Optional[str] = ..., quantity: _Optional[int] = ...) -> None: ...

class AddCartItemResponse(_message.Message):
    __slots__ = ("cart",)
    CART_FIELD_NUMBER: _ClassVar[int]
    cart: Cart
    def __init__(self, cart: _Optional[_Union[Cart, _Mapping]] = ...) -> None: ...

class UpdateCartItemRequest(_message.Message):
    __slots__ = ("request_id", "cart_id", "variant_id", "quantity", "update_mask", "etag")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    CART_ID_FIELD_NUMBER: _ClassVar[int]
    VARIANT_ID_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    UPDATE_MASK_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    cart_id: str
    variant_id: str
    quantity: int
    update_mask: _field_mask_pb2.FieldMask
    etag: str
    def __init__(self, request_id: _Optional[str] = ..., cart_id: _Optional[str] = ..., variant_id: _Optional[str] = ..., quantity: _Optional[int] = ..., update_mask: _Optional[_Union[_field_mask_pb2.FieldMask, _Mapping]] = ..., etag: _Optional[str] = ...) -> None: ...

class UpdateCartItemResponse(_message.Message):
    __slots__ = ("cart",)
    CART_FIELD_NUMBER: _ClassVar[int]
    cart: Cart
    def __init__(self, cart: _Optional[_Union[Cart, _Mapping]] = ...) -> None: ...

class RemoveCartItemRequest(_message.Message):
    __slots__ = ("request_id", "cart_id", "variant_id")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    CART_ID_FIELD_NUMBER: _ClassVar[int]
    VARIANT_ID_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    cart_id: str
    variant_id: str
    def __init__(self, request_id: _Optional[str] = ..., cart_id: _Optional[str] = ..., variant_id: _Optional[str] = ...) -> None: ...

class RemoveCartItemResponse(_message.Message):
    __slots__ = ("cart",)
    CART_FIELD_NUMBER: _ClassVar[int]
    cart: Cart
    def __init__(self, cart: _Optional[_Union[Cart, _Mapping]] = ...) -> None: ...

class ApplyCouponRequest(_message.Message):
    __slots__ = ("request_id", "cart_id", "code")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    CART_ID_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    cart_id: str
    code: str
    def __init__(self, request_id: _Optional[str] = ..., cart_id: _Optional[str] = ..., code: _Optional[str] = ...) -> None: ...

class ApplyCouponResponse(_message.Message):
    __slots__ = ("cart",)
    CART_FIELD_NUMBER: _ClassVar[int]
    cart: Cart
    def __init__(self, cart: _Optional[_Union[Cart, _Mapping]] = ...) -> None: ...

class RemoveCouponRequest(_message.Message):
    __slots__ = ("request_id", "cart_id", "code")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    CART_ID_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    cart_id: str
    code: str
    def __init__(self, request_id: _Optional[str] = ..., cart_id: _Optional[str] = ..., code: _Optional[str] = ...) -> None: ...

class RemoveCouponResponse(_message.Message):
    __slots__ = ("cart",)
    CART_FIELD_NUMBER: _ClassVar[int]
    cart: Cart
    def __init__(self, cart: _Optional[_Union[Cart, _Mapping]] = ...) -> None: ...

class MergeCartRequest(_message.Message):
    __slots__ = ("request_id", "guest_cart_id")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    GUEST_CART_ID_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    guest_cart_id: str
    def __init__(self, request_id: _Optional[str] = ..., guest_cart_id: _Optional[str] = ...) -> None: ...

class MergeCartResponse(_message.Message):
    __slots__ = ("cart", "left_out")
    CART_FIELD_NUMBER: _ClassVar[int]
    LEFT_OUT_FIELD_NUMBER: _ClassVar[int]
    cart: Cart
    left_out: _containers.RepeatedCompositeFieldContainer[CartContent]
    def __init__(self, cart: _Optional[_Union[Cart, _Mapping]] = ..., left_out: _Optional[_Iterable[_Union[CartContent, _Mapping]]] = ...) -> None: ...

class ClearCartRequest(_message.Message):
    __slots__ = ("request_id", "cart_id")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    CART_ID_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    cart_id: str
    def __init__(self, request_id: _Optional[str] = ..., cart_id: _Optional[str] = ...) -> None: ...

class ClearCartResponse(_message.Message):
    __slots__ = ("cart",)
    CART_FIELD_NUMBER: _ClassVar[int]
    cart: Cart
    def __init__(self, cart: _Optional[_Union[Cart, _Mapping]] = ...) -> None: ...

class CartContent(_message.Message):
    __slots__ = ("variant_id", "quantity")
    VARIANT_ID_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    variant_id: str
    quantity: int
    def __init__(self, variant_id: _Optional[str] = ..., quantity: _Optional[int] = ...) -> None: ...

class GetCartContentsRequest(_message.Message):
    __slots__ = ("cart_id",)
    CART_ID_FIELD_NUMBER: _ClassVar[int]
    cart_id: str
    def __init__(self, cart_id: _Optional[str] = ...) -> None: ...

class GetCartContentsResponse(_message.Message):
    __slots__ = ("cart_id", "contents", "coupon_codes", "etag")
    CART_ID_FIELD_NUMBER: _ClassVar[int]
    CONTENTS_FIELD_NUMBER: _ClassVar[int]
    COUPON_CODES_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    cart_id: str
    contents: _containers.RepeatedCompositeFieldContainer[CartContent]
    coupon_codes: _containers.RepeatedScalarFieldContainer[str]
    etag: str
    def __init__(self, cart_id: _Optional[str] = ..., contents: _Optional[_Iterable[_Union[CartContent, _Mapping]]] = ..., coupon_codes: _Optional[_Iterable[str]] = ..., etag: _Optional[str] = ...) -> None: ...
