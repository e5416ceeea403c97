// Meetings: the far end is a room, whose pictures and sound are the browser's. Pictures are numbered at both ends.

import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

import { deadline, pause } from '../js-sdk/deadline.mjs';
import { LIMIT } from './agent.mjs';
import { Call } from './call.mjs';

/** Pictures of a second, at either end. */
const RATE = 15;
/** Seconds for which pictures are counted. */
const LOOK = 3;
/** How often one may look. */
const ATTEMPTS = 3;
/** The part of them that must come. */
const ENOUGH = 0.9;
/** The section of the first camera in the browser's offers. */
const CAMERA = '1';
const BARS = 'wycgmrbk';

const run = promisify(execFile);

function assert(holds, what) {
  if (!holds) throw new Error(typeof what === 'string' ? what : JSON.stringify(what));
}

export class RoomCall extends Call {
  async open(codecs) {
    const name = await super.open(codecs);
    await this.far('meet', name, { codec: this.codec, asks: this.asks });
    return name;
  }

  /** The agent begins a meeting, and is offered the browser's. */
  async propose({ signaling, far }) {
    const room = await this.agent.control('POST', 'rooms', { signaling, far: {} });
    this.id = room.roomId;
    await this.agent.ask(`join ${room.roomJid}`);
    await this.agent.control('POST', `${this.place}/far/offer`, far);
  }

  get place() {
    return `rooms/${this.id}`;
  }

  async hangUp() {
    await this.agent.control('POST', `${this.place}/end`, {});
  }

  /** From now on a little of both ways is lost. */
  async leak() {
    const ports = (await this.ports()).join(', ');
    const element = ['add', 'element', 'ip', 'lab', 'leaky', `{ ${ports} }`];
    await run('nft', element);
    await run('ip', ['netns', 'exec', 'far', 'nft', ...element]);
  }

  /** What both ends have counted of a section, which is a track of the agent's. */
  async figures(mid = CAMERA, track = 'video0') {
    const [there, here] = await Promise.all([this.agent.ask('figures'), this.far('figures', this.peer)]);
    return { ...there, ...there.tracks[track], ...here[mid] };
  }

  /** Counts the pictures of some seconds, and compares what is shown with what was drawn. A busy machine loses some:
   * one may look again. */
  async look(how) {
    for (let left = ATTEMPTS; ; left -= 1) {
      try {
        return await this.glance(how);
      } catch (error) {
        if (left === 1) throw error;
      }
    }
  }

  async glance({ agentShows = true, farShows = true, size = '320x192', mid = CAMERA, track = 'video0' } = {}) {
    const before = await this.figures(mid, track);
    await this.far('seen', this.peer, mid);
    // This is the measurement.
    await pause(LOOK * 1_000);
    const after = await this.figures(mid, track);
    const seen = await this.far('seen', this.peer, mid);
    const more = (key, where) => ((where ? after[where] : after)[key] ?? 0) - ((where ? before[where] : before)?.[key] ?? 0);
    const found = { lasted: LOOK };
    if (agentShows) {
      Object.assign(found, { shown: more('shown'), decoded: more('framesDecoded', 'inbound') });
      assert(found.shown >= LOOK * RATE * 0.6, found);
      assert(found.decoded >= found.shown * ENOUGH, found);
      assertShown(seen, found.decoded, size);
    }
    if (farShows) {
      Object.assign(found, { sent: more('framesSent', 'outbound'), came: more('frames'), keyframes: more('keyframes'), breaks: more('afterLosses') });
      for (const key of ['packetsSent', 'retransmittedPacketsSent', 'nackCount', 'pliCount']) found[key] = more(key, 'outbound');
      assert(found.sent >= LOOK * RATE * 0.5, found);
      assert(found.came >= found.sent * ENOUGH, found);
    }
    return found;
  }

  /** Waits until something holds of the figures of a section: those. */
  until(what, holds, mid, track) {
    return deadline(LIMIT, what, async (seen) => {
      for (;;) {
        const figures = await this.figures(mid, track);
        if (holds(figures)) return figures;
        seen(figures);
        await pause(100);
      }
    });
  }

