// What an agent lives through, told twice: by the SDK's events and by the emulator's own view.

import assert from 'node:assert/strict';

import { deadline, pause } from './deadline.mjs';
import { HEADSETS } from './headsets.mjs';
import { ROOMS } from './rooms.mjs';

/** Packets of 20 ms each: one second of audio. */
const ONE_SECOND = 50;

/** What streaming client 17 cannot do, by design (it was changed in 19.3). */
const FORGETS_JINGLE = { 'client 17': 'it forgets its Jingle sessions with the connection' };

/**
 * Each scenario gets `{ agent, emulator, user, mark, open, join, version }`: a page not yet logged in, the
 * control API, a new user, the place in the emulator's event log at which the scenario began, what
 * opens one more page, what has offhook log in as a user, and the SDK's version. One that needs more is `{ play, station, skip }`: the
 * user's phone, and why which streaming client or SDK is left out.
 */
export const SCENARIOS = {
  'logs in and subscribes': async ({ agent, emulator, user, mark }) => {
    await agent.initialize(user.token);
    const [{ reconnect }] = await agent.event('connected');
    assert.equal(reconnect, false);
    const [{ action, station }] = await agent.event('station');
    assert.equal(action, 'Associated');
    assert.equal(station.id, user.stationId);
    for (const type of ['ws-open', 'sasl-ok', 'bound', 'subscribe']) await emulator.event(mark, type);

    const { connections } = await emulator.get('connections');
    const mine = connections.filter((connection) => connection.userId === user.userId);
    assert.equal(mine.length, 1);
    assert.equal(bare(mine[0].jid), bare(user.jid));
    const topics = JSON.stringify(mine[0].topics);
    assert.match(topics, new RegExp(`v2\\.users\\.${user.userId}.*conversations`), 'no conversations topic');
  },

  'inbound Jingle call': (t) => inboundCall(t, { signaling: 'jingle', trickle: true }),
  'inbound Jingle call, candidates in the offer': (t) =>
    inboundCall(t, { signaling: 'jingle', trickle: false }),
  'inbound SDP call': (t) => inboundCall(t, { signaling: 'sdp', trickle: false }),
  'inbound SDP call, trickled': (t) => inboundCall(t, { signaling: 'sdp', trickle: true }),

  'inbound call, propose before the notification': (t) => inboundCall(t, { eventFirst: false }),

  'auto-answered call': async (t) => {
    await t.agent.initialize(t.user.token);
    const { conversationId } = await ring(t, { autoAnswer: true }, { autoAnswer: true });
    await connected(t, conversationId);
    await audioBothWays(t, conversationId);
    await farEndHangsUp(t, conversationId);
  },

  'outbound call': async (t) => {
    const { agent, emulator, user, mark } = t;
    await agent.initialize(user.token);
    const started = await agent.call('startSoftphoneSession', { phoneNumber: '+15550123' });
    assert.ok(started.id, 'no conversation id');
    assert.equal(started.selfUri, `/api/v2/conversations/calls/${started.id}`);
    const [pending] = await agent.event('pendingSession', (session) => session.conversationId === started.id);
    assert.equal(pending.autoAnswer, true);
    await emulator.event(mark, 'message-proceed');
    await connected(t, started.id);
    assert.equal((await emulator.get(`calls/${started.id}`)).direction, 'outbound');
    await audioBothWays(t, started.id);
    await agentEnds(t, started.id);
  },

  'mute and unmute': async (t) => {
    const conversationId = await answeredCall(t);
    for (const mute of [true, false]) {
      const from = t.agent.mark();
      await t.agent.call('setAudioMute', { conversationId, mute });
      await t.agent.event('conversationUpdate', flag('muted', mute, conversationId), from);
      await t.emulator.call(conversationId, (call) => call.muted === mute, mute ? 'muted' : 'unmuted');
    }
    await audioBothWays(t, conversationId);
    await farEndHangsUp(t, conversationId);
  },

  'hold and unhold': async (t) => {
    const conversationId = await answeredCall(t);
    for (const held of [true, false]) {
      const from = t.agent.mark();
      await t.agent.call('setConversationHeld', { conversationId, held });
      await t.agent.event('conversationUpdate', flag('held', held, conversationId), from);
      await t.emulator.call(conversationId, (call) => call.held === held, held ? 'held' : 'not held');
    }
    await audioBothWays(t, conversationId);
    await farEndHangsUp(t, conversationId);
  },

  'agent ends the call': async (t) => {
    const conversationId = await answeredCall(t);
    await agentEnds(t, conversationId);
  },

  'agent terminates the Jingle session': async (t) => {
    const conversationId = await answeredCall(t);
    await audioBothWays(t, conversationId);
    const [session] = await t.agent.event('sessionStarted');
    await t.agent.call('forceTerminateSession', session.id);
    await t.emulator.event(t.mark, 'session-terminate');
    await ended(t, conversationId);
  },

  'agent terminates the SDP session': async (t) => {
    const conversationId = await answeredCall(t, { signaling: 'sdp', trickle: false });
    // The SDK stumbles over errors about candidates that it sends after the end.
    await audioBothWays(t, conversationId);
    const [session] = await t.agent.event('sessionStarted');
    await t.agent.call('forceTerminateSession', session.id);
    await t.emulator.event(t.mark, 'genesys-terminate');
    await ended(t, conversationId);
  },

  'agent rejects a queue call': (t) => rejects(t, 'agent', 'PATCH', /\/participants\/[^/]+$/, { state: 'disconnected' }),
  'agent rejects a direct call into voicemail': (t) =>
    rejects(t, 'user', 'POST', /\/participants\/[^/]+\/replace$/, { voicemail: true }),

  'caller gives up while it rings': async (t) => {
    await t.agent.initialize(t.user.token);
    const { conversationId, sessionId } = await ring(t);
    await t.emulator.post(`calls/${conversationId}/cancel`);
    const [cancelled] = await t.agent.event('cancelPendingSession');
    assert.deepEqual(cancelled, { sessionId, conversationId });
    await t.emulator.call(conversationId, isOver, 'over');
    await nothingStarted(t);
  },

  'another client of the user answers': (t) => elsewhere(t, 'accept'),
  'another client of the user rejects': (t) => elsewhere(t, 'reject'),

  'two calls, one after the other': async (t) => {
    await t.agent.initialize(t.user.token);
    for (const signaling of ['jingle', 'sdp']) {
      const { conversationId } = await ring(t, { signaling });
      await t.agent.call('acceptPendingSession', { conversationId });
      await connected(t, conversationId);
      await audioBothWays(t, conversationId);
      await farEndHangsUp(t, conversationId);
    }
  },

  'comes back after its socket died, and is called': async (t) => {
    const { agent, emulator, user } = t;
    await agent.initialize(user.token);
    const from = agent.mark();
    const mark = await emulator.mark();
    await emulator.post('connections/drop', { userId: user.userId, mode: 'tcp' });
    await emulator.event(mark, 'bound', undefined, 60_000);
    await agent.event('connected', undefined, from, 60_000);
    const { conversationId } = await ring(t);
    await agent.call('acceptPendingSession', { conversationId });
    await connected(t, conversationId);
    await audioBothWays(t, conversationId);
    await farEndHangsUp(t, conversationId);
  },

  'persistent session: in, out, in again': { station: { persistent: true }, play: persistent },
  'persistent session of many lines': {
    station: { persistent: true, lineAppearances: 100 },
    play: persistent,
  },
  'persistent session: ringing ends': {
    station: { persistent: true },
    async play(t) {
      const first = await answeredCall(t);
      await audioBothWays(t, first);
      await farEndHangsUp(t, first);
      for (const how of ['cancel', 'reject']) {
        const from = t.agent.mark();
        const { conversationId } = await ring(t);
        if (how === 'cancel') await t.emulator.post(`calls/${conversationId}/cancel`);
        else await t.agent.call('rejectPendingSession', { conversationId });
        await t.agent.event('cancelPendingSession', (one) => one.conversationId === conversationId, from);
        await t.emulator.call(conversationId, (call) => call.state === 'terminated', 'terminated');
      }
      const { conversationId } = await ring(t);
      await t.agent.call('acceptPendingSession', { conversationId });
      await connected(t, conversationId);
      await audioBothWays(t, conversationId);
    },
  },

  'one line: a second call holds the first': async (t) => {
    const first = await answeredCall(t);
    // The line is shared once its media is up.
    await audioBothWays(t, first);
    const second = await ring(t).then((pending) => pending.conversationId);
    await t.agent.call('acceptPendingSession', { conversationId: second });
    await connected(t, second);
    await t.emulator.call(first, (call) => call.held, 'held');
    await t.agent.event('conversationUpdate', flag('held', true, first));
    await audioBothWays(t, second);
    await farEndHangsUp(t, second, 1);
    await t.agent.call('setConversationHeld', { conversationId: first, held: false });
    await t.emulator.call(first, (call) => !call.held, 'not held');
    await farEndHangsUp(t, first);
  },

  'two lines': {
    station: { lineAppearances: 2 },
    async play(t) {
      const first = await answeredCall(t);
      const second = await ring(t).then((pending) => pending.conversationId);
      await t.agent.call('acceptPendingSession', { conversationId: second });
      await connected(t, second);
      await t.emulator.call(first, (call) => call.held, 'held');
      await audioBothWays(t, second);
      const sessions = t.agent.named('sessionStarted').map(([session]) => session.id);
      assert.equal(new Set(sessions).size, 2, 'each call has a session of its own');
      await t.agent.call('setConversationHeld', { conversationId: first, held: false });
      await t.emulator.call(second, (call) => call.held, 'held');
      await t.emulator.call(first, (call) => !call.held, 'not held');
      await audioBothWays(t, first);
      await farEndHangsUp(t, first, 1);
      await farEndHangsUp(t, second);
    },
  },

  'soft reconnect during an SDP call': (t) => reconnects(t, 'tcp', 'sdp'),
  'hard reconnect during an SDP call': (t) => reconnects(t, 'no_longer_subscribed', 'sdp'),
  'soft reconnect during a Jingle call': {
    skip: FORGETS_JINGLE,
    play: (t) => reconnects(t, 'tcp', 'jingle'),
  },
  'hard reconnect during a Jingle call': {
    skip: FORGETS_JINGLE,
    play: (t) => reconnects(t, 'no_longer_subscribed', 'jingle'),
  },
  'soft reconnect of a persistent session': {
    station: { persistent: true },
    async play(t) {
      const first = await answeredCall(t, { signaling: 'sdp' });
      await audioBothWays(t, first);
      await dropped(t, 'tcp');
      await farEndHangsUp(t, first);
      const { conversationId } = await ring(t);
      await t.agent.call('acceptPendingSession', { conversationId });
      await connected(t, conversationId);
      await audioBothWays(t, conversationId);
      assert.equal((await proceeds(t)).length, 1);
      await farEndHangsUp(t, conversationId);
    },
  },

  'dropped while it rings': async (t) => {
    await t.agent.initialize(t.user.token);
    const { conversationId } = await ring(t);
    await dropped(t, 'tcp');
    await t.emulator.post(`calls/${conversationId}/repropose`);
    await t.agent.call('acceptPendingSession', { conversationId });
    await connected(t, conversationId);
    await audioBothWays(t, conversationId);
    await farEndHangsUp(t, conversationId);
  },

  're-invite to a new session': async (t) => {
    const { conversationId, old, next } = await reinvited(t);
    await t.emulator.event(t.mark, 'genesys-terminate', (event) => event.sessionId === old);
    await audioBothWays(t, conversationId, next);
    await t.emulator.post(`calls/${conversationId}/hangup`);
    await over(t, conversationId);
  },
  're-invite after media died silently': async (t) => {
    const { conversationId, next } = await reinvited(t, (id) => t.emulator.post(`calls/${id}/kill-media`));
    await audioBothWays(t, conversationId, next);
    await t.emulator.post(`calls/${conversationId}/hangup`);
    await over(t, conversationId);
  },
  're-invite under the same name after media died silently': async (t) => {
    const conversationId = await answeredCall(t, { signaling: 'sdp' });
    await audioBothWays(t, conversationId);
    await t.emulator.post(`calls/${conversationId}/kill-media`);
    // As long as it takes the old connection for alive, the SDK does not answer under its name.
    await t.agent.audioUntil([conversationId], (now) => now.state === 'disconnected', 'the loss to be noticed');
    const mark = await t.emulator.mark();
    await t.emulator.post(`calls/${conversationId}/reinvite`);
    await t.emulator.event(mark, 'superseded');
    await t.emulator.event(mark, 'genesys-answer');
    await t.emulator.event(mark, 'media-state', (event) => event.state === 'connected');
    await farEndCounts(t, conversationId);
    // It goes no further: the SDK has forgotten the name with the old one, and stumbles over its end.
    assert.equal((await t.emulator.get(`calls/${conversationId}`)).state, 'connected');
  },
  'renegotiation': async (t) => {
    const conversationId = await answeredCall(t, { signaling: 'sdp' });
    await audioBothWays(t, conversationId);
    const mark = await t.emulator.mark();
    await t.emulator.post(`calls/${conversationId}/renegotiate`);
    await t.emulator.event(mark, 'genesys-answer');
    await audioBothWays(t, conversationId);
    await farEndHangsUp(t, conversationId);
  },
  'ICE restart': async (t) => {
    const conversationId = await answeredCall(t);
    for (let n = 0; n < 2; n += 1) {
      await audioBothWays(t, conversationId);
      const mark = await t.emulator.mark();
      await t.emulator.post(`calls/${conversationId}/ice-restart`);
      await t.emulator.event(mark, 'ice-restarted');
    }
    await audioBothWays(t, conversationId);
    await farEndHangsUp(t, conversationId);
  },

  'the phone goes, comes and changes': async (t) => {
    const { agent, emulator, user } = t;
    await agent.initialize(user.token);
    const change = async (stationEvent, station, action = stationEvent) => {
      const from = agent.mark();
      await emulator.request('PATCH', `users/${user.userId}`, { station, stationEvent });
      return agent.event('station', (event) => event.action === action, from);
    };
    const [gone] = await change('Disassociated', null);
    assert.equal(gone.station ?? null, null);
    const [{ station }] = await change('Associated', {});
    assert.ok(station.id);
    const from = agent.mark();
    const [migrated] = await change('WebRTCMigration', { lineAppearances: 2 }, 'Associated');
    assert.equal(migrated.station.webRtcCallAppearances, 2);
    await agent.event('concurrentSoftphoneSessionsEnabled', (enabled) => enabled === true, from);
  },

  ...ROOMS,
  ...HEADSETS,
};

