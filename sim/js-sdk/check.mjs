// The check: every scenario with every variant of the SDK, one line each.
//
//   node check.mjs --emulator https://127.0.0.1:PORT --chromium PATH --colleague PATH [--only TEXT]
//     [--verbose] [--bundle FILE]
//
// A bundle of your own, of SDK 14, is checked in place of those of SDK 9, the newest that npm has. It
// defines `GenesysCloudWebrtcSdk`.

import { parseArgs } from 'node:util';

import { Agent, launch } from './agent.mjs';
import { PUBLISHED, bundleWithNewerClient } from './build.mjs';
import { Colleague } from './colleague.mjs';
import { deadline } from './deadline.mjs';
import { Emulator } from './emulator.mjs';
import { SCENARIOS } from './scenarios.mjs';

const { values: options } = parseArgs({
  options: {
    emulator: { type: 'string' },
    chromium: { type: 'string' },
    colleague: { type: 'string' },
    only: { type: 'string', default: '' },
    verbose: { type: 'boolean', default: false },
    bundle: { type: 'string' },
  },
});
if (!options.emulator || !options.chromium || !options.colleague) {
  console.error('usage: node check.mjs --emulator URL --chromium PATH --colleague PATH [--only TEXT] [--verbose] [--bundle FILE]');
  process.exit(2);
}

/** The longest that one scenario may take, all its waits together. */
const SCENARIO_LIMIT = 120_000;

const emulator = new Emulator(options.emulator);
const { name, features } = await emulator.get('health');
console.log(`emulator ${name}: ${(features ?? ['all features']).join(', ')}`);

const variants = options.bundle
  ? { [`the bundle ${options.bundle}`]: { version: 'SDK 14', sdk: options.bundle } }
  : {
    'SDK 9.2.4 as published (streaming client 17.2.7)': { version: 'SDK 9', client: 'client 17', sdk: PUBLISHED },
    'SDK 9.2.4 with streaming client 19.4.1': { version: 'SDK 9', sdk: await bundleWithNewerClient() },
  };

const browser = await launch(options.chromium, new URL(options.emulator).port);
console.log(`Chromium ${browser.version()}`);

const tally = { passed: 0, failed: 0, skipped: 0 };
for (const [variant, { version, client, sdk }] of Object.entries(variants)) {
  console.log(`\n${variant}`);
  for (const [scenario, what] of Object.entries(SCENARIOS)) {
    if (!`${variant}: ${scenario}`.includes(options.only)) continue;
    const { play, station = {}, skip = {} } = typeof what === 'function' ? { play: what } : what;
    const why = skip[client] ?? skip[version];
    if (why) {
      tally.skipped += 1;
      console.log(`  skip  ${scenario}: ${why}`);
      continue;
    }
    await run(scenario, play, { station, sdk, version });
  }
}
await browser.close();

console.log(`\n${tally.passed} passed, ${tally.failed} failed, ${tally.skipped} skipped`);
process.exitCode = tally.failed === 0 && tally.passed > 0 ? 0 : 1;

async function run(scenario, play, { station, sdk, version }) {
  const began = Date.now();
  const agents = [];
  const colleagues = [];
  let mark = 0;
  /** One more page with the SDK in it. */
  const open = async () => {
    agents.push(await Agent.open(browser, sdk));
    return agents.at(-1);
  };
  /** One more client of a user: offhook. */
  const join = async (user, resource, ...how) => {
    const colleague = new Colleague(options.colleague, options.emulator, user, resource, how);
    colleagues.push(colleague);
    await colleague.event('connected');
    return colleague;
  };
  try {
    await emulator.post('reset');
    mark = await emulator.mark();
    const user = await emulator.post('users', { station });
    const agent = await open();
    await deadline(SCENARIO_LIMIT, 'the scenario to finish', () => play({ agent, emulator, user, mark, open, join, version }));
    await nothingUnknown(mark);
    const complaints = [...agents, ...colleagues].flatMap((one) => one.complaints);
    if (complaints.length > 0) throw new Error(complaints.join('; '));
    tally.passed += 1;
    console.log(`  ok    ${scenario} (${((Date.now() - began) / 1000).toFixed(1)} s)`);
  } catch (error) {
    tally.failed += 1;
    console.log(`  FAIL  ${scenario}: ${error.message}`);
    await explain(agents, colleagues, mark);
  } finally {
    await Promise.all([...agents.map((agent) => agent.close()), ...colleagues.map((one) => one.stop())]);
  }
}

/** Whatever the SDK asked of the emulator, the emulator knew how to answer. */
async function nothingUnknown(mark) {
  const unknown = (await emulator.since(mark)).filter((event) => event.type.startsWith('unhandled-'));
  if (unknown.length > 0) throw new Error(`the emulator did not know: ${JSON.stringify(unknown)}`);
}

/** What both sides saw, under the line of a scenario that failed. */
async function explain(agents, colleagues, mark) {
  const indent = (line) => console.log(`        ${line}`);
  for (const agent of agents) {
    for (const { name, args } of agent.events) {
      indent(`sdk      ${name} ${JSON.stringify(args).slice(0, options.verbose ? 4000 : 160)}`);
    }
    for (const line of agent.complaints) indent(`page     ${line}`);
    for (const line of agent.console.slice(-20)) indent(`console  ${line.slice(0, 300)}`);
  }
  for (const { jid, events } of colleagues) {
    for (const { name, args } of events) indent(`offhook  ${jid} ${name} ${JSON.stringify(args)}`);
  }
  const events = await emulator.since(mark).catch((error) => [{ type: error.message }]);
  for (const event of events) {
    indent(`emulator ${JSON.stringify(event).slice(0, options.verbose ? 4000 : 240)}`);
  }
}
