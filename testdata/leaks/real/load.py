#!/usr/bin/env python3
"""Sends requests to a program for some time, and prints how many.

usage: testdata/leaks/real/load.py SECONDS REQUEST…

    REQUEST    one of:
               GET URL             an HTTP request
               POST URL [BODY]     the same with a body
               STREAM URL BODY     a POST whose answer does not end: it is read for up to three seconds
               NATS HOST:PORT      NATS clients that connect, subscribe, publish and disconnect

In a URL and a body, RANDOM stands for a number from 0 to 99 and NOW for the Unix time, such as in NOW-60.
Each of twelve clients keeps its connection for up to three seconds and then opens a new one.
"""

import http.client
import random
import re
import socket
import sys
import threading
import time
import urllib.parse

CLIENTS = 12
LONGEST_CONNECTION = 3
# The time between two requests of a client.
PAUSE = 0.04

sent = [0] * CLIENTS
failed = [0] * CLIENTS


def fill_in(text):
    text = re.sub("RANDOM", lambda _: str(random.randrange(100)), text)
    text = re.sub(r"NOW(-\d+)?", lambda time_of: str(int(time.time()) + int(time_of[1] or 0)), text)
    return text.replace("\\n", "\n")


def send_http(connection, method, url, body):
    parts = urllib.parse.urlsplit(fill_in(url))
    target = urllib.parse.quote(parts.path, safe="/%") + "?" + urllib.parse.quote(parts.query, safe="=&%")
    headers = {"Content-Type": "application/json"} if body.startswith(("{", "[")) else {}
    connection.request(method, target, fill_in(body) or None, headers)
    connection.getresponse().read()


def read_stream(host, url, body):
    """Reads the answer until nothing comes for a while, and closes the connection."""
    with socket.create_connection(host.split(":"), timeout=random.uniform(0.5, LONGEST_CONNECTION)) as stream:
        path = urllib.parse.urlsplit(url).path
        stream.sendall(f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
        end = time.monotonic() + LONGEST_CONNECTION
        try:
            while time.monotonic() < end and stream.recv(65536):
                pass
        except TimeoutError:
            pass


def talk_nats(host):
    """Connects, subscribes, publishes some messages, and disconnects."""
    with socket.create_connection(host.split(":"), timeout=5) as stream:
        stream.recv(4096)
        subject = f"subject.{random.randrange(100)}"
        stream.sendall(f'CONNECT {{"verbose":false}}\r\nSUB {subject} 1\r\n'.encode())
        for _ in range(random.randrange(1, 20)):
            stream.sendall(f"PUB {subject} 11\r\nhello world\r\nPING\r\n".encode())
            stream.recv(65536)
            time.sleep(random.uniform(0, 0.05))


def run_client(index, requests, end):
    connections, opened = {}, {}
    while time.monotonic() < end:
        method, url, body = (random.choice(requests).split(" ", 2) + [""])[:3]
        host = url if method == "NATS" else urllib.parse.urlsplit(url).netloc
        try:
            if method == "NATS":
                talk_nats(host)
            elif method == "STREAM":
                read_stream(host, url, body)
            else:
                if host not in connections or time.monotonic() > opened[host] + LONGEST_CONNECTION * random.random():
                    if host in connections:
                        connections[host].close()
                    connections[host], opened[host] = http.client.HTTPConnection(host, timeout=10), time.monotonic()
                send_http(connections[host], method, url, body)
            sent[index] += 1
        except (OSError, http.client.HTTPException):
            failed[index] += 1
            connections.pop(host, None)
        time.sleep(PAUSE)


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    end = time.monotonic() + float(sys.argv[1])
    clients = [threading.Thread(target=run_client, args=(n, sys.argv[2:], end)) for n in range(CLIENTS)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    print(f"{sum(sent)} requests sent, {sum(failed)} failed")


main()
