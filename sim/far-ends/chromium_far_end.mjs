// Chromium as the far end of calls: offers, re-offers, holds, other codecs and replaced peers, told
// to the agent by the emulator's control API; speech is compared at both ends.
//
//   node chromium_far_end.mjs ANSWERER OWN.wav FAR.wav SCRATCH CHROMIUM [TEXT]
//
// ANSWERER is the agent's program (examples, `answerer`), OWN.wav what she says, FAR.wav what is
// said here. With TEXT only the cases that have it in their name.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';

import { deadline, pause } from '../js-sdk/deadline.mjs';
import { chromium } from '../js-sdk/node_modules/playwright-core/index.mjs';

const RATE = 48_000;

const [ANSWERER, OWN, FAR, SCRATCH, CHROMIUM, ONLY = ''] = process.argv.slice(2);

const ORIGIN = 'https://far.lab.test';
/** The most that one case may take, and one wait in it. */
const CASE_LIMIT = 60_000;
const LIMIT = 15_000;
/** Seconds of speech that are compared, and those in which nothing may come. */
const SPEECH = 3;
const SILENCE = 1;
/** How often one may listen until what is heard is the speech. */
const ATTEMPTS = 3;

/** The agent's program: words out, lines of JSON in. */
class Agent {
  static async start(...options) {
    const agent = new Agent();
    agent.told = [];
    agent.waiting = new Set();
    agent.process = spawn(ANSWERER, ['--own', OWN, '--far', FAR, ...options], { stdio: ['pipe', 'pipe', 'inherit'] });
    createInterface({ input: agent.process.stdout }).on('line', (line) => {
      agent.told.push(JSON.parse(line));
      for (const look of agent.waiting) look();
    });
    const hello = await agent.until(0, {}, 'to begin');
    [agent.url, agent.user] = [hello.control, hello.userId];
    return agent;
  }

  /** The first line after a place that has these values. */
  until(after, wanted, what = JSON.stringify(wanted)) {
    return deadline(LIMIT + 5_000, `the agent: ${what}`, (seen) => new Promise((resolve) => {
      const look = () => {
        const fits = (one) => Object.entries(wanted).every(([key, value]) => one[key] === value);
        const found = this.told.slice(after).find(fits);
        if (found) {
          this.waiting.delete(look);
          return resolve(found);
        }
        try {
          return seen(this.told.slice(after));
        } catch {
          return this.waiting.delete(look);
        }
      };
      this.waiting.add(look);
      look();
    }));
  }

  ask(words) {
    const after = this.told.length;
    this.process.stdin.write(`${words}\n`);
    return this.until(after, { re: words.split(' ')[0] });
  }

  async control(method, path, body) {
    const answer = await fetch(`${this.url}/${path}`, {
      method,
      headers: { 'content-type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.timeout(LIMIT + 10_000),
    });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return answer.json();
  }

  async stop() {
    const ended = once(this.process, 'exit');
    this.process.stdin.end();
    await ended;
  }
}

/** One call, through however many peers. */
class Call {
  constructor(agent, signaling, { rewrite = (sdp) => sdp, codecs, whole = true, rsa = false, refused = false } = {}) {
    Object.assign(this, { agent, signaling, rewrite, codecs, whole, rsa, refused, peers: 0, mark: agent.told.length });
  }

  async begin() {
    this.peer = await this.open(this.codecs);
    const offer = this.rewrite(await far('offer', this.peer, { whole: this.whole }));
    const wish = { userId: this.agent.user, signaling: this.signaling, far: { offer } };
    this.id = (await this.agent.control('POST', 'calls', wish)).conversationId;
    await this.settle();
    if (!this.whole) {
      this.trickled = this.trickle(this.peer);
      this.trickled.catch(() => {});
    }
    if (!this.refused) await this.connected(this.mark);
  }

  async open(codecs) {
    this.peers += 1;
    const name = `${this.mark}-${this.peers}`;
    await far('open', name, codecs, this.rsa);
    return name;
  }

