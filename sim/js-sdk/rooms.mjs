// Rooms: meetings, screens that are shown, recorded and watched (wire notes 16).

import assert from 'node:assert/strict';

import { deadline } from './deadline.mjs';

const BY_SDP = { signaling: 'sdp', trickle: false };
const BY_JINGLE = { signaling: 'jingle', trickle: true };

/** Packets of 20 ms each: one second of audio. */
const ONE_SECOND = 50;
/** Pictures enough to say that they come. */
const SOME = 10;

/** Screens as a page makes them. */
const WIDE = { width: 640, height: 360 };
const SMALL = { width: 320, height: 180 };

const RECORDS = ['softphone', 'collaborateVideo', 'screenShare', 'screenRecording'];

/** What came after SDK 9: run it with `--bundle`. */
const IS_NEWER = { 'SDK 9': 'that came later' };

export const ROOMS = {
  'video conference by SDP': (t) => conference(t, BY_SDP),
  'video conference by Jingle': (t) => conference(t, BY_JINGLE),
  'a screen is shown in a meeting by SDP': (t) => screenInMeeting(t, BY_SDP),
  'a screen is shown in a meeting by Jingle': (t) => screenInMeeting(t, BY_JINGLE),
  'a meeting shows more people by SDP': (t) => gallery(t, BY_SDP),
  'a meeting shows more people by Jingle': (t) => gallery(t, BY_JINGLE),
  'a meeting takes three encodings': simulcast,
  'a meeting of two rings, and is refused or taken back': rings,
  'a guest shows a screen by a code and Jingle': { station: null, play: (t) => guestShows(t, BY_JINGLE) },
  'a guest shows a screen by a code and SDP': { station: null, play: (t) => guestShows(t, BY_SDP) },
  'codes and JWTs of which nobody knows are refused': { station: null, play: strangers },
  'screens are recorded by token and SDP': (t) => recording(t, BY_SDP),
  'screens are recorded by JWT and Jingle': { station: null, play: (t) => recording(t, BY_JINGLE, true) },
  'screens that are not to be recorded or watched': { play: unasked, skip: { 'SDK 14': 'it shows them' } },
  'screens are watched': { play: watched, skip: IS_NEWER },
  'a guest comes to a meeting by JWT': { station: null, play: guestMeets, skip: IS_NEWER },
};

/** The agent starts a meeting in a room on those terms, and joins it. */
async function meeting(t, terms) {
  const { agent, emulator, user } = t;
  const mark = await emulator.mark();
  await agent.initialize(user.token);
  const roomJid = `adhoc-lab1@conference.${user.jid.split('@')[1]}`;
  const { roomId } = await emulator.post('rooms', { kind: 'conference', roomJid, ...terms });
  const { conversationId } = await agent.call('startVideoConference', roomJid);
  await emulator.event(mark, 'message-proceed');
  const [session] = await agent.event('sessionStarted', (one) => one.conversationId === conversationId);
  assert.equal(session.sessionType, 'collaborateVideo');
  await agent.join(conversationId);
  await emulator.event(mark, 'room-answered', undefined, 20_000);
  await agent.event('session.participantsUpdate', there(t, () => true));
  assert.deepEqual(agent.named('pendingSession'), [], 'what it asked for does not ring');
  return { conversationId, roomId };
}

/** True of news in which the agent takes part, and is as `accepts` wants. */
function there({ user }, accepts) {
  return ({ activeParticipants }) =>
    activeParticipants.some((one) => one.userId === user.userId && accepts(one));
}

/** Both lines of the agent's are heard and seen, at both ends. */
async function seenAndHeard({ agent, emulator, user }, { conversationId, roomId }) {
  await agent.linesUntil(
    conversationId,
    ({ 0: audio, 1: video }) =>
      audio?.sent > ONE_SECOND && audio.received > ONE_SECOND && video?.sent > SOME && video.decoded > SOME,
    'sound and pictures both ways',
    20_000,
  );
  await picturesArrive({ emulator, user }, roomId, [1]);
}

