"""aiortc as the far end of calls: offers, re-offers, holds and replaced peers, told to the agent by the
emulator's control API; speech is compared at both ends.

    python aiortc_far_end.py ANSWERER OWN.wav FAR.wav SCRATCH [TEXT]

ANSWERER is the agent's program (examples, `answerer`), OWN.wav what she says, FAR.wav what is said
here. With TEXT only the cases that have it in their name. The service offers in every session, in
the agent's own calls as well, so the far end always offers.
"""

import asyncio
import json
import re
import sys
import time
import urllib.request
import wave
from contextlib import asynccontextmanager
from fractions import Fraction
from pathlib import Path

import aioice.ice
import av
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCPeerConnection,
    RTCRtpSender,
    RTCSessionDescription,
)
from aiortc.sdp import candidate_from_sdp

ANSWERER, OWN, FAR, SCRATCH = sys.argv[1:5]
ONLY = sys.argv[5] if len(sys.argv) > 5 else ""
# The exit status where no case has the text in its name.
NONE = 4

RATE = 48_000
FRAME = RATE // 50
# The most that one case may take, and one wait in it.
CASE_LIMIT, LIMIT = 60, 15
# Seconds of speech that are compared, and those in which nothing may come.
SPEECH, SILENCE = 3.0, 1.0
# How often either end listens before what it hears is wrong.
ATTEMPTS = 3

# A machine without a network has loopback, which aiortc would leave out.
others = aioice.ice.get_host_addresses
aioice.ice.get_host_addresses = lambda **which: [*others(**which), "127.0.0.1"]


class Voice(MediaStreamTrack):
    """A recording, said again and again at the pace of speech."""

    kind = "audio"

    def __init__(self, path):
        super().__init__()
        with wave.open(path) as recording:
            assert (recording.getframerate(), recording.getnchannels()) == (RATE, 1), path
            self.pcm = recording.readframes(recording.getnframes())
        self.sent, self.began = 0, None

    async def recv(self):
        if self.began is None:
            self.began = time.monotonic()
        # Real speech takes its time.
        await asyncio.sleep(max(0, self.began + self.sent / RATE - time.monotonic()))
        at = self.sent * 2 % (len(self.pcm) - FRAME * 2)
        frame = av.AudioFrame(format="s16", layout="mono", samples=FRAME)
        frame.planes[0].update(self.pcm[at : at + FRAME * 2])
        frame.pts, frame.sample_rate, frame.time_base = self.sent, RATE, Fraction(1, RATE)
        self.sent += FRAME
        return frame


class Ear:
    """What is heard of a track since the last mark."""

    def __init__(self):
        self.pcm = bytearray()
        self.more = asyncio.Condition()

    async def listen(self, track):
        resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
        form = None
        while True:
            frame = await track.recv()
            if form != (frame.layout.name, frame.sample_rate):
                form = (frame.layout.name, frame.sample_rate)
                resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
            frame.pts = None
            async with self.more:
                for part in resampler.resample(frame):
                    self.pcm += bytes(part.planes[0])[: part.samples * 2]
                self.more.notify_all()

    def mark(self):
        self.pcm.clear()

    async def settle(self):
        """Marks once what was on its way has come."""
        until = asyncio.get_running_loop().time() + LIMIT
        while True:
            self.mark()
            await asyncio.sleep(0.3)
            if not self.pcm:
                return
            assert asyncio.get_running_loop().time() < until, "it does not end"

    async def write(self, seconds, path):
        enough = int(seconds * RATE) * 2
        try:
            async with self.more:
                await asyncio.wait_for(self.more.wait_for(lambda: len(self.pcm) >= enough), LIMIT)
        except TimeoutError:
            raise AssertionError(f"the far end heard {len(self.pcm) / RATE / 2:.1f} s") from None
        with wave.open(str(path), "wb") as recording:
            recording.setparams((1, 2, RATE, 0, "NONE", ""))
            recording.writeframes(bytes(self.pcm))


class Agent:
    """The agent's program: words out, lines of JSON in."""

    @classmethod
    async def start(cls):
        self = cls()
        self.process = await asyncio.create_subprocess_exec(
            ANSWERER, "--own", OWN, "--far", FAR,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )
        hello = json.loads(await asyncio.wait_for(self.process.stdout.readline(), LIMIT))
        self.control_url, self.user = hello["control"], hello["userId"]
        self.told, self.more = [], asyncio.Condition()
        self.reader = asyncio.create_task(self.read())
        return self

    async def read(self):
        while line := await self.process.stdout.readline():
            async with self.more:
                self.told.append(json.loads(line))
                self.more.notify_all()

    async def until(self, after, **wanted):
        """The first line after a place that has these values."""
        def found():
            fits = (one for one in self.told[after:] if wanted.items() <= one.items())
            return next(fits, None)
        try:
            async with self.more:
                return await asyncio.wait_for(self.more.wait_for(found), LIMIT + 5)
        except TimeoutError:
            raise AssertionError(f"the agent told no {wanted}, but {self.told[after:]}") from None

    async def ask(self, words):
        after = len(self.told)
        self.process.stdin.write(f"{words}\n".encode())
        return await self.until(after, re=words.split()[0])

    async def control(self, method, path, body=None):
        def ask():
            data = None if body is None else json.dumps(body).encode()
            kind = {"content-type": "application/json"}
            ask = urllib.request.Request(f"{self.control_url}/{path}", data, kind, method=method)
            with urllib.request.urlopen(ask, timeout=LIMIT + 10) as answer:
                return json.load(answer)
        return await asyncio.to_thread(ask)

    async def stop(self):
        self.process.stdin.close()
        await self.process.wait()
        await self.reader


