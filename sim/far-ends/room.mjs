// Meetings: the far end is a room, whose pictures and sound are the browser's. Pictures are numbered at both ends.

import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

import { pause } from '../js-sdk/deadline.mjs';
import { Call } from './call.mjs';

/** Pictures of a second, at either end. */
const RATE = 15;
/** Seconds for which pictures are counted. */
const LOOK = 4;
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

  /** Counts the pictures of some seconds, and compares what is shown with what was drawn. */
  async look({ agentShows = true, farShows = true, size = '320x192', mid = CAMERA, track = 'video0' } = {}) {
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
      Object.assign(found, { sent: more('framesSent', 'outbound'), came: more('frames') });
      assert(found.sent >= LOOK * RATE * 0.5, found);
      assert(found.came >= found.sent * ENOUGH, found);
    }
    return found;
  }

  /** Plays what the agent recorded, in the browser. */
  async play(file, { seconds = 3, size = '320x192' } = {}) {
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
  assert(kept.pictures >= 4 * RATE * 0.6 && kept.sounds >= 100, kept);
  await call.play(file);
  await call.agent.ask(`show ${file}`);
  await call.look();
  await call.talk();
}

/** On a path that loses a little. */
async function leaking(call) {
  await call.leak();
  await exchange(call);
  const { inbound } = await call.figures();
  assert(inbound.packetsLost > 0 || inbound.nackCount > 0, inbound);
}

export const ROOM_CASES = {
  'a room: VP8, sdp': [{ codec: 'video/VP8' }, 'sdp', exchange],
  'a room: VP8, jingle': [{ codec: 'video/VP8' }, 'jingle', exchange],
  'a room: VP8, a part lost': [{ codec: 'video/VP8' }, 'sdp', leaking],
  'a room: H.264, sdp': [{ codec: 'video/H264' }, 'sdp', exchange],
  'a room: H.264, a part lost': [{ codec: 'video/H264' }, 'sdp', leaking],
};
