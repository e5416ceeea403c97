// The agent's program of a case: words out, lines of JSON in, and the control API of the emulator that it lives beside.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

import { deadline } from '../js-sdk/deadline.mjs';

/** The most that one wait may take. */
export const LIMIT = 15_000;

export class Agent {
  static async start(program, options) {
    const agent = new Agent();
    agent.told = [];
    agent.waiting = new Set();
    agent.process = spawn(program, options, { stdio: ['pipe', 'pipe', 'inherit'] });
    createInterface({ input: agent.process.stdout }).on('line', (line) => {
      agent.told.push(JSON.parse(line));
      for (const look of agent.waiting) look();
    });
    const hello = await agent.until(0, {}, 'to begin');
    [agent.url, agent.user] = [hello.control, hello.userId];
    return agent;
  }

  /** The first line after a place that has these values. */
  until(after, wanted, what = JSON.stringify(wanted)) {
    return deadline(LIMIT + 5_000, `the agent: ${what}`, (seen) => new Promise((resolve) => {
      const look = () => {
        const fits = (one) => Object.entries(wanted).every(([key, value]) => one[key] === value);
        const found = this.told.slice(after).find(fits);
        if (found) {
          this.waiting.delete(look);
          return resolve(found);
        }
        try {
          return seen(this.told.slice(after));
        } catch {
          return this.waiting.delete(look);
        }
      };
      this.waiting.add(look);
      look();
    }));
  }

  ask(words) {
    const after = this.told.length;
    this.process.stdin.write(`${words}\n`);
    return this.until(after, { re: words.split(' ')[0] });
  }

  async control(method, path, body) {
    const answer = await fetch(`${this.url}/${path}`, {
      method,
      headers: { 'content-type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.timeout(LIMIT + 10_000),
    });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return answer.json();
  }

  async stop() {
    const ended = once(this.process, 'exit');
    this.process.stdin.end();
    await ended;
  }
}
