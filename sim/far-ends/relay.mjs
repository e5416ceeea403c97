// A relay that others wrote: coturn, for the calls that go by it.

import { spawn } from 'node:child_process';
import { once } from 'node:events';

import { deadline } from '../js-sdk/deadline.mjs';

const HOST = '10.78.1.1';
const PORT = 3_478;
/** The ports that it lends. */
const PORTS = [48_000, 48_999];

export class Relay {
  static HOST = HOST;

  /** Starts one, and waits until it serves. */
  static async start(scratch) {
    const relay = new Relay();
    relay.log = '';
    relay.process = spawn('turnserver', [
      '-n', `--listening-ip=${HOST}`, `--relay-ip=${HOST}`, `--listening-port=${PORT}`,
      `--min-port=${PORTS[0]}`, `--max-port=${PORTS[1]}`, '--realm=lab.test', '--lt-cred-mech', '--user=alice:secret',
      '--no-tls', '--no-dtls', '--no-cli', '--no-rfc5780', `--pidfile=${scratch}/turn.pid`, `--userdb=${scratch}/turn.db`,
      '--log-file=stdout', '--simple-log', '-v',
    ], { stdio: ['ignore', 'pipe', 'pipe'] });
    await deadline(10_000, 'the relay', (seen) => new Promise((resolve) => {
      const read = (text) => {
        relay.log += text;
        if (relay.log.includes('UDP listener opened')) resolve();
        else seen(relay.log);
      };
      relay.process.stdout.on('data', read);
      relay.process.stderr.on('data', read);
    }));
    return relay;
  }

  static url(transport) {
    return `turn:${HOST}:${PORT}?transport=${transport}`;
  }

  /** Settings of a peer connection that goes by it alone. */
  static only(transport) {
    const server = { urls: Relay.url(transport), username: 'alice', credential: 'secret' };
    return { iceServers: [server], iceTransportPolicy: 'relay' };
  }

  /** True if it lent that address. */
  static lends({ address, port }) {
    return address === HOST && port >= PORTS[0] && port <= PORTS[1];
  }

  async stop() {
    const ended = once(this.process, 'exit');
    this.process.kill();
    await ended;
  }
}