/** More pictures arrive on each of those lines than have so far. */
async function picturesArrive({ emulator, user }, roomId, mids) {
  const { lines: before } = await emulator.get(`rooms/${roomId}/media?userId=${user.userId}`);
  return emulator.roomMedia(
    roomId,
    user.userId,
    (now) => mids.every((mid) => now[mid]?.framesReceived >= (before[mid]?.framesReceived ?? 0) + SOME),
    `pictures on lines ${mids}`,
  );
}

/** The agent is seen and heard, mutes, pins, is told who is there and who speaks, and leaves. */
async function conference(t, terms) {
  const { agent, emulator, user, mark } = t;
  const room = await meeting(t, terms);
  const { conversationId, roomId } = room;
  await seenAndHeard(t, room);
  const { channel } = await emulator.get(`rooms/${roomId}/media?userId=${user.userId}`);
  assert.equal(channel.label, 'videoConferenceControl');

  for (const [method, name] of [['setVideoMute', 'videoMuted'], ['setAudioMute', 'audioMuted']]) {
    for (const mute of [true, false]) {
      const from = agent.mark();
      await agent.call(method, { conversationId, mute });
      await agent.event('session.participantsUpdate', there(t, (one) => one[name] === mute), from);
      if (mute && name === 'videoMuted') await onlySound(t, roomId);
    }
  }
  await picturesArrive(t, roomId, [1]);

  const from = agent.mark();
  const second = await emulator.post(`rooms/${roomId}/participants`, { name: 'Second', userId: 'second' });
  const { participantId } = second;
  const isSecond = (one) => one.participantId === participantId;
  await agent.event('session.participantsUpdate', ({ addedParticipants }) => addedParticipants.some(isSecond), from);
  const mine = (event) => event.conversationId === conversationId && event.userId === user.userId;
  for (const target of [participantId, null]) {
    const at = await emulator.mark();
    await agent.onSession(conversationId, 'pinParticipantVideo', ...(target ? [target] : []));
    const pin = await emulator.event(at, 'room-pin', mine);
    assert.equal(pin.targetParticipantId, target);
    const { participants } = await emulator.get(`rooms/${roomId}`);
    assert.equal(participants.find((one) => one.userId === user.userId).pinned, target);
  }
  // Later SDKs have it from the data channel.
  if (t.version === 'SDK 9') await speaks(t, room);

  const message = { jsonrpc: '2.0', method: 'member.notify.status', params: {} };
  await emulator.post(`rooms/${roomId}/data`, { message });
  const [status] = await agent.event('session.memberStatusUpdate');
  assert.equal(status.method, message.method);

  const gone = agent.mark();
  await emulator.request('PATCH', `rooms/${roomId}/participants/${participantId}`, { state: 'disconnected' });
  await agent.event('session.participantsUpdate', ({ removedParticipants }) => removedParticipants.some(isSecond), gone);
  await agent.call('endSession', { conversationId });
  await emulator.event(mark, 'room-left');
  await agent.event('sessionEnded', (session) => session.conversationId === conversationId);
}

/** Sound goes on, and no picture comes any more. */
async function onlySound({ emulator, user }, roomId) {
  const more = (packets, since) => emulator.roomMedia(
    roomId,
    user.userId,
    (now) => now[0].in >= since[0].in + packets,
    'sound without pictures',
  );
  const path = `rooms/${roomId}/media?userId=${user.userId}`;
  await deadline(20_000, 'a camera that is off to show nothing', async (seen) => {
    let { lines } = await emulator.get(path);
    for (;;) {
      // What was on its way comes yet.
      const { lines: later } = await more(ONE_SECOND / 2, lines);
      if (later[1].framesReceived === lines[1].framesReceived) return;
      seen([lines, later]);
      lines = later;
    }
  });
}

