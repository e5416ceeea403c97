// The agent's web page, as an application would write it: it creates the SDK, calls its methods
// and hears its events. It decides nothing; check.mjs drives it and is told of every event.

'use strict';

const EVENTS = [
  'ready', 'connected', 'disconnected', 'sdkError', 'station', 'terminated',
  'pendingSession', 'cancelPendingSession', 'handledPendingSession',
  'sessionStarted', 'sessionEnded', 'conversationUpdate', 'concurrentSoftphoneSessionsEnabled',
];

/** What a meeting's session tells of itself; reported as `session.…`. */
const SESSION_EVENTS = [
  'participantsUpdate', 'activeVideoParticipantsUpdate', 'speakersUpdate', 'pinnedParticipant',
  'memberStatusUpdate', 'dataChannelMessage', 'incomingMedia',
];

/** A screen as a page can make one: a canvas whose colour changes ten times a second. */
function madeUpScreen({ width, height }) {
  const canvas = Object.assign(document.createElement('canvas'), { width, height });
  const context = canvas.getContext('2d');
  let shown = 0;
  setInterval(() => {
    context.fillStyle = `hsl(${(shown += 1) * 20} 80% 50%)`;
    context.fillRect(0, 0, width, height);
  }, 100);
  return canvas.captureStream(10);
}

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

// What the page shows of the machine's own screen, to look at and to end.
const captured = [];
const capture = navigator.mediaDevices.getDisplayMedia.bind(navigator.mediaDevices);
navigator.mediaDevices.getDisplayMedia = async (constraints) => {
  if (!window.agent.permits) throw new DOMException('the user permits no capture', 'NotAllowedError');
  const stream = await capture(constraints);
  captured.push(...stream.getTracks());
  return stream;
};

// The SDK's headset library knows the maker of a headset by the name of its microphone.
const enumerate = navigator.mediaDevices.enumerateDevices.bind(navigator.mediaDevices);
navigator.mediaDevices.enumerateDevices = async () => {
  const devices = await enumerate();
  const { microphone } = window.agent;
  if (microphone === undefined) return devices;
  return devices.map(({ deviceId, groupId, kind, label }) =>
    ({ deviceId, groupId, kind, label: kind === 'audioinput' ? microphone : label }));
};

window.agent = {
  sdk: undefined,
  /** The name of the microphone, if it is another one than the browser says. */
  microphone: undefined,
  sessions: new Map(),
  /** False if the user refuses to show a screen. */
  permits: true,

  create(options) {
    this.sdk = new (sdkClass())(options);
    for (const event of EVENTS) {
      this.sdk.on(event, (...args) => {
        if (event === 'sessionStarted') this.started(args[0]);
        window.reportEvent(event, args.map(describe));
      });
    }
    // It tells its part in who has the headset by the same event as the state of the device.
    this.sdk.headset?.headsetEvents$?.subscribe(({ event, payload }) => {
      if (event === 'deviceConnectionStatusChanged') window.reportEvent('headset', [describe(payload)]);
    });
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

  /** Accepts a recording, or to be watched, with screens of those sizes side by side, and says what they are. */
  record(request, sizes) {
    const tracks = sizes.map((size) => madeUpScreen(size).getVideoTracks()[0]);
    captured.push(...tracks);
    const screenRecordingMetadatas = tracks.map((track, n) => ({
      trackId: track.id, screenId: `screen-${n}`, primary: n === 0,
      originX: sizes.slice(0, n).reduce((x, { width }) => x + width, 0), originY: 0,
      resolutionX: sizes[n].width, resolutionY: sizes[n].height,
    }));
    const mediaStream = new MediaStream(tracks);
    return this.call('acceptSession', { ...request, mediaStream, screenRecordingMetadatas });
  },

  /** Accepts the sight of so many screens, each in an element of its own. */
  observe(request, screens) {
    const videoElements = Array.from({ length: screens }, () => {
      const element = Object.assign(document.createElement('video'), { autoplay: true, muted: true });
      document.body.append(element);
      return element;
    });
    return this.call('acceptSession', {
      ...request, videoElements, videoElement: videoElements[0], liveMonitoringObserver: true,
      audioElement: document.querySelector('audio'),
    });
  },

  /** Calls a method of a session; nothing that it resolves to, or its error as a value. */
  async onSession(conversationId, method, ...args) {
    try {
      await this.sessions.get(conversationId)[method](...args);
      return {};
    } catch (error) {
      return { error: describe(error) };
    }
  },

  /** Shows a screen as a guest. */
  async share() {
    try {
      await this.sdk.startScreenShare();
      return {};
    } catch (error) {
      return { error: describe(error) };
    }
  },

  /** The user ends what is captured, as with the browser's own button. */
  endScreens() {
    for (const track of captured.filter((one) => one.readyState === 'live')) {
      track.stop();
      // A page that stops a track itself is not told; a user's stop is.
      track.dispatchEvent(new Event('ended'));
    }
  },

  /** The number of tracks that still show a screen. */
  screens() {
    return captured.filter((track) => track.readyState === 'live').length;
  },

  /** Figures of each line of a session, by mid. */
  async lines(conversationId) {
    const connection = peerConnection(this.sessions.get(conversationId) ?? {});
    if (!connection) return undefined;
    const lines = {};
    for (const { mid, sender } of connection.getTransceivers()) {
      // Only what is captured of a screen has a surface.
      const screen = sender.track?.getSettings().displaySurface !== undefined;
      lines[mid] = { kind: sender.track?.kind, sent: 0, received: 0, decoded: 0, screen };
    }
    for (const report of (await connection.getStats()).values()) {
      const line = lines[report.mid];
      if (!line) continue;
      if (report.type === 'outbound-rtp') {
        line.sent += report.packetsSent;
        if (report.rid) (line.rids ??= []).push(report.rid);
      }
      if (report.type === 'inbound-rtp') {
        line.received += report.packetsReceived;
        line.decoded += report.framesDecoded ?? 0;
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