/** Three calls on one session: nobody proposes again, and media is the same. */
async function persistent(t) {
  const first = await answeredCall(t);
  await audioBothWays(t, first);
  await farEndHangsUp(t, first);

  const out = await t.agent.call('startSoftphoneSession', { phoneNumber: '+15550123' });
  await connected(t, out.id);
  await audioBothWays(t, out.id);
  await agentEnds(t, out.id);

  const { conversationId } = await ring(t);
  await t.agent.call('acceptPendingSession', { conversationId });
  await requested(t, 'PATCH', /\/participants\/[^/]+$/, { state: 'connected' });
  await connected(t, conversationId);
  await audioBothWays(t, conversationId);
  await agentEnds(t, conversationId);

  const sessions = t.agent.named('sessionStarted').map(([session]) => session.id);
  assert.equal(new Set(sessions).size, 1, 'one session carries all calls');
  assert.equal((await proceeds(t)).length, 1, 'one proposal was taken');
}

async function proceeds({ emulator, mark }) {
  return (await emulator.since(mark)).filter((event) => event.type === 'message-proceed');
}

/** The user's connection is lost, and is there again. */
async function dropped({ agent, emulator, user }, mode) {
  const from = agent.mark();
  const mark = await emulator.mark();
  await emulator.post('connections/drop', { userId: user.userId, mode });
  await emulator.event(mark, 'bound', undefined, 60_000);
  await agent.event('connected', ({ reconnect }) => reconnect === true, from, 60_000);
}

