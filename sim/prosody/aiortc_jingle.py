"""aiortc as one end of a Jingle call through an XMPP server, over a WebSocket.

    python aiortc_jingle.py URL ADDRESS PASSWORD SAYS.wav HEARD.wav [CALLED]

Logs in at URL as ADDRESS (RFC 7395, PLAIN), asks for a relay and its credentials (XEP-0215), and calls CALLED, or
waits for a call and answers it (XEP-0166, 0167, 0176, 0320). Says the one recording once, and writes down what it
hears until the call is over. Tells on its output, a line of JSON each, when it is online, connected and done.
"""

import asyncio
import base64
import json
import os
import struct
import sys
import time
import wave
import xml.etree.ElementTree as ET
from fractions import Fraction
from urllib.parse import urlsplit

import av
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCIceServer,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.sdp import candidate_from_sdp

URL, ADDRESS, PASSWORD, SAYS, HEARD = sys.argv[1:6]
CALLED = sys.argv[6] if len(sys.argv) > 6 else None
USER, DOMAIN = ADDRESS.split("@")

RATE = 48_000
FRAME = RATE // 50
# The most that one answer may take.
LIMIT = 20

CLIENT = "jabber:client"
SASL = "urn:ietf:params:xml:ns:xmpp-sasl"
FRAMING = "urn:ietf:params:xml:ns:xmpp-framing"
STREAMS = "http://etherx.jabber.org/streams"
BIND = "urn:ietf:params:xml:ns:xmpp-bind"
SERVICES = "urn:xmpp:extdisco:2"
JINGLE = "urn:xmpp:jingle:1"
RTP = "urn:xmpp:jingle:apps:rtp:1"
ICE = "urn:xmpp:jingle:transports:ice-udp:1"
DTLS = "urn:xmpp:jingle:apps:dtls:0"


def tell(**what):
    print(json.dumps(what), flush=True)


class WebSocket:
    """A client's end (RFC 6455): whole text messages."""

    @classmethod
    async def open(cls, url):
        at = urlsplit(url)
        self = cls()
        self.reader, self.writer = await asyncio.open_connection(at.hostname, at.port)
        key = base64.b64encode(os.urandom(16)).decode()
        self.writer.write(
            f"GET {at.path} HTTP/1.1\r\nHost: {at.netloc}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Protocol: xmpp\r\n\r\n".encode()
        )
        head = await self.reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101"), head
        return self

    def send(self, data, opcode=1):
        size = len(data)
        length = bytes([0x80 | size]) if size < 126 else b"\xfe" + struct.pack(">H", size)
        mask = os.urandom(4)
        masked = bytes(byte ^ mask[n % 4] for n, byte in enumerate(data))
        self.writer.write(bytes([0x80 | opcode]) + length + mask + masked)

    async def receive(self):
        message = b""
        while True:
            first, size = await self.reader.readexactly(2)
            if size in (126, 127):
                form, count = (">H", 2) if size == 126 else (">Q", 8)
                (size,) = struct.unpack(form, await self.reader.readexactly(count))
            data = await self.reader.readexactly(size)
            match first & 0x0F:
                case 8:
                    raise EOFError("the server closed the stream")
                case 9:
                    self.send(data, opcode=10)
                case 0 | 1:
                    message += data
                    if first & 0x80:
                        return message.decode()


