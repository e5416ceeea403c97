// Chromium as the far end of calls: offers, re-offers, holds, other codecs, replaced peers, relays, pauses and losses,
// told to the agent by the emulator's control API; speech is compared at both ends. And as the far end of meetings.
//
//   node chromium_far_end.mjs ANSWERER OWN.wav FAR.wav SCRATCH BROWSER [TEXT]
//
// ANSWERER is the agent's program (examples, `answerer`), OWN.wav what she says, FAR.wav what is
// said here, BROWSER a Chromium in the network of sim/far-ends/lab. With TEXT only the cases that have it in their
// name. Each has an agent and a page of its own, and several are played at once.

import { readFile } from 'node:fs/promises';

import { deadline } from '../js-sdk/deadline.mjs';
import { chromium } from '../js-sdk/node_modules/playwright-core/index.mjs';
import { Agent } from './agent.mjs';
import { Call } from './call.mjs';
import { GatewayCall } from './gateway.mjs';
import { active, candidateTypes, keysAt, likeFreeswitch, OPUS_OR_PCMU, PCMU, usingDtx, withoutSsrc } from './offers.mjs';
import { Relay } from './relay.mjs';
import { ROOM_CASES, RoomCall } from './room.mjs';

const [ANSWERER, OWN, FAR, SCRATCH, BROWSER, ONLY = ''] = process.argv.slice(2);

const ORIGIN = 'https://far.lab.test';
/** The address of the browser, which it hides unless it is told not to. */
const ADDRESS = '10.78.1.2';
/** The most that one case may take. */
const CASE_LIMIT = 90_000;
/** The exit status where no case has the text in its name. */
const NONE = 4;
/** How many are played at once: they are mostly waiting for speech. */
const AT_ONCE = 3;
/** How many that failed are played once more; of more, each has failed. */
const AGAIN = 3;

function assert(holds, what) {
  if (!holds) throw new Error(typeof what === 'string' ? what : JSON.stringify(what));
}

async function plain(call) {
  await call.talk();
}

async function restarted(call) {
  await call.talk();
  const [before, after] = [await call.far('theirs', call.peer), call.agent.told.length];
  const now = await call.again({ restart: true });
  assert(ufrag(now) && ufrag(now) !== ufrag(before), `${before}\n${now}`);
  await call.talk();
  assert(!call.agent.told.slice(after).some((one) => one.event === 'replaced'), 'the session was replaced');
}

/** At the gateway either end restarts. */
async function restartedByEither(call) {
  await restarted(call);
  const before = await call.far('theirs', call.peer);
  const offer = await call.restartedByAgent();
  assert(ufrag(offer) && ufrag(offer) !== ufrag(before), `${before}\n${offer}`);
  await call.talk();
  const state = await call.state();
  assert(state.connection === 'connected', state);
}

function ufrag(sdp) {
  return /a=ice-ufrag:(\S+)/.exec(sdp)?.[1];
}

async function refused(call) {
  await call.agent.until(call.mark, { event: 'media', state: 'Failed' });
}

/** The far end is this in the handshake. */
function plays(role, then = plain) {
  return async (call) => {
    const state = await call.state();
    assert(state.role === role, state);
    await then(call);
  };
}

/** By SDP, other ICE credentials are another connection at both ends (LC-16). */
async function otherCredentials(call) {
  await call.talk();
  await call.replace({});
  await call.talk();
}

/** Keys go both ways. */
async function keys(call) {
  await call.press('159#');
  await call.hearKeys('260*');
  await call.talk();
}

/** Each end is told by a copy in the next packet what is lost of the other. */
async function copies(call) {
  for (const sdp of [call.offer, await call.far('theirs', call.peer)]) {
    assert(/^a=fmtp:\d+ .*useinbandfec=1/m.test(sdp), sdp);
  }
  assert(await call.more(2, 'fecPacketsReceived') > 50, 'the agent sends no copies');
  await call.lose();
  // The browser makes copies once it is told of the loss, and the agent has use for one when the packet before is lost.
  for (let left = 10; ; left -= 1) {
    const before = (await call.agent.ask('count')).recovered;
    await call.talk({ here: false });
    if ((await call.agent.ask('count')).recovered - before > 5) break;
    assert(left > 1, `only ${before} frames were recovered`);
  }
}

