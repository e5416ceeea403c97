// One call: a peer connection of the browser's at one end, the agent at the other, and what both hear.

import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';

import { deadline, pause } from '../js-sdk/deadline.mjs';
import { LIMIT } from './agent.mjs';
import { keysIn, wav } from './sound.mjs';

const RATE = 48_000;
/** Seconds of speech that are compared, those in which nothing may come, and those of a pause. */
const SPEECH = 3;
const SILENCE = 1;
const PAUSE = 3;
/** Milliseconds that the agent holds a key down. */
const KEY = 400;
/** How often one may listen until what is heard is the speech. */
const ATTEMPTS = 5;
/** Where the agent is in sim/far-ends/lab. */
const AGENT = '10.78.1.1';

const run = promisify(execFile);

/** One call, through however many peers. */
export class Call {
  /**
   * `rewrite` and `reply` are what becomes of offers and answers on their way; `whole` tells whether an offer has all
   * candidates, `codecs`, `rsa` and `ice` what a peer connection is opened with.
   */
  constructor(agent, page, signaling, record, how) {
    const usual = { rewrite: (sdp) => sdp, reply: (sdp) => sdp, whole: true, refused: false };
    Object.assign(this, { agent, page, signaling, record, ...usual, ...how, peers: 0, mark: agent.told.length });
  }

  /** A word to the page. */
  far(what, ...words) {
    const said = () => this.page.evaluate(([name, args]) => window.far[name](...args), [what, words]);
    return deadline(LIMIT, `the page: ${what}`, said);
  }

  async begin() {
    this.peer = await this.open(this.codecs);
    this.offer = this.rewrite(await this.far('offer', this.peer, { whole: this.whole }));
    await this.propose({ userId: this.agent.user, signaling: this.signaling, far: { offer: this.offer } });
    await this.settle();
    if (!this.whole) {
      this.trickled = this.trickle(this.peer);
      this.trickled.catch(() => {});
    }
    if (!this.refused) await this.connected(this.mark);
  }

  /** Has the agent called. */
  async propose(wish) {
    this.id = (await this.agent.control('POST', 'calls', wish)).conversationId;
  }

  /** Where the control API knows it. */
  get place() {
    return `calls/${this.id}`;
  }

  async open(codecs) {
    this.peers += 1;
    const name = `${this.peers}`;
    await this.far('open', name, { codecs, rsa: this.rsa, ice: this.ice });
    return name;
  }

  /** Candidates as they are found, until there are no more. */
  async trickle(peer) {
    for (let done = false; !done;) {
      const candidates = await this.far('candidates', peer);
      done = candidates.some((one) => !one.candidate);
      if (candidates.length > 0) {
        const words = { candidates: candidates.filter((one) => one.candidate), endOfCandidates: done };
        await this.agent.control('POST', `${this.place}/far/candidates`, words);
      }
    }
  }

  /** A new offer of this peer. */
  async again(options) {
    const offer = this.rewrite(await this.far('offer', this.peer, options));
    await this.agent.control('POST', `${this.place}/far/offer`, { offer });
    return this.settle();
  }

  /** Another peer takes this one's place. */
  async replace(how, codecs) {
    await this.far('close', this.peer);
    this.peer = await this.open(codecs);
    const offer = this.rewrite(await this.far('offer', this.peer));
    const after = this.agent.told.length;
    await this.agent.control('POST', `${this.place}/far/offer`, { offer, ...how });
    await this.settle();
    await this.agent.until(after, { event: 'replaced' });
    await this.connected(after);
  }

  /** Takes the answer, and the agent's addresses as they come. */
  async settle() {
    const told = await this.agent.control('GET', `${this.place}/far?wait=${LIMIT}`);
    if (!told.answer) throw new Error(`no answer: ${JSON.stringify(told)}`);
    // Behind a gateway that knows no mids, this side's are its own affair.
    const answer = this.reply(told.offer.includes('a=mid:')
      ? told.answer
      : told.answer.replaceAll(/a=(mid:|group:BUNDLE).*\r\n/g, '').replace(/(m=audio .*\r\n)(c=.*\r\n)?/, '$1$2a=mid:0\r\n'));
    await this.far('answered', this.peer, answer);
    this.added = this.addCandidates(told, this.peer);
    this.added.catch(() => {});
    return answer;
  }

  /** Hands the agent's candidates on. All of them, in the end. */
  async addCandidates(first, peer) {
    for (let [told, known] = [first, 0]; ;) {
      for (const one of told.candidates.slice(known)) await this.far('candidate', peer, one);
      known = told.candidates.length;
      if (told.endOfCandidates || told.sessionState === 'ended') return told.candidates;
      told = await this.agent.control('GET', `${this.place}/far?wait=2000&after=${told.next}`);
    }
  }

  async connected(after) {
    await this.agent.until(after, { event: 'media', state: 'Connected' });
    await this.far('connected', this.peer);
  }

  /** Both speak, and each hears the other's words. */
  async talk({ there = true, here = true } = {}) {
    // Chromium's playout stretches and cuts what it hears while it learns the network's delay, and a
    // busy machine makes it late: either may listen again.
    const heard = async (who, listen) => {
      for (let left = ATTEMPTS; ; left -= 1) {
        const verdict = await listen();
        if (isSpeech(verdict)) return;
        if (left === 1) throw new Error(`${who} heard something else: ${JSON.stringify(verdict)}`);
      }
    };
    const ears = [];
    if (here) {
      ears.push(heard('the far end', async () => {
        await writeFile(this.record, wav(await this.listen(SPEECH)));
        return this.agent.ask(`compare ${this.record}`);
      }));
    }
    if (there) {
      ears.push(heard('the agent', async () => {
        await this.agent.ask('mark');
        return this.agent.ask(`heard ${SPEECH}`);
      }));
    }
    await Promise.all(ears);
  }

