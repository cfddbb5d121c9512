# SPDX-License-Identifier: Apache-2.0
"""Origins that a test makes of one method."""
import socket
import threading


class Listening:
    """A server on loopback: serve(sock) runs in a thread for each connection, which is closed when it returns."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.address = "127.0.0.1:%d" % self.port
        self.url = "http://" + self.address
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.one, args=(sock,), daemon=True).start()

    def one(self, sock):
        with sock:
            try:
                self.serve(sock)
            except (EOFError, OSError):
                pass

    def stop(self):
        self.listener.close()


def head_of(sock):
    """What a client sends up to the end of a head; EOFError if it leaves before."""
    data = b""
    while b"\r\n\r\n" not in data:
        got = sock.recv(4096)
        if not got:
            raise EOFError
        data += got
    return data
