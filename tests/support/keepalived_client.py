"""One HTTP connection that stays: a GET for each line on stdin, the answer's body on stdout. `… ADDRESS PORT`.

A script without imports from the tests.
"""

from __future__ import annotations

import http.client
import sys


def main(address: str, port: int) -> None:
    """Until stdin ends; http.client would open another connection by itself, which is an error here."""
    connection = http.client.HTTPConnection(address, port, timeout=10)
    connection.auto_open = 0
    connection.connect()
    for _ in sys.stdin:
        connection.request("GET", "/")
        print(connection.getresponse().read().decode().strip(), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