  /** The next seconds of what the page hears. */
  async listen(seconds) {
    await this.far('mark');
    return Buffer.from(await this.far('recording', seconds), 'base64');
  }

  /** How much more of something the page counts after some seconds. */
  async more(seconds, key, kind) {
    const count = async () => (await this.far('counts', this.peer, kind))[key] ?? 0;
    const before = await count();
    // This is the measurement.
    await pause(seconds * 1_000);
    return (await count()) - before;
  }

  /** Nothing comes. */
  async quiet({ there = true } = {}) {
    await this.agent.ask('mark');
    const packets = await this.more(SILENCE, 'packetsReceived');
    if (packets !== 0) throw new Error(`${packets} packets came while on hold`);
    const { samples } = await this.agent.ask('count');
    if (there && samples !== 0) throw new Error(`the agent heard ${samples} samples while on hold`);
  }

  /**
   * What comes is decoded again. A page cannot record a track that has been on hold (what reads it
   * in Chromium gets no more samples), so this asks the decoder; that the words are the right ones is
   * looked at with aiortc as the far end.
   */
  async decodes() {
    const decoded = async () => {
      const { totalSamplesReceived, concealedSamples } = await this.far('counts', this.peer);
      return totalSamplesReceived - concealedSamples;
    };
    for (let left = ATTEMPTS; left > 0; left -= 1) {
      const before = await decoded();
      // This is the measurement: how much is decoded in a second.
      await pause(1_000);
      if ((await decoded()) - before > RATE / 2) return;
    }
    throw new Error('nothing is decoded after a hold');
  }

  async hold(direction) {
    await this.far('direction', this.peer, direction);
    const after = this.agent.told.length;
    await this.again();
    await this.agent.until(after, { event: 'agreed', sends: direction === 'sendrecv' });
  }

  /** Keys of the far end's, which the agent is told. */
  async press(keys) {
    const after = this.agent.told.length;
    await this.far('press', this.peer, keys);
    for (const key of keys) await this.agent.until(after, { event: 'key', key });
    const told = this.agent.told.slice(after).filter((one) => one.event === 'key').map((one) => one.key);
    if (told.join('') !== keys) throw new Error(`the agent was told ${told.join('')}, not ${keys}`);
  }

  /**
   * Keys of the agent's, no two alike: the browser makes their tones of what it is told. Of a key that is up before the
   * browser plays its beginning, it plays the events' duration; of keys at 8 kHz beside Opus it takes that for 48 kHz,
   * which makes a sixth of it. So they are down for longer than a busy machine has it wait.
   */
  async hearKeys(keys) {
    await this.agent.ask('hush');
    // Here, too, a busy machine makes gaps.
    for (let left = ATTEMPTS; ; left -= 1) {
      const listening = this.listen(1.5 + keys.length * (KEY / 1_000 + 0.3));
      const { error } = await this.agent.ask(`press ${keys} ${KEY}`);
      if (error) throw new Error(`the agent could not press: ${error}`);
      const heard = keysIn(await listening);
      if (heard === keys) break;
      if (left === 1) throw new Error(`the far end heard ${heard || 'no keys'}, not ${keys}`);
    }
    await this.agent.ask('speak');
  }

  /** Both say silence, of which hardly anything goes over the network: and yet both are there, for longer than a loss
   * takes to be noticed. */
  async pauses() {
    const after = this.agent.told.length;
    await Promise.all([this.agent.ask('hush'), this.far('hush', true)]);
    // A talkspurt ends.
    await pause(1_000);
    const [sent, came, played] = await Promise.all([
      this.more(PAUSE, 'packetsSent', 'outbound-rtp'),
      this.more(PAUSE, 'packetsReceived'),
      this.more(PAUSE, 'totalSamplesReceived'),
    ]);
    const few = PAUSE * 50 * 0.2;
    if (sent > few || sent === 0) throw new Error(`the far end sent ${sent} packets of silence`);
    if (came > few || came === 0) throw new Error(`the agent sent ${came} packets of silence`);
    if (played < PAUSE * RATE * 0.8) throw new Error(`the far end played ${played} samples in a pause`);
    await pause(5_000);
    const told = this.agent.told.slice(after).filter((one) => one.event);
    if (told.length > 0) throw new Error(`a pause was taken for more: ${JSON.stringify(told)}`);
    await Promise.all([this.agent.ask('speak'), this.far('hush', false)]);
  }

  /** From now on a part of what the agent is sent is lost. */
  async lose() {
    for (const port of await this.ports()) await run('nft', ['add', 'element', 'ip', 'lab', 'lossy', `{ ${port} }`]);
  }

  /** The ports at which the agent is reached in the lab. */
  async ports() {
    const lines = (await this.added).map((one) => one.candidate.split(' '));
    return lines.filter(([, , , , address]) => address === AGENT).map(([, , , , , port]) => port);
  }

  /** How the far end stands, and the path that media takes, once there is one. */
  state() {
    return this.far('state', this.peer);
  }

  async hangUp() {
    await this.agent.control('POST', `${this.place}/hangup`, {});
  }

  /** Ends it, however it stands; the agent may never have been on it. */
  async end({ failed = false } = {}) {
    if (this.id) {
      await this.hangUp();
      await this.agent.control('GET', `${this.place}/far?wait=${LIMIT}&after=999999`);
      if (!failed) await this.agent.until(this.mark, { event: 'ended' });
    }
    if (this.peer) await this.far('close', this.peer);
  }
}

function isSpeech({ spoken, alike, in_order }) {
  return spoken >= 5 && alike * 10 >= spoken * 6 && in_order * 10 >= alike * 8;
}
