"""Keeps one connection to each URL and asks over and over; prints `begun`, then how often each answered, or why not.

A script without imports from the tests: `http_stream.py SECONDS URL...`. It never connects a second time.
"""

from __future__ import annotations

import http.client
import sys
import time
from urllib.parse import urlsplit

PAUSE_S = 0.02


def ask(connection: http.client.HTTPConnection) -> None:
    """One request on a connection that is open already."""
    connection.request("GET", "/")
    answer = connection.getresponse()
    if answer.status != 200 or not answer.read():
        raise OSError(f"status {answer.status}")
    if connection.sock is None:
        raise OSError("the server closes")


def main(duration_s: float, urls: list[str]) -> None:
    """Ask all in turn until the time is up or a connection is lost."""
    connections = [http.client.HTTPConnection(urlsplit(url).netloc, timeout=5) for url in urls]
    for connection in connections:
        connection.connect()
        connection.auto_open = 0
        ask(connection)
    print("begun", flush=True)
    answered = 0
    end = time.monotonic() + duration_s
    while time.monotonic() < end:
        for url, connection in zip(urls, connections, strict=True):
            try:
                ask(connection)
            except (OSError, http.client.HTTPException) as error:
                print(f"{url}: {error!r} after {answered} rounds")
                return
        answered += 1
        time.sleep(PAUSE_S)
    print(f"answered {answered}")


if __name__ == "__main__":
    main(float(sys.argv[1]), sys.argv[2:])
