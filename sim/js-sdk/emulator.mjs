// The emulator's control API: it plays everybody but the agent.

import https from 'node:https';
import http from 'node:http';

import { deadline, pause } from './deadline.mjs';

export class Emulator {
  /** `url` is the emulator's base URL, without `/control`; its certificate is not checked. */
  constructor(url) {
    this.url = url.replace(/\/$/, '');
  }

  async request(method, route, body) {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const url = new URL(`${this.url}/control/${route}`);
    const client = url.protocol === 'https:' ? https : http;
    const headers = text === undefined
      ? {}
      : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) };
    return new Promise((resolve, reject) => {
      const request = client.request(url, { method, headers, rejectUnauthorized: false }, (response) => {
        const parts = [];
        response.on('data', (part) => parts.push(part));
        response.on('error', reject);
        response.on('end', () => {
          const answer = Buffer.concat(parts).toString();
          if (response.statusCode !== 200) {
            reject(new Error(`${method} /control/${route}: ${response.statusCode} ${answer}`));
            return;
          }
          try {
            resolve(JSON.parse(answer));
          } catch {
            reject(new Error(`${method} /control/${route}: not JSON: ${answer}`));
          }
        });
      });
      request.setTimeout(30_000, () => request.destroy(new Error(`${method} /control/${route}: no answer`)));
      request.on('error', reject);
      request.end(text);
    });
  }

  get(route) {
    return this.request('GET', route);
  }

  post(route, body = {}) {
    return this.request('POST', route, body);
  }

  /** Where the event log stands now: a place to wait from. */
  async mark() {
    return (await this.get('events?after=0&wait=0')).next;
  }

  /** The events since a mark. */
  async since(mark) {
    return (await this.get(`events?after=${mark}&wait=0`)).events;
  }

  /** The first event after `mark` of this type that `accepts` takes. */
  async event(mark, type, accepts = () => true, ms = 10_000) {
    const until = Date.now() + ms;
    let after = mark;
    for (;;) {
      const wait = Math.max(0, Math.min(5_000, until - Date.now()));
      const { events, next } = await this.get(`events?after=${after}&wait=${wait}&type=${type}`);
      const found = events.find(accepts);
      if (found) return found;
      after = next;
      if (Date.now() >= until) throw new Error(`the emulator reported no fitting ${type} in ${ms} ms`);
    }
  }

  /** The call object once `accepts` takes it; looked at again after each thing that happens. */
  async call(conversationId, accepts, what, ms = 10_000) {
    return deadline(ms, `the call to be ${what}`, async (again) => {
      let mark = await this.mark();
      for (;;) {
        const call = await this.get(`calls/${conversationId}`);
        if (accepts(call)) return call;
        again(call);
        mark = (await this.get(`events?after=${mark}&wait=500`)).next;
      }
    });
  }

  /** The room's media with a user once `accepts` takes its lines; figures have no event to wait for. */
  async roomMedia(room, userId, accepts, what, ms = 20_000) {
    return deadline(ms, what, async (seen) => {
      for (;;) {
        const media = await this.get(`rooms/${room}/media?userId=${userId}`);
        if (accepts(media.lines)) return media;
        seen(media.lines);
        await pause(100);
      }
    });
  }
}