/** Who is shown and who speaks is told by the names that the offer gave its tracks (SDK 9 to 12). */
async function speaks({ agent, emulator, user }, { roomId }) {
  const { offer } = await emulator.get(`rooms/${roomId}/sdp?userId=${user.userId}`);
  const [audio, video] = [...offer.matchAll(/^a=msid:\S+ (\S+)/gm)].map(([, track]) => track);
  const told = (sinks) => [
    { mediaType: 'audio', sinks: [sinks ? audio : 'another'] },
    { mediaType: 'video', sinks: [sinks ? video : 'another'] },
  ];
  for (const seen of [['second'], []]) {
    const from = agent.mark();
    const participants = [{ userId: 'second', tracks: told(seen.length > 0) }];
    await emulator.post(`rooms/${roomId}/media-event`, { participants });
    const users = (list) => list.map((one) => one.userId).join() === seen.join();
    await agent.event('session.activeVideoParticipantsUpdate', ({ participants: list }) => users(list), from);
    await agent.event('session.speakersUpdate', ({ speakers }) => users(speakers), from);
  }
}

/** A screen goes where the camera went: with the camera on, with it off, ended by the user, refused. */
async function screenInMeeting(t, terms) {
  const { agent, emulator } = t;
  const room = await meeting(t, terms);
  const { conversationId, roomId } = room;
  await seenAndHeard(t, room);

  const shares = async (sharing, videoMuted, change) => {
    const [from, at] = [agent.mark(), await emulator.mark()];
    await change();
    await emulator.event(at, sharing ? 'screen-start' : 'screen-stop');
    const so = (one) => one.sharingScreen === sharing && one.videoMuted === videoMuted;
    await agent.event('session.participantsUpdate', there(t, so), from);
  };
  const start = () => agent.onSession(conversationId, 'startScreenShare');
  const stop = () => agent.onSession(conversationId, 'stopScreenShare');
  const shown = (screen, what) => agent.linesUntil(conversationId, ({ 1: video }) => video.screen === screen, what);

  await shares(true, false, start);
  await shown(true, 'the screen in the place of the camera');
  await picturesArrive(t, roomId, [1]);
  await shares(false, false, stop);
  await shown(false, 'the camera again');
  await picturesArrive(t, roomId, [1]);

  await agent.call('setVideoMute', { conversationId, mute: true });
  await shares(true, true, start);
  await picturesArrive(t, roomId, [1]);
  await shares(false, true, () => agent.endScreens());

  const at = await emulator.mark();
  agent.forgive(/permits no capture|Failed to start screen share/);
  await agent.permit(false);
  const error = await agent.refusedOnSession(conversationId, 'startScreenShare');
  assert.equal(error.type, 'session');
  await emulator.post(`rooms/${roomId}/end`);
  await agent.event('sessionEnded', (session) => session.conversationId === conversationId);
  const said = (await emulator.since(at)).map((event) => event.type);
  assert.ok(!said.includes('screen-start'), 'what was not permitted is not told');
}

/** Two more pictures come than the agent's own line has; by SDP another is added, and one is stopped. */
async function gallery(t, terms) {
  const { agent, emulator, user } = t;
  const room = await meeting(t, { ...terms, video: 3 });
  const { conversationId, roomId } = room;
  const seen = (mids, what) => agent.linesUntil(
    conversationId,
    (lines) => mids.every((mid) => lines[mid]?.decoded > SOME),
    what,
    20_000,
  );
  await seen([1, 2, 3], 'pictures of three');
  const { answer } = await emulator.get(`rooms/${roomId}/sdp?userId=${user.userId}`);
  assert.deepEqual(directions(answer), ['sendrecv', 'sendrecv', 'recvonly', 'recvonly', 'sendrecv']);
  if (terms.signaling === 'sdp') {
    const again = async (change) => {
      const at = await emulator.mark();
      await emulator.post(`rooms/${roomId}/renegotiate`, change);
      await emulator.event(at, 'answered-again');
      return emulator.get(`rooms/${roomId}/sdp?userId=${user.userId}`);
    };
    const added = await again({ add: [{ kind: 'video', direction: 'sendonly' }] });
    const [mid] = added.answer.match(/(?<=^a=mid:).*$(?![^]*^a=mid:)/m);
    assert.equal(directions(added.answer).at(-1), 'recvonly');
    await seen([mid], 'pictures on a line that was added');
    const stopped = await again({ stop: ['2'] });
    for (const sdp of [stopped.offer, stopped.answer]) {
      const line = sdp.split(/^(?=m=)/m).find((section) => /^a=mid:2\r?$/m.test(section));
      assert.match(line, /^m=video 0 /, 'a line that is stopped has no port');
      assert.ok(!/^a=group:BUNDLE.* 2( |\r?$)/m.test(sdp), 'and is in no bundle');
    }
    const before = await agent.linesUntil(conversationId, () => true, 'figures');
    await agent.linesUntil(
      conversationId,
      (now) => [1, 3, mid].every((one) => now[one].decoded > before[one].decoded + SOME),
      'the others go on',
    );
  }
  await agent.call('endSession', { conversationId });
  await emulator.event(t.mark, 'room-left');
}