/** A call outlives its connection, and its end is told over the next one. */
async function reconnects(t, mode, signaling) {
  const conversationId = await answeredCall(t, { signaling });
  const channel = async () => (await t.emulator.get('connections')).connections[0].channelId;
  const before = await channel();
  const mark = await t.emulator.mark();
  await dropped(t, mode);
  if (mode === 'tcp') {
    assert.equal(await channel(), before, 'a soft reconnect keeps its channel');
  } else {
    assert.notEqual(await channel(), before, 'a hard reconnect takes another channel');
    await t.emulator.event(mark, 'subscribe', ({ topics }) => topics?.some((topic) => topic.includes('conversations')));
  }
  await t.emulator.post(`calls/${conversationId}/rebind`);
  await audioBothWays(t, conversationId);
  await farEndHangsUp(t, conversationId);
}

/** The service moves a call to a new session, after a mishap; the SDK answers without asking. */
async function reinvited(t, mishap = async () => {}) {
  const conversationId = await answeredCall(t, { signaling: 'sdp' });
  await audioBothWays(t, conversationId);
  const mark = await t.emulator.mark();
  const { sessionId: old } = await t.emulator.get(`calls/${conversationId}`);
  await mishap(conversationId);
  const { sessionId: next } = await t.emulator.post(`calls/${conversationId}/reinvite`, { newSession: true });
  await t.emulator.event(mark, 'genesys-answer', (event) => event.sessionId === next);
  await t.emulator.event(mark, 'media-state', (event) => event.sessionId === next && event.state === 'connected');
  return { conversationId, old, next };
}

