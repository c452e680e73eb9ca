import { deepEqual, equal, match, ok } from 'node:assert/strict';
import type { Result, Step } from './client.ts';
import { identityOf, NOBODY, PORTS, SERVICE } from './configuration.ts';
import { type Family, OUTSIDE, PODS } from './namespaces.ts';
import type { Pod } from './pod.ts';

export interface World {
  readonly order: Pod;
  readonly payment: Pod;
  /** No proxy. */
  readonly plain: Pod;
  readonly family: Family;
}

export interface Case {
  readonly name: string;
  run(world: World): Promise<void>;
}

/** One step, its result. */
async function one(pod: Pod, step: Step): Promise<Result> {
  const [result] = await pod.run([step]);
  if (result === undefined) throw new Error('no result');
  return result;
}

interface Echo {
  readonly app: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly from: string;
  readonly to: string;
  readonly received: number;
}
function echo(result: Result): Echo {
  equal(result.status, 200, JSON.stringify(result));
  return JSON.parse(result.body ?? '') as Echo;
}
const http = (address: string, port: number, more: Partial<Extract<Step, { kind: 'http' }>> = {}): Step => ({
  kind: 'http',
  address,
  port,
  ...more,
});
const greeting = (address: string, port: number): Step => ({ kind: 'tcp', address, port, endAfter: '\r\n' });