async function pauses(call) {
  await call.talk();
  await call.pauses();
  await call.talk();
}

/** The browser has no path but by the relay. */
async function farIsRelayed(call) {
  const types = candidateTypes(call.offer);
  assert(types.length > 0 && types.every((type) => type === 'relay'), call.offer);
  const { path } = await call.state();
  assert(path.local.type === 'relay' && Relay.lends(path.local), path);
  await call.talk();
}

/** The agent has no path but by the relay. */
async function agentIsRelayed(call) {
  const lines = (await call.added).map((one) => one.candidate);
  assert(lines.length > 0 && lines.every((line) => / typ relay\b/.test(line)), lines);
  const { path } = await call.state();
  assert(Relay.lends(path.remote), path);
  await call.talk();
}

/** The browser says no address, and the agent finds it by its checks. */
async function hidden(call) {
  assert(!call.offer.includes(ADDRESS) && /a=candidate:.* \S+\.local \d+ typ host/.test(call.offer), call.offer);
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
    await call.far('prefer', call.peer, PCMU);
    await call.again();
    await call.agent.until(after, { event: 'agreed', codec: 'PCMU' });
    await call.talk();
  }],
  'an ICE restart, jingle': [{}, 'jingle', restarted],
  'an ICE restart by either end, ribbon': [{ options: ['--ribbon'] }, 'ribbon', restartedByEither],
  'other ICE credentials, sdp': [{}, 'sdp', otherCredentials],
};
for (const [name, how] of [['a replaced peer', {}], ['a replaced peer, its session under a new name', { newSession: true }]]) {
  CASES[name] = [{}, 'sdp', async (call) => {
    await call.talk();
    await call.replace({ reinvite: true, ...how });
    await call.talk();
    await call.replace({ reinvite: true, ...how }, PCMU);
    await call.talk();
  }];
}
for (const [signaling, transport] of [['jingle', 'udp'], ['sdp', 'tcp']]) {
  const again = signaling === 'jingle' ? restarted : plain;
  const cases = {
    'plain and trickled': [{ whole: false }, plays('server')],
    'we are the server': [{ rewrite: active }, plays('client')],
    'no a=ssrc': [{ rewrite: withoutSsrc }, plain],
    'PCMU only': [{ codecs: PCMU }, plain],
    'as FreeSWITCH writes it': [{ rewrite: likeFreeswitch }, plain],
    // By an agent whose DTLS is OpenSSL's, but for those that are refused.
    'RSA, we are the client': [{ rsa: true, options: ['--rsa'] }, plays('server', again)],
    'RSA, we are the server': [{ rsa: true, options: ['--rsa'], rewrite: active }, plays('client', again)],
    'RSA without OpenSSL, we are the client': [{ rsa: true, refused: true }, refused],
    'RSA without OpenSSL, we are the server': [{ rsa: true, refused: true, rewrite: active }, refused],
    'keys at 8 kHz beside Opus': [{ rewrite: keysAt(8_000) }, keys],
    'keys at 48 kHz': [{ rewrite: keysAt(48_000) }, keys],
    'copies of what is lost': [{}, copies],
    'pauses': [{ options: ['--dtx'], rewrite: usingDtx, reply: usingDtx }, pauses],
    [`relay only, the browser by ${transport}`]: [{ ice: Relay.only(transport) }, farIsRelayed],
    [`relay only, the agent by ${transport}`]: [{ options: ['--relay', Relay.url(transport)] }, agentIsRelayed],
    'a hidden address': [{ hides: true }, hidden],
  };
  for (const [name, [how, play]] of Object.entries(cases)) CASES[`${name}, ${signaling}`] = [how, signaling, play];
}

Object.assign(CASES, ROOM_CASES);

