// The user's headset, wanted by the SDK and by offhook as two clients of one user (wire notes 6.16, behaviour
// notes 6): whatever happens, at most one of them says that it has it.

import assert from 'node:assert/strict';

import { Agent } from './agent.mjs';
import { deadline } from './deadline.mjs';

/** The parts of a client in who has the headset (HS-2). */
const [IDLE, ASKS, ELSEWHERE, HAS] = ['notStarted', 'negotiating', 'alternativeClient', 'hasControls'];
const PARTS = [IDLE, ASKS, ELSEWHERE, HAS];

/** Each has a user of its own, and two are told at once: mostly one client waits for others to say no. */
const STORIES = { calls, lost, asked, ceded, kept };

export const HEADSETS = {
  'one of the clients of a user has the headset': {
    // Seven pages take their time.
    skip: { 'client 17': 'who has it is settled by the SDK, which is the same' },
    async play(t) {
      const pages = [t.agent];
      const stories = Object.values(STORIES);
      const tell = async () => {
        for (let story = stories.shift(); story; story = stories.shift()) {
          const user = await t.emulator.post('users', { station: {} });
          try {
            await story(new Story(t, user, async () => pages.pop() ?? t.open()));
          } catch (error) {
            throw new Error(`${story.name}: ${error.message}`);
          }
        }
      };
      // Whoever says no has a second and a half for it: with all stories at once the machine may be late.
      await Promise.all([tell(), tell()]);
    },
  },
};

/** Whoever asks has it, whether another one asks or has it. Of two that ask together, one has it. */
async function asked(story) {
  const sdk = await story.sdk(undefined, { useHeadsets: false });
  const offhook = await story.offhook('colleague');
  await turns(() => sdk.call('setUseHeadsets', true), [sdk, ASKS]);
  await insists(() => offhook.say('ask'), offhook);
  await story.belongsTo(offhook);
  await turns(() => choose(sdk), [sdk, HAS], [offhook, ELSEWHERE]);
  await story.belongsTo(sdk);

  await Promise.all([choose(sdk), turns(() => offhook.say('ask'), [offhook, ASKS])]);
  await story.agrees((parts) => parts.filter((part) => part === HAS).length === 1);
}

/** The same, begun by the other. It asks again after it was away and somebody took it meanwhile. */
async function lost(story) {
  const [offhook, sdk] = await Promise.all([
    story.offhook('colleague'),
    story.sdk(undefined, { useHeadsets: false }),
  ]);
  offhook.say('ask');
  await sdk.event('media-message', (message) => message.includes(offhook.jid));
  await insists(() => choose(sdk), sdk);
  await story.belongsTo(sdk);
  await turns(() => offhook.say('ask'), [offhook, HAS], [sdk, ELSEWHERE]);
  await story.belongsTo(offhook);

  offhook.say('offline');
  await story.drop(offhook);
  await turns(() => choose(sdk), [sdk, HAS]);
  await turns(() => offhook.say('online'), [offhook, HAS], [sdk, ELSEWHERE]);
  await story.belongsTo(offhook);
}

/** Whoever talks keeps it. A page that goes leaves it without a word; then whoever talks next has it. */
async function calls(story) {
  const sdk = await story.sdk(HAS);
  const offhook = await story.offhook('colleague');
  const first = await story.ring();
  await sdk.event('pendingSession', (session) => session.conversationId === first);
  await sdk.call('acceptPendingSession', { conversationId: first });
  await story.call(first, 'connected');
  await turns(() => offhook.say('ask'), [offhook, ELSEWHERE]);
  await offhook.event('refused', (reason) => reason === 'activeCall');
  await story.belongsTo(sdk);
  await story.hangUp(first);
  await story.belongsTo(sdk);

  await story.close(sdk);
  await story.belongsTo(undefined);
  const second = await story.ring();
  await offhook.event('rings', (conversation) => conversation === second);
  const [page] = await Promise.all([
    story.open(),
    turns(() => offhook.say(`answer ${second}`), [offhook, HAS]),
  ]);
  await story.belongsTo(offhook);

  await story.login(page, ELSEWHERE);
  await story.refusal(offhook, 'activeCall');
  await story.belongsTo(offhook);
  await story.hangUp(second);
  await story.belongsTo(offhook);
}

/** A helper that has the media of others comes first: it takes the headset, and keeps it. */
async function ceded(story) {
  const offhook = await story.offhook('colleague', '--prioritized');
  await turns(() => offhook.say('ask'), [offhook, HAS]);
  await story.sdk(ELSEWHERE);
  await story.refusal(offhook, 'priority');
  await story.belongsTo(offhook);

  const [helper] = await Promise.all([
    story.sdk(HAS, { jidResource: 'mediahelper_1' }),
    becomes(offhook, ELSEWHERE, offhook.mark()),
  ]);
  await story.belongsTo(helper);
  await turns(() => offhook.say('ask'), [offhook, ELSEWHERE]);
  await offhook.event('refused', (reason) => reason === 'mediaHelper');
  await story.belongsTo(helper);

  // It does not hear that it is taken while it is away, and comes back without a word: a call tells it.
  helper.forgive(/^page error/);
  await helper.context.setOffline(true);
  const [jid] = await story.holders();
  await story.drop({ jid });
  await turns(() => offhook.say('ask'), [offhook, HAS]);
  await helper.context.setOffline(false);
  await helper.event('connected', ({ reconnect }) => reconnect, 0, 30_000);
  const call = await story.ring();
  await offhook.event('rings', (conversation) => conversation === call);
  await turns(() => offhook.say(`answer ${call}`), [helper, ELSEWHERE]);
  await story.belongsTo(offhook);
}

