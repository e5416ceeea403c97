// What a client tells, in order, and the waits for it.

import { deadline } from './deadline.mjs';

export class Told {
  constructor() {
    this.events = [];
    this.waiting = new Set();
  }

  happened(name, args) {
    this.events.push({ name, args });
    for (const look of this.waiting) look();
  }

  /** The first event so far or to come, counted from `mark`, that has this name and is accepted. */
  async event(name, accepts = () => true, mark = 0, ms = 10_000) {
    return deadline(ms, `the event ${name}`, (seen) => new Promise((resolve) => {
      const look = () => {
        const found = this.events.slice(mark).find((event) => event.name === name && accepts(...event.args));
        if (found) {
          this.waiting.delete(look);
          return resolve(found.args);
        }
        try {
          return seen(this.events.slice(mark).map((event) => event.name));
        } catch {
          return this.waiting.delete(look);
        }
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
}