  /** Candidates as they are found, until there are no more. */
  async trickle(peer) {
    for (let done = false; !done;) {
      const candidates = await far('candidates', peer);
      done = candidates.some((one) => !one.candidate);
      if (candidates.length > 0) {
        const words = { candidates: candidates.filter((one) => one.candidate), endOfCandidates: done };
        await this.agent.control('POST', `calls/${this.id}/far/candidates`, words);
      }
    }
  }

  /** A new offer of this peer. */
  async again(options) {
    const offer = this.rewrite(await far('offer', this.peer, options));
    await this.agent.control('POST', `calls/${this.id}/far/offer`, { offer });
    return this.settle();
  }

  /** Another peer takes this one's place. */
  async replace(how, codecs) {
    await far('close', this.peer);
    this.peer = await this.open(codecs);
    const offer = this.rewrite(await far('offer', this.peer));
    const after = this.agent.told.length;
    await this.agent.control('POST', `calls/${this.id}/far/offer`, { offer, reinvite: true, ...how });
    await this.settle();
    await this.agent.until(after, { event: 'replaced' });
    await this.connected(after);
  }

  /** Takes the answer, and the agent's addresses as they come. */
  async settle() {
    const told = await this.agent.control('GET', `calls/${this.id}/far?wait=${LIMIT}`);
    if (!told.answer) throw new Error(`no answer: ${JSON.stringify(told)}`);
    // Behind a gateway that knows no mids, this side's are its own affair.
    const answer = told.offer.includes('a=mid:')
      ? told.answer
      : told.answer.replaceAll(/a=(mid:|group:BUNDLE).*\r\n/g, '').replace(/(m=audio .*\r\n)(c=.*\r\n)?/, '$1$2a=mid:0\r\n');
    await far('answered', this.peer, answer);
    this.added = this.addCandidates(told, this.peer);
    this.added.catch(() => {});
    return answer;
  }

  async addCandidates(first, peer) {
    for (let [told, known] = [first, 0]; ;) {
      for (const one of told.candidates.slice(known)) await far('candidate', peer, one);
      known = told.candidates.length;
      if (told.endOfCandidates || told.sessionState === 'ended') return;
      told = await this.agent.control('GET', `calls/${this.id}/far?wait=2000&after=${told.next}`);
    }
  }

  async connected(after) {
    await this.agent.until(after, { event: 'media', state: 'Connected' });
    await far('connected', this.peer);
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
    if (here) await heard('the far end', async () => this.agent.ask(`compare ${await record(SPEECH)}`));
    if (there) {
      await heard('the agent', async () => {
        await this.agent.ask('mark');
        return this.agent.ask(`heard ${SPEECH}`);
      });
    }
  }

  /** Nothing comes. */
  async quiet({ there = true } = {}) {
    await this.agent.ask('mark');
    const before = await far('received', this.peer);
    // This is the measurement: a second in which nothing may come.
    await pause(SILENCE * 1_000);
    const packets = (await far('received', this.peer)) - before;
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
    const before = await far('decoded', this.peer);
    for (let left = ATTEMPTS * 2; left > 0; left -= 1) {
      // This is the measurement: how much is decoded in a second.
      await pause(1_000);
      if ((await far('decoded', this.peer)) - before > RATE / 2) return;
    }
    throw new Error('nothing is decoded after a hold');
  }

  async hold(direction) {
    await far('direction', this.peer, direction);
    const after = this.agent.told.length;
    await this.again();
    await this.agent.until(after, { event: 'agreed', sends: direction === 'sendrecv' });
  }

  async press(keys) {
    const after = this.agent.told.length;
    await far('press', this.peer, keys);
    for (const key of keys) await this.agent.until(after, { event: 'key', key });
  }