  /** What the browser draws is recorded for some seconds, since the agent has no encoder. */
  async recorded(seconds) {
    const file = this.record.replace('.wav', '.webm');
    await this.agent.ask('record');
    await pause(seconds * 1_000);
    await this.agent.ask(`recorded ${file}`);
    return file;
  }

  /** Plays what the agent recorded, in the browser. */
  async play(file, { seconds = 2, size = '320x192' } = {}) {
    const bytes = (await readFile(file)).toString('base64');
    const { shown, ...figures } = await this.far('play', bytes, seconds);
    assert(figures.time >= seconds * 0.9 && figures.sound > 0, figures);
    assert(figures.size === size && figures.total >= seconds * RATE * 0.6, figures);
    assertShown(shown, figures.total, size);
  }
}

/** Test pictures were shown, one after the other, and harmed in none of what was looked at. */
function assertShown(seen, count, size) {
  // What is drawn in one go is looked at once.
  assert(seen.length >= count * 0.7, `of ${count} pictures ${seen.length} were looked at`);
  const good = seen.filter((one) => one.number !== null && one.bars === BARS && one.size === size);
  assert(good.length >= seen.length * ENOUGH, `${good.length} of ${seen.length}: ${JSON.stringify(seen.slice(0, 5))}`);
  const numbers = new Set(good.map((one) => one.number));
  assert(numbers.size >= Math.min(20, good.length * 0.8), `numbers: ${[...numbers]}`);
}

/** Pictures and sound both ways; a recording of it is played, and shown again. */
async function exchange(call) {
  const file = call.record.replace('.wav', '.webm');
  // An encoder is where the browser is: of H.264 the agent has nothing to show yet.
  const shows = call.codec === 'video/VP8';
  if (shows) await call.agent.ask('show 320x192');
  await call.agent.ask('record');
  await call.look({ agentShows: shows });
  const kept = await call.agent.ask(`recorded ${file}`);
  assert(kept.pictures >= LOOK * RATE * 0.6 && kept.sounds >= LOOK * 25, kept);
  await call.play(file);
  await call.agent.ask(`show ${file}`);
  await call.look();
  await call.talk();
}

/** Either end asks for a key frame, and has it. */
async function keyframes(call) {
  const before = await call.figures();
  await call.far('ask', call.peer, CAMERA);
  await call.until('the agent to be asked, and to show a key frame', (now) => now.wanted > before.wanted
    && now.inbound.pliCount > before.inbound.pliCount
    && now.inbound.keyFramesDecoded > before.inbound.keyFramesDecoded);
  await call.agent.ask('keyframe video0');
  const asked = ({ outbound }) => (outbound.pliCount ?? 0) + (outbound.firCount ?? 0);
  await call.until('the browser to be asked, and to send a key frame', (now) => asked(now) > asked(before)
    && now.keyframes > before.keyframes);
}

/** Shows what it recorded, and asks for key frames in the midst of it. */
async function asking(call) {
  await call.agent.ask(`show ${await call.recorded(3)}`);
  await call.until('pictures', (now) => now.inbound?.framesDecoded > RATE);
  await keyframes(call);
  await call.look();
}

/** What goes on after a mute needs no picture of before, and nobody has to ask for that. */
async function mutes(call) {
  await call.agent.ask(`show ${await call.recorded(3)}`);
  await call.look();
  await call.agent.ask('mute video');
  // What is on its way arrives.
  await pause(500);
  const muted = await call.figures();
  await pause(2_000);
  const still = await call.figures();
  assert(still.shown > muted.shown && still.inbound.framesDecoded === muted.inbound.framesDecoded, { muted, still });
  await call.talk();
  // After some seconds without pictures a browser asks by itself.
  const before = await call.figures();
  await call.agent.ask('unmute video');
  const known = (now) => now.inbound.keyFramesDecoded > before.inbound.keyFramesDecoded;
  await call.until('a key frame after the mute', known);
  await call.look();
  const after = await call.figures();
  assert(after.inbound.pliCount === before.inbound.pliCount, { before: before.inbound, after: after.inbound });
  const { events } = await call.agent.control('GET', 'events');
  const told = events.map(({ type }) => type).filter((type) => /^room-(un)?mute$/.test(type));
  assert(told.join(' ') === 'room-mute room-unmute', told);
}

