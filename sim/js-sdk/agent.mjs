// An agent in a browser: one page with the SDK in it, its events in order, its calls as methods.

import { readFile } from 'node:fs/promises';

import { chromium } from 'playwright-core';

import { deadline, pause } from './deadline.mjs';

const DOMAIN = 'lab.test';
const ORIGIN = `https://apps.${DOMAIN}`;

/** Chromium in which everything under the domain is the emulator and nothing else exists. */
export function launch(executablePath, emulatorPort) {
  return chromium.launch({
    executablePath,
    headless: true,
    args: [
      `--host-resolver-rules=MAP *.${DOMAIN} 127.0.0.1:${emulatorPort}, MAP * ~NOTFOUND`,
      '--ignore-certificate-errors',
      '--use-fake-ui-for-media-stream',
      '--use-fake-device-for-media-stream',
      '--allow-loopback-in-peer-connection',
      '--autoplay-policy=no-user-gesture-required',
      '--no-sandbox',
      '--disable-dev-shm-usage',
      '--disable-gpu',
      // The page is fulfilled by the check itself, so Chromium does not take it for a local one.
      '--disable-features=LocalNetworkAccessChecks',
      '--disable-quic',
      '--disable-sync',
      '--disable-background-networking',
      '--disable-component-update',
      '--no-first-run',
    ],
  });
}

export class Agent {
  /** Opens a page whose files come from this folder and whose SDK is the bundle at `sdkPath`. */
  static async open(browser, sdkPath) {
    const context = await browser.newContext({ ignoreHTTPSErrors: true, permissions: ['microphone', 'camera'] });
    const page = await context.newPage();
    const agent = new Agent(context, page);
    page.on('pageerror', (error) => agent.complaints.push(`page error: ${error.message}`));
    page.on('console', (message) => agent.console.push(`${message.type()}: ${message.text()}`));

    const files = {
      '/agent.html': ['text/html', new URL('agent.html', import.meta.url)],
      '/agent.js': ['text/javascript', new URL('agent.js', import.meta.url)],
      '/sdk.js': ['text/javascript', sdkPath],
    };
    await page.route(`${ORIGIN}/**`, async (route) => {
      const file = files[new URL(route.request().url()).pathname];
      if (!file) return route.fulfill({ status: 404, body: '' });
      return route.fulfill({ contentType: `${file[0]}; charset=utf-8`, body: await readFile(file[1]) });
    });
    await page.exposeFunction('reportEvent', (name, args) => agent.#happened(name, args));
    await page.goto(`${ORIGIN}/agent.html`);
    await page.waitForFunction(() => typeof window.agent === 'object', undefined, { timeout: 10_000 });
    return agent;
  }

  constructor(context, page) {
    this.context = context;
    this.page = page;
    this.events = [];
    this.console = [];
    this.complaints = [];
    this.waiting = new Set();
  }

  #happened(name, args) {
    this.events.push({ name, args });
    if (name === 'sdkError') this.complaints.push(`sdkError: ${JSON.stringify(args)}`);
    for (const look of this.waiting) look();
  }

  async close() {
    await this.context.close();
  }

  /** Creates the SDK and logs in with the user's token. */
  async initialize(token) {
    await this.page.evaluate(
      (options) => window.agent.create(options),
      { environment: DOMAIN, accessToken: token, logLevel: 'warn' },
    );
    await this.call('initialize');
    await this.event('ready');
  }

  /** Calls a method of the SDK and gives what it resolves to; its error is thrown. */
  async call(method, ...args) {
    const outcome = await deadline(15_000, `${method} to resolve`, () =>
      this.page.evaluate(([name, parameters]) => window.agent.call(name, ...parameters), [method, args]));
    if (outcome.error) throw new Error(`${method} failed: ${JSON.stringify(outcome.error)}`);
    return outcome.ok;
  }

  /** Joins a meeting with microphone and camera, which it sees and hears in the page's elements. */
  async join(conversationId) {
    const outcome = await deadline(15_000, 'acceptSession to resolve', () =>
      this.page.evaluate((id) => window.agent.join(id), conversationId));
    if (outcome.error) throw new Error(`acceptSession failed: ${JSON.stringify(outcome.error)}`);
  }

  /** Waits until the figures of a session's lines, by mid, are accepted. */
  async linesUntil(conversationId, accepts, what, ms = 15_000) {
    return deadline(ms, what, async (seen) => {
      for (;;) {
        const lines = await this.page.evaluate((id) => window.agent.lines(id), conversationId);
        if (lines && accepts(lines)) return lines;
        seen(lines ?? 'no peer connection');
        await pause(100);
      }
    });
  }

  /** The first event so far or to come, counted from `mark`, that has this name and is accepted. */
  async event(name, accepts = () => true, mark = 0, ms = 10_000) {
    return deadline(ms, `the SDK's event ${name}`, (seen) => new Promise((resolve) => {
      const look = () => {
        const found = this.events.slice(mark).find((event) => event.name === name && accepts(...event.args));
        if (!found) return seen(this.events.slice(mark).map((event) => event.name));
        this.waiting.delete(look);
        return resolve(found.args);
      };
      this.waiting.add(look);
      look();
    }));
  }

  /** Where the event list stands: a place to wait from. */
  mark() {
    return this.events.length;
  }

  /** The events of one name so far. */
  named(name) {
    return this.events.filter((event) => event.name === name).map((event) => event.args);
  }

  audio(conversationId, sessionId) {
    return this.page.evaluate((ids) => window.agent.audio(...ids), [conversationId, sessionId]);
  }

  /** Waits until the totals of the call's audio are accepted; statistics have no event to wait for. */
  async audioUntil([conversationId, sessionId], accepts, what, ms = 15_000) {
    return deadline(ms, what, async (seen) => {
      for (;;) {
        const totals = await this.audio(conversationId, sessionId);
        if (totals && accepts(totals)) return totals;
        seen(totals ?? 'no peer connection');
        await pause(100);
      }
    });
  }
}
