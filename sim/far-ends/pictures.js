// The pictures of the far end's web page: numbered ones that it draws and sends, as the agent's test pictures
// are (core/src/video/pattern), and those that it is shown.

'use strict';

const BLOCK = 16;
/** Pictures of a second. */
const PICTURES = 15;
const BARS = ['white', 'yellow', 'cyan', 'lime', 'magenta', 'red', 'blue', 'black'];
/** Numbers of pictures that are kept of one element. */
const KEPT = 1_000;

/** Has the transform ask for a key frame when it is told to. */
const ASKING = `
  onrtctransform = ({ transformer }) => {
    transformer.readable.pipeTo(transformer.writable);
    onmessage = () => transformer.sendKeyFrameRequest().then(() => postMessage(''), (error) => postMessage(error.message));
  };`;

/** The bits of the number that a picture of this width shows. */
function bitsOf(width) {
  return Math.min(32, Math.ceil(width / BLOCK));
}

/** Some pictures of noise, which no encoder makes small: a picture is cut into several packets. */
function noises(width, height) {
  return Array.from({ length: 4 }, () => {
    const noise = new ImageData(width, height);
    for (let at = 0; at < noise.data.length; at += 4) {
      const grey = Math.random() * 256;
      noise.data.set([grey, grey, grey, 255], at);
    }
    return noise;
  });
}

/** Draws the picture of that number: bars, and below them noise, where nobody reads. */
function draw(context, width, height, number, noise) {
  const [columns, bits] = [Math.ceil(width / BLOCK), bitsOf(width)];
  for (let column = 0; column < columns; column += 1) {
    context.fillStyle = BARS[Math.floor((column * 8) / columns)];
    context.fillRect(column * BLOCK, BLOCK, BLOCK, height - BLOCK);
    const bit = bits - 1 - column;
    context.fillStyle = bit < 0 ? 'gray' : (number >>> bit) & 1 ? 'white' : 'black';
    context.fillRect(column * BLOCK, 0, BLOCK, BLOCK);
  }
  context.putImageData(noise[number % noise.length], 0, Math.ceil((height * 2) / 3));
  context.fillStyle = 'gray';
  context.fillRect((number % columns) * BLOCK, height - BLOCK, BLOCK, BLOCK);
}

const reading = new OffscreenCanvas(1, 1);
const reader = reading.getContext('2d', { willReadFrequently: true });

/** What a picture shows: its number, or null where a block is neither black nor white, and its bars, a letter each. */
function read(source, width, height) {
  if (reading.width !== width || reading.height !== height) Object.assign(reading, { width, height });
  reader.drawImage(source, 0, 0, width, height);
  const { data } = reader.getImageData(0, 0, width, height);
  const pixel = (x, y) => data.subarray((y * width + Math.min(x, width - 1)) * 4).subarray(0, 3);
  let number = 0;
  for (let column = 0; column < bitsOf(width); column += 1) {
    const [red, green, blue] = pixel(column * BLOCK + 8, 8);
    const luma = 0.299 * red + 0.587 * green + 0.114 * blue;
    if (luma >= 80 && luma < 176) number = NaN;
    number = number * 2 + (luma >= 176 ? 1 : 0);
  }
  const middle = Math.floor(height / 2);
  const names = { 111: 'w', 110: 'y', '011': 'c', '010': 'g', 101: 'm', 100: 'r', '001': 'b', '000': 'k' };
  const bars = BARS.map((_, at) => {
    const seen = pixel(Math.floor(((at + 0.5) * width) / 8), middle);
    return names[[...seen].map((one) => (one >= 128 ? 1 : 0)).join('')];
  });
  return { number: Number.isNaN(number) ? null : number, bars: bars.join('') };
}

/** Notes what an element shows, picture by picture. */
function note(element) {
  const shown = [];
  const look = () => {
    const [width, height] = [element.videoWidth, element.videoHeight];
    if (width && height) shown.push({ ...read(element, width, height), size: `${width}x${height}` });
    if (shown.length > KEPT) shown.shift();
    element.requestVideoFrameCallback(look);
  };
  element.requestVideoFrameCallback(look);
  return shown;
}

