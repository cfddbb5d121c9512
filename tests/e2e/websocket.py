# SPDX-License-Identifier: Apache-2.0
"""Both ends of WebSockets, by libraries that know nothing of usher: wsproto for RFC 6455, h2 for HTTP/2."""
import os
import socket
import ssl
import struct
import threading
import time

import h2.config
import h2.connection
import h2.events
import wsproto
from wsproto.connection import Connection
from wsproto.events import AcceptConnection, BytesMessage, CloseConnection, Ping, RejectConnection, Request, TextMessage

from listening import Listening, head_of

PATIENCE = float(os.environ.get("USHER_PATIENCE") or 1)


class Origin(Listening):
    """Speaks HTTP/1.1 and WebSocket. What becomes of a handshake is its path's matter."""

    ODD = {  # heads that agree, or seem to, in wrong ways
        "/wrong-key": "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                      "Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n",
        "/no-key": "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
        "/two-keys": "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                     "Sec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Accept: {accept}\r\n\r\n",
        "/other-protocol": "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n"
                           "Sec-WebSocket-Accept: {accept}\r\n\r\n",
        "/no-upgrade-line": "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: {accept}\r\n\r\n",
        "/success": "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        "/empty": "HTTP/1.1 204 No Content\r\n\r\n",
        "/too-old": "HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nContent-Length: 2\r\n\r\nno",
        "/elsewhere": "HTTP/1.1 302 Found\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n",
    }

    def __init__(self):
        self.heads, self.ended = [], []
        super().__init__()

    def serve(self, sock):
        head = head_of(sock)
        self.heads.append(head.decode("latin-1"))
        path = head.split(b" ")[1].decode()
        if path == "/late":
            time.sleep(2)
            path = "/success"
        try:
            if path in self.ODD:
                self.odd(sock, path, head)
            else:
                self.speak(sock, path, head)
        except (OSError, wsproto.utilities.ProtocolError) as e:
            self.ended.append(repr(e))

    def odd(self, sock, path, head):
        keys = [l.split(": ", 1)[1] for l in head.decode().split("\r\n") if l.lower().startswith("sec-websocket-key:")]
        accept = wsproto.utilities.generate_accept_token(keys[0].encode()).decode() if keys else ""
        sock.sendall(self.ODD[path].replace("{accept}", accept).encode())
        while sock.recv(4096):
            pass

    def speak(self, sock, path, head):
        ws = wsproto.WSConnection(wsproto.ConnectionType.SERVER)
        ws.receive_data(head)
        while True:
            for e in ws.events():
                if isinstance(e, Request):
                    if path == "/refuse":
                        sock.sendall(ws.send(RejectConnection(status_code=403, headers=[(b"content-length", b"0")])))
                        return
                    if path == "/slow":
                        time.sleep(0.5)
                    sock.sendall(ws.send(AcceptConnection(subprotocol=(e.subprotocols or [None])[0],
                                                          extra_headers=[(b"x-origin", b"here")])))
                    if path == "/end":
                        return
                    if path == "/reset":
                        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                        sock.recv(1)
                        return
                    if path == "/deaf":
                        threading.Event().wait(20 * PATIENCE)
                        return
                    if path == "/flood":
                        for _ in range(400):
                            sock.sendall(ws.send(BytesMessage(b"x" * 65536)))
                        sock.sendall(ws.send(TextMessage("done")))
                elif isinstance(e, TextMessage):
                    sock.sendall(ws.send(TextMessage(e.data, message_finished=e.message_finished)))
                elif isinstance(e, BytesMessage):
                    sock.sendall(ws.send(BytesMessage(bytes(e.data), message_finished=e.message_finished)))
                elif isinstance(e, Ping):
                    sock.sendall(ws.send(e.response()))
                elif isinstance(e, CloseConnection):
                    sock.sendall(ws.send(e.response()))
                    self.ended.append("close")
                    return
            got = sock.recv(65536)
            if not got:
                self.ended.append("eof")
                return
            ws.receive_data(got)


class Stream:
    """What happened on one."""

    def __init__(self):
        self.status, self.headers, self.data, self.ended, self.reset = 0, [], b"", False, None
        self.ws, self.messages, self.text = None, [], ""

    def header(self, name):
        return [v for n, v in self.headers if n == name]