async function inboundCall(t, options) {
  const conversationId = await answeredCall(t, options);
  await t.emulator.event(t.mark, 'message-proceed');
  await t.emulator.event(t.mark, 'message-accept');
  await t.emulator.event(t.mark, options.signaling === 'sdp' ? 'genesys-answer' : 'session-accept');
  await t.agent.event('handledPendingSession', (session) => session.conversationId === conversationId);
  await audioBothWays(t, conversationId);
  await farEndHangsUp(t, conversationId);
}

/** Logs in, is called, answers; the call is connected at both ends. */
async function answeredCall(t, options = {}) {
  await t.agent.initialize(t.user.token);
  const { conversationId } = await ring(t, options);
  await t.agent.call('acceptPendingSession', { conversationId });
  await connected(t, conversationId);
  return conversationId;
}

/** A customer calls: the pending session that the SDK reports carries the call's ids. */
async function ring({ agent, emulator, user }, options = {}, expected = { autoAnswer: false }) {
  const from = agent.mark();
  const call = await emulator.post('calls', { kind: 'inbound', userId: user.userId, ...options });
  const ours = (session) => session.conversationId === call.conversationId;
  const [pending] = await agent.event('pendingSession', ours, from);
  assert.equal(pending.sessionType, 'softphone');
  assert.equal(pending.autoAnswer, expected.autoAnswer);
  assert.ok(pending.sessionId, 'no session id');
  return pending;
}