export const CASES: readonly Case[] = [
  {
    name: 'HTTP to a Service goes under mutual TLS, with the caller proved and at the pod its own address',
    async run({ order, family }) {
      const headers = { 'x-heddle-peer': 'spiffe://evil', x_heddle_peer: 'spiffe://evil', 'X-Mixed-Case': 'a' };
      const seen = echo(await one(order, http(SERVICE[family], PORTS.http, { headers })));
      equal(seen.app, 'payment');
      equal(seen.headers['x-heddle-peer'], identityOf('order'));
      equal(seen.headers['x_heddle_peer'], undefined);
      match(seen.headers['traceparent'] ?? '', /^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
      equal(plain(seen.to), PODS.payment[family]);
    },
  },
  {
    name: 'HTTP to a pod address reaches exactly that pod, proved',
    async run({ order, family }) {
      const seen = echo(await one(order, http(PODS.payment[family], 3000)));
      deepEqual([seen.app, seen.headers['x-heddle-peer']], ['payment', identityOf('order')]);
    },
  },
  {
    name: 'a server that speaks first, by Service and by pod address, again and again',
    async run({ order, family }) {
      const service = greeting(SERVICE[family], PORTS.greeting);
      const pod = greeting(PODS.payment[family], 4000);
      for (const result of await order.run([service, pod, service, pod]))
        equal(result.text, '220 payment\r\n221 bye\r\n');
    },
  },
  {
    name: 'a client that speaks first and half-closes, declared and detected',
    async run({ order, family }) {
      const declared: Step = { kind: 'tcp', address: SERVICE[family], port: PORTS.collecting, send: 'SET a b\r\n' };
      const detected: Step = { ...declared, address: PODS.payment[family], port: 4002 };
      for (const result of await order.run([declared, detected])) equal(result.text, 'payment got SET a b\r\n');
    },
  },
  {
    name: 'an upgrade becomes a tunnel',
    async run({ order, family }) {
      const send = 'GET /chat HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n';
      const step: Step = { kind: 'tcp', address: SERVICE[family], port: PORTS.http, send, endAfter: '\r\n\r\n' };
      const result = await one(order, step);
      match(result.text ?? '', /^HTTP\/1\.1 101 /);
      equal(result.error, undefined);
    },
  },
  {
    name: 'endpoints without a proxy are spoken to in plain: HTTP, and a server that speaks first',
    async run({ order, family }) {
      const [request, greeted] = await order.run([
        http(SERVICE[family], PORTS.plainHttp),
        greeting(SERVICE[family], PORTS.plainGreeting),
      ]);
      const seen = echo(request!);
      deepEqual([seen.app, seen.headers['x-heddle-peer']], ['plain', undefined]);
      equal(greeted?.text, '220 plain\r\n221 bye\r\n');
    },
  },
  {
    name: 'outside the cluster bytes pass as they are',
    async run({ order, family }) {
      const seen = echo(await one(order, http(OUTSIDE[family], 3000)));
      deepEqual([seen.app, seen.headers['traceparent']], ['hub', undefined]);
    },
  },
  {
    name: 'Strict: plaintext HTTP reads why it is refused, other bytes are reset',
    async run({ plain: caller, family }) {
      const address = PODS.payment[family];
      const [refused, bytes] = await caller.run([
        http(address, 3000),
        { kind: 'tcp', address, port: 4000, send: '\x00' },
      ]);
      deepEqual([refused?.status, refused?.headers?.['x-heddle-reason']], [403, 'plaintext_refused']);
      ok(!/payment|shop/.test(refused?.body ?? ''), 'a stranger learns no name');
      equal(bytes?.error, 'ECONNRESET');
    },
  },
  {
    name: 'Permissive: plaintext HTTP is served and stripped, a server that speaks first is heard',
    async run({ plain: caller, family }) {
      const address = PODS.payment[family];
      const headers = { 'x-heddle-peer': identityOf('order') };
      const [served, greeted] = await caller.run([http(address, 3001, { headers }), greeting(address, 4001)]);
      deepEqual([echo(served!).app, echo(served!).headers['x-heddle-peer']], ['payment', undefined]);
      equal(greeted?.text, '220 payment\r\n221 bye\r\n');
    },
  },
  {
    name: 'HTTP/2 is routed by request: proved to a meshed pod, trailers and a large body too; with prior knowledge to a plain one',
    async run({ order, family }) {
      const send = 1_048_576;
      const [meshed, unmeshed] = await order.run([
        { kind: 'http2', address: PODS.payment[family], port: 6000, send },
        { kind: 'http2', address: PODS.plain[family], port: 6000 },
      ]);
      const seen = echo(meshed!);
      deepEqual([seen.app, seen.headers['x-heddle-peer'], seen.received], ['payment', identityOf('order'), send]);
      equal(meshed?.text, String(send));
      const direct = echo(unmeshed!);
      deepEqual([direct.app, direct.headers['x-heddle-peer']], ['plain', undefined]);
      match(direct.headers['traceparent'] ?? '', /^00-/);
    },
  },
  {
    name: 'HTTP/2 in plain: refused with the reason where Strict, served where Permissive',
    async run({ plain: caller, family }) {
      const address = PODS.payment[family];
      const [refused, served] = await caller.run([
        { kind: 'http2', address, port: 6000 },
        { kind: 'http2', address, port: 6001 },
      ]);
      deepEqual([refused?.status, refused?.headers?.['x-heddle-reason']], [403, 'plaintext_refused']);
      deepEqual([echo(served!).app, echo(served!).headers['x-heddle-peer']], ['payment', undefined]);
    },
  },
  {
    name: 'Permissive: meshed callers still come proved, also where the server speaks first',
    async run({ order, family }) {
      const address = PODS.payment[family];
      const [served, greeted] = await order.run([http(address, 3001), greeting(address, 4001)]);
      equal(echo(served!).headers['x-heddle-peer'], identityOf('order'));
      equal(greeted?.text, '220 payment\r\n221 bye\r\n');
    },
  },
  {
    name: 'a pod that calls itself: by Service through its own inbound side, by its own address and loopback directly',
    async run({ payment, family }) {
      const loopback = family === 'ipv4' ? '127.0.0.1' : '::1';
      const [service, own, local] = await payment.run([
        http(SERVICE[family], PORTS.http),
        http(PODS.payment[family], 3000),
        http(loopback, 3000),
      ]);
      equal(echo(service!).headers['x-heddle-peer'], identityOf('payment'));
      for (const direct of [own, local])
        deepEqual([echo(direct!).app, echo(direct!).headers['traceparent']], ['payment', undefined]);
    },
  },
  {
    name: 'excluded ports pass by the proxies, in and out',
    async run({ order, plain: caller, family }) {
      const out = echo(await one(order, http(PODS.plain[family], 9999)));
      deepEqual([out.app, out.headers['traceparent'], plain(out.from)], ['plain', undefined, PODS.order[family]]);
      const into = echo(await one(caller, http(PODS.payment[family], 2222)));
      deepEqual([into.app, into.headers['traceparent']], ['payment', undefined]);
      const through = echo(await one(order, http(PODS.payment[family], 2222)));
      deepEqual([through.app, through.headers['x-heddle-peer']], ['payment', undefined]);
    },
  },
  {
    name: 'what the application hides on 127.0.0.1 stays hidden',
    async run({ order, family }) {
      const result = await one(order, http(SERVICE[family], PORTS.hidden));
      deepEqual([result.status, result.headers?.['x-heddle-reason']], [503, 'app_connect_failure']);
    },
  },
  {
    name: 'a server that is not who it should be gets nothing, and the caller reads why',
    async run({ order, family }) {
      const result = await one(order, http(SERVICE[family], PORTS.impostor));
      ok((result.status ?? 0) >= 500, JSON.stringify(result));
      ok(
        ['handshake_failed', 'handshake_timeout', 'connect_failure'].includes(
          result.headers?.['x-heddle-reason'] ?? '',
        ),
      );
    },
  },
  {
    name: 'addresses and ports that nobody has are refused with the reason',
    async run({ order, family }) {
      const [nobody, port] = await order.run([http(NOBODY[family], 80), http(SERVICE[family], 7777)]);
      equal(nobody?.headers?.['x-heddle-reason'], 'unknown_destination');
      equal(port?.headers?.['x-heddle-reason'], 'unknown_port');
    },
  },
  {
    name: "the proxy's own ports lead nowhere",
    async run({ plain: caller, family }) {
      const steps = [19_801, 19_802].map((port) => http(PODS.payment[family], port));
      for (const result of await caller.run(steps)) equal(result.error, 'ECONNRESET');
    },
  },
];

/** A v4-mapped address as plain IPv4. */
function plain(address: string): string {
  return address.replace('::ffff:', '');
}