class Stream:
    """A user's stream (RFC 7395)."""

    @classmethod
    async def log_in(cls):
        self = cls()
        self.socket = await WebSocket.open(URL)
        self.asked, self.waiting, self.actions = 0, {}, asyncio.Queue()
        await self.begin()
        plain = base64.b64encode(f"\0{USER}\0{PASSWORD}".encode()).decode()
        auth = ET.Element(f"{{{SASL}}}auth", mechanism="PLAIN")
        auth.text = plain
        self.send(auth)
        success = await self.next()
        assert success.tag == f"{{{SASL}}}success", ET.tostring(success)
        await self.begin()
        self.reader = asyncio.create_task(self.read())
        bound = await self.ask("set", ET.Element(f"{{{BIND}}}bind"))
        self.own = bound.findtext(f".//{{{BIND}}}jid")
        return self

    def send(self, element):
        self.socket.send(ET.tostring(element))

    async def next(self):
        return ET.fromstring(await asyncio.wait_for(self.socket.receive(), LIMIT))

    async def begin(self):
        self.send(ET.Element(f"{{{FRAMING}}}open", to=DOMAIN, version="1.0"))
        opened = await self.next()
        assert opened.tag == f"{{{FRAMING}}}open", ET.tostring(opened)
        features = await self.next()
        assert features.tag == f"{{{STREAMS}}}features", ET.tostring(features)

    async def read(self):
        while True:
            stanza = ET.fromstring(await self.socket.receive())
            if stanza.tag != f"{{{CLIENT}}}iq":
                continue
            if stanza.get("type") in ("result", "error"):
                waiting = self.waiting.pop(stanza.get("id"), None)
                if waiting:
                    waiting.set_result(stanza)
                continue
            jingle = stanza.find(f"{{{JINGLE}}}jingle")
            kind = "error" if jingle is None else "result"
            answer = ET.Element(f"{{{CLIENT}}}iq", type=kind, id=stanza.get("id"))
            if stanza.get("from"):
                answer.set("to", stanza.get("from"))
            self.send(answer)
            if jingle is not None:
                self.actions.put_nowait((stanza.get("from"), jingle))

    async def ask(self, kind, element, to=None):
        self.asked += 1
        name = f"ask-{self.asked}"
        iq = ET.Element(f"{{{CLIENT}}}iq", type=kind, id=name)
        if to:
            iq.set("to", to)
        iq.append(element)
        self.waiting[name] = asyncio.get_running_loop().create_future()
        answer = self.waiting[name]
        self.send(iq)
        stanza = await asyncio.wait_for(answer, LIMIT)
        assert stanza.get("type") == "result", ET.tostring(stanza)
        return stanza

    async def relay(self):
        """The relay that the server names, with the credentials that it gives for it (XEP-0215)."""
        wanted = ET.Element(f"{{{SERVICES}}}services", type="turn")
        services = await self.ask("get", wanted, DOMAIN)
        named = services.find(f".//{{{SERVICES}}}service")
        wanted = ET.Element(f"{{{SERVICES}}}credentials")
        which = {key: named.get(key) for key in ("type", "host", "port")}
        ET.SubElement(wanted, f"{{{SERVICES}}}service", which)
        credentials = await self.ask("get", wanted, DOMAIN)
        given = credentials.find(f".//{{{SERVICES}}}service")
        return RTCIceServer(
            urls=f"turn:{given.get('host')}:{given.get('port')}?transport=udp",
            username=given.get("username"),
            credential=given.get("password"),
        )


def to_jingle(sdp, action, sid, own):
    """A description of one section of audio, whose candidates are relayed ones alone."""
    jingle = ET.Element(f"{{{JINGLE}}}jingle", action=action, sid=sid)
    if action == "session-initiate":
        jingle.set("initiator", own)
    content = ET.SubElement(jingle, f"{{{JINGLE}}}content", creator="initiator")
    description = ET.SubElement(content, f"{{{RTP}}}description", media="audio")
    transport = ET.SubElement(content, f"{{{ICE}}}transport")
    types, print_of, setup = {}, None, None
    for line in sdp.splitlines():
        name, _, value = line.removeprefix("a=").partition(":")
        words = value.split()
        match name:
            case "mid":
                content.set("name", value)
            case "ice-ufrag" | "ice-pwd":
                transport.set(name.removeprefix("ice-"), value)
            case "fingerprint" if words[0] == "sha-256":
                print_of = words[1]
            case "setup":
                setup = value
            case "rtcp-mux":
                ET.SubElement(description, f"{{{RTP}}}rtcp-mux")
            case "rtpmap":
                codec, rate, *channels = words[1].split("/")
                about = {"id": words[0], "name": codec, "clockrate": rate}
                about |= {"channels": channels[0]} if channels else {}
                types[words[0]] = ET.SubElement(description, f"{{{RTP}}}payload-type", about)
            case "fmtp" if words[0] in types:
                for one in value.partition(" ")[2].split(";"):
                    key, _, what = one.strip().partition("=")
                    of = types[words[0]]
                    ET.SubElement(of, f"{{{RTP}}}parameter", name=key, value=what)
            case "candidate" if "relay" in words:
                rest = dict(zip(words[6::2], words[7::2]))
                about = dict(zip(("foundation", "component", "protocol", "priority", "ip", "port"), words))
                about |= {"type": rest["typ"], "generation": "0", "id": words[0], "network": "0"}
                about |= {"rel-addr": rest["raddr"], "rel-port": rest["rport"]} if "raddr" in rest else {}
                ET.SubElement(transport, f"{{{ICE}}}candidate", about)
    ET.SubElement(transport, f"{{{DTLS}}}fingerprint", hash="sha-256", setup=setup).text = print_of
    return jingle


def candidates(transport):
    """Candidates as SDP has them (RFC 8839)."""
    for one in transport.findall(f"{{{ICE}}}candidate"):
        names = ("foundation", "component", "protocol", "priority", "ip", "port")
        words = [one.get(name) for name in names] + ["typ", one.get("type")]
        if one.get("rel-addr"):
            words += ["raddr", one.get("rel-addr"), "rport", one.get("rel-port")]
        yield " ".join(words)


