import datetime

from buf.validate import validate_pb2 as _validate_pb2
from google.protobuf import field_mask_pb2 as _field_mask_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from only2u.mesh.v1 import policy_pb2 as _policy_pb2
from only2u.payment.v1 import payment_pb2 as _payment_pb2
from only2u.type.v1 import money_pb2 as _money_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class OrderStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ORDER_STATUS_UNSPECIFIED: _ClassVar[OrderStatus]
    ORDER_STATUS_PENDING: _ClassVar[OrderStatus]
    ORDER_STATUS_AWAITING_PAYMENT: _ClassVar[OrderStatus]
    ORDER_STATUS_CONFIRMED: _ClassVar[OrderStatus]
    ORDER_STATUS_SHIPPED: _ClassVar[OrderStatus]
    ORDER_STATUS_DELIVERED: _ClassVar[OrderStatus]
    ORDER_STATUS_CANCELING: _ClassVar[OrderStatus]
    ORDER_STATUS_CANCELED: _ClassVar[OrderStatus]

class PartStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PART_STATUS_UNSPECIFIED: _ClassVar[PartStatus]
    PART_STATUS_PENDING: _ClassVar[PartStatus]
    PART_STATUS_CONFIRMED: _ClassVar[PartStatus]
    PART_STATUS_PACKED: _ClassVar[PartStatus]
    PART_STATUS_SHIPPED: _ClassVar[PartStatus]
    PART_STATUS_DELIVERED: _ClassVar[PartStatus]
    PART_STATUS_CANCELED: _ClassVar[PartStatus]

class OrderReturnStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ORDER_RETURN_STATUS_UNSPECIFIED: _ClassVar[OrderReturnStatus]
    ORDER_RETURN_STATUS_REQUESTED: _ClassVar[OrderReturnStatus]
    ORDER_RETURN_STATUS_APPROVED: _ClassVar[OrderReturnStatus]
    ORDER_RETURN_STATUS_REJECTED: _ClassVar[OrderReturnStatus]
    ORDER_RETURN_STATUS_RECEIVED: _ClassVar[OrderReturnStatus]