class Peer:
    """A peer connection of the far end's."""

    def __init__(self, codecs=None):
        self.pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.ear, self.tasks = Ear(), []
        self.pc.on("track", lambda track: self.tasks.append(asyncio.create_task(self.ear.listen(track))))
        self.pc.addTrack(Voice(FAR))
        (self.transceiver,) = self.pc.getTransceivers()
        self.prefer(codecs)

    def prefer(self, codecs):
        if codecs:
            every = RTCRtpSender.getCapabilities("audio").codecs
            self.transceiver.setCodecPreferences([c for c in every if c.mimeType in codecs])

    async def offer(self):
        await self.pc.setLocalDescription(await self.pc.createOffer())
        return self.pc.localDescription.sdp

    async def answered(self, sdp):
        await self.pc.setRemoteDescription(RTCSessionDescription(sdp, "answer"))

    async def close(self):
        for task in self.tasks:
            task.cancel()
        await self.pc.close()


class Call:
    """One call, through however many peers."""

    def __init__(self, agent, signaling, rewrite):
        self.agent, self.signaling, self.rewrite = agent, signaling, rewrite
        self.peer, self.id = None, None
        self.mark = len(agent.told)

    async def begin(self, peer):
        self.peer = peer
        offer = self.rewrite(await peer.offer())
        wish = {"userId": self.agent.user, "signaling": self.signaling, "far": {"offer": offer}}
        self.id = (await self.agent.control("POST", "calls", wish))["conversationId"]
        await self.settle()
        await self.connected(self.mark)

    async def again(self, peer=None, **how):
        """A new offer, of this peer or of one that takes its place."""
        if peer:
            await self.peer.close()
            self.peer = peer
        offer = self.rewrite(await self.peer.offer())
        after = len(self.agent.told)
        await self.agent.control("POST", f"calls/{self.id}/far/offer", {"offer": offer, **how})
        answer = await self.settle()
        if peer:
            await self.agent.until(after, event="replaced")
            await self.connected(after)
        return answer

    async def settle(self):
        """Takes the answer and the agent's addresses."""
        told = await self.agent.control("GET", f"calls/{self.id}/far?wait={LIMIT * 1000}")
        answer = told["answer"]
        assert answer, f"no answer: {told}"
        # Behind a gateway that knows no mids, this side's are its own affair.
        if "a=mid:" not in told["offer"]:
            answer = re.sub(r"a=mid:.*\r\n", "", answer)
            answer = re.sub(r"(m=audio .*\r\n(?:c=.*\r\n)?)", r"\1a=mid:0\r\n", answer)
        await self.peer.answered(answer)
        self.added = asyncio.create_task(self.add_candidates(told))
        return answer

    async def add_candidates(self, told):
        known = 0
        while True:
            for one in told["candidates"][known:]:
                candidate = candidate_from_sdp(one["candidate"].removeprefix("candidate:"))
                candidate.sdpMLineIndex = 0
                await self.peer.pc.addIceCandidate(candidate)
            known = len(told["candidates"])
            if told["endOfCandidates"] or told["sessionState"] == "ended":
                return
            wait = f"calls/{self.id}/far?wait=2000&after={told['next']}"
            told = await self.agent.control("GET", wait)

    async def connected(self, after):
        await self.agent.until(after, event="media", state="Connected")

    async def talk(self, there=True, here=True):
        """Both speak, and each hears the other's words."""
        if here:
            await heard("the far end", self.compare_here)
        if there:
            await heard("the agent", self.compare_there)

    async def compare_here(self):
        self.peer.ear.mark()
        file = Path(SCRATCH, "aiortc-heard.wav")
        await self.peer.ear.write(SPEECH, file)
        return await self.agent.ask(f"compare {file}")

    async def compare_there(self):
        await self.agent.ask("mark")
        return await self.agent.ask(f"heard {SPEECH}")

    async def quiet(self, there=True, here=True):
        """Nothing comes."""
        await self.agent.ask("mark")
        await self.peer.ear.settle()
        # This is the measurement: a second in which nothing may come.
        await asyncio.sleep(SILENCE)
        if here:
            assert not self.peer.ear.pcm, f"{len(self.peer.ear.pcm)} bytes came while on hold"
        if there:
            count = (await self.agent.ask("count"))["samples"]
            assert count == 0, f"the agent heard {count} samples while on hold"

    async def hold(self, direction):
        self.peer.transceiver.direction = direction
        after = len(self.agent.told)
        await self.again()
        await self.agent.until(after, event="agreed", sends=direction == "sendrecv")

    async def end(self):
        await self.agent.control("POST", f"calls/{self.id}/hangup", {})
        await self.agent.until(self.mark, event="ended")
        await self.added
        await self.peer.close()