def to_sdp(jingle):
    content = jingle.find(f"{{{JINGLE}}}content")
    description = content.find(f"{{{RTP}}}description")
    transport = content.find(f"{{{ICE}}}transport")
    fingerprint = transport.find(f"{{{DTLS}}}fingerprint")
    types = description.findall(f"{{{RTP}}}payload-type")
    mid = content.get("name")
    lines = ["v=0", "o=- 1 1 IN IP4 0.0.0.0", "s=-", "t=0 0", f"a=group:BUNDLE {mid}"]
    lines.append("m=audio 9 UDP/TLS/RTP/SAVPF " + " ".join(one.get("id") for one in types))
    lines += ["c=IN IP4 0.0.0.0", "a=rtcp:9 IN IP4 0.0.0.0", f"a=mid:{mid}", "a=sendrecv", "a=rtcp-mux"]
    lines += [f"a=ice-ufrag:{transport.get('ufrag')}", f"a=ice-pwd:{transport.get('pwd')}"]
    lines.append(f"a=fingerprint:{fingerprint.get('hash')} {fingerprint.text.strip()}")
    lines.append(f"a=setup:{fingerprint.get('setup')}")
    for one in types:
        channels = f"/{one.get('channels')}" if one.get("channels", "1") != "1" else ""
        lines.append(f"a=rtpmap:{one.get('id')} {one.get('name')}/{one.get('clockrate')}{channels}")
        parts = one.findall(f"{{{RTP}}}parameter")
        if parts:
            text = ";".join(f"{part.get('name')}={part.get('value')}" for part in parts)
            lines.append(f"a=fmtp:{one.get('id')} {text}")
    lines += [f"a=candidate:{one}" for one in candidates(transport)]
    return "\r\n".join(lines) + "\r\n"


class Voice(MediaStreamTrack):
    """A recording, said once at the pace of speech, and silence after it."""

    kind = "audio"

    def __init__(self, path):
        super().__init__()
        with wave.open(path) as recording:
            assert (recording.getframerate(), recording.getnchannels()) == (RATE, 1), path
            self.pcm = recording.readframes(recording.getnframes())
        self.sent, self.began, self.may = 0, None, asyncio.Event()

    async def recv(self):
        await self.may.wait()
        if self.began is None:
            self.began = time.monotonic()
        # Real speech takes its time.
        await asyncio.sleep(max(0, self.began + self.sent / RATE - time.monotonic()))
        frame = av.AudioFrame(format="s16", layout="mono", samples=FRAME)
        words = self.pcm[self.sent * 2 : (self.sent + FRAME) * 2]
        frame.planes[0].update(words.ljust(FRAME * 2, b"\0"))
        frame.pts, frame.sample_rate, frame.time_base = self.sent, RATE, Fraction(1, RATE)
        self.sent += FRAME
        return frame


async def listen(track, pcm):
    resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
    while True:
        frame = await track.recv()
        frame.pts = None
        for part in resampler.resample(frame):
            pcm += bytes(part.planes[0])[: part.samples * 2]


async def main():
    stream = await Stream.log_in()
    pc = RTCPeerConnection(RTCConfiguration(iceServers=[await stream.relay()]))
    tell(event="online", address=stream.own)
    voice, pcm, tasks = Voice(SAYS), bytearray(), []

    @pc.on("track")
    def begin(track):
        tasks.append(asyncio.create_task(listen(track, pcm)))

    @pc.on("connectionstatechange")
    def changed():
        if pc.connectionState == "connected":
            voice.may.set()
            tell(event="connected")

    pc.addTrack(voice)
    sid, far = "aiortc-1", CALLED
    if CALLED:
        await pc.setLocalDescription(await pc.createOffer())
        offer = to_jingle(pc.localDescription.sdp, "session-initiate", sid, stream.own)
        await stream.ask("set", offer, far)
    while True:
        who, jingle = await stream.actions.get()
        match jingle.get("action"):
            case "session-initiate":
                far, sid = who, jingle.get("sid")
                await pc.setRemoteDescription(RTCSessionDescription(to_sdp(jingle), "offer"))
                await pc.setLocalDescription(await pc.createAnswer())
                answer = to_jingle(pc.localDescription.sdp, "session-accept", sid, stream.own)
                await stream.ask("set", answer, far)
            case "session-accept":
                await pc.setRemoteDescription(RTCSessionDescription(to_sdp(jingle), "answer"))
            case "transport-info":
                for content in jingle.findall(f"{{{JINGLE}}}content"):
                    for line in candidates(content.find(f"{{{ICE}}}transport")):
                        candidate = candidate_from_sdp(line)
                        candidate.sdpMid = content.get("name")
                        await pc.addIceCandidate(candidate)
            case "session-terminate":
                break
    for task in tasks:
        task.cancel()
    await pc.close()
    with wave.open(HEARD, "wb") as recording:
        recording.setparams((1, 2, RATE, 0, "NONE", ""))
        recording.writeframes(bytes(pcm))
    tell(event="done", seconds=len(pcm) / RATE / 2)


asyncio.run(main())
