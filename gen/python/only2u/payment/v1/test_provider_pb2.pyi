from buf.validate import validate_pb2 as _validate_pb2
from only2u.mesh.v1 import policy_pb2 as _policy_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class TestPaymentOutcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TEST_PAYMENT_OUTCOME_UNSPECIFIED: _ClassVar[TestPaymentOutcome]
    TEST_PAYMENT_OUTCOME_PAID: _ClassVar[TestPaymentOutcome]
    TEST_PAYMENT_OUTCOME_DECLINED: _ClassVar[TestPaymentOutcome]
TEST_PAYMENT_OUTCOME_UNSPECIFIED: TestPaymentOutcome
TEST_PAYMENT_OUTCOME_PAID: TestPaymentOutcome
TEST_PAYMENT_OUTCOME_DECLINED: TestPaymentOutcome

class PayTestOrderRequest(_message.Message):
    __slots__ = ("request_id", "provider_order_id", "outcome")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    PROVIDER_ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    provider_order_id: str
    outcome: TestPaymentOutcome
    def __init__(self, request_id: _Optional[str] = ..., provider_order_id: _Optional[str] = ..., outcome: _Optional[_Union[TestPaymentOutcome, str]] = ...) -> None: ...

class PayTestOrderResponse(_message.Message):
    __slots__ = ("provider_payment_id", "provider_signature")
    PROVIDER_PAYMENT_ID_FIELD_NUMBER: _ClassVar[int]
    PROVIDER_SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    provider_payment_id: str
    provider_signature: str
    def __init__(self, provider_payment_id: _Optional[str] = ..., provider_signature: _Optional[str] = ...) -> None: ...
