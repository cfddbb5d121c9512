# SPDX-License-Identifier: Apache-2.0
"""Real gRPC through usher: calls of every shape, statuses, cancelling, a client certificate in front."""
import concurrent.futures
import threading

import pytest

grpc = pytest.importorskip("grpc")

RULES = """
listener public {
    address    127.0.0.1:{port}
    protocols  h2
}
zone api {
    hosts        api.example.com
    certificate  "{pki}/server-ecdsa-chain.pem"
    key          "{pki}/server-ecdsa.key"
    client_auth  optional
    client_ca    "{pki}/ca-bundle.pem"
    pool         services
    transforms   tls_client_auth_headers
}
pool services { origin http://127.0.0.1:{service}; protocol h2 }
rule papers { when not cf.tls_client_auth.cert_verified then block 403 }
"""


class Service(grpc.GenericRpcHandler):
    """Messages are bytes; nothing to compile."""

    def service(self, call):
        return {
            "/t/Echo": grpc.unary_unary_rpc_method_handler(self.echo),
            "/t/Count": grpc.unary_stream_rpc_method_handler(lambda r, c: (b"%d" % i for i in range(int(r)))),
            "/t/Sum": grpc.stream_unary_rpc_method_handler(lambda rs, c: b"%d" % sum(len(r) for r in rs)),
            "/t/Chat": grpc.stream_stream_rpc_method_handler(lambda rs, c: (r.upper() for r in rs)),
            "/t/Fail": grpc.unary_unary_rpc_method_handler(self.fail),
            "/t/Who": grpc.unary_unary_rpc_method_handler(self.who),
        }.get(call.method)

    @staticmethod
    def echo(request, context):
        return request

    @staticmethod
    def fail(request, context):
        context.abort(grpc.StatusCode.NOT_FOUND, "no such thing")

    @staticmethod
    def who(request, context):
        return dict(context.invocation_metadata()).get("cf-cert-verified", "nobody").encode()


@pytest.fixture
def service():
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(8))
    server.add_generic_rpc_handlers((Service(),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield port
    server.stop(0)


@pytest.fixture
def make_channel(make_usher, pki, service):
    made = []

    def make(cert="good"):
        u = make_usher(RULES, service=service)
        read = lambda name: (pki / name).read_bytes()
        keys = (read(cert + ".key"), read(cert + "-chain.pem")) if cert else (None, None)
        made.append(grpc.secure_channel("127.0.0.1:%d" % u.port, grpc.ssl_channel_credentials(read("root.pem"), *keys),
                                        [("grpc.ssl_target_name_override", "api.example.com"),
                                         ("grpc.default_authority", "api.example.com")]))
        return made[-1]

    yield make
    for c in made:
        c.close()


def test_calls(make_channel):
    c = make_channel()
    assert c.unary_unary("/t/Echo")(b"x" * 100000, timeout=10) == b"x" * 100000
    assert list(c.unary_stream("/t/Count")(b"500", timeout=10))[-1] == b"499"
    assert c.stream_unary("/t/Sum")((b"y" * 1000 for _ in range(500)), timeout=10) == b"500000"
    assert list(c.stream_stream("/t/Chat")(iter([b"a", b"b", b"c"]), timeout=10)) == [b"A", b"B", b"C"]
    assert c.unary_unary("/t/Who")(b"", timeout=10) == b"true"


def test_statuses(make_channel):
    c = make_channel()
    for method, code, text in (("/t/Fail", "NOT_FOUND", "no such thing"), ("/t/None", "UNIMPLEMENTED", None)):
        with pytest.raises(grpc.RpcError) as e:
            c.unary_unary(method)(b"", timeout=10)
        assert e.value.code().name == code and (text is None or e.value.details() == text)


def test_without_certificate(make_channel):
    with pytest.raises(grpc.RpcError) as e:
        make_channel(None).unary_unary("/t/Who")(b"", timeout=10)
    assert e.value.code() == grpc.StatusCode.PERMISSION_DENIED  # what gRPC makes of 403


def test_cancelled_and_many(make_channel):
    c = make_channel()
    endless = threading.Event()

    def words():
        while not endless.wait(0.05):
            yield b"w"

    chat = c.stream_stream("/t/Chat")(words(), timeout=20)
    assert next(chat) == b"W"
    calls = [c.unary_unary("/t/Echo").future(b"%d" % i, timeout=20) for i in range(200)]
    assert [f.result() for f in calls] == [b"%d" % i for i in range(200)]
    assert next(chat) == b"W"
    chat.cancel()
    endless.set()
    assert c.unary_unary("/t/Echo")(b"after", timeout=10) == b"after"
