// What is done with sound here: files of it, and the keys that are heard in it.

const RATE = 48_000;
/** Samples of one look at the tones, 20 ms, and those to the next. */
const LOOK = RATE / 50;
const HOP = LOOK / 2;

/** A WAV file of 48 kHz mono. */
export function wav(pcm) {
  const head = Buffer.alloc(44);
  head.write('RIFF', 0);
  head.writeUInt32LE(36 + pcm.length, 4);
  head.write('WAVEfmt ', 8);
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20);
  head.writeUInt16LE(1, 22);
  head.writeUInt32LE(RATE, 24);
  head.writeUInt32LE(RATE * 2, 28);
  head.writeUInt16LE(2, 32);
  head.writeUInt16LE(16, 34);
  head.write('data', 36);
  head.writeUInt32LE(pcm.length, 40);
  return Buffer.concat([head, pcm]);
}

/** The two tones of each key (ITU-T Q.23). */
const ROWS = [697, 770, 852, 941];
const COLUMNS = [1_209, 1_336, 1_477, 1_633];
const KEYS = ['123A', '456B', '789C', '*0#D'];

/** The keys whose tones are heard, one after the other; one that is heard twice in a row counts once. */
export function keysIn(pcm) {
  const samples = new Int16Array(pcm.buffer, pcm.byteOffset, pcm.length / 2);
  let [keys, last] = ['', ''];
  for (let at = 0; at + LOOK <= samples.length; at += HOP) {
    const key = keyIn(samples.subarray(at, at + LOOK));
    if (key && key !== last) [keys, last] = [keys + key, key];
  }
  return keys;
}

/** The key that makes up most of what is heard; none in silence. */
function keyIn(samples) {
  const energy = samples.reduce((sum, sample) => sum + sample * sample, 0);
  if (energy < LOOK * 100 ** 2) return '';
  const loudest = (tones) => tones
    .map((hertz, n) => [share(samples, hertz) / energy, n])
    .reduce((one, other) => (other[0] > one[0] ? other : one));
  const [[low, row], [high, column]] = [loudest(ROWS), loudest(COLUMNS)];
  return low > 0.2 && high > 0.2 && low + high > 0.7 ? KEYS[row][column] : '';
}

/** The energy of one tone in it (Goertzel). */
function share(samples, hertz) {
  const factor = 2 * Math.cos((2 * Math.PI * hertz) / RATE);
  let [before, last] = [0, 0];
  for (const sample of samples) [before, last] = [last, sample + factor * last - before];
  return (2 * (last * last + before * before - factor * last * before)) / samples.length;
}
