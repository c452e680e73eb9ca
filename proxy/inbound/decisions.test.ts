import { describe, expect, test } from '@jest/globals';
import { FakeClock } from '../base/testing/fake-clock.ts';
import { REASONS, type Reason } from '../contract/reasons.ts';
import type { Protocol } from '../contract/snapshot.ts';
import { rescue as rescueOutbound } from '../outbound/rescue.ts';
import { Store } from '../policy/store.ts';
import { classifyArrival } from './detect.ts';
import { forbids, type LiveConnection, LiveConnections } from './live.ts';
import { rescue } from './rescue.ts';
import { SourceNames } from './source-names.ts';
import { workload } from './testing/configuration.ts';
import { hello } from './testing/hello.ts';

const ORDER = 'spiffe://test.local/ns/shop/sa/order';

describe('what arrived', () => {
  test.each<[string, Buffer, Protocol, string | undefined]>([
    ['a mesh handshake', hello('heddle/1'), 'auto', 'mesh'],
    ['also on a port declared tcp', hello('heddle/1'), 'tcp', 'mesh'],
    ['TLS of the application', hello('h2', 'http/1.1'), 'auto', 'opaque'],
    ['TLS without ALPN', hello(), 'http', 'opaque'],
    ['half a handshake', hello('heddle/1').subarray(0, 20), 'auto', undefined],
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\n'), 'auto', 'http'],
    ['half a request line', Buffer.from('GET / HT'), 'auto', undefined],
    ['half a request line on a port declared http', Buffer.from('G'), 'http', 'http'],
    ['HTTP on a port declared tcp', Buffer.from('GET / HTTP/1.1\r\n'), 'tcp', 'opaque'],
    ['an HTTP/2 preface', Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), 'auto', 'http2'],
    ['binary', Buffer.from([0, 1]), 'auto', 'opaque'],
    ['nothing', Buffer.alloc(0), 'auto', undefined],
  ])('%s', (_name, bytes, protocol, expected) => {
    expect(classifyArrival(bytes, protocol)).toBe(expected);
  });

  test('a mesh handshake cut anywhere is waited for, never taken for plaintext', () => {
    const whole = hello('heddle/1');
    for (let cut = 0; cut < whole.length; cut++) {
      expect(classifyArrival(whole.subarray(0, cut), 'auto')).toBeUndefined();
    }
  });
});

describe('what rules forbid', () => {
  const rules = (changes: Parameters<typeof workload>[0]) => {
    const store = new Store({ clock: new FakeClock(), random: () => 0 });
    store.commit(store.prepare('workload', workload(changes)));
    return store.workload()!;
  };
  const strict = rules({ mtls: { mode: 'Strict', ports: [{ port: 9, mode: 'Permissive' }] } });
  const paths = rules({
    authorization: {
      defaultAction: 'Deny',
      rules: [
        {
          name: 'r',
          action: 'Allow',
          from: [{ kind: 'identity', namespace: 'shop' }],
          to: [{ ports: [80], methods: ['GET'] }, { ports: [81] }],
        },
      ],
    },
  });
  test.each<[string, typeof strict, LiveConnection['kind'], number, string | undefined, Reason | undefined]>([
    ['plaintext under Strict', strict, 'plain-http', 80, undefined, 'plaintext_refused'],
    ['plaintext on a Permissive port', strict, 'plain-tcp', 9, undefined, undefined],
    ['mesh under Strict', strict, 'mesh', 80, ORDER, undefined],
    ['an unfinished handshake', paths, 'mesh', 80, undefined, undefined],
    ['a caller that may send some requests', paths, 'mesh', 80, ORDER, undefined],
    ['a caller that may send none', paths, 'mesh', 80, 'spiffe://test.local/ns/x/sa/y', 'unauthorized'],
    ['a tunnel where only methods are allowed', paths, 'tunnel', 80, ORDER, 'unauthorized'],
    ['a tunnel where everything is allowed', paths, 'tunnel', 81, ORDER, undefined],
    ['plaintext that no rule allows', paths, 'plain-http', 81, undefined, 'unauthorized'],
  ])('%s', (_name, given, kind, port, identity, expected) => {
    expect(forbids(given, { kind, port, identity })).toBe(expected);
  });

  test('enforcing closes what is forbidden, and everything when the rules are gone', () => {
    const live = new LiveConnections();
    const closed: string[] = [];
    const connection = (kind: LiveConnection['kind'], identity: string | undefined): LiveConnection => ({
      kind,
      port: 80,
      identity,
      close: (reason) => closed.push(`${kind} ${reason}`),
      drain() {},
    });
    live.add(connection('plain-http', undefined));
    live.add(connection('mesh', ORDER));
    expect(live.enforce(strict)).toBe(1);
    expect(live.enforce(undefined)).toBe(1);
    expect(closed).toEqual(['plain-http plaintext_refused', 'mesh config_pending']);
    expect(live.size).toBe(0);
  });
});

test('every reason has a status on both sides, refusals of policy are 4xx, the rest 5xx', () => {
  for (const reason of Object.keys(REASONS) as Reason[]) {
    const policy = ['no_route', 'unauthorized'].includes(reason);
    expect(Math.floor(rescueOutbound(reason, '').status / 100)).toBe(policy ? 4 : 5);
    const inbound = ['unauthorized', 'plaintext_refused'].includes(reason);
    expect(Math.floor(rescue(reason, '').status / 100)).toBe(inbound ? 4 : 5);
  }
  expect(rescueOutbound('request_timeout', '').status).toBe(504);
  expect(rescueOutbound('per_try_timeout', '').status).toBe(504);
});

test('an identity brings at most eight workload names into the metrics', () => {
  const names = new SourceNames();
  const seen = new Set<string>();
  for (let count = 0; count < 100; count++) {
    seen.add(names.of({ identity: ORDER, workload: `w${count}`, namespace: 'lies' }).workload);
  }
  expect([...seen]).toEqual(['w0', 'w1', 'w2', 'w3', 'w4', 'w5', 'w6', 'w7', 'order']);
  expect(names.of({ identity: ORDER, workload: undefined, namespace: 'lies' })).toEqual({
    identity: ORDER,
    workload: 'order',
    namespace: 'shop',
  });
});