/** The directions of a description's lines, in order. */
function directions(sdp) {
  return sdp.split(/^(?=m=)/m).slice(1).map((section) =>
    section.match(/^a=(sendrecv|sendonly|recvonly|inactive)/m)?.[1] ?? 'sendrecv');
}

/** The room asks for three encodings of the camera (SDP only). */
async function simulcast(t) {
  const { agent, emulator, user } = t;
  const { conversationId, roomId } = await meeting(t, { ...BY_SDP, simulcast: true });
  const { answer } = await emulator.get(`rooms/${roomId}/sdp?userId=${user.userId}`);
  assert.match(answer, /^a=simulcast:send h;m;l/m);
  await agent.linesUntil(conversationId, ({ 1: video }) => video?.rids?.sort().join() === 'h,l,m', 'three encodings');
  await picturesArrive(t, roomId, [1]);
  await emulator.post(`rooms/${roomId}/end`);
  await agent.event('sessionEnded');
}

async function rings(t) {
  await t.agent.initialize(t.user.token);
  const other = await t.emulator.post('users', { name: 'Other', station: null });
  const invite = { kind: 'peer', userId: t.user.userId, fromUserId: other.userId };
  for (const how of ['reject', 'retract']) {
    const from = t.agent.mark();
    const { conversationId, roomId } = await t.emulator.post('rooms', invite);
    const [pending] = await t.agent.event('pendingSession', (one) => one.conversationId === conversationId, from);
    assert.equal(pending.sessionType, 'collaborateVideo');
    assert.equal(pending.fromUserId, other.userId);
    if (how === 'reject') await t.agent.call('rejectPendingSession', { conversationId });
    else await t.emulator.post(`rooms/${roomId}/retract`);
    await t.emulator.event(t.mark, 'room-left', (event) => event.conversationId === conversationId);
    if (how === 'retract') await t.agent.event('cancelPendingSession', undefined, from);
  }
  assert.deepEqual(t.agent.named('sessionStarted'), []);
}

/** A guest comes by a code and shows a screen three times: it ends it, the user does, the room does. */
async function guestShows(t, terms) {
  const { agent, emulator } = t;
  const invited = await emulator.post('codes', terms);
  const { organizationId, securityCode, conversationId, roomId, guestUserId } = invited;
  await agent.login({ organizationId }, { securityCode });
  const guest = { emulator, user: { userId: guestUserId } };
  for (const end of ['guest', 'user', 'room']) {
    const [from, at] = [agent.mark(), await emulator.mark()];
    await agent.share();
    await emulator.event(at, 'presence', (event) => event.to === invited.roomJid);
    const [pending] = await agent.event('pendingSession', undefined, from);
    assert.equal(pending.sessionType, 'screenShare');
    await agent.event('sessionStarted', (session) => session.conversationId === conversationId, from);
    await emulator.event(at, 'room-answered', undefined, 20_000);
    await agent.linesUntil(conversationId, ({ 0: video }) => video?.screen && video.sent > 0, 'the screen', 20_000);
    await picturesArrive(guest, roomId, [0]);
    if (end === 'guest') {
      const { answer } = await emulator.get(`rooms/${roomId}/sdp?userId=${guestUserId}`);
      assert.deepEqual(directions(answer), ['sendonly']);
      agent.forgive(/mute not supported/);
      for (const method of ['setVideoMute', 'setAudioMute']) {
        assert.equal((await agent.refused(method, { conversationId, mute: true })).type, 'not_supported');
      }
      await agent.call('endSession', { conversationId });
    }
    if (end === 'user') await agent.endScreens();
    if (end === 'room') await emulator.post(`rooms/${roomId}/end`);
    await emulator.event(at, 'room-left');
    await agent.event('sessionEnded', (session) => session.conversationId === conversationId, from);
    assert.equal(await agent.screens(), 0, 'nothing is captured any more');
  }
}