/** The session started, the conversation is reported as connected, and the emulator agrees. */
async function connected({ agent, emulator }, conversationId) {
  await agent.event('sessionStarted', (session) => session.conversationId === conversationId);
  await agent.event('conversationUpdate', (update) =>
    update.activeConversationId === conversationId
    && update.current.some((one) => one.conversationId === conversationId && one.mostRecentCallState.state === 'connected'));
  await emulator.call(conversationId, (call) => call.state === 'connected', 'connected');
}

/** A second of audio passes each way from now on, counted at both ends, and is not silence. */
async function audioBothWays({ agent, emulator }, conversationId, sessionId) {
  const ids = [conversationId, sessionId];
  const before = await agent.audioUntil(ids, (now) => now.state === 'connected', 'the peer connection');
  await agent.audioUntil(
    ids,
    (now) => now.sent - before.sent >= ONE_SECOND && now.received - before.received >= ONE_SECOND && now.energy > 0,
    'a second of audio both ways, not silent',
  );
  await farEndCounts({ emulator }, conversationId);
}

/** The far end's connection has a second of audio each way. */
async function farEndCounts({ emulator }, conversationId) {
  await deadline(10_000, 'the far end to count the audio', async (seen) => {
    for (;;) {
      const far = await emulator.get(`calls/${conversationId}/media`);
      if (far.packetsReceived >= ONE_SECOND && far.packetsSent >= ONE_SECOND) return;
      seen(far);
      await pause(100);
    }
  });
}