/** A browser that hides its addresses by mDNS, or not. */
function launch(hides) {
  return chromium.launch({
    executablePath: BROWSER,
    headless: true,
    args: [
      `--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE ${Relay.HOST}`,
      '--allow-loopback-in-peer-connection',
      '--autoplay-policy=no-user-gesture-required',
      ...(hides ? [] : ['--disable-features=WebRtcHideLocalIpsWithMdns']),
      '--no-sandbox',
      '--disable-dev-shm-usage',
      '--disable-gpu',
      '--disable-sync',
      '--disable-background-networking',
      '--disable-component-update',
      '--no-first-run',
    ],
  });
}

const SCRIPTS = new Map(await Promise.all(['page.js', 'pictures.js'].map(
  async (name) => [`${ORIGIN}/${name}`, await readFile(new URL(name, import.meta.url))],
)));
const HTML = `<!doctype html><body>${[...SCRIPTS.keys()].map((url) => `<script src="${url}"></script>`).join('')}`;
const VOICE = (await readFile(FAR)).toString('base64');

/** A page that speaks. */
async function openPage(browser, complaints) {
  const page = await browser.newPage();
  page.on('pageerror', (error) => complaints.push(`page ${error.message}`));
  await page.route('**', async (route) => {
    const script = SCRIPTS.get(route.request().url());
    await route.fulfill(script
      ? { contentType: 'text/javascript', body: script }
      : { contentType: 'text/html', body: HTML });
  });
  await page.goto(`${ORIGIN}/`);
  await page.evaluate((voice) => window.far.begin(voice), VOICE);
  return page;
}

/** Plays one case, and tells what it found. Whether all went well. */
async function perform(name, number, [how, signaling, play]) {
  const [began, lines] = [Date.now(), []];
  const agent = await Agent.start(ANSWERER, ['--own', OWN, '--far', FAR, ...(how.options ?? [])]);
  const page = await openPage(how.hides ? hiding : open, lines);
  const kind = how.codec ? RoomCall : signaling === 'ribbon' ? GatewayCall : Call;
  const call = new kind(agent, page, signaling, `${SCRATCH}/chromium-${number}.wav`, how);
  let failed;
  try {
    await deadline(CASE_LIMIT, 'the case to finish', async () => {
      await call.begin();
      await play(call);
    });
    await call.end();
  } catch (error) {
    failed = error;
    const state = call.peer && await call.state().catch((worse) => worse.message);
    lines.push(`page ${JSON.stringify(state)}`, ...agent.told.map((line) => `agent ${JSON.stringify(line)}`));
    await call.end({ failed: true }).catch((worse) => lines.push(worse.message));
  }
  await page.close();
  await agent.stop();
  const time = `(${((Date.now() - began) / 1_000).toFixed(1)} s)`;
  console.log(failed ? `  FAIL  ${name}: ${failed.message} ${time}` : `  ok    ${name} ${time}`);
  for (const line of lines) console.log(`        ${line}`);
  return !failed;
}

const [open, hiding, relay] = await Promise.all([launch(false), launch(true), Relay.start(SCRATCH)]);
console.log(`Chromium ${open.version()}`);
const waiting = Object.entries(CASES).filter(([name]) => name.includes(ONLY)).entries();
const tally = { passed: 0, failed: 0 };
const again = [];
await Promise.all(Array.from({ length: AT_ONCE }, async () => {
  // All take from the same queue.
  for (const [number, [name, one]] of waiting) {
    if (await perform(name, number, one)) tally.passed += 1;
    else again.push([number, [name, one]]);
  }
}));
// Pictures and speech of several browsers at once are more than some machines have time for, and a browser that has
// none drops them. What is wrong here is wrong as well when it is alone; what is wrong twice has failed.
if (again.length > 0 && again.length <= AGAIN) console.log('Once more, one at a time:');
for (const [number, [name, one]] of again) {
  const fine = again.length <= AGAIN && await perform(name, number, one);
  tally[fine ? 'passed' : 'failed'] += 1;
}
await Promise.all([open.close(), hiding.close(), relay.stop()]);
console.log(`Chromium: ${tally.passed} passed, ${tally.failed} failed`);
const none = ONLY !== '' && tally.passed + tally.failed === 0;
process.exitCode = none ? NONE : tally.passed > 0 && tally.failed === 0 ? 0 : 1;
