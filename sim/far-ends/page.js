// The far end's web page: peer connections by name, one recording said on all of them, and what is
// heard of the newest; pictures are in pictures.js. It decides nothing; chromium_far_end.mjs drives it.

'use strict';

const RATE = 48_000;

window.far = {
  peers: new Map(),
  heard: [],
  samples: 0,

  /** Begins to say a WAV file, again and again. */
  async begin(base64) {
    this.context = new AudioContext({ sampleRate: RATE });
    const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
    const voice = this.context.createBufferSource();
    voice.buffer = await this.context.decodeAudioData(bytes.buffer);
    voice.loop = true;
    this.said = this.context.createMediaStreamDestination();
    this.said.channelCount = 1;
    this.volume = this.context.createGain();
    voice.connect(this.volume).connect(this.said);
    voice.start();
  },

  /** Says silence from now on, or the recording again. */
  hush(hushed) {
    this.volume.gain.value = hushed ? 0 : 1;
  },

  async open(name, { codecs, rsa, ice } = {}) {
    const kind = { name: 'RSASSA-PKCS1-v1_5', modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256' };
    const certificates = rsa ? [await RTCPeerConnection.generateCertificate(kind)] : undefined;
    const connection = new RTCPeerConnection({ certificates, ...ice });
    const peer = { connection, candidates: [] };
    connection.onicecandidate = ({ candidate }) => peer.candidates.push(candidate?.toJSON() ?? {});
    connection.ontrack = (event) => (event.track.kind === 'audio'
      ? this.listen(peer, new MediaStream([event.track]))
      : this.watch(peer, event));
    connection.addTrack(this.said.stream.getAudioTracks()[0], this.said.stream);
    this.peers.set(name, peer);
    this.prefer(name, codecs);
  },

  /** Only these codecs are offered from now on. */
  prefer(name, codecs) {
    if (!codecs) return;
    const all = RTCRtpSender.getCapabilities('audio').codecs;
    const [transceiver] = this.peers.get(name).connection.getTransceivers();
    transceiver.setCodecPreferences(all.filter((codec) => codecs.includes(codec.mimeType)));
  },

  listen(peer, stream) {
    // Told again when it comes back from a hold.
    peer.reader?.cancel();
    if (peer.element) peer.element.srcObject = null;
    // Without an element that plays it nobody draws a remote stream.
    peer.element = Object.assign(new Audio(), { srcObject: stream, muted: true });
    peer.element.play()?.catch(() => {});
    peer.reader = new MediaStreamTrackProcessor({ track: stream.getAudioTracks()[0].clone() }).readable.getReader();
    this.write(peer.reader).catch(() => {});
  },

  async write(reader) {
    for (;;) {
      const { value: data, done } = await reader.read();
      if (done) return;
      const narrow = new Float32Array(data.numberOfFrames);
      data.copyTo(narrow, { planeIndex: 0, format: 'f32-planar' });
      // A narrow codec is heard at its own rate; the steps do no harm to what is compared.
      const times = RATE / data.sampleRate;
      const samples = Float32Array.from({ length: narrow.length * times }, (_, n) => narrow[Math.floor(n / times)]);
      data.close();
      this.heard.push(samples);
      this.samples += samples.length;
      this.wake?.();
    }
  },

  /** Another number for Opus, as it is written in an offer. */
  renumber(sdp, number) {
    const [, opus] = /a=rtpmap:(\d+) opus/.exec(sdp);
    return sdp
      .replace(/^(m=audio .*)$/m, (line) => line.replace(` ${opus}`, ` ${number}`))
      .replaceAll(new RegExp(`^a=(rtpmap|fmtp|rtcp-fb):${opus} `, 'gm'), `a=$1:${number} `);
  },

  /** An offer, with all candidates when it is whole. */
  async offer(name, { restart = false, opus, whole = true } = {}) {
    const { connection } = this.peers.get(name);
    const offer = await connection.createOffer({ iceRestart: restart });
    if (opus) offer.sdp = this.renumber(offer.sdp, opus);
    await connection.setLocalDescription(offer);
    if (!whole) return offer.sdp;
    return this.gathered(connection);
  },

  /** Its own description, once it has all candidates. */
  async gathered(connection) {
    await new Promise((resolve) => {
      const look = () => connection.iceGatheringState === 'complete' && resolve();
      connection.addEventListener('icegatheringstatechange', look);
      look();
    });
    return connection.localDescription.sdp;
  },

  /** The candidates that nobody took yet. */
  candidates(name) {
    return this.peers.get(name).candidates.splice(0);
  },

  /** The answer to an offer, with all candidates. */
  async accept(name, sdp) {
    const { connection } = this.peers.get(name);
    await connection.setRemoteDescription({ type: 'offer', sdp });
    await connection.setLocalDescription();
    return this.gathered(connection);
  },

  /** The other end's description that is in force. */
  theirs(name) {
    return this.peers.get(name).connection.currentRemoteDescription.sdp;
  },

  async answered(name, sdp) {
    await this.peers.get(name).connection.setRemoteDescription({ type: 'answer', sdp });
  },

  async candidate(name, init) {
    const peer = this.peers.get(name);
    if (peer) await peer.connection.addIceCandidate({ candidate: init.candidate, sdpMLineIndex: 0 });
  },

  direction(name, direction) {
    this.peers.get(name).connection.getTransceivers()[0].direction = direction;
  },

  async connected(name) {
    const { connection } = this.peers.get(name);
    await new Promise((resolve) => {
      const look = () => connection.connectionState === 'connected' && resolve();
      connection.addEventListener('connectionstatechange', look);
      look();
    });
  },

  press(name, keys) {
    const [sender] = this.peers.get(name).connection.getSenders();
    if (!sender.dtmf?.canInsertDTMF) throw new Error('no keys can be pressed');
    sender.dtmf.insertDTMF(keys, 100, 70);
  },

  /** What its streams count (W3C webrtc-stats): of audio that comes (`inbound-rtp`), or goes. */
  async counts(name, kind = 'inbound-rtp') {
    const stats = await this.peers.get(name).connection.getStats();
    return [...stats.values()].find((one) => one.type === kind && one.kind === 'audio') ?? {};
  },

  /** How it stands: its states, and the path that media takes, if there is one. */
  async state(name) {
    const { connection } = this.peers.get(name);
    const stats = await connection.getStats();
    const transport = [...stats.values()].find((one) => one.type === 'transport');
    const pair = stats.get(transport?.selectedCandidatePairId);
    const end = (id) => {
      const { candidateType, address, port } = stats.get(id) ?? {};
      return { type: candidateType, address, port };
    };
    return {
      signaling: connection.signalingState, connection: connection.connectionState,
      ice: connection.iceConnectionState, dtls: transport?.dtlsState, role: transport?.dtlsRole,
      path: pair && { local: end(pair.localCandidateId), remote: end(pair.remoteCandidateId) },
    };
  },

  mark() {
    this.heard = [];
    this.samples = 0;
  },

  /** So many seconds of what is heard from the mark on, as 16-bit samples in base64. */
  async recording(seconds) {
    while (this.samples < seconds * RATE) {
      await new Promise((resolve) => { this.wake = resolve; });
    }
    const pcm = new Int16Array(this.samples);
    let at = 0;
    for (const part of this.heard) {
      for (const sample of part) pcm[at++] = Math.max(-1, Math.min(1, sample)) * 32_767;
    }
    let text = '';
    for (const byte of new Uint8Array(pcm.buffer)) text += String.fromCharCode(byte);
    return btoa(text);
  },

  close(name) {
    const peer = this.peers.get(name);
    this.peers.delete(name);
    if (peer?.element) peer.element.srcObject = null;
    for (const camera of peer?.cameras ?? []) camera.stop();
    peer?.connection.close();
  },
};