/** Whom nobody expects does not come in. */
async function strangers(t) {
  const { agent, emulator, mark, open } = t;
  const { organizationId } = await emulator.post('codes');
  agent.forgive(/404/);
  await agent.create({ organizationId });
  const error = await agent.refused('initialize', { securityCode: '000000' });
  assert.match(error.message, /404/);

  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const { jwt } = await emulator.post('jwts', { kind: 'backgroundAssistant' });
  const [, claims] = jwt.split('.');
  const forged = `${part({ alg: 'none' })}.${claims}.${part('forged')}`;
  const stranger = await open();
  stranger.forgive(/./);
  await stranger.create({ jwt: forged });
  // It tries again and again: nobody waits for that.
  stranger.refused('initialize').catch(() => {});
  await emulator.event(mark, 'ws-refused', (event) => event.status === 401, 20_000);
  const opened = (await emulator.since(mark)).filter((event) => event.type === 'ws-open');
  assert.deepEqual(opened, []);
}

/** Two screens are recorded on two lines, one on four, three on one; of each it is told once what it shows. */
async function recording(t, terms, byJwt = false) {
  const { agent, emulator } = t;
  let { user } = t;
  if (byJwt) {
    const { jwt, ...pass } = await emulator.post('jwts', { kind: 'backgroundAssistant' });
    user = pass;
    await agent.login({ jwt });
  } else {
    await agent.initialize(user.token, { allowedSessionTypes: RECORDS });
  }
  const sessionType = 'screenRecording';
  for (const [lines, sizes] of [[2, [WIDE, SMALL]], [4, [WIDE]], [1, [WIDE, SMALL, SMALL]]]) {
    const [from, at] = [agent.mark(), await emulator.mark()];
    const { conversationId, roomId, roomJid } = await emulator.post('rooms', {
      kind: 'recording', userId: user.userId, screens: lines, ...terms,
    });
    const ours = (one) => one.conversationId === conversationId;
    const [pending] = await agent.event('pendingSession', ours, from);
    assert.equal(pending.sessionType, sessionType);
    await agent.call('acceptPendingSession', { conversationId, sessionType });
    await agent.event('sessionStarted', ours, from);
    await agent.record({ conversationId, sessionType }, sizes);
    const { body, background } = await emulator.event(at, 'screen-metadata', (event) => event.roomId === roomId, 20_000);
    assert.equal(background, byJwt);
    assert.deepEqual(
      { ...body, metaData: body.metaData.map(({ _trackId, ...screen }) => screen) },
      {
        participantJid: user.jid.split('/')[0], roomId: roomJid, conversationId,
        metaData: sizes.map(({ width, height }, n) => ({
          trackId: n < lines ? String(n) : null, screenId: `screen-${n}`, primary: n === 0,
          originX: n === 0 ? 0 : WIDE.width + (n - 1) * SMALL.width, originY: 0,
          resolutionX: width, resolutionY: height,
        })),
      },
    );
    const shown = sizes.slice(0, lines).map((_, n) => n);
    const { answer } = await emulator.get(`rooms/${roomId}/sdp?userId=${user.userId}`);
    assert.deepEqual(
      directions(answer),
      Array.from({ length: lines }, (_, n) => (n < shown.length ? 'sendonly' : 'inactive')),
    );
    await picturesArrive({ emulator, user }, roomId, shown);
    agent.forgive(/must be ended remotely/);
    const error = await agent.refused('endSession', { conversationId, sessionType });
    assert.equal(error.type, 'not_supported');
    await emulator.post(`rooms/${roomId}/end`);
    await agent.event('sessionEnded', ours, from);
    assert.equal(await agent.screens(), 0, 'the screens are let go');
    const { metadata } = await emulator.get(`rooms/${roomId}`);
    assert.equal(metadata.length, 1, 'it is told once what is seen');
  }
}

