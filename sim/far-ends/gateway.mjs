// One call through the emulated gateway, whose other client is the browser's user: played here by requests and
// notifications. Either end offers, and either restarts ICE.

import { once } from 'node:events';

import WebSocket from '../js-sdk/node_modules/ws/wrapper.mjs';
import { LIMIT } from './agent.mjs';
import { deadline } from '../js-sdk/deadline.mjs';
import { Call } from './call.mjs';

export class GatewayCall extends Call {
  async begin() {
    this.notices = [];
    this.user = await this.agent.control('POST', 'ribbon/users', {});
    const wish = { expires: 3_600, service: ['call'], notificationType: 'WebSocket', supported: ['RingingFeedback'] };
    const { subscribeResponse } = await this.ask('POST', 'subscription', { subscribeRequest: wish });
    const host = this.agent.url.replace('http', 'ws').replace('/control', '');
    this.socket = new WebSocket(host + subscribeResponse.subscriptionParams.notificationChannel);
    this.socket.on('message', (text) => {
      this.notices.push(JSON.parse(text).notificationMessage);
      this.look?.();
    });
    await once(this.socket, 'open');

    this.peer = await this.open();
    const offer = await this.far('offer', this.peer);
    const call = { type: 'callStart', to: `sip:${this.agent.user}`, from: `sip:${this.user.user}`, sdp: offer };
    this.id = (await this.ask('POST', 'callControl', { callControlRequest: call })).callControlResponse.sessionData;
    await this.answered();
    await this.connected(this.mark);
  }

  /** A request of the browser's user. */
  async ask(method, below, body) {
    const { user, password } = this.user;
    const path = `${this.agent.url.replace('/control', '')}/rest/version/1/user/${user}/${below}`;
    const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
    const answer = await fetch(path, {
      method,
      headers: { 'content-type': 'application/json', authorization },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(LIMIT),
    });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return answer.status === 204 ? {} : answer.json();
  }

  say(request) {
    return this.ask('PUT', `callControl/callSessions/${this.id}`, { callControlRequest: request });
  }

  /** The description of the next notification of that kind. */
  notified(kind) {
    return deadline(LIMIT, `the gateway: ${kind}`, (seen) => new Promise((resolve) => {
      this.look = () => {
        const at = this.notices.findIndex((one) => one.eventType === kind && one.sessionParams?.sdp);
        if (at < 0) return seen(this.notices.map((one) => one.eventType));
        return resolve(this.notices.splice(0, at + 1).at(-1).sessionParams.sdp);
      };
      this.look();
    }));
  }

  /** Takes the agent's answer. */
  async answered() {
    const answer = await this.notified('respondCallUpdate');
    await this.far('answered', this.peer, answer);
    return answer;
  }

  async again(options) {
    await this.say({ type: 'startCallUpdate', sdp: await this.far('offer', this.peer, options) });
    return this.answered();
  }

  /** The agent looks for another path. Her offer. */
  async restartedByAgent() {
    const restarting = this.agent.ask('restart');
    restarting.catch(() => {});
    const offer = await this.notified('startCallUpdate');
    await this.say({ type: 'respondCallUpdate', sdp: await this.far('accept', this.peer, offer) });
    const { error } = await restarting;
    if (error) throw new Error(`the agent could not restart: ${error}`);
    return offer;
  }

  async end() {
    if (this.id) await this.ask('DELETE', `callControl/callSessions/${this.id}`);
    this.socket?.close();
    if (this.peer) await this.far('close', this.peer);
  }
}
