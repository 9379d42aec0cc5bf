"""The one network of deliveries, against servers on loopback: what it refuses, bounds, repeats and never follows."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pycurl
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from hub.delivery.guard import Guard
from hub.delivery.wire import RESPONSE_KEPT_BYTES, Response, Wire, Wires, post

OK = b"HTTP/1.1 204 No Content\r\n\r\n"
Serve = Callable[[socket.socket], None]


@contextmanager
def served(answer: Serve, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """A server on a free port; ``answer`` has each connection once, in a thread of its own."""
    listening = socket.create_server(("127.0.0.1", 0))

    def one(connection: socket.socket) -> None:
        try:
            with connection, tls.wrap_socket(connection, server_side=True) if tls else connection as ready:
                answer(ready)
        except OSError:
            return  # the other side has gone: what several of these tests are about

    def accept() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:  # the test closed it
                return
            threading.Thread(target=one, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"127.0.0.1:{listening.getsockname()[1]}"
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()


def request(connection: socket.socket) -> bytes:
    """One request with its body; nothing when the other side has closed."""
    data = b""
    while b"\r\n\r\n" not in data:
        if not (part := connection.recv(65536)):
            return b""
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    length = next(
        int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")
    )
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def always(answer: bytes) -> Serve:
    def serve(connection: socket.socket) -> None:
        while request(connection):
            connection.sendall(answer)

    return serve


def told(url: str, allow_private: bool = True, timeout_seconds: float = 5.0, body: bytes = b"x") -> Response:
    return post(url, body, {"content-type": "text/plain"}, timeout_seconds, allow_private)


def test_the_request_is_what_was_given_and_nothing_else() -> None:
    seen: list[bytes] = []

    def serve(connection: socket.socket) -> None:
        seen.append(request(connection))
        connection.sendall(OK)

    with served(serve) as at:
        response = told(f"http://{at}/inbox", body="乘客".encode())
    assert response.delivered
    head, _, body = seen[0].partition(b"\r\n\r\n")
    assert body == "乘客".encode()
    assert head.split(b"\r\n")[0] == b"POST /inbox HTTP/1.1"
    assert {line.split(b":")[0].lower() for line in head.split(b"\r\n")[1:]} == {
        b"host",
        b"content-type",
        b"content-length",
    }


@pytest.mark.parametrize(
    ("family", "address"),
    [
        (socket.AF_INET, "127.0.0.1"),
        (socket.AF_INET, "169.254.169.254"),
        (socket.AF_INET, "10.0.0.1"),
        (socket.AF_INET6, "::1"),
        (socket.AF_INET6, "fe80::1%2"),
        (socket.AF_INET6, "::ffff:169.254.169.254"),
        (socket.AF_UNIX, "/run/some.sock"),
    ],
)
def test_no_socket_is_made_for_an_address_that_is_not_public(family: int, address: str) -> None:
    """What libcurl asks after every look-up of a name: the very address that it is about to connect to."""
    guard = Guard()
    to = SimpleNamespace(family=family, socktype=socket.SOCK_STREAM, protocol=0, addr=(address, 80))
    assert guard(0, to) == pycurl.SOCKET_BAD
    assert guard.refused


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1", "0x7f000001", "2130706433", "[::1]"])
def test_no_spelling_of_this_machine_is_connected_to(host: str) -> None:
    reached: list[bool] = []
    with served(lambda _: reached.append(True)) as at:
        response = told(f"http://{host}:{at.partition(':')[2]}/inbox", allow_private=False)
    assert (response.status, response.head, reached) == (None, "it has no public address", [])


def test_a_redirect_is_an_answer_and_not_followed() -> None:
    reached: list[bool] = []
    with served(lambda _: reached.append(True)) as elsewhere:
        moved = f"HTTP/1.1 302 Found\r\nlocation: http://{elsewhere}/\r\ncontent-length: 0\r\n\r\n".encode()
        with served(always(moved)) as at:
            response = told(f"http://{at}/inbox")
    assert (response.status, response.delivered, reached) == (302, False, [])
    assert response.header("location") == f"http://{elsewhere}/"


def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    with served(always(OK)) as at:
        assert told(f"http://{at}/inbox").status == 204


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://127.0.0.1/", "gopher://127.0.0.1/"])
def test_nothing_but_http_is_spoken(url: str) -> None:
    assert told(url).status is None


def test_an_answer_without_end_is_cut_and_its_status_counts() -> None:
    def serve(connection: socket.socket) -> None:
        request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            connection.sendall(b"y" * 65536)

    with served(serve) as at:
        response = told(f"http://{at}/inbox")
    assert (response.status, len(response.head)) == (200, RESPONSE_KEPT_BYTES)


def test_who_does_not_answer_in_time_is_left() -> None:
    silence = threading.Event()

    def serve(_: socket.socket) -> None:
        silence.wait(10)

    with served(serve) as at:
        response = told(f"http://{at}/inbox", timeout_seconds=0.2)
    silence.set()
    assert (response.status, response.head) == (None, "no answer within 0.2 s")
    assert response.duration_ms < 3000


def test_a_kept_connection_that_was_closed_is_made_again() -> None:
    """A server that closes after every answer without saying so: the second POST finds a dead connection."""
    connections: list[int] = []

    def serve(connection: socket.socket) -> None:
        connections.append(1)
        request(connection)
        connection.sendall(OK)

    wire: Wire[int] = Wire(5.0, True)
    with served(serve) as at:
        found = [wire.post(f"http://{at}/inbox", b"x", {}, number).status for number in range(3)]
    wire.close()
    assert (found, len(connections)) == ([204, 204, 204], 3)


def test_interim_answers_are_passed_over() -> None:
    hints = b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n"
    with served(always(hints + b"HTTP/1.1 429 Slow\r\nretry-after: 7\r\ncontent-length: 0\r\n\r\n")) as at:
        response = told(f"http://{at}/inbox")
    assert (response.status, response.header("retry-after"), response.header("link")) == (429, "7", None)


def test_a_header_of_two_lines_is_refused() -> None:
    wire: Wire[None] = Wire(1.0, True)
    with pytest.raises(ValueError, match="one line"):
        wire.start("http://127.0.0.1:9/", b"", {"content-type": "text/plain\r\nx: y"}, None)
    assert wire.under_way == 0


def test_a_wire_is_not_used_again_after_an_exception() -> None:
    wires: Wires[None] = Wires(1.0, True)
    with pytest.raises(ZeroDivisionError), wires.lent() as first:
        raise ZeroDivisionError
    with wires.lent() as second:
        assert second is not first
    with wires.lent() as third:
        assert third is second


def test_a_certificate_of_nobody_is_not_trusted(tmp_path: Path) -> None:
    reached: list[bytes] = []
    with served(lambda c: reached.append(request(c)), _self_signed(tmp_path)) as at:
        response = told(f"https://localhost:{at.partition(':')[2]}/inbox")
    assert response.status is None
    assert "TLS" in response.head
    assert not any(reached)


def _self_signed(directory: Path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = directory / "server.pem"
    pem.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context