async def heard(who, listen):
    """Somebody hears the right words. Playout drops what a busy machine makes late, so either may listen
    again."""
    for _ in range(ATTEMPTS):
        verdict = await listen()
        if is_speech(verdict):
            return
    raise AssertionError(f"{who} heard something else: {verdict}")


def is_speech(verdict):
    spoken, alike, in_order = (verdict[key] for key in ("spoken", "alike", "in_order"))
    return spoken >= 5 and alike * 10 >= spoken * 7 and in_order * 10 >= alike * 8


# What becomes of an offer on its way.

def as_it_is(sdp):
    return sdp


def without_ssrc(sdp):
    return re.sub(r"a=(ssrc|ssrc-group|msid|msid-semantic)[: ].*\r\n", "", sdp)


def like_freeswitch(sdp):
    """No mid and no group, the old name of the profile, ICE and DTLS attributes for the session."""
    sdp = re.sub(r"a=(mid|group|extmap|rtcp):.*\r\n", "", without_ssrc(sdp))
    common = re.findall(r"a=(?:ice-ufrag|ice-pwd|fingerprint|setup):.*\r\n", sdp)
    sdp = re.sub(r"a=(?:ice-ufrag|ice-pwd|fingerprint|setup):.*\r\n", "", sdp)
    sdp = sdp.replace("UDP/TLS/RTP/SAVPF", "RTP/SAVPF").replace("s=-", "s=FreeSWITCH")
    return sdp.replace("m=audio", "".join(dict.fromkeys(common)) + "m=audio", 1)


@asynccontextmanager
async def call(agent, signaling, rewrite=as_it_is, codecs=None):
    one = Call(agent, signaling, rewrite)
    peer = Peer(codecs)
    try:
        await one.begin(peer)
        yield one
        await one.end()
    except BaseException:
        if one.peer:
            await one.peer.close()
        if one.id:
            # The agent may never have been on it.
            await agent.control("POST", f"calls/{one.id}/hangup", {})
            await agent.control("GET", f"calls/{one.id}/far?wait={LIMIT * 1000}&after=999999")
        raise


async def plain(agent, signaling, rewrite=as_it_is, codecs=None):
    async with call(agent, signaling, rewrite, codecs) as one:
        await one.talk()


async def holds(agent):
    async with call(agent, "sdp", without_ssrc) as one:
        await one.talk()
        # aiortc goes on sending whatever is agreed: that is not for the agent's ears.
        await one.hold("inactive")
        await one.quiet()
        await one.hold("sendrecv")
        await one.talk()
        # Music on hold: heard, and not answered.
        await one.hold("sendonly")
        await one.quiet(there=False)
        await one.talk(here=False)
        await one.hold("sendrecv")
        await one.talk()


async def shrinks(agent):
    async with call(agent, "sdp", without_ssrc) as one:
        one.peer.prefer(["audio/PCMU"])
        after = len(agent.told)
        await one.again()
        await agent.until(after, event="agreed", codec="PCMU")
        # aiortc cannot change the codec of a sender: only what it hears is compared.
        await one.talk(there=False)


async def replaced(agent, new_session):
    async with call(agent, "sdp") as one:
        await one.talk()
        await one.again(Peer(), reinvite=True, newSession=new_session)
        await one.talk()
        await one.again(Peer(["audio/PCMU"]), reinvite=True, newSession=new_session)
        await one.talk()


CASES = {
    **{
        f"{name}, {signaling}": (plain, signaling, *how)
        for signaling in ("sdp", "jingle")
        for name, how in {
            "plain": (),
            "no a=ssrc": (without_ssrc,),
            "PCMU only": (without_ssrc, ["audio/PCMU"]),
            "as FreeSWITCH writes it": (like_freeswitch,),
        }.items()
    },
    "holds by direction": (holds,),
    "codecs shrink in a re-offer": (shrinks,),
    "a replaced peer": (replaced, False),
    "a replaced peer, its session under a new name": (replaced, True),
}


async def main():
    agent = await Agent.start()
    passed = failed = 0
    for name, (case, *how) in CASES.items():
        if ONLY not in name:
            continue
        began = time.monotonic()
        mark = len(agent.told)
        try:
            await asyncio.wait_for(case(agent, *how), CASE_LIMIT)
            passed += 1
            print(f"  ok    {name} ({time.monotonic() - began:.1f} s)", flush=True)
        except Exception as error:
            failed += 1
            print(f"  FAIL  {name}: {type(error).__name__}: {error}")
            for line in agent.told[mark:]:
                print(f"        agent {json.dumps(line)}", flush=True)
    await agent.stop()
    print(f"aiortc: {passed} passed, {failed} failed")
    if ONLY and not passed and not failed:
        return NONE
    return 0 if passed and not failed else 1


sys.exit(asyncio.run(main()))
