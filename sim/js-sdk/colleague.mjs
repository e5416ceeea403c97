// Another client of an agent's: offhook, as a program (sim/examples/colleague.rs). Words out, events in.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

import { Told } from './told.mjs';

export class Colleague extends Told {
  /** Starts the program, which logs in by the user's token under that resource and tells `connected`. */
  constructor(program, emulatorUrl, user, resource, options) {
    super();
    this.jid = `${user.jid.split('/')[0]}/${resource}`;
    const env = { ...process.env, OFFHOOK_TOKEN: user.token };
    const args = ['--service', emulatorUrl, '--resource', resource, ...options];
    this.process = spawn(program, args, { env, stdio: ['pipe', 'pipe', 'inherit'] });
    this.process.stdin.on('error', (error) => this.happened('gone', [error.message]));
    this.gone = once(this.process, 'exit');
    createInterface({ input: this.process.stdout }).on('line', (line) => {
      const { name, args: told } = JSON.parse(line);
      this.happened(name, told);
    });
  }

  /** What went wrong with it. */
  get complaints() {
    const wrong = this.events.filter(({ name }) => name === 'error' || name === 'gone');
    return wrong.map(({ name, args }) => `offhook ${name}: ${args.join(' ')}`);
  }

  say(words) {
    this.process.stdin.write(`${words}\n`);
  }

  async stop() {
    this.process.kill();
    await this.gone;
  }
}