class Client:
    """One HTTP/2 connection, with as many WebSockets on it as wanted."""

    def __init__(self, port, pki=None, sni="api.example.com", cert=None):
        sock = socket.create_connection(("127.0.0.1", port), 15 * PATIENCE)
        if pki is not None:
            context = ssl.create_default_context(cafile=str(pki / "root.pem"))
            context.check_hostname = False
            context.set_alpn_protocols(["h2"])
            if cert:
                context.load_cert_chain(str(pki / (cert + "-chain.pem")), str(pki / (cert + ".key")))
            sock = context.wrap_socket(sock, server_hostname=sni)
            assert sock.selected_alpn_protocol() == "h2"
        self.sock, self.scheme, self.host, self.streams = sock, "https" if pki else "http", sni, {}
        self.closed, self.goaway, self.reading, self.settled = False, None, True, False
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True, header_encoding="utf-8"))
        self.h2.initiate_connection()
        self.flush()

    def flush(self):
        try:
            self.sock.sendall(self.h2.data_to_send())
        except OSError:
            self.closed = True

    def step(self):
        """Reads once. False: the connection is over."""
        if self.closed:
            return False
        try:
            got = self.sock.recv(65536)
        except (ConnectionError, ssl.SSLError):
            got = b""
        if not got:
            self.closed = True
            return False
        for e in self.h2.receive_data(got):
            self.note(e)
        self.flush()
        return not self.closed

    def note(self, e):
        s = self.streams.get(getattr(e, "stream_id", None))
        if isinstance(e, h2.events.ResponseReceived):
            s.headers, s.status = e.headers, int(dict(e.headers)[":status"])
            if s.status == 200:
                s.ws = Connection(wsproto.ConnectionType.CLIENT)
        elif isinstance(e, h2.events.DataReceived):
            if self.reading:
                self.h2.acknowledge_received_data(e.flow_controlled_length, e.stream_id)
            s.data += e.data
            if s.ws is not None and e.data:
                s.ws.receive_data(e.data)
                self.hear(s)
        elif isinstance(e, h2.events.StreamEnded):
            s.ended = True
        elif isinstance(e, h2.events.StreamReset):
            s.reset = e.error_code
        elif isinstance(e, h2.events.RemoteSettingsChanged):
            self.settled = True
        elif isinstance(e, h2.events.ConnectionTerminated):
            self.goaway = e.error_code

    def hear(self, s):
        for e in s.ws.events():
            if isinstance(e, TextMessage):
                s.text += e.data
                if e.message_finished:
                    s.messages.append(s.text)
                    s.text = ""
            else:
                s.messages.append(e)

    def until(self, wanted):
        while not wanted():
            if not self.step():
                return False
        return True

    def open(self, path="/echo", protocol="websocket", end=False, wait=True, host=None, more=()):
        self.until(lambda: self.settled)
        number = self.h2.get_next_available_stream_id()
        self.streams[number] = Stream()
        self.h2.send_headers(number, [(":method", "CONNECT"), (":protocol", protocol), (":scheme", self.scheme),
                                      (":path", path), (":authority", host or self.host), ("sec-websocket-version", "13"),
                                      ("origin", "https://" + self.host)] + list(more), end_stream=end)
        self.flush()
        if wait:
            s = self.streams[number]
            self.until(lambda: s.status or s.reset is not None)
        return number

    def send(self, number, event):
        self.put(number, self.streams[number].ws.send(event))

    def put(self, number, data, end=False):
        while data:
            n = min(len(data), self.h2.local_flow_control_window(number), self.h2.max_outbound_frame_size)
            if n == 0:
                if not self.step():
                    return
                continue
            self.h2.send_data(number, data[:n])
            self.flush()
            data = data[n:]
        if end:
            self.h2.end_stream(number)
            self.flush()

    def say(self, number, text):
        """A text message, and what came back."""
        s = self.streams[number]
        before = len(s.messages)
        self.send(number, TextMessage(text))
        self.until(lambda: len(s.messages) > before or s.ended or s.reset is not None)
        return s.messages[before] if len(s.messages) > before else None

    def rest(self, number):
        """Waits for the end of a stream."""
        s = self.streams[number]
        self.until(lambda: s.ended or s.reset is not None)
        return s

    def end(self):
        while self.step():
            pass

    def close(self):
        self.sock.close()
