"""Is a good client served while a thousand others drip?"""
import os
import resource
import socket
import threading
import time

from hashgate import jpeg, running

SECONDS = int(os.environ.get("SLOW_SECONDS", "60"))


def drip(port, count, stop, stats):
    """Clients that send a byte every two seconds, in the head or in the body, and come back when cut."""
    head = b"POST /v1/check HTTP/1.1\r\nHost: slow\r\nX-Filler: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    clients = []
    for _ in range(count):
        s = socket.create_connection(("127.0.0.1", port))
        s.setblocking(False)
        clients.append([s, 0])
    while not stop.wait(2):
        for client in clients:
            try:
                client[0].send(head[client[1] % len(head):][:1])
                client[1] += 1
                if client[0].recv(4096) == b"":
                    raise ConnectionError
            except BlockingIOError:
                pass
            except OSError:
                stats["cut"] += 1
                client[0].close()
                client[0] = socket.create_connection(("127.0.0.1", port))
                client[0].setblocking(False)
                client[1] = 0
    for s, _ in clients:
        s.close()


def test_a_good_client_is_served_all_the_while():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    data = jpeg("good client")
    with running() as service:
        service.bank()
        service.add(data)
        assert service.verdict(data) == "block"
        rss = service.rss()
        stop, stats = threading.Event(), {"cut": 0}
        slow = threading.Thread(target=drip, args=(service.port, 1000, stop, stats))
        slow.start()
        served = 0
        end = time.monotonic() + SECONDS
        try:
            while time.monotonic() < end:
                answer = service.check(data, timeout=10)
                assert answer.status_code == 200 and answer.json()["verdict"] == "block"
                served += 1
                time.sleep(0.05)
            grown = service.rss() - rss
        finally:
            stop.set()
            slow.join()
        assert served > SECONDS
        assert grown < 64 << 20, grown
        if SECONDS >= 30:
            assert stats["cut"] > 0, "no slow client was ever cut"
