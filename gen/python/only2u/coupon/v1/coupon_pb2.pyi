import datetime

from buf.validate import validate_pb2 as _validate_pb2
from google.protobuf import field_mask_pb2 as _field_mask_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from only2u.mesh.v1 import policy_pb2 as _policy_pb2
from only2u.type.v1 import money_pb2 as _money_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Coupon(_message.Message):
    __slots__ = ("id", "code", "title", "vendor_id", "percentage", "fixed", "free_shipping", "buy_x_get_y", "currency", "minimum_subtotal", "start_time", "end_time", "product_ids", "category_ids", "first_order_only", "max_uses", "max_uses_per_user", "budget", "stackable", "paused", "uses", "spent", "create_time", "update_time", "etag")
    ID_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    VENDOR_ID_FIELD_NUMBER: _ClassVar[int]
    PERCENTAGE_FIELD_NUMBER: _ClassVar[int]
    FIXED_FIELD_NUMBER: _ClassVar[int]
    FREE_SHIPPING_FIELD_NUMBER: _ClassVar[int]
    BUY_X_GET_Y_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    MINIMUM_SUBTOTAL_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    PRODUCT_IDS_FIELD_NUMBER: _ClassVar[int]
    CATEGORY_IDS_FIELD_NUMBER: _ClassVar[int]
    FIRST_ORDER_ONLY_FIELD_NUMBER: _ClassVar[int]
    MAX_USES_FIELD_NUMBER: _ClassVar[int]
    MAX_USES_PER_USER_FIELD_NUMBER: _ClassVar[int]
    BUDGET_FIELD_NUMBER: _ClassVar[int]
    STACKABLE_FIELD_NUMBER: _ClassVar[int]
    PAUSED_FIELD_NUMBER: _ClassVar[int]
    USES_FIELD_NUMBER: _ClassVar[int]
    SPENT_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    UPDATE_TIME_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    id: str
    code: str
    title: str
    vendor_id: str
    percentage: PercentageDiscount
    fixed: FixedDiscount
    free_shipping: FreeShipping
    buy_x_get_y: BuyXGetY
    currency: str
    minimum_subtotal: _money_pb2.Money
    start_time: _timestamp_pb2.Timestamp
    end_time: _timestamp_pb2.Timestamp
    product_ids: _containers.RepeatedScalarFieldContainer[str]
    category_ids: _containers.RepeatedScalarFieldContainer[str]
    first_order_only: bool
    max_uses: int
    max_uses_per_user: int
    budget: _money_pb2.Money
    stackable: bool
    paused: bool
    uses: int
    spent: _money_pb2.Money
    create_time: _timestamp_pb2.Timestamp
    update_time: _timestamp_pb2.Timestamp
    etag: str
    def __init__(self, id: _Optional[str] = ..., code: _Optional[str] = ..., title: _Optional[str] = ..., vendor_id: _Optional[str] = ..., percentage: _Optional[_Union[PercentageDiscount, _Mapping]] = ..., fixed: _Optional[_Union[FixedDiscount, _Mapping]] = ..., free_shipping: _Optional[_Union[FreeShipping, _Mapping]] = ..., buy_x_get_y: _Optional[_Union[BuyXGetY, _Mapping]] = ..., currency: _Optional[str] = ..., minimum_subtotal: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., start_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., product_ids: _Optional[_Iterable[str]] = ..., category_ids: _Optional[_Iterable[str]] = ..., first_order_only: _Optional[bool] = ..., max_uses: _Optional[int] = ..., max_uses_per_user: _Optional[int] = ..., budget: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., stackable: _Optional[bool] = ..., paused: _Optional[bool] = ..., uses: _Optional[int] = ..., spent: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., update_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., etag: _Optional[str] = ...) -> None: ...

class PercentageDiscount(_message.Message):
    __slots__ = ("basis_points", "max_discount")
    BASIS_POINTS_FIELD_NUMBER: _ClassVar[int]
    MAX_DISCOUNT_FIELD_NUMBER: _ClassVar[int]
    basis_points: int
    max_discount: _money_pb2.Money
    def __init__(self, basis_points: _Optional[int] = ..., max_discount: _Optional[_Union[_money_pb2.Money, _Mapping]] = ...) -> None: ...

class FixedDiscount(_message.Message):
    __slots__ = ("amount",)
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    amount: _money_pb2.Money
    def __init__(self, amount: _Optional[_Union[_money_pb2.Money, _Mapping]] = ...) -> None: ...