/** Another picture, of another size, in mid-stream: of the agent's screen, and of the browser's camera. */
async function contents(call) {
  await call.agent.ask(`show ${await call.recorded(3)}`);
  await call.look();
  const before = await call.figures();
  await call.agent.ask('share');
  await call.agent.ask('show 640x384');
  await call.until('the screen', (now) => now.inbound.frameWidth === 640);
  await call.look({ size: '640x384' });
  await call.agent.ask('unshare');
  await call.agent.ask('show 320x192');
  await call.until('the camera', (now) => now.inbound.frameWidth === 320);
  await call.look();
  const after = await call.figures();
  assert(after.inbound.pliCount === before.inbound.pliCount, { before, after });
  await call.far('swap', call.peer, 480, 320);
  await call.until('the other camera', (now) => now.size === '480x320');
}

/** Either end sends in another codec than before, without an offer. */
async function recoded(call) {
  await call.agent.ask('show 320x192');
  await call.look();
  const before = await call.figures();
  await call.far('recode', call.peer, 'video/H264');
  await call.until('pictures of another codec', (now) => now.keyframes > before.keyframes
    && now.outbound.codecId !== before.outbound.codecId);
  await call.look();
  await call.agent.ask(`show ${await call.recorded(3)}`);
  await call.until('the other codec', (now) => now.inbound.codecId !== before.inbound.codecId);
  await call.look();
  const after = await call.figures();
  assert(after.inbound.pliCount === before.inbound.pliCount, { before, after });
}

/** Somebody else comes and goes; the room tells by a channel of data who is there. */
async function late(call) {
  await call.agent.ask('show 320x192');
  await call.look();
  for (let after = call.agent.told.length, times = 2; times > 0; times -= 1, after = call.agent.told.length) {
    await call.far('show', call.peer, call.codec, 'sendonly');
    await call.again();
    const { track, direction } = await call.agent.until(after, { event: 'track' });
    assert(/^video[1-9]$/.test(track) && direction === 'recvonly', { track, direction });
    const mid = await call.far('last', call.peer);
    await call.until('pictures of the other', (now) => now.frames > 0, mid, track);
    await call.look({ agentShows: false, mid, track });
    await call.far('leave', call.peer);
    await call.again();
    await call.agent.until(after, { event: 'track-gone', track });
  }
  await call.look();
  const word = { jsonrpc: '2.0', method: 'member.notify.status', params: { members: [] } };
  const after = call.agent.told.length;
  const label = await call.far('say', call.peer, JSON.stringify(word));
  assert(label === 'videoConferenceControl', label ?? 'no channel');
  await call.agent.until(after, { event: 'member-status' });
}

/** On a path that loses a little. */
async function leaking(call) {
  await call.leak();
  await exchange(call);
  const { inbound, outbound } = await call.figures();
  assert(inbound.nackCount > 0 && outbound.nackCount > 0, { inbound, outbound });
  // A picture is of several packets.
  assert(outbound.packetsSent > outbound.framesSent * 1.5, outbound);
}

export const ROOM_CASES = {
  'a room: VP8, sdp': [{ codec: 'video/VP8' }, 'sdp', exchange],
  'a room: VP8, jingle': [{ codec: 'video/VP8' }, 'jingle', exchange],
  'a room: VP8, a part lost': [{ codec: 'video/VP8' }, 'sdp', leaking],
  'a room: H.264, sdp': [{ codec: 'video/H264' }, 'sdp', exchange],
  'a room: H.264, a part lost': [{ codec: 'video/H264' }, 'sdp', leaking],
  'a room: key frames, VP8': [{ codec: 'video/VP8', asks: true }, 'sdp', asking],
  'a room: key frames, H.264': [{ codec: 'video/H264', asks: true }, 'jingle', asking],
  'a room: mutes, VP8': [{ codec: 'video/VP8' }, 'sdp', mutes],
  'a room: mutes, H.264': [{ codec: 'video/H264' }, 'jingle', mutes],
  'a room: other contents': [{ codec: 'video/VP8' }, 'sdp', contents],
  'a room: another codec': [{ codec: ['video/VP8', 'video/H264'] }, 'sdp', recoded],
  'a room: somebody comes late': [{ codec: 'video/VP8' }, 'sdp', late],
};
