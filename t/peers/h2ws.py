#!/usr/bin/python3
"""A client that speaks WebSocket over HTTP/2 (RFC 8441), for the tests.

    h2ws.py PORT [--ca FILE] JOB

JOB is JSON: a list of streams, all opened on one connection at once:

    {"path": "/x", "send": "text" or a number of bytes, "headers": [...],
     "end": "finish" | "reset" | "wait", "plain": true, "times": n,
     "until": n}

Each is an extended CONNECT (or, with "plain", a GET). Once it has its 200 it
sends, and ends its side when "until" bytes have come back (default: as many as
it sent): "finish" with END_STREAM, "reset" with RST_STREAM, "wait" not at all.
The report, JSON, has for each: status, headers, got (bytes), text (their
first 200), end ("end", "reset N", "timeout"); and whether the server offered
extended CONNECT.
"""
import json
import select
import socket
import ssl
import sys
import time

import h2.config
import h2.connection
import h2.events
import h2.settings

PATIENCE = 20


class Stream:
    def __init__(self, job):
        self.job = job
        send = job.get("send", "")
        if isinstance(send, int):
            send = "x" * send
        self.todo = send.encode() * job.get("times", 1)
        self.until = job.get("until", len(self.todo))
        self.status = 0
        self.headers = {}
        self.got = 0
        self.text = b""
        self.end = ""
        self.finished = False

    def done(self):
        if self.end:
            return True
        return self.job.get("end") == "wait" and self.status \
            and self.got >= self.until and not self.todo

    def report(self):
        return {"status": self.status, "headers": self.headers,
                "got": self.got, "text": self.text.decode("latin-1"),
                "end": self.end or "timeout"}


class Client:
    def __init__(self, port, ca):
        self.sock = socket.create_connection(("127.0.0.1", port))
        if ca:
            context = ssl.create_default_context(cafile=ca)
            context.set_alpn_protocols(["h2"])
            self.sock = context.wrap_socket(self.sock,
                                            server_hostname="localhost")
        self.tls = bool(ca)
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(
            client_side=True, header_encoding="utf-8"))
        self.h2.initiate_connection()
        self.streams = {}
        self.settled = False
        self.offered = False
        self.flush()

    def flush(self):
        self.sock.sendall(self.h2.data_to_send())

    def open(self, job):
        stream = Stream(job)
        number = self.h2.get_next_available_stream_id()
        self.streams[number] = stream
        head = [(":method", "GET" if job.get("plain") else "CONNECT"),
                (":scheme", "https" if self.tls else "http"),
                (":path", job["path"]), (":authority", "front.example")]
        if not job.get("plain"):
            head.append((":protocol", job.get("protocol", "websocket")))
            head.append(("sec-websocket-version", "13"))
        head += [tuple(h) for h in job.get("headers", [])]
        self.h2.send_headers(number, head,
                             end_stream=bool(job.get("plain")))
        stream.finished = bool(job.get("plain"))

    def event(self, event):
        if isinstance(event, h2.events.RemoteSettingsChanged):
            code = h2.settings.SettingCodes.ENABLE_CONNECT_PROTOCOL
            self.settled = True
            if code in event.changed_settings:
                self.offered = \
                    event.changed_settings[code].new_value == 1
            return
        stream = self.streams.get(getattr(event, "stream_id", None))
        if stream is None:
            return
        if isinstance(event, h2.events.ResponseReceived):
            stream.headers = dict(event.headers)
            stream.status = int(stream.headers.pop(":status"))
        elif isinstance(event, h2.events.DataReceived):
            stream.got += len(event.data)
            stream.text = (stream.text + event.data)[:200]
            self.h2.acknowledge_received_data(
                event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamEnded):
            stream.end = stream.end or "end"
        elif isinstance(event, h2.events.StreamReset):
            stream.end = stream.end or "reset %d" % event.error_code

    def pump(self, number, stream):
        if stream.status != 200 or stream.finished or stream.end:
            return
        while stream.todo:
            room = min(self.h2.local_flow_control_window(number),
                       self.h2.max_outbound_frame_size, len(stream.todo))
            if room <= 0:
                return
            self.h2.send_data(number, stream.todo[:room])
            stream.todo = stream.todo[room:]
        how = stream.job.get("end", "finish")
        if stream.got >= stream.until and how == "finish":
            self.h2.end_stream(number)
            stream.finished = True
        elif stream.got >= stream.until and how == "reset":
            self.h2.reset_stream(number, 8)
            stream.end = "ours"

    def read(self, seconds):
        if not (self.tls and self.sock.pending()) \
                and not select.select([self.sock], [], [], seconds)[0]:
            return True
        data = self.sock.recv(65536)
        if not data:
            return False
        for event in self.h2.receive_data(data):
            self.event(event)
        return True

    def run(self, jobs):
        give_up = time.time() + PATIENCE
        while not self.settled and time.time() < give_up:
            if not self.read(0.5):
                break
            self.flush()
        for job in jobs:
            self.open(job)
        self.flush()
        while time.time() < give_up:
            for number, stream in self.streams.items():
                self.pump(number, stream)
            self.flush()
            if all(s.done() for s in self.streams.values()):
                break
            if not self.read(0.2):
                break


def main():
    args = sys.argv[1:]
    ca = None
    if args[1] == "--ca":
        ca = args[2]
        del args[1:3]
    client = Client(int(args[0]), ca)
    client.run(json.loads(args[1]))
    print(json.dumps({"offered": client.offered, "streams": [
        client.streams[n].report() for n in sorted(client.streams)]}))


main()