class OrderView(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ORDER_VIEW_UNSPECIFIED: _ClassVar[OrderView]
    ORDER_VIEW_PLACED: _ClassVar[OrderView]
    ORDER_VIEW_SOLD: _ClassVar[OrderView]
    ORDER_VIEW_ALL: _ClassVar[OrderView]

class ReturnDecision(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RETURN_DECISION_UNSPECIFIED: _ClassVar[ReturnDecision]
    RETURN_DECISION_APPROVE: _ClassVar[ReturnDecision]
    RETURN_DECISION_REJECT: _ClassVar[ReturnDecision]
    RETURN_DECISION_RECEIVE: _ClassVar[ReturnDecision]
ORDER_STATUS_UNSPECIFIED: OrderStatus
ORDER_STATUS_PENDING: OrderStatus
ORDER_STATUS_AWAITING_PAYMENT: OrderStatus
ORDER_STATUS_CONFIRMED: OrderStatus
ORDER_STATUS_SHIPPED: OrderStatus
ORDER_STATUS_DELIVERED: OrderStatus
ORDER_STATUS_CANCELING: OrderStatus
ORDER_STATUS_CANCELED: OrderStatus
PART_STATUS_UNSPECIFIED: PartStatus
PART_STATUS_PENDING: PartStatus
PART_STATUS_CONFIRMED: PartStatus
PART_STATUS_PACKED: PartStatus
PART_STATUS_SHIPPED: PartStatus
PART_STATUS_DELIVERED: PartStatus
PART_STATUS_CANCELED: PartStatus
ORDER_RETURN_STATUS_UNSPECIFIED: OrderReturnStatus
ORDER_RETURN_STATUS_REQUESTED: OrderReturnStatus
ORDER_RETURN_STATUS_APPROVED: OrderReturnStatus
ORDER_RETURN_STATUS_REJECTED: OrderReturnStatus
ORDER_RETURN_STATUS_RECEIVED: OrderReturnStatus
ORDER_VIEW_UNSPECIFIED: OrderView
ORDER_VIEW_PLACED: OrderView
ORDER_VIEW_SOLD: OrderView
ORDER_VIEW_ALL: OrderView
RETURN_DECISION_UNSPECIFIED: ReturnDecision
RETURN_DECISION_APPROVE: ReturnDecision
RETURN_DECISION_REJECT: ReturnDecision
RETURN_DECISION_RECEIVE: ReturnDecision

class Address(_message.Message):
    __slots__ = ("recipient", "lines", "city", "region", "postal_code", "country_code", "phone")
    RECIPIENT_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    CITY_FIELD_NUMBER: _ClassVar[int]
    REGION_FIELD_NUMBER: _ClassVar[int]
    POSTAL_CODE_FIELD_NUMBER: _ClassVar[int]
    COUNTRY_CODE_FIELD_NUMBER: _ClassVar[int]
    PHONE_FIELD_NUMBER: _ClassVar[int]
    recipient: str
    lines: _containers.RepeatedScalarFieldContainer[str]
    city: str
    region: str
    postal_code: str
    country_code: str
    phone: str
    def __init__(self, recipient: _Optional[str] = ..., lines: _Optional[_Iterable[str]] = ..., city: _Optional[str] = ..., region: _Optional[str] = ..., postal_code: _Optional[str] = ..., country_code: _Optional[str] = ..., phone: _Optional[str] = ...) -> None: ...

class Tax(_message.Message):
    __slots__ = ("basis_points", "taxable", "cgst", "sgst", "igst")
    BASIS_POINTS_FIELD_NUMBER: _ClassVar[int]
    TAXABLE_FIELD_NUMBER: _ClassVar[int]
    CGST_FIELD_NUMBER: _ClassVar[int]
    SGST_FIELD_NUMBER: _ClassVar[int]
    IGST_FIELD_NUMBER: _ClassVar[int]
    basis_points: int
    taxable: _money_pb2.Money
    cgst: _money_pb2.Money
    sgst: _money_pb2.Money
    igst: _money_pb2.Money
    def __init__(self, basis_points: _Optional[int] = ..., taxable: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., cgst: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., sgst: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., igst: _Optional[_Union[_money_pb2.Money, _Mapping]] = ...) -> None: ...

class OrderLine(_message.Message):
    __slots__ = ("id", "variant_id", "product_id", "title", "variant_title", "sku", "image_url", "quantity", "unit_price", "subtotal", "discount", "total", "tax", "canceled_quantity", "returned_quantity", "refunded")
    ID_FIELD_NUMBER: _ClassVar[int]
    VARIANT_ID_FIELD_NUMBER: _ClassVar[int]
    PRODUCT_ID_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    VARIANT_TITLE_FIELD_NUMBER: _ClassVar[int]
    SKU_FIELD_NUMBER: _ClassVar[int]
    IMAGE_URL_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    UNIT_PRICE_FIELD_NUMBER: _ClassVar[int]
    SUBTOTAL_FIELD_NUMBER: _ClassVar[int]
    DISCOUNT_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    TAX_FIELD_NUMBER: _ClassVar[int]
    CANCELED_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    RETURNED_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    REFUNDED_FIELD_NUMBER: _ClassVar[int]
    id: str
    variant_id: str
    product_id: str
    title: str
    variant_title: str
    sku: str
    image_url: str
    quantity: int
    unit_price: _money_pb2.Money
    subtotal: _money_pb2.Money
    discount: _money_pb2.Money
    total: _money_pb2.Money
    tax: Tax
    canceled_quantity: int
    returned_quantity: int
    refunded: _money_pb2.Money
    def __init__(self, id: _Optional[str] = ..., variant_id: _Optional[str] = ..., product_id: _Optional[str] = ..., title: _Optional[str] = ..., variant_title: _Optional[str] = ..., sku: _Optional[str] = ..., image_url: _Optional[str] = ..., quantity: _Optional[int] = ..., unit_price: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., subtotal: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., discount: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., total: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., tax: _Optional[_Union[Tax, _Mapping]] = ..., canceled_quantity: _Optional[int] = ..., returned_quantity: _Optional[int] = ..., refunded: _Optional[_Union[_money_pb2.Money, _Mapping]] = ...) -> None: ...

class OrderPart(_message.Message):
    __slots__ = ("id", "vendor_id", "status", "lines", "shipping", "shipping_discount", "shipping_tax", "total", "carrier", "tracking_number", "invoice_number", "ship_time", "deliver_time")
    ID_FIELD_NUMBER: _ClassVar[int]
    VENDOR_ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    SHIPPING_FIELD_NUMBER: _ClassVar[int]
    SHIPPING_DISCOUNT_FIELD_NUMBER: _ClassVar[int]
    SHIPPING_TAX_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    CARRIER_FIELD_NUMBER: _ClassVar[int]
    TRACKING_NUMBER_FIELD_NUMBER: _ClassVar[int]
    INVOICE_NUMBER_FIELD_NUMBER: _ClassVar[int]
    SHIP_TIME_FIELD_NUMBER: _ClassVar[int]
    DELIVER_TIME_FIELD_NUMBER: _ClassVar[int]
    id: str
    vendor_id: str
    status: PartStatus
    lines: _containers.RepeatedCompositeFieldContainer[OrderLine]
    shipping: _money_pb2.Money
    shipping_discount: _money_pb2.Money
    shipping_tax: Tax
    total: _money_pb2.Money
    carrier: str
    tracking_number: str
    invoice_number: str
    ship_time: _timestamp_pb2.Timestamp
    deliver_time: _timestamp_pb2.Timestamp
    def __init__(self, id: _Optional[str] = ..., vendor_id: _Optional[str] = ..., status: _Optional[_Union[PartStatus, str]] = ..., lines: _Optional[_Iterable[_Union[OrderLine, _Mapping]]] = ..., shipping: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., shipping_discount: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., shipping_tax: _Optional[_Union[Tax, _Mapping]] = ..., total: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., carrier: _Optional[str] = ..., tracking_number: _Optional[str] = ..., invoice_number: _Optional[str] = ..., ship_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., deliver_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class OrderTotals(_message.Message):
    __slots__ = ("subtotal", "shipping", "discount", "total", "tax", "refunded")
    SUBTOTAL_FIELD_NUMBER: _ClassVar[int]
    SHIPPING_FIELD_NUMBER: _ClassVar[int]
    DISCOUNT_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    TAX_FIELD_NUMBER: _ClassVar[int]
    REFUNDED_FIELD_NUMBER: _ClassVar[int]
    subtotal: _money_pb2.Money
    shipping: _money_pb2.Money
    discount: _money_pb2.Money
    total: _money_pb2.Money
    tax: _money_pb2.Money
    refunded: _money_pb2.Money
    def __init__(self, subtotal: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., shipping: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., discount: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., total: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., tax: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., refunded: _Optional[_Union[_money_pb2.Money, _Mapping]] = ...) -> None: ...

class AppliedCoupon(_message.Message):
    __slots__ = ("code", "amount")
    CODE_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    code: str
    amount: _money_pb2.Money
    def __init__(self, code: _Optional[str] = ..., amount: _Optional[_Union[_money_pb2.Money, _Mapping]] = ...) -> None: ...

class ShippingOption(_message.Message):
    __slots__ = ("id", "title", "price")
    ID_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    PRICE_FIELD_NUMBER: _ClassVar[int]
    id: str
    title: str
    price: _money_pb2.Money
    def __init__(self, id: _Optional[str] = ..., title: _Optional[str] = ..., price: _Optional[_Union[_money_pb2.Money, _Mapping]] = ...) -> None: ...

class Quote(_message.Message):
    __slots__ = ("parts", "totals", "coupons", "address", "shipping_options", "shipping_option", "quote_token", "expire_time")
    PARTS_FIELD_NUMBER: _ClassVar[int]
    TOTALS_FIELD_NUMBER: _ClassVar[int]
    COUPONS_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    SHIPPING_OPTIONS_FIELD_NUMBER: _ClassVar[int]
    SHIPPING_OPTION_FIELD_NUMBER: _ClassVar[int]
    QUOTE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    parts: _containers.RepeatedCompositeFieldContainer[OrderPart]
    totals: OrderTotals
    coupons: _containers.RepeatedCompositeFieldContainer[AppliedCoupon]
    address: Address
    shipping_options: _containers.RepeatedCompositeFieldContainer[ShippingOption]
    shipping_option: str
    quote_token: str
    expire_time: _timestamp_pb2.Timestamp
    def __init__(self, parts: _Optional[_Iterable[_Union[OrderPart, _Mapping]]] = ..., totals: _Optional[_Union[OrderTotals, _Mapping]] = ..., coupons: _Optional[_Iterable[_Union[AppliedCoupon, _Mapping]]] = ..., address: _Optional[_Union[Address, _Mapping]] = ..., shipping_options: _Optional[_Iterable[_Union[ShippingOption, _Mapping]]] = ..., shipping_option: _Optional[str] = ..., quote_token: _Optional[str] = ..., expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class OrderPayment(_message.Message):
    __slots__ = ("payment_id", "method", "captured", "handoff")
    PAYMENT_ID_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    CAPTURED_FIELD_NUMBER: _ClassVar[int]
    HANDOFF_FIELD_NUMBER: _ClassVar[int]
    payment_id: str
    method: _payment_pb2.PaymentMethod
    captured: _money_pb2.Money
    handoff: _payment_pb2.PaymentHandoff
    def __init__(self, payment_id: _Optional[str] = ..., method: _Optional[_Union[_payment_pb2.PaymentMethod, str]] = ..., captured: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., handoff: _Optional[_Union[_payment_pb2.PaymentHandoff, _Mapping]] = ...) -> None: ...

class OrderReturn(_message.Message):
    __slots__ = ("id", "part_id", "items", "reason", "status", "note", "refund", "create_time", "update_time")
    ID_FIELD_NUMBER: _ClassVar[int]
    PART_ID_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    REFUND_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    UPDATE_TIME_FIELD_NUMBER: _ClassVar[int]
    id: str
    part_id: str
    items: _containers.RepeatedCompositeFieldContainer[OrderItem]
    reason: str
    status: OrderReturnStatus
    note: str
    refund: _money_pb2.Money
    create_time: _timestamp_pb2.Timestamp
    update_time: _timestamp_pb2.Timestamp
    def __init__(self, id: _Optional[str] = ..., part_id: _Optional[str] = ..., items: _Optional[_Iterable[_Union[OrderItem, _Mapping]]] = ..., reason: _Optional[str] = ..., status: _Optional[_Union[OrderReturnStatus, str]] = ..., note: _Optional[str] = ..., refund: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., update_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class OrderRefund(_message.Message):
    __slots__ = ("id", "amount", "reason", "create_time", "sent")
    ID_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    SENT_FIELD_NUMBER: _ClassVar[int]
    id: str
    amount: _money_pb2.Money
    reason: str
    create_time: _timestamp_pb2.Timestamp
    sent: bool
    def __init__(self, id: _Optional[str] = ..., amount: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., reason: _Optional[str] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., sent: _Optional[bool] = ...) -> None: ...

class OrderStep(_message.Message):
    __slots__ = ("happen_time", "kind", "message", "part_id")
    HAPPEN_TIME_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    PART_ID_FIELD_NUMBER: _ClassVar[int]
    happen_time: _timestamp_pb2.Timestamp
    kind: str
    message: str
    part_id: str
    def __init__(self, happen_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., kind: _Optional[str] = ..., message: _Optional[str] = ..., part_id: _Optional[str] = ...) -> None: ...

class Order(_message.Message):
    __slots__ = ("id", "user_id", "status", "parts", "totals", "coupons", "address", "shipping_option", "payment", "payment_expire_time", "close_reason", "close_message", "returns", "refunds", "history", "create_time", "update_time", "etag")
    ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    PARTS_FIELD_NUMBER: _ClassVar[int]
    TOTALS_FIELD_NUMBER: _ClassVar[int]
    COUPONS_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    SHIPPING_OPTION_FIELD_NUMBER: _ClassVar[int]
    PAYMENT_FIELD_NUMBER: _ClassVar[int]
    PAYMENT_EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    CLOSE_REASON_FIELD_NUMBER: _ClassVar[int]
    CLOSE_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    RETURNS_FIELD_NUMBER: _ClassVar[int]
    REFUNDS_FIELD_NUMBER: _ClassVar[int]
    HISTORY_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    UPDATE_TIME_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    id: str
    user_id: str
    status: OrderStatus
    parts: _containers.RepeatedCompositeFieldContainer[OrderPart]
    totals: OrderTotals
    coupons: _containers.RepeatedCompositeFieldContainer[AppliedCoupon]
    address: Address
    shipping_option: str
    payment: OrderPayment
    payment_expire_time: _timestamp_pb2.Timestamp
    close_reason: str
    close_message: str
    returns: _containers.RepeatedCompositeFieldContainer[OrderReturn]
    refunds: _containers.RepeatedCompositeFieldContainer[OrderRefund]
    history: _containers.RepeatedCompositeFieldContainer[OrderStep]
    create_time: _timestamp_pb2.Timestamp
    update_time: _timestamp_pb2.Timestamp
    etag: str
    def __init__(self, id: _Optional[str] = ..., user_id: _Optional[str] = ..., status: _Optional[_Union[OrderStatus, str]] = ..., parts: _Optional[_Iterable[_Union[OrderPart, _Mapping]]] = ..., totals: _Optional[_Union[OrderTotals, _Mapping]] = ..., coupons: _Optional[_Iterable[_Union[AppliedCoupon, _Mapping]]] = ..., address: _Optional[_Union[Address, _Mapping]] = ..., shipping_option: _Optional[str] = ..., payment: _Optional[_Union[OrderPayment, _Mapping]] = ..., payment_expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., close_reason: _Optional[str] = ..., close_message: _Optional[str] = ..., returns: _Optional[_Iterable[_Union[OrderReturn, _Mapping]]] = ..., refunds: _Optional[_Iterable[_Union[OrderRefund, _Mapping]]] = ..., history: _Optional[_Iterable[_Union[OrderStep, _Mapping]]] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., update_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., etag: _Optional[str] = ...) -> None: ...

class OrderItem(_message.Message):
    __slots__ = ("line_id", "quantity")
    LINE_ID_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    line_id: str
    quantity: int
    def __init__(self, line_id: _Optional[str] = ..., quantity: _Optional[int] = ...) -> None: ...

class QuoteOrderRequest(_message.Message):
    __slots__ = ("cart_id", "address_id", "shipping_option")
    CART_ID_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_ID_FIELD_NUMBER: _ClassVar[int]
    SHIPPING_OPTION_FIELD_NUMBER: _ClassVar[int]
    cart_id: str
    address_id: str
    shipping_option: str
    def __init__(self, cart_id: _Optional[str] = ..., address_id: _Optional[str] = ..., shipping_option: _Optional[str] = ...) -> None: ...

class QuoteOrderResponse(_message.Message):
    __slots__ = ("quote",)
    QUOTE_FIELD_NUMBER: _ClassVar[int]
    quote: Quote
    def __init__(self, quote: _Optional[_Union[Quote, _Mapping]] = ...) -> None: ...

class PlaceOrderRequest(_message.Message):
    __slots__ = ("request_id", "quote_token", "payment_method")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    QUOTE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    PAYMENT_METHOD_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    quote_token: str
    payment_method: _payment_pb2.PaymentMethod
    def __init__(self, request_id: _Optional[str] = ..., quote_token: _Optional[str] = ..., payment_method: _Optional[_Union[_payment_pb2.PaymentMethod, str]] = ...) -> None: ...

class PlaceOrderResponse(_message.Message):
    __slots__ = ("order",)
    ORDER_FIELD_NUMBER: _ClassVar[int]
    order: Order
    def __init__(self, order: _Optional[_Union[Order, _Mapping]] = ...) -> None: ...

class GetOrderRequest(_message.Message):
    __slots__ = ("order_id",)
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    def __init__(self, order_id: _Optional[str] = ...) -> None: ...

class GetOrderResponse(_message.Message):
    __slots__ = ("order",)
    ORDER_FIELD_NUMBER: _ClassVar[int]
    order: Order
    def __init__(self, order: _Optional[_Union[Order, _Mapping]] = ...) -> None: ...

class ListOrdersRequest(_message.Message):
    __slots__ = ("page_size", "page_token", "view", "status")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    VIEW_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    view: OrderView
    status: OrderStatus
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., view: _Optional[_Union[OrderView, str]] = ..., status: _Optional[_Union[OrderStatus, str]] = ...) -> None: ...

class ListOrdersResponse(_message.Message):
    __slots__ = ("orders", "next_page_token")
    ORDERS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    orders: _containers.RepeatedCompositeFieldContainer[Order]
    next_page_token: str
    def __init__(self, orders: _Optional[_Iterable[_Union[Order, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class CancelOrderRequest(_message.Message):
    __slots__ = ("request_id", "order_id", "items", "reason", "etag")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    order_id: str
    items: _containers.RepeatedCompositeFieldContainer[OrderItem]
    reason: str
    etag: str
    def __init__(self, request_id: _Optional[str] = ..., order_id: _Optional[str] = ..., items: _Optional[_Iterable[_Union[OrderItem, _Mapping]]] = ..., reason: _Optional[str] = ..., etag: _Optional[str] = ...) -> None: ...

class CancelOrderResponse(_message.Message):
    __slots__ = ("order",)
    ORDER_FIELD_NUMBER: _ClassVar[int]
    order: Order
    def __init__(self, order: _Optional[_Union[Order, _Mapping]] = ...) -> None: ...

class WatchOrderRequest(_message.Message):
    __slots__ = ("order_id",)
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    def __init__(self, order_id: _Optional[str] = ...) -> None: ...

class WatchOrderResponse(_message.Message):
    __slots__ = ("order",)
    ORDER_FIELD_NUMBER: _ClassVar[int]
    order: Order
    def __init__(self, order: _Optional[_Union[Order, _Mapping]] = ...) -> None: ...

class UpdateFulfillmentRequest(_message.Message):
    __slots__ = ("request_id", "order_id", "part_id", "status", "carrier", "tracking_number", "update_mask", "etag")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    PART_ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    CARRIER_FIELD_NUMBER: _ClassVar[int]
    TRACKING_NUMBER_FIELD_NUMBER: _ClassVar[int]
    UPDATE_MASK_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    order_id: str
    part_id: str
    status: PartStatus
    carrier: str
    tracking_number: str
    update_mask: _field_mask_pb2.FieldMask
    etag: str
    def __init__(self, request_id: _Optional[str] = ..., order_id: _Optional[str] = ..., part_id: _Optional[str] = ..., status: _Optional[_Union[PartStatus, str]] = ..., carrier: _Optional[str] = ..., tracking_number: _Optional[str] = ..., update_mask: _Optional[_Union[_field_mask_pb2.FieldMask, _Mapping]] = ..., etag: _Optional[str] = ...) -> None: ...

class UpdateFulfillmentResponse(_message.Message):
    __slots__ = ("order",)
    ORDER_FIELD_NUMBER: _ClassVar[int]
    order: Order
    def __init__(self, order: _Optional[_Union[Order, _Mapping]] = ...) -> None: ...

class RequestReturnRequest(_message.Message):
    __slots__ = ("request_id", "order_id", "items", "reason")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    order_id: str
    items: _containers.RepeatedCompositeFieldContainer[OrderItem]
    reason: str
    def __init__(self, request_id: _Optional[str] = ..., order_id: _Optional[str] = ..., items: _Optional[_Iterable[_Union[OrderItem, _Mapping]]] = ..., reason: _Optional[str] = ...) -> None: ...

class RequestReturnResponse(_message.Message):
    __slots__ = ("order", "return_id")
    ORDER_FIELD_NUMBER: _ClassVar[int]
    RETURN_ID_FIELD_NUMBER: _ClassVar[int]
    order: Order
    return_id: str
    def __init__(self, order: _Optional[_Union[Order, _Mapping]] = ..., return_id: _Optional[str] = ...) -> None: ...

class ResolveReturnRequest(_message.Message):
    __slots__ = ("request_id", "order_id", "return_id", "decision", "restock", "note")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    RETURN_ID_FIELD_NUMBER: _ClassVar[int]
    DECISION_FIELD_NUMBER: _ClassVar[int]
    RESTOCK_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    order_id: str
    return_id: str
    decision: ReturnDecision
    restock: bool
    note: str
    def __init__(self, request_id: _Optional[str] = ..., order_id: _Optional[str] = ..., return_id: _Optional[str] = ..., decision: _Optional[_Union[ReturnDecision, str]] = ..., restock: _Optional[bool] = ..., note: _Optional[str] = ...) -> None: ...

class ResolveReturnResponse(_message.Message):
    __slots__ = ("order",)
    ORDER_FIELD_NUMBER: _ClassVar[int]
    order: Order
    def __init__(self, order: _Optional[_Union[Order, _Mapping]] = ...) -> None: ...

class GetInvoiceRequest(_message.Message):
    __slots__ = ("order_id", "part_id")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    PART_ID_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    part_id: str
    def __init__(self, order_id: _Optional[str] = ..., part_id: _Optional[str] = ...) -> None: ...

class GetInvoiceResponse(_message.Message):
    __slots__ = ("number", "issue_time", "part", "html")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    ISSUE_TIME_FIELD_NUMBER: _ClassVar[int]
    PART_FIELD_NUMBER: _ClassVar[int]
    HTML_FIELD_NUMBER: _ClassVar[int]
    number: str
    issue_time: _timestamp_pb2.Timestamp
    part: OrderPart
    html: str
    def __init__(self, number: _Optional[str] = ..., issue_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., part: _Optional[_Union[OrderPart, _Mapping]] = ..., html: _Optional[str] = ...) -> None: ...