  /** Ends it, however it stands; the agent may never have been on it. */
  async end({ failed = false } = {}) {
    if (this.id) {
      await this.agent.control('POST', `calls/${this.id}/hangup`, {});
      await this.agent.control('GET', `calls/${this.id}/far?wait=${LIMIT}&after=999999`);
      if (!failed) await this.agent.until(this.mark, { event: 'ended' });
    }
    if (this.peer) await far('close', this.peer);
  }
}

function isSpeech({ spoken, alike, in_order }) {
  return spoken >= 5 && alike * 10 >= spoken * 6 && in_order * 10 >= alike * 8;
}

/** A file with the next seconds of what the page hears. */
async function record(seconds) {
  await far('mark');
  const pcm = Buffer.from(await far('recording', seconds), 'base64');
  const file = `${SCRATCH}/chromium-heard.wav`;
  await writeFile(file, Buffer.concat([header(pcm.length), pcm]));
  return file;
}

/** The head of a WAV file of 48 kHz mono. */
function header(length) {
  const head = Buffer.alloc(44);
  head.write('RIFF', 0);
  head.writeUInt32LE(36 + length, 4);
  head.write('WAVEfmt ', 8);
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20);
  head.writeUInt16LE(1, 22);
  head.writeUInt32LE(48_000, 24);
  head.writeUInt32LE(96_000, 28);
  head.writeUInt16LE(2, 32);
  head.writeUInt16LE(16, 34);
  head.write('data', 36);
  head.writeUInt32LE(length, 40);
  return head;
}

// What becomes of an offer on its way.

function withoutSsrc(sdp) {
  return sdp.replaceAll(/a=(ssrc|ssrc-group|msid|msid-semantic)[: ].*\r\n/g, '');
}

/** No mid and no group, the old name of the profile, ICE and DTLS attributes for the session. */
function likeFreeswitch(sdp) {
  const common = /a=(?:ice-ufrag|ice-pwd|fingerprint|setup):.*\r\n/g;
  const session = [...new Set(sdp.match(common))].join('');
  return withoutSsrc(sdp)
    .replaceAll(/a=(mid|group|extmap|rtcp|ice-options):.*\r\n/g, '')
    .replaceAll(/a=(extmap-allow-mixed|rtcp-rsize)\r\n/g, '')
    .replaceAll(common, '')
    .replace('UDP/TLS/RTP/SAVPF', 'RTP/SAVPF')
    .replace('s=-', 's=FreeSWITCH')
    .replace('m=audio', `${session}m=audio`);
}

/** Keys at 8 kHz only, beside Opus at 48 kHz. */
function keysAt8kHz(sdp) {
  const other = /a=rtpmap:(\d+) telephone-event\/48000\r\n/.exec(sdp)?.[1];
  if (!other) return sdp;
  return sdp
    .replace(/^m=audio .*$/m, (line) => line.replace(new RegExp(` ${other}\\b`), ''))
    .replaceAll(new RegExp(`a=(rtpmap|fmtp):${other} .*\r\n`, 'g'), '');
}

/** Another end than the agent begins the handshake. */
function active(sdp) {
  return sdp.replaceAll('a=setup:actpass', 'a=setup:active');
}

/** Without the redundancy of RFC 2198, which names Opus by its number. */
const OPUS_OR_PCMU = ['audio/opus', 'audio/PCMU', 'audio/telephone-event'];
const PCMU = ['audio/PCMU', 'audio/telephone-event'];

async function plain(call) {
  await call.talk();
}