class FreeShipping(_message.Message):
    __slots__ = ("max_discount",)
    MAX_DISCOUNT_FIELD_NUMBER: _ClassVar[int]
    max_discount: _money_pb2.Money
    def __init__(self, max_discount: _Optional[_Union[_money_pb2.Money, _Mapping]] = ...) -> None: ...

class BuyXGetY(_message.Message):
    __slots__ = ("buy_quantity", "get_quantity", "basis_points", "max_sets")
    BUY_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    GET_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    BASIS_POINTS_FIELD_NUMBER: _ClassVar[int]
    MAX_SETS_FIELD_NUMBER: _ClassVar[int]
    buy_quantity: int
    get_quantity: int
    basis_points: int
    max_sets: int
    def __init__(self, buy_quantity: _Optional[int] = ..., get_quantity: _Optional[int] = ..., basis_points: _Optional[int] = ..., max_sets: _Optional[int] = ...) -> None: ...

class CreateCouponRequest(_message.Message):
    __slots__ = ("request_id", "coupon")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    COUPON_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    coupon: Coupon
    def __init__(self, request_id: _Optional[str] = ..., coupon: _Optional[_Union[Coupon, _Mapping]] = ...) -> None: ...

class CreateCouponResponse(_message.Message):
    __slots__ = ("coupon",)
    COUPON_FIELD_NUMBER: _ClassVar[int]
    coupon: Coupon
    def __init__(self, coupon: _Optional[_Union[Coupon, _Mapping]] = ...) -> None: ...

class GetCouponRequest(_message.Message):
    __slots__ = ("coupon_id",)
    COUPON_ID_FIELD_NUMBER: _ClassVar[int]
    coupon_id: str
    def __init__(self, coupon_id: _Optional[str] = ...) -> None: ...

class GetCouponResponse(_message.Message):
    __slots__ = ("coupon",)
    COUPON_FIELD_NUMBER: _ClassVar[int]
    coupon: Coupon
    def __init__(self, coupon: _Optional[_Union[Coupon, _Mapping]] = ...) -> None: ...

class ListCouponsRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListCouponsResponse(_message.Message):
    __slots__ = ("coupons", "next_page_token")
    COUPONS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    coupons: _containers.RepeatedCompositeFieldContainer[Coupon]
    next_page_token: str
    def __init__(self, coupons: _Optional[_Iterable[_Union[Coupon, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class UpdateCouponRequest(_message.Message):
    __slots__ = ("request_id", "coupon", "update_mask")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    COUPON_FIELD_NUMBER: _ClassVar[int]
    UPDATE_MASK_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    coupon: Coupon
    update_mask: _field_mask_pb2.FieldMask
    def __init__(self, request_id: _Optional[str] = ..., coupon: _Optional[_Union[Coupon, _Mapping]] = ..., update_mask: _Optional[_Union[_field_mask_pb2.FieldMask, _Mapping]] = ...) -> None: ...

class UpdateCouponResponse(_message.Message):
    __slots__ = ("coupon",)
    COUPON_FIELD_NUMBER: _ClassVar[int]
    coupon: Coupon
    def __init__(self, coupon: _Optional[_Union[Coupon, _Mapping]] = ...) -> None: ...

class DeleteCouponRequest(_message.Message):
    __slots__ = ("request_id", "coupon_id")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    COUPON_ID_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    coupon_id: str
    def __init__(self, request_id: _Optional[str] = ..., coupon_id: _Optional[str] = ...) -> None: ...

class DeleteCouponResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class PurchaseLine(_message.Message):
    __slots__ = ("variant_id", "product_id", "vendor_id", "category_ids", "quantity", "unit_price")
    VARIANT_ID_FIELD_NUMBER: _ClassVar[int]
    PRODUCT_ID_FIELD_NUMBER: _ClassVar[int]
    VENDOR_ID_FIELD_NUMBER: _ClassVar[int]
    CATEGORY_IDS_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    UNIT_PRICE_FIELD_NUMBER: _ClassVar[int]
    variant_id: str
    product_id: str
    vendor_id: str
    category_ids: _containers.RepeatedScalarFieldContainer[str]
    quantity: int
    unit_price: _money_pb2.Money
    def __init__(self, variant_id: _Optional[str] = ..., product_id: _Optional[str] = ..., vendor_id: _Optional[str] = ..., category_ids: _Optional[_Iterable[str]] = ..., quantity: _Optional[int] = ..., unit_price: _Optional[_Union[_money_pb2.Money, _Mapping]] = ...) -> None: ...

class Purchase(_message.Message):
    __slots__ = ("lines", "shipping", "user_id", "first_order", "codes")
    LINES_FIELD_NUMBER: _ClassVar[int]
    SHIPPING_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    FIRST_ORDER_FIELD_NUMBER: _ClassVar[int]
    CODES_FIELD_NUMBER: _ClassVar[int]
    lines: _containers.RepeatedCompositeFieldContainer[PurchaseLine]
    shipping: _money_pb2.Money
    user_id: str
    first_order: bool
    codes: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, lines: _Optional[_Iterable[_Union[PurchaseLine, _Mapping]]] = ..., shipping: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., user_id: _Optional[str] = ..., first_order: _Optional[bool] = ..., codes: _Optional[_Iterable[str]] = ...) -> None: ...

class CouponDiscount(_message.Message):
    __slots__ = ("code", "coupon_id", "amount", "line_amounts", "shipping_amount", "free_shipping")
    CODE_FIELD_NUMBER: _ClassVar[int]
    COUPON_ID_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    LINE_AMOUNTS_FIELD_NUMBER: _ClassVar[int]
    SHIPPING_AMOUNT_FIELD_NUMBER: _ClassVar[int]
    FREE_SHIPPING_FIELD_NUMBER: _ClassVar[int]
    code: str
    coupon_id: str
    amount: _money_pb2.Money
    line_amounts: _containers.RepeatedCompositeFieldContainer[_money_pb2.Money]
    shipping_amount: _money_pb2.Money
    free_shipping: bool
    def __init__(self, code: _Optional[str] = ..., coupon_id: _Optional[str] = ..., amount: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., line_amounts: _Optional[_Iterable[_Union[_money_pb2.Money, _Mapping]]] = ..., shipping_amount: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., free_shipping: _Optional[bool] = ...) -> None: ...

class CouponProblem(_message.Message):
    __slots__ = ("code", "reason", "message")
    CODE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    code: str
    reason: str
    message: str
    def __init__(self, code: _Optional[str] = ..., reason: _Optional[str] = ..., message: _Optional[str] = ...) -> None: ...

class QuoteCouponRequest(_message.Message):
    __slots__ = ("purchase",)
    PURCHASE_FIELD_NUMBER: _ClassVar[int]
    purchase: Purchase
    def __init__(self, purchase: _Optional[_Union[Purchase, _Mapping]] = ...) -> None: ...

class QuoteCouponResponse(_message.Message):
    __slots__ = ("discounts", "problems")
    DISCOUNTS_FIELD_NUMBER: _ClassVar[int]
    PROBLEMS_FIELD_NUMBER: _ClassVar[int]
    discounts: _containers.RepeatedCompositeFieldContainer[CouponDiscount]
    problems: _containers.RepeatedCompositeFieldContainer[CouponProblem]
    def __init__(self, discounts: _Optional[_Iterable[_Union[CouponDiscount, _Mapping]]] = ..., problems: _Optional[_Iterable[_Union[CouponProblem, _Mapping]]] = ...) -> None: ...

class RedeemCouponRequest(_message.Message):
    __slots__ = ("request_id", "order_id", "purchase", "expected_discount")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    PURCHASE_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_DISCOUNT_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    order_id: str
    purchase: Purchase
    expected_discount: _money_pb2.Money
    def __init__(self, request_id: _Optional[str] = ..., order_id: _Optional[str] = ..., purchase: _Optional[_Union[Purchase, _Mapping]] = ..., expected_discount: _Optional[_Union[_money_pb2.Money, _Mapping]] = ...) -> None: ...

class RedeemCouponResponse(_message.Message):
    __slots__ = ("discounts",)
    DISCOUNTS_FIELD_NUMBER: _ClassVar[int]
    discounts: _containers.RepeatedCompositeFieldContainer[CouponDiscount]
    def __init__(self, discounts: _Optional[_Iterable[_Union[CouponDiscount, _Mapping]]] = ...) -> None: ...

class ReleaseCouponRequest(_message.Message):
    __slots__ = ("request_id", "order_id")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    order_id: str
    def __init__(self, request_id: _Optional[str] = ..., order_id: _Optional[str] = ...) -> None: ...

class ReleaseCouponResponse(_message.Message):
    __slots__ = ("released",)
    RELEASED_FIELD_NUMBER: _ClassVar[int]
    released: bool
    def __init__(self, released: _Optional[bool] = ...) -> None: ...
