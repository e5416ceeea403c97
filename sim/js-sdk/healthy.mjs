// Exits 0 once the emulator at the URL answers, 1 after half a second without an answer.

import { deadline, pause } from './deadline.mjs';
import { Emulator } from './emulator.mjs';

const emulator = new Emulator(process.argv[2]);
try {
  await deadline(500, 'an answer', () => emulator.get('health'));
  process.exit(0);
} catch {
  await pause(200);
  process.exit(1);
}