/** SDK 9 records no screens unless it is allowed to, and shows none to observers: it says nothing. */
async function unasked({ agent, emulator, user, mark }) {
  await agent.initialize(user.token);
  const silent = [
    { kind: 'recording', screens: 2 },
    { kind: 'monitor', fromUserId: user.userId, screens: 2 },
    { kind: 'monitor', fromUserId: 'another', observer: true, screens: 2 },
  ];
  for (const room of silent) await emulator.post('rooms', { userId: user.userId, ...room });
  // What comes after them rings: it has heard them all.
  const call = await emulator.post('calls', { kind: 'inbound', userId: user.userId });
  await agent.event('pendingSession', (one) => one.conversationId === call.conversationId);
  assert.equal(agent.named('pendingSession').length, 1);
  const proceeds = (await emulator.since(mark)).filter((event) => event.type === 'message-proceed');
  assert.deepEqual(proceeds, []);
}

/** A user's two screens are watched on four lines, and then somebody else's on two. */
async function watched(t) {
  const { agent, emulator, user } = t;
  await agent.initialize(user.token);
  const sessionType = 'liveScreenMonitoring';
  const start = async (wish) => {
    const from = agent.mark();
    const room = await emulator.post('rooms', { kind: 'monitor', userId: user.userId, ...BY_SDP, ...wish });
    const ours = (one) => one.conversationId === room.conversationId;
    if (wish.observer) {
      const [pending] = await agent.event('pendingSession', ours, from);
      assert.equal(pending.fromUserId, 'somebody');
      await agent.call('acceptPendingSession', { conversationId: room.conversationId, sessionType });
    }
    const [session] = await agent.event('sessionStarted', ours, from);
    assert.equal(session.sessionType, sessionType);
    return { ...room, ended: () => agent.event('sessionEnded', ours, from) };
  };

  const target = await start({ fromUserId: user.userId, screens: 4 });
  const request = { conversationId: target.conversationId, sessionType };
  await agent.record(request, [WIDE, SMALL]);
  await picturesArrive(t, target.roomId, [0, 1]);
  const { answer } = await emulator.get(`rooms/${target.roomId}/sdp?userId=${user.userId}`);
  assert.deepEqual(directions(answer), ['sendonly', 'sendonly', 'inactive', 'inactive']);
  agent.forgive(/cannot end the session/);
  assert.equal((await agent.refused('endSession', request)).type, 'not_supported');
  await emulator.post(`rooms/${target.roomId}/end`);
  await target.ended();
  assert.deepEqual((await emulator.get(`rooms/${target.roomId}`)).metadata, []);

  const seen = await start({ fromUserId: 'somebody', observer: true, screens: 2 });
  const { conversationId } = seen;
  await agent.observe({ conversationId, sessionType }, 2);
  const both = ({ 0: one, 1: other }) => one?.decoded > SOME && other?.decoded > SOME;
  await agent.linesUntil(conversationId, both, 'both screens', 20_000);
  await agent.call('endSession', { conversationId, sessionType });
  await seen.ended();
}

/** Somebody without an account comes by a JWT, asks to be let in, and is. */
async function guestMeets(t) {
  const { agent, emulator, mark } = t;
  const pass = await emulator.post('jwts', { kind: 'videoGuest' });
  const { jwt, conversationId, roomId, roomJid } = pass;
  await agent.login({ jwt });
  const guest = { ...t, user: { userId: pass.userId } };
  await agent.call('startVideoConference', roomJid);
  await emulator.event(mark, 'presence', (event) => event.to === roomJid);
  await agent.event('pendingSession', (one) => one.conversationId === conversationId);
  await agent.call('acceptPendingSession', { conversationId });
  await agent.event('sessionStarted', (session) => session.conversationId === conversationId);
  await agent.join(conversationId);
  await seenAndHeard(guest, { conversationId, roomId });
  await agent.event('session.participantsUpdate', ({ activeParticipants }) =>
    activeParticipants.some((one) => one.userId === pass.userId));
  await agent.call('endSession', { conversationId });
  await emulator.event(mark, 'room-left');
  const asked = (await emulator.since(mark)).filter((event) => event.type === 'rest' && !/diagnostics/.test(event.path));
  assert.deepEqual(asked, [], 'a guest asks for nothing');
}