/** `left` calls are there afterwards. */
async function farEndHangsUp(t, conversationId, left = 0) {
  await t.emulator.post(`calls/${conversationId}/hangup`);
  await ended(t, conversationId, left);
}

/** The application ends the call by REST; the service then ends the session. */
async function agentEnds(t, conversationId) {
  await t.agent.call('endSession', { conversationId });
  await requested(t, 'PATCH', /\/participants\/[^/]+$/, { state: 'disconnected' });
  await ended(t, conversationId);
}

/** Session and conversation are gone in the SDK, the call is over in the emulator. */
async function ended(t, conversationId, left = 0) {
  await t.agent.event('sessionEnded', (session) => session.conversationId === conversationId);
  await over(t, conversationId, left);
}

/** The conversation is gone in the SDK, the call is over in the emulator. */
async function over({ agent, emulator }, conversationId, left = 0) {
  await agent.event('conversationUpdate', (update) =>
    update.removed.some((one) => one.conversationId === conversationId) && update.current.length === left);
  await emulator.call(conversationId, (call) => call.state === 'terminated', 'terminated');
}

async function rejects(t, purpose, method, path, body) {
  await t.agent.initialize(t.user.token);
  const { conversationId, sessionId } = await ring(t, { purpose });
  await t.agent.call('rejectPendingSession', { conversationId });
  await requested(t, method, path, body);
  const [cancelled] = await t.agent.event('cancelPendingSession');
  assert.deepEqual(cancelled, { sessionId, conversationId });
  await t.emulator.call(conversationId, isOver, 'over');
  await nothingStarted(t);
}

async function elsewhere(t, how) {
  await t.agent.initialize(t.user.token);
  const { conversationId, sessionId } = await ring(t);
  await t.emulator.post(`calls/${conversationId}/elsewhere`, { how });
  const [handled] = await t.agent.event('handledPendingSession');
  assert.deepEqual(handled, { sessionId, conversationId });
  await nothingStarted(t);
}

async function nothingStarted({ agent }) {
  assert.deepEqual(agent.named('sessionStarted'), []);
}

/** The emulator saw this request with this body. */
async function requested({ emulator, mark }, method, path, body) {
  const fits = (event) => event.method === method && path.test(event.path);
  const { body: sent } = await emulator.event(mark, 'rest', fits);
  if (sent !== undefined) assert.deepEqual(typeof sent === 'string' ? JSON.parse(sent) : sent, body);
}

const bare = (jid) => jid.split('/')[0];
const isOver = (call) => call.state === 'disconnected' || call.state === 'terminated';
const flag = (name, value, conversationId) => (update) =>
  update.current.some((one) => one.conversationId === conversationId && one.mostRecentCallState[name] === value);
