// An agent in a browser: one page with the SDK in it, its events in order, its calls as methods.

import { readFile } from 'node:fs/promises';

import { chromium } from 'playwright-core';

import { deadline, pause } from './deadline.mjs';
import { Told } from './told.mjs';

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

export class Agent extends Told {
  /** Opens a page whose files come from this folder and whose SDK is the bundle at `sdkPath`. */
  static async open(browser, sdkPath) {
    const context = await browser.newContext({ ignoreHTTPSErrors: true, permissions: ['microphone', 'camera'] });
    const page = await context.newPage();
    const agent = new Agent(context, page);
    page.on('pageerror', (error) => agent.#complain(`page error: ${error.message}`));
    page.on('console', (message) => agent.console.push(`${message.type()}: ${message.text()}`));
    page.on('websocket', (socket) => socket.on('framereceived', ({ payload }) => {
      if (payload.includes('<media-message')) agent.happened('media-message', [payload.toString()]);
    }));

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
    await page.exposeFunction('reportEvent', (name, args) => agent.happened(name, args));
    await page.goto(`${ORIGIN}/agent.html`);
    await page.waitForFunction(() => typeof window.agent === 'object', undefined, { timeout: 10_000 });
    return agent;
  }

  constructor(context, page) {
    super();
    this.context = context;
    this.page = page;
    this.console = [];
    this.complaints = [];
    this.forgiven = [];
  }

  happened(name, args) {
    if (name === 'sdkError') this.#complain(`sdkError: ${JSON.stringify(args)}`);
    super.happened(name, args);
  }

  #complain(what) {
    if (!this.forgiven.some((pattern) => pattern.test(what))) this.complaints.push(what);
  }

  /** Complaints like that are what the scenario is about. */
  forgive(pattern) {
    this.forgiven.push(pattern);
  }

  async close() {
    await this.context.close();
  }

  /** Creates the SDK and logs in with the user's token. */
  async initialize(token, options = {}) {
    await this.login({ accessToken: token, ...options });
  }

  /** Creates the SDK and logs in as these options and arguments have it. */
  async login(options, ...args) {
    await this.create(options);
    await this.call('initialize', ...args);
    await this.event('ready');
  }

  async create(options) {
    await this.page.evaluate(
      (all) => window.agent.create(all),
      { environment: DOMAIN, logLevel: 'warn', ...options },
    );
  }

  /** Calls a method of the SDK and gives what it resolves to; its error is thrown. */
  call(method, ...args) {
    return this.#asks(method, 'call', method, ...args);
  }

  /** Calls a method of the SDK that has to fail, and gives its error. */
  refused(method, ...args) {
    return this.#fails(method, 'call', method, ...args);
  }

  /** Calls a method of a session. */
  onSession(conversationId, method, ...args) {
    return this.#asks(method, 'onSession', conversationId, method, ...args);
  }

  /** Calls a method of a session that has to fail, and gives its error. */
  refusedOnSession(conversationId, method, ...args) {
    return this.#fails(method, 'onSession', conversationId, method, ...args);
  }

  /** The microphone is that of a headset from now on. */
  wearHeadset() {
    return this.page.evaluate(() => { window.agent.microphone = 'Yealink WH62'; });
  }

  /** Joins a meeting with microphone and camera, which it sees and hears in the page's elements. */
  join(conversationId) {
    return this.#asks('acceptSession', 'join', conversationId);
  }

  /** Accepts a recording, or to be watched, with screens of those sizes. */
  record(request, sizes) {
    return this.#asks('acceptSession', 'record', request, sizes);
  }

  /** Accepts the sight of so many screens. */
  observe(request, screens) {
    return this.#asks('acceptSession', 'observe', request, screens);
  }

  /** Shows a screen as a guest. */
  share() {
    return this.#asks('startScreenShare', 'share');
  }

  /** The user ends what is captured. */
  endScreens() {
    return this.page.evaluate(() => window.agent.endScreens());
  }

  /** The number of tracks that still show a screen. */
  screens() {
    return this.page.evaluate(() => window.agent.screens());
  }

  /** The user permits the capture of screens from now on, or does not. */
  permit(permits) {
    return this.page.evaluate((so) => { window.agent.permits = so; }, permits);
  }

  async #asks(what, name, ...args) {
    const outcome = await this.#outcome(what, name, args);
    if (outcome.error) throw new Error(`${what} failed: ${JSON.stringify(outcome.error)}`);
    return outcome.ok;
  }

  async #fails(what, name, ...args) {
    const outcome = await this.#outcome(what, name, args);
    if (!outcome.error) throw new Error(`${what} resolved: ${JSON.stringify(outcome.ok)}`);
    return outcome.error;
  }

  #outcome(what, name, args) {
    return deadline(15_000, `${what} to resolve`, () =>
      this.page.evaluate(([part, parameters]) => window.agent[part](...parameters), [name, args]));
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
