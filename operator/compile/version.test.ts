import { describe, expect, test } from '@jest/globals';
import { endpoint, node, pod, policy, service, slice } from '../model/testing/objects.ts';
import { applyAll, worldOf } from '../model/testing/world.ts';
import { compileAddresses, compileKey } from './compile.ts';

/** What must not be sent again, and what must. */

const CALLER = { namespace: 'shop', podUid: 'uid-shop/order' };
const PAYMENT = { ip: '10.1.0.10', labels: { app: 'payment', version: 'v1' }, serviceAccount: 'payment' };
const spec = (extra: object = {}) => ({
  targetRefs: [{ kind: 'Service', name: 'payment' }],
  defaults: { timeouts: { request: '10s' }, retries: { attempts: 1, methods: ['GET', 'PUT'] } },
  ...extra,
});
const cluster = () =>
  worldOf(
    node('node-a', { zone: 'z', podRanges: ['10.1.0.0/16'] }),
    service('shop/payment', { ip: '10.96.0.1', selector: { app: 'payment' } }),
    pod('shop/payment', PAYMENT),
    pod('shop/order', { ip: '10.1.0.11' }),
    slice('shop/x', 'payment', [endpoint('10.1.0.10', { pod: 'shop/payment' })]),
    policy('MeshPolicy', 'shop/payment', spec()),
  );

const KEYS = ['service/shop/payment', 'pod/10.1.0.10', 'workload'];
const told = (world: ReturnType<typeof cluster>) => ({
  addresses: compileAddresses(world).version,
  keys: KEYS.map((key) => compileKey(world, key, CALLER)?.version),
});

describe('changes that no proxy needs to hear', () => {
  test.each<[string, unknown]>([
    ['a pod becomes unready (its slice decides)', pod('shop/payment', { ...PAYMENT, ready: false })],
    ['a label that nobody asks for', pod('shop/payment', { ...PAYMENT, labels: { ...PAYMENT.labels, note: 'x' } })],
    ['a container port that no Service names', pod('shop/payment', { ...PAYMENT, ports: [{ containerPort: 9999 }] })],
    ['another Service', service('bank/ledger', { ip: 'None' })],
    ['another pod', pod('bank/ledger', { ip: '10.1.0.99' })],
    [
      'a policy for another Service',
      policy('MeshPolicy', 'shop/other', {
        targetRefs: [{ kind: 'Service', name: 'other' }],
        loadBalancing: { policy: 'Random' },
      }),
    ],
    ["a node's zone, without hints", node('node-a', { zone: 'y', podRanges: ['10.1.0.0/16'] })],
    [
      'a slice that is written anew with the same endpoints',
      slice('shop/x', 'payment', [endpoint('10.1.0.10', { pod: 'shop/payment', node: 'node-a' })]),
    ],
  ])('%s', (_name, object) => {
    const world = cluster();
    const before = told(world);
    applyAll(world, object);
    expect(told(world)).toEqual(before);
  });
});

test('an edit that changes nothing for a key changes only its provenance', () => {
  const world = cluster();
  const before = compileKey(world, 'service/shop/payment', CALLER);
  const same = { defaults: { retries: { methods: ['PUT', 'GET'], attempts: 1 }, timeouts: { request: '10000ms' } } };
  applyAll(world, policy('MeshPolicy', 'shop/payment', spec(same), { generation: 2 }));
  const after = compileKey(world, 'service/shop/payment', CALLER);
  expect(after?.version).toBe(before?.version);
  expect([before?.provenance[0]?.generation, after?.provenance[0]?.generation]).toEqual([1, 2]);
});

test.each<[string, unknown, string[]]>([
  [
    'an endpoint more',
    slice('shop/x', 'payment', [endpoint('10.1.0.10', { pod: 'shop/payment' }), endpoint('203.0.113.1')]),
    ['service/shop/payment'],
  ],
  [
    'another identity',
    pod('shop/payment', { ...PAYMENT, serviceAccount: 'other' }),
    ['service/shop/payment', 'pod/10.1.0.10'],
  ],
  [
    'a timeout',
    policy('MeshPolicy', 'shop/payment', spec({ defaults: { timeouts: { request: '9s' } } }), { generation: 2 }),
    ['service/shop/payment', 'pod/10.1.0.10'],
  ],
  [
    'Strict',
    policy('MeshAccessPolicy', 'shop/strict', { targetRefs: [{ kind: 'Namespace' }], mtls: { mode: 'Strict' } }),
    ['workload'],
  ],
])('changes that they need: %s', (_name, object, expected) => {
  const world = cluster();
  const before = told(world).keys;
  applyAll(world, object);
  expect(KEYS.filter((_key, index) => told(world).keys[index] !== before[index])).toEqual(expected);
});
