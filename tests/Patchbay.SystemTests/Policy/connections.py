"""Real connections for the tests of policies.

connections.py serve PORT...          listens on tcp/N and udp/N and answers with one byte; prints "ready"
connections.py try ADDRESS:PROTO/N... connects to each and prints "… yes" or "… no", all at once
connections.py hold ADDRESS PORT      connects, then for each line of standard input sends it and prints what comes back, or "lost"
"""
import concurrent.futures
import select
import socket
import sys

TRIES = 3
SECONDS = 2


def kind(protocol):
    return socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM


def serve(ports):
    sockets = []
    for port in ports:
        protocol, number = port.split("/")
        listener = socket.socket(socket.AF_INET, kind(protocol))
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("", int(number)))
        if protocol == "tcp":
            listener.listen(64)
        sockets.append(listener)
    listeners = set(sockets)
    print("ready", flush=True)
    while True:
        for ready in select.select(sockets, [], [])[0]:
            if ready.type == socket.SOCK_DGRAM:
                data, sender = ready.recvfrom(99)
                ready.sendto(data, sender)
            elif ready in listeners:
                sockets.append(ready.accept()[0])
                sockets[-1].sendall(b"!")
            else:
                try:
                    data = ready.recv(99)
                except OSError:
                    data = b""
                if data:
                    ready.sendall(data)
                else:
                    sockets.remove(ready)
                    ready.close()


def reaches(target):
    address, port = target.split(":")
    protocol, number = port.split("/")
    # A datagram may be lost under load; a refusal never is one that was let through.
    for _ in range(TRIES if protocol == "udp" else 1):
        with socket.socket(socket.AF_INET, kind(protocol)) as client:
            client.settimeout(SECONDS * 10 if protocol == "tcp" else SECONDS)
            try:
                client.connect((address, int(number)))
                if protocol == "udp":
                    client.send(b"?")
                return client.recv(1) != b""
            except ConnectionRefusedError:
                return False
            except OSError:
                continue
    return False


def hold(address, port):
    with socket.create_connection((address, int(port)), 10) as client:
        client.settimeout(3)
        print(client.recv(1).decode(), flush=True)
        for line in sys.stdin:
            try:
                client.sendall(line.strip().encode())
                print(client.recv(99).decode() or "lost", flush=True)
            except OSError:
                print("lost", flush=True)


if sys.argv[1] == "serve":
    serve(sys.argv[2:])
elif sys.argv[1] == "hold":
    hold(*sys.argv[2:])
else:
    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        for target, answer in zip(sys.argv[2:], pool.map(reaches, sys.argv[2:])):
            print(target, "yes" if answer else "no")
