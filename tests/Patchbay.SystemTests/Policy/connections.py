"""Real connections for the tests of policies.

connections.py serve PORT...          listens on tcp/N and udp/N and answers with one byte; prints "ready"
connections.py try ADDRESS:PROTO/N... connects to each and prints "… yes" or "… no", all at once
connections.py hold ADDRESS PORT      connects, then for each line of standard input sends it and prints what comes back, or "lost"
connections.py watch ADDRESS:PROTO/N=yes…  tries them again and again; for each line of standard input, once each has been tried twice more,
                                      prints what ever was otherwise, or "ok"
connections.py push PORT             answers datagrams as "serve" does; for each line of standard input sends one to who sent last, and prints "sent"
connections.py flow ADDRESS PORT      sends datagrams from one port; for each line of standard input prints "yes" or "no": whether one is answered
"""
import concurrent.futures
import select
import socket
import sys
import threading
import time

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


def watch(expectations):
    tried = dict.fromkeys(expectations, 0)
    wrong = []
    changed = threading.Condition()

    def follow(each):
        target, expected = each.split("=")
        while True:
            answer = "yes" if reaches(target) else "no"
            with changed:
                tried[each] += 1
                if answer != expected:
                    wrong.append(f"{target} {answer}")
                changed.notify_all()
            time.sleep(0.01)  # others need the processor too

    for each in expectations:
        threading.Thread(target=follow, args=(each,), daemon=True).start()
    for _ in sys.stdin:
        with changed:
            goal = {each: count + 2 for each, count in tried.items()}
            changed.wait_for(lambda: all(tried[each] >= goal[each] for each in goal))
            print(", ".join(wrong) or "ok", flush=True)


def flow(address, port):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.connect((address, int(port)))
        client.settimeout(SECONDS)
        print("ready", flush=True)
        for number, _ in enumerate(sys.stdin):
            answer = "no"
            for _ in range(TRIES):
                try:
                    client.send(str(number).encode())
                    while client.recv(99) != str(number).encode():
                        pass  # of before
                    answer = "yes"
                    break
                except OSError:
                    continue
            print(answer, flush=True)


def push(port):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("", int(port)))
        last = []

        def answer():
            while True:
                try:
                    data, sender = server.recvfrom(99)
                    last[:] = [sender]
                    server.sendto(data, sender)
                except OSError:
                    continue  # a refusal of what was sent

        threading.Thread(target=answer, daemon=True).start()
        print("ready", flush=True)
        for _ in sys.stdin:
            server.sendto(b"pushed", last[0])
            print("sent", flush=True)


if sys.argv[1] == "serve":
    serve(sys.argv[2:])
elif sys.argv[1] == "push":
    push(sys.argv[2])
elif sys.argv[1] == "watch":
    watch(sys.argv[2:])
elif sys.argv[1] == "flow":
    flow(*sys.argv[2:])
elif sys.argv[1] == "hold":
    hold(*sys.argv[2:])
else:
    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        for target, answer in zip(sys.argv[2:], pool.map(reaches, sys.argv[2:])):
            print(target, "yes" if answer else "no")