Object.assign(window.far, {
  /** A camera that shows numbered pictures. */
  camera(width, height) {
    const canvas = Object.assign(document.createElement('canvas'), { width, height });
    const context = canvas.getContext('2d');
    const stream = canvas.captureStream(0);
    const [track] = stream.getVideoTracks();
    const noise = noises(160, 16);
    let number = 0;
    const timer = setInterval(() => {
      draw(context, width, height, number, noise);
      number += 1;
      track.requestFrame();
    }, 1_000 / PICTURES);
    return { stream, track, stop: () => clearInterval(timer) };
  },

  /** A peer connection with a camera, in that codec alone or in several, and a data channel. */
  meet(name, { codec, asks }) {
    const peer = this.peers.get(name);
    Object.assign(peer, { cameras: [], seen: new Map(), messages: [], asks });
    this.show(name, codec, 'sendrecv');
    peer.connection.createDataChannel('room');
    peer.connection.ondatachannel = ({ channel }) => { peer.channel = channel; };
  },

  /** One more camera. */
  show(name, codec, direction) {
    const peer = this.peers.get(name);
    const camera = this.camera(320, 192);
    const transceiver = peer.connection.addTransceiver(camera.track, { direction, streams: [camera.stream] });
    const wanted = ['video/rtx'].concat(codec);
    const { codecs } = RTCRtpSender.getCapabilities('video');
    transceiver.setCodecPreferences(codecs.filter((one) => wanted.includes(one.mimeType)));
    peer.cameras.push({ ...camera, transceiver });
  },

  /** The section of the last camera. */
  last(name) {
    return this.peers.get(name).cameras.at(-1).transceiver.mid;
  },

  /** The last camera goes. */
  leave(name) {
    const { transceiver, stop } = this.peers.get(name).cameras.pop();
    transceiver.stop();
    stop();
  },

  /** The last camera shows pictures of another size. */
  async swap(name, width, height) {
    const { cameras } = this.peers.get(name);
    const last = cameras.at(-1);
    const other = this.camera(width, height);
    await last.transceiver.sender.replaceTrack(other.track);
    last.stop();
    Object.assign(last, other);
  },

  /** The first camera's pictures come in another codec from now on. */
  async recode(name, codec) {
    const [{ transceiver: { sender } }] = this.peers.get(name).cameras;
    const parameters = sender.getParameters();
    const of = parameters.codecs.find((one) => one.mimeType === codec);
    for (const encoding of parameters.encodings) encoding.codec = of;
    await sender.setParameters(parameters);
  },

  /** Shows a track, and notes what is seen of it. */
  watch(peer, { track, transceiver, receiver }) {
    const element = Object.assign(document.createElement('video'), { muted: true, autoplay: true });
    document.body.append(element);
    element.srcObject = new MediaStream([track]);
    element.play()?.catch(() => {});
    const seen = { element, shown: note(element) };
    if (peer.asks) {
      seen.worker = new Worker(URL.createObjectURL(new Blob([ASKING])));
      receiver.transform = new RTCRtpScriptTransform(seen.worker);
    }
    peer.seen.set(transceiver.mid, seen);
  },

  /** What was shown of a section since it was asked last. */
  seen(name, mid) {
    return this.peers.get(name).seen.get(mid)?.shown.splice(0) ?? [];
  },

  /** Asks for a key frame of a section. */
  async ask(name, mid) {
    const { worker } = this.peers.get(name).seen.get(mid);
    const failed = await new Promise((resolve) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.postMessage('');
    });
    if (failed) throw new Error(failed);
  },

  /** What is counted of the pictures of each section (W3C webrtc-stats): `inbound`, and `outbound`. */
  async figures(name) {
    const stats = [...(await this.peers.get(name).connection.getStats()).values()];
    const figures = {};
    for (const one of stats.filter(({ kind, type }) => kind === 'video' && /^(in|out)bound-rtp$/.test(type))) {
      figures[one.mid] ??= {};
      figures[one.mid][one.type.replace('-rtp', '')] = one;
    }
    return figures;
  },

  /** Says a text by the channel that the other end opened; its name. */
  say(name, text) {
    const { channel } = this.peers.get(name);
    if (!channel) return null;
    channel.send(text);
    return channel.label;
  },

  /** Plays a file to its end, or so many seconds of it; what was shown of it. */
  async play(base64, seconds) {
    const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
    const element = document.createElement('video');
    document.body.append(element);
    const shown = note(element);
    element.src = URL.createObjectURL(new Blob([bytes]));
    await element.play();
    await new Promise((resolve, reject) => {
      element.onerror = () => reject(new Error(element.error.message));
      element.onended = resolve;
      element.ontimeupdate = () => element.currentTime >= seconds && resolve();
    });
    const { totalVideoFrames, droppedVideoFrames, corruptedVideoFrames } = element.getVideoPlaybackQuality();
    const figures = {
      time: element.currentTime, total: totalVideoFrames, dropped: droppedVideoFrames, corrupted: corruptedVideoFrames,
      sound: element.webkitAudioDecodedByteCount, size: `${element.videoWidth}x${element.videoHeight}`, shown,
    };
    element.pause();
    element.remove();
    return figures;
  },
});
