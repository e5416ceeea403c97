// The agent's web page, as an application would write it: it creates the SDK, calls its methods
// and hears its events. It decides nothing; check.mjs drives it and is told of every event.

'use strict';

const EVENTS = [
  'ready', 'connected', 'disconnected', 'sdkError', 'station', 'terminated',
  'pendingSession', 'cancelPendingSession', 'handledPendingSession',
  'sessionStarted', 'sessionEnded', 'conversationUpdate', 'concurrentSoftphoneSessionsEnabled',
];

/** What a meeting's session tells of itself; reported as `session.…`. */
const SESSION_EVENTS = ['participantsUpdate', 'memberStatusUpdate', 'dataChannelMessage', 'incomingMedia'];

/** The bundle's one global, `GenesysCloudWebrtcSdk`, holds the class itself or a module around it. */
function sdkClass() {
  const global = window.GenesysCloudWebrtcSdk;
  for (const candidate of [global, global?.GenesysCloudWebrtcSdk, global?.default]) {
    if (typeof candidate === 'function') return candidate;
  }
  throw new Error('the SDK bundle defines no GenesysCloudWebrtcSdk');
}

/** A session object is full of cycles: what a check needs of it, by name. */
function describe(value) {
  if (value === null || typeof value !== 'object') return value;
  if (value instanceof Error) return { name: value.name, type: value.type, message: value.message };
  if (Array.isArray(value)) return value.map(describe);
  if (peerConnection(value)) {
    const { id, conversationId, sessionType, state } = value;
    return { id, conversationId, sessionType, state };
  }
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, describe(part)]));
}

/** The two kinds of session keep their peer connection under different names. */
function peerConnection(session) {
  for (const name in session) {
    if (session[name] instanceof RTCPeerConnection) return session[name];
  }
  return undefined;
}

window.agent = {
  sdk: undefined,
  sessions: new Map(),

  create(options) {
    this.sdk = new (sdkClass())(options);
    for (const event of EVENTS) {
      this.sdk.on(event, (...args) => {
        if (event === 'sessionStarted') this.started(args[0]);
        window.reportEvent(event, args.map(describe));
      });
    }
  },

  started(session) {
    this.sessions.set(session.conversationId, session);
    if (session.sessionType !== 'collaborateVideo') return;
    for (const event of SESSION_EVENTS) {
      session.on(event, (...args) => window.reportEvent(`session.${event}`, args.map(describe)));
    }
  },

  /** Accepts a meeting's session, seen and heard in the page's elements. */
  join(conversationId) {
    const [audioElement, videoElement] = ['audio', 'video'].map((name) => document.querySelector(name));
    return this.call('acceptSession', { conversationId, audioElement, videoElement });
  },

  /** Figures of each line of a session, by mid. */
  async lines(conversationId) {
    const connection = peerConnection(this.sessions.get(conversationId) ?? {});
    if (!connection) return undefined;
    const lines = {};
    for (const report of (await connection.getStats()).values()) {
      const line = () => (lines[report.mid] ??= { kind: report.kind, sent: 0, received: 0, decoded: 0 });
      if (report.type === 'outbound-rtp') line().sent += report.packetsSent;
      if (report.type === 'inbound-rtp') {
        line().received += report.packetsReceived;
        line().decoded += report.framesDecoded ?? 0;
      }
    }
    return lines;
  },

  /** Calls a method of the SDK; what it resolves to, or its error as a value. */
  async call(method, ...args) {
    try {
      return { ok: describe(await this.sdk[method](...args)) };
    } catch (error) {
      return { error: describe(error) };
    }
  },

  /**
   * Totals of the call's audio since the connection began. A session that took another's place is
   * told by no event: it is asked for by its id.
   */
  async audio(conversationId, sessionId) {
    const session = sessionId === undefined
      ? this.sessions.get(conversationId)
      : this.sdk.sessionManager.getAllSessions().find((one) => one.id === sessionId);
    const connection = peerConnection(session ?? {});
    if (!connection) return undefined;
    const totals = { state: connection.connectionState, sent: 0, received: 0, energy: 0 };
    for (const report of (await connection.getStats()).values()) {
      if (report.kind !== 'audio') continue;
      if (report.type === 'outbound-rtp') totals.sent += report.packetsSent;
      if (report.type === 'inbound-rtp') {
        totals.received += report.packetsReceived;
        totals.energy += report.totalAudioEnergy ?? 0;
      }
    }
    return totals;
  },
};