/** The same the other way round: the SDK is prioritized, and offhook has the helper. */
async function kept(story) {
  const sdk = await story.sdk(HAS, { headsetRequestType: 'prioritized' });
  const offhook = await story.offhook('colleague');
  await turns(() => offhook.say('ask'), [offhook, ELSEWHERE]);
  await offhook.event('refused', (reason) => reason === 'priority');
  await story.belongsTo(sdk);

  const helper = await story.offhook('mediahelper_2');
  await turns(() => helper.say('ask'), [helper, HAS], [sdk, ELSEWHERE]);
  await story.belongsTo(helper);
  await turns(() => choose(sdk), [sdk, ELSEWHERE]);
  await story.refusal(helper, 'mediaHelper');
  await story.belongsTo(helper);
}

/** A user and the user's clients. */
class Story {
  constructor({ emulator, join, mark }, user, open) {
    Object.assign(this, { emulator, join, mark, user, open });
    this.clients = [];
  }

  /** The SDK in a page, once that is its part. */
  async sdk(part, options = {}) {
    return this.login(await this.open(), part, options);
  }

  async login(page, part, options = {}) {
    await page.wearHeadset();
    this.clients.push(page);
    await page.initialize(this.user.token, { useHeadsets: true, ...options });
    if (part) await becomes(page, part, 0);
    return page;
  }

  async offhook(resource, ...options) {
    const colleague = await this.join(this.user, resource, ...options);
    this.clients.push(colleague);
    return colleague;
  }

  async ring() {
    const call = await this.emulator.post('calls', { kind: 'inbound', userId: this.user.userId });
    return call.conversationId;
  }

  call(id, state) {
    return this.emulator.call(id, (call) => call.state === state, state);
  }

  async hangUp(id) {
    await this.emulator.post(`calls/${id}/hangup`);
    await this.call(id, 'terminated');
  }

  /** The user closes the page. */
  async close(page) {
    this.clients = this.clients.filter((client) => client !== page);
    await page.close();
    await this.happened('ws-closed', () => true);
  }

  /** A connection is lost, and no other. */
  async drop({ jid }) {
    const { dropped } = await this.emulator.post('connections/drop', { userId: this.user.userId, jid });
    assert.equal(dropped, 1);
    await this.happened('ws-closed', (event) => event.jid === jid);
  }

  /** A client said no to another, and why. */
  refusal({ jid }, reason) {
    return this.happened('media-message', (event) => {
      const { method, params } = JSON.parse(event.text);
      return event.jid === jid && method === 'headsetControlsRejection' && params.reason === reason;
    });
  }

  happened(type, accepts) {
    return this.emulator.event(this.mark, type, (event) => event.userId === this.user.userId && accepts(event));
  }

  /** That client says that it has the headset, or nobody does, and no other. */
  async belongsTo(owner) {
    await this.agrees((parts) => parts.every((part, n) => (part === HAS) === (this.clients[n] === owner)));
  }

  /** The clients' parts are accepted, by their events, and as many have the headset by what passed on the wire. */
  async agrees(accepts) {
    await deadline(10_000, 'the clients to agree', async (seen) => {
      let mark = this.mark;
      for (;;) {
        const holders = await this.holders();
        const parts = this.clients.map(partOf);
        const owners = parts.filter((part) => part === HAS);
        if (accepts(parts) && !parts.includes(ASKS) && holders.length === owners.length) break;
        seen({ parts, holders });
        mark = (await this.emulator.get(`events?after=${mark}&wait=500`)).next;
      }
    });
    await this.heard();
  }

  /** The pages have heard the last word: by one from before it asked the SDK gives up what it asks for now. */
  async heard() {
    const last = (await this.words()).at(-1);
    const pages = last ? this.clients.filter((client) => client instanceof Agent) : [];
    await Promise.all(pages.map((page) => page.event('media-message', (message) => message.includes(last.id))));
  }

  /** What the clients have said to each other. */
  async words() {
    const { events } = await this.emulator.get(`events?after=${this.mark}&wait=0&type=media-message`);
    return events.filter((event) => event.userId === this.user.userId);
  }

  /** The clients that are there, took the headset by what passed on the wire, and have not given it back. */
  async holders() {
    const { connections } = await this.emulator.get('connections');
    const holders = new Set();
    for (const { jid, text } of await this.words()) {
      const { method, params } = JSON.parse(text);
      if (method === 'headsetControlsChanged' && params.hasControls) holders.add(jid);
      // Whoever asks does not have it.
      else if (method !== 'headsetControlsRejection') holders.delete(jid);
    }
    return connections.map(({ jid }) => jid).filter((jid) => holders.has(jid));
  }
}

/** Does something, and waits until the parts of clients are others. */
async function turns(act, ...wanted) {
  const marks = wanted.map(([client]) => client.mark());
  await act();
  await Promise.all(wanted.map(([client, part], n) => becomes(client, part, marks[n])));
}

/** Asks until that client has it: one that had it first, and said so meanwhile, does not hear the first time. */
async function insists(ask, client) {
  for (let tries = 0; tries < 3; tries += 1) {
    const mark = client.mark();
    await ask();
    const [part] = await client.event('headset', (one) => one === HAS || one === ELSEWHERE, mark);
    if (part === HAS) return;
  }
  throw new Error('it asked three times, and did not have the headset');
}

function becomes(client, part, mark) {
  return client.event('headset', (one) => one === part, mark);
}

/** The SDK says the state of its device by the same event: that is no part. */
function partOf(client) {
  return client.named('headset').map(([part]) => part).filter((part) => PARTS.includes(part)).at(-1) ?? IDLE;
}

/** Chooses its device anew: the SDK does not ask again for what it lost (DEF-18). */
async function choose(sdk) {
  await sdk.call('setUseHeadsets', false);
  await sdk.call('setUseHeadsets', true);
}
