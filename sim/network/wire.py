"""A wire between two interfaces that loses frames, delays them and changes their order.

    wire.py INTERFACE INTERFACE SEED

Both ways are alike. It reads settings on its standard input, answers each line with `ok`, and ends with the input:

    all             a wire that does nothing to anything, as at the start
    udp loss=5 delay=50 jitter=50 reorder=1
    tcp delay=500   what was said of the others stays

`loss` and `reorder` are in percent of the frames; a frame that is reordered is not delayed, and so overtakes.
`delay` and `jitter` are in milliseconds: a frame takes from `delay - jitter` to `delay + jitter`. Only UDP and TCP
in IPv4 are treated so; ARP, and whatever else there is, passes. The kernel can do all this, too (netem), where it has
been built with it.
"""

import heapq
import random
import select
import socket
import sys
import time

ETH_P_ALL = 3
SOL_PACKET = 263
PACKET_IGNORE_OUTGOING = 23
PROTOCOLS = {6: "tcp", 17: "udp"}
PERFECT = {"loss": 0.0, "delay": 0.0, "jitter": 0.0, "reorder": 0.0}


class Wire:
    def __init__(self, names, seed):
        self.ends = [open_end(name) for name in names]
        self.paths = dict.fromkeys(PROTOCOLS.values(), PERFECT)
        self.random = random.Random(seed)
        # Frames on their way: when they are due, their number, the end where they come out.
        self.queue = []
        self.number = 0

    def set(self, line):
        protocol, *settings = line.split()
        path = dict(PERFECT)
        for setting in settings:
            name, value = setting.split("=")
            if name not in PERFECT:
                raise ValueError(f"there is no {name}")
            path[name] = float(value)
        for name in self.paths if protocol == "all" else [protocol]:
            if name not in self.paths:
                raise ValueError(f"there is no {name}")
            self.paths[name] = path

    def carry(self):
        """Carries until the settings end."""
        settings = sys.stdin
        while True:
            wait = max(0.0, self.queue[0][0] - time.monotonic()) if self.queue else None
            ready, _, _ = select.select([*self.ends, settings], [], [], wait)
            for end in ready:
                if end is not settings:
                    self.read(end)
                    continue
                line = settings.readline()
                if not line:
                    return
                self.set(line)
                print("ok", flush=True)
            while self.queue and self.queue[0][0] <= time.monotonic():
                _, _, end, frame = heapq.heappop(self.queue)
                send(end, frame)

    def read(self, end):
        other = self.ends[1 - self.ends.index(end)]
        now = time.monotonic()
        while True:
            try:
                frame = end.recv(65536)
            except BlockingIOError:
                return
            path = self.paths.get(protocol_of(frame), PERFECT)
            if self.random.uniform(0, 100) < path["loss"]:
                continue
            late = max(0.0, path["delay"] + self.random.uniform(-1, 1) * path["jitter"])
            if self.random.uniform(0, 100) < path["reorder"]:
                late = 0.0
            self.number += 1
            heapq.heappush(self.queue, (now + late / 1000, self.number, other, frame))


def open_end(name):
    end = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    end.bind((name, 0))
    # What we send is not to come back.
    end.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    end.setblocking(False)
    return end


def protocol_of(frame):
    return PROTOCOLS.get(frame[23]) if frame[12:14] == b"\x08\x00" and len(frame) > 23 else None


def send(end, frame):
    try:
        end.send(frame)
    except OSError:
        # An interface that is down: the frame is lost, as on any network.
        pass


if __name__ == "__main__":
    Wire(sys.argv[1:3], int(sys.argv[3])).carry()
