"""What a Service is elsewhere: a TCP address in front of replicas that come and go."""

import itertools
import selectors
import socket
import threading


class Balancer:
    """Gives each connection to the next replica that accepts one, byte by byte."""

    def __init__(self, port, replicas):
        self._replicas = replicas  # a function: ports that should get connections now
        self._turn = itertools.count()
        self._listener = socket.create_server(("127.0.0.1", port), backlog=128)
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self._listener.close()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _connect(self):
        ports = self._replicas()
        first = next(self._turn)
        for i in range(len(ports)):
            try:
                return socket.create_connection(("127.0.0.1", ports[(first + i) % len(ports)]), 5)
            except OSError:
                continue
        return None

    def _serve(self, client):
        server = self._connect()
        if server is None:
            client.close()
            return
        with client, server, selectors.DefaultSelector() as selector:
            for one, other in ((client, server), (server, client)):
                one.settimeout(None)
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                selector.register(one, selectors.EVENT_READ, other)
            while True:
                for key, _ in selector.select():
                    try:
                        data = key.fileobj.recv(65536)
                        if not data:
                            return
                        key.data.sendall(data)
                    except OSError:
                        return
