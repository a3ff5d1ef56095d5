"""Searches the catalog as the workload "operator": python search.py shirt"""

import os
import pathlib
import sys

import grpc
from only2u.product.v1.product_pb2 import SearchProductsRequest
from only2u.product.v1.product_pb2_grpc import ProductServiceStub

# Written by: npm run certificate -- operator
folder = pathlib.Path(os.environ.get("ONLY2U_DATA", "../../.data"), "identity", "operator")
ca, key, cert = ((folder / f"{name}.pem").read_bytes() for name in ("ca", "key", "cert"))
address = os.environ.get("PRODUCT_ADDRESS", "127.0.0.1:50052")

with grpc.secure_channel(address, grpc.ssl_channel_credentials(ca, key, cert)) as channel:
    answer = ProductServiceStub(channel).SearchProducts(SearchProductsRequest(query=sys.argv[1], page_size=5), timeout=5)
for product in answer.products:
    price = product.variants[0].price
    print(f"{product.handle}  {product.title}  {price.minor_units / 100:.2f} {price.currency}")