const CASES = {
  'holds by direction': [{ rewrite: withoutSsrc }, 'sdp', async (call) => {
    await call.talk();
    await call.hold('inactive');
    await call.quiet();
    await call.hold('sendrecv');
    await call.decodes();
    await call.talk({ here: false });
    // Music on hold: heard, and not answered.
    await call.hold('sendonly');
    await call.quiet({ there: false });
    await call.talk({ here: false });
    await call.hold('sendrecv');
    await call.decodes();
    await call.talk({ here: false });
  }],
  'codecs renumbered and shrunk in re-offers': [{ rewrite: withoutSsrc, codecs: OPUS_OR_PCMU }, 'sdp', async (call) => {
    await call.talk();
    await call.again({ opus: 120 });
    await call.talk();
    const after = call.agent.told.length;
    await far('prefer', call.peer, PCMU);
    await call.again();
    await call.agent.until(after, { event: 'agreed', codec: 'PCMU' });
    await call.talk();
  }],
  'keys at 8 kHz beside Opus': [{ rewrite: keysAt8kHz }, 'sdp', async (call) => {
    await call.press('159#');
    await call.talk();
  }],
};
for (const [name, how] of [['a replaced peer', {}], ['a replaced peer, its session under a new name', { newSession: true }]]) {
  CASES[name] = [{}, 'sdp', async (call) => {
    await call.talk();
    await call.replace(how);
    await call.talk();
    await call.replace(how, PCMU);
    await call.talk();
  }];
}
for (const signaling of ['jingle', 'sdp']) {
  Object.assign(CASES, {
    [`plain and trickled, ${signaling}`]: [{ whole: false }, signaling, plain],
    [`no a=ssrc, ${signaling}`]: [{ rewrite: withoutSsrc }, signaling, plain],
    [`PCMU only, ${signaling}`]: [{ codecs: PCMU }, signaling, plain],
    [`as FreeSWITCH writes it, ${signaling}`]: [{ rewrite: likeFreeswitch }, signaling, plain],
  });
}
async function restarted(call) {
  await call.talk();
  await call.again({ restart: true });
  await call.talk();
}
CASES['an ICE restart, jingle'] = [{}, 'jingle', restarted];
async function refused(call) {
  await call.agent.until(call.mark, { event: 'media', state: 'Failed' });
}
// By an agent whose DTLS is OpenSSL's, but for those that are refused.
Object.assign(CASES, {
  'RSA, we are the client': [{ rsa: true }, 'jingle', restarted],
  'RSA, we are the server': [{ rsa: true, rewrite: active }, 'jingle', restarted],
  'RSA without OpenSSL, we are the client': [{ rsa: true, refused: true }, 'jingle', refused],
  'RSA without OpenSSL, we are the server': [{ rsa: true, refused: true, rewrite: active }, 'jingle', refused],
});

const browser = await chromium.launch({
  executablePath: CHROMIUM,
  headless: true,
  args: [
    '--host-resolver-rules=MAP * ~NOTFOUND',
    '--allow-loopback-in-peer-connection',
    '--autoplay-policy=no-user-gesture-required',
    '--disable-features=WebRtcHideLocalIpsWithMdns',
    '--no-sandbox',
    '--disable-dev-shm-usage',
    '--disable-gpu',
    '--disable-sync',
    '--disable-background-networking',
    '--disable-component-update',
    '--no-first-run',
  ],
});
const page = await browser.newPage();
page.on('pageerror', (error) => console.log(`        page ${error.message}`));
await page.route('**', async (route) => (route.request().url() === `${ORIGIN}/page.js`
  ? route.fulfill({ contentType: 'text/javascript', body: await readFile(new URL('page.js', import.meta.url)) })
  : route.fulfill({ contentType: 'text/html', body: '<!doctype html><script src="/page.js"></script>' })));
await page.goto(`${ORIGIN}/`);

/** A word to the page. */
function far(what, ...how) {
  const said = () => page.evaluate(([name, args]) => window.far[name](...args), [what, how]);
  return deadline(LIMIT, `the page: ${what}`, said);
}

await far('begin', (await readFile(FAR)).toString('base64'));
const [agent, rsaAgent] = await Promise.all([Agent.start(), Agent.start('--rsa')]);
console.log(`Chromium ${browser.version()}`);
const tally = { passed: 0, failed: 0 };
for (const [name, [how, signaling, play]] of Object.entries(CASES)) {
  if (!name.includes(ONLY)) continue;
  const began = Date.now();
  const call = new Call(how.rsa && !how.refused ? rsaAgent : agent, signaling, how);
  try {
    await deadline(CASE_LIMIT, 'the case to finish', async () => {
      await call.begin();
      await play(call);
    });
    await call.end();
    tally.passed += 1;
    console.log(`  ok    ${name} (${((Date.now() - began) / 1000).toFixed(1)} s)`);
  } catch (error) {
    tally.failed += 1;
    console.log(`  FAIL  ${name}: ${error.message}`);
    for (const line of call.agent.told.slice(call.mark)) console.log(`        agent ${JSON.stringify(line)}`);
    await call.end({ failed: true }).catch((worse) => console.log(`        ${worse.message}`));
  }
}
await Promise.all([agent.stop(), rsaAgent.stop()]);
await browser.close();
console.log(`Chromium: ${tally.passed} passed, ${tally.failed} failed`);
process.exitCode = tally.passed > 0 && tally.failed === 0 ? 0 : 1;
