import { describe, expect, test } from '@jest/globals';
import type { Endpoint } from '../../proxy/contract/snapshot.ts';
import {
  type EndpointOptions,
  endpoint,
  node,
  pod,
  policy,
  service,
  serviceCidr,
  slice,
} from '../model/testing/objects.ts';
import { applyAll, remove, worldOf } from '../model/testing/world.ts';
import type { World } from '../model/world.ts';
import { compileKey } from './compile.ts';

/** kube-proxy's rules, and which of the endpoints may be spoken to how. The caller is `shop/caller` on node-a (zone-a). */

const CALLER = pod('shop/caller', { ip: '10.1.0.1', node: 'node-a' });
const NODES = [
  node('node-a', { zone: 'zone-a', ips: ['192.168.0.1'], podRanges: ['10.1.0.0/16'] }),
  node('node-b', { zone: 'zone-b', ips: ['192.168.0.2'], podRanges: ['10.2.0.0/16', 'fd00:2::/64'] }),
  serviceCidr('10.96.0.0/16'),
];
const SERVICE = service('shop/payment', { ip: '10.96.0.10', selector: { app: 'payment' } });

function endpointsOf(world: World): readonly Endpoint[] {
  const compiled = compileKey(world, 'service/shop/payment', { namespace: 'shop', podUid: 'uid-shop/caller' });
  if (compiled?.content.kind !== 'service') throw new Error(`not a service: ${JSON.stringify(compiled)}`);
  return compiled.content.ports[0]?.endpoints ?? [];
}

const addresses = (world: World): string[] => endpointsOf(world).map((one) => `${one.address}:${one.port}`);

interface Backend extends EndpointOptions {
  readonly ip: string;
}

/** Meshed pods p0, p1, … behind one slice. */
function backed(backends: readonly Backend[], svc: Record<string, unknown> = SERVICE): World {
  const pods = backends.map(({ ip, node: at }, index) =>
    pod(`shop/p${index}`, { ip, ...(at === undefined ? {} : { node: at }) }),
  );
  const endpoints = backends.map(({ ip, ...options }, index) => endpoint(ip, { pod: `shop/p${index}`, ...options }));
  return worldOf(...NODES, CALLER, svc, ...pods, slice('shop/payment-x', 'payment', endpoints));
}

describe('readiness', () => {
  const ready = { ready: true, serving: true, terminating: false };
  const notReady = { ready: false, serving: false, terminating: false };
  const leaving = { ready: false, serving: true, terminating: true };
  const gone = { ready: false, serving: false, terminating: true };
  test.each([
    ['ready ones', [ready, notReady, ready], ['10.1.0.10:3000', '10.1.0.12:3000']],
    ['conditions left out mean ready', [undefined, {}, notReady], ['10.1.0.10:3000', '10.1.0.11:3000']],
    ['terminating ones are not used beside ready ones', [ready, leaving], ['10.1.0.10:3000']],
    ['serving while terminating, where none is ready', [leaving, notReady, gone], ['10.1.0.10:3000']],
    ['none', [notReady, gone], []],
    // With publishNotReadyAddresses the slice controller itself writes ready: true (discovery/v1).
    ['publishNotReadyAddresses', [ready, ready], ['10.1.0.10:3000', '10.1.0.11:3000']],
  ])('%s', (_name, conditions, expected) => {
    const backends = conditions.map((one, index) => ({
      ip: `10.1.0.1${index}`,
      ...(one === undefined ? {} : { conditions: one }),
    }));
    expect(addresses(backed(backends))).toEqual(expected);
  });
});

describe('internalTrafficPolicy: Local', () => {
  const local = service('shop/payment', { ip: '10.96.0.10', spec: { internalTrafficPolicy: 'Local' } });
  test("only the caller's node", () => {
    expect(
      addresses(
        backed(
          [
            { ip: '10.1.0.10', node: 'node-a' },
            { ip: '10.2.0.10', node: 'node-b' },
          ],
          local,
        ),
      ),
    ).toEqual(['10.1.0.10:3000']);
  });
  test('none there: none at all, as kube-proxy drops', () => {
    expect(addresses(backed([{ ip: '10.2.0.10', node: 'node-b' }], local))).toEqual([]);
  });
  test('terminating ones of the own node before ready ones of others', () => {
    const conditions = { ready: false, serving: true, terminating: true };
    expect(
      addresses(
        backed(
          [
            { ip: '10.1.0.10', node: 'node-a', conditions },
            { ip: '10.2.0.10', node: 'node-b' },
          ],
          local,
        ),
      ),
    ).toEqual(['10.1.0.10:3000']);
  });
  test('a caller that is not known yet hears nothing yet', () => {
    const world = backed([{ ip: '10.1.0.10', node: 'node-a' }], local);
    expect(compileKey(world, 'service/shop/payment', { namespace: 'shop', podUid: 'nobody' })).toBeUndefined();
  });
});

describe('trafficDistribution: hints', () => {
  test.each<[string, Backend[], string[]]>([
    [
      'the own zone',
      [
        { ip: '10.1.0.10', zones: ['zone-a'] },
        { ip: '10.2.0.10', zones: ['zone-b'] },
      ],
      ['10.1.0.10:3000'],
    ],
    [
      'one without hints: all',
      [{ ip: '10.1.0.10', zones: ['zone-a'] }, { ip: '10.2.0.10' }],
      ['10.1.0.10:3000', '10.2.0.10:3000'],
    ],
    [
      'none for the own zone: all',
      [
        { ip: '10.2.0.10', zones: ['zone-b'] },
        { ip: '10.2.0.11', zones: ['zone-b'] },
      ],
      ['10.2.0.10:3000', '10.2.0.11:3000'],
    ],
    [
      'the own node before the own zone (PreferSameNode)',
      [
        { ip: '10.1.0.10', zones: ['zone-a'], nodes: ['node-a'] },
        { ip: '10.1.0.11', zones: ['zone-a'], nodes: ['node-c'] },
      ],
      ['10.1.0.10:3000'],
    ],
    [
      'no endpoint on the own node: the zone',
      [
        { ip: '10.1.0.10', zones: ['zone-a'], nodes: ['node-c'] },
        { ip: '10.2.0.10', zones: ['zone-b'], nodes: ['node-b'] },
      ],
      ['10.1.0.10:3000'],
    ],
    [
      'hints of endpoints that are not ready do not count',
      [
        { ip: '10.1.0.10', zones: ['zone-a'] },
        { ip: '10.2.0.10', conditions: { ready: false } },
      ],
      ['10.1.0.10:3000'],
    ],
  ])('%s', (_name, backends, expected) => {
    expect(addresses(backed(backends))).toEqual(expected);
  });
});

test('a named target port that differs from pod to pod: one slice a number', () => {
  const world = worldOf(
    ...NODES,
    CALLER,
    SERVICE,
    pod('shop/p0', { ip: '10.1.0.10' }),
    pod('shop/p1', { ip: '10.1.0.11' }),
    slice('shop/a', 'payment', [endpoint('10.1.0.10', { pod: 'shop/p0' })], [{ name: 'http', port: 8080 }]),
    slice(
      'shop/b',
      'payment',
      [endpoint('10.1.0.11', { pod: 'shop/p1' })],
      [
        { name: 'http', port: 9090 },
        { name: 'other', port: 1 },
      ],
    ),
  );
  expect(addresses(world)).toEqual(['10.1.0.10:8080', '10.1.0.11:9090']);
});

test('both families of a pod are one endpoint, of the first family of the Service', () => {
  const dual = service('shop/payment', { ip: ['fd00:96::1', '10.96.0.10'] });
  const world = worldOf(
    ...NODES,
    CALLER,
    dual,
    pod('shop/p0', { ip: ['10.2.0.10', 'fd00:2::10'] }),
    pod('shop/p1', { ip: ['10.2.0.11'] }),
    slice('shop/four', 'payment', [
      endpoint('10.2.0.10', { pod: 'shop/p0' }),
      endpoint('10.2.0.11', { pod: 'shop/p1' }),
    ]),
    slice('shop/six', 'payment', [endpoint('fd00:2:0::10', { pod: 'shop/p0' })], undefined, 'IPv6'),
  );
  expect(addresses(world)).toEqual(['10.2.0.11:3000', 'fd00:2::10:3000']);
});

test('a pod that stands in two slices is one endpoint, ready if one of them says so', () => {
  const world = worldOf(
    ...NODES,
    CALLER,
    SERVICE,
    pod('shop/p0', { ip: '10.1.0.10' }),
    slice('shop/a', 'payment', [endpoint('10.1.0.10', { pod: 'shop/p0', conditions: { ready: false } })]),
    slice('shop/b', 'payment', [endpoint('10.1.0.10', { pod: 'shop/p0', conditions: { ready: true } })]),
  );
  expect(addresses(world)).toEqual(['10.1.0.10:3000']);
});

test('slices of another Service, of another port and of names are left out', () => {
  const world = worldOf(
    ...NODES,
    CALLER,
    SERVICE,
    pod('shop/p0', { ip: '10.1.0.10' }),
    slice('shop/a', 'other', [endpoint('10.1.0.10', { pod: 'shop/p0' })]),
    slice('shop/b', 'payment', [endpoint('10.1.0.10', { pod: 'shop/p0' })], [{ name: 'metrics', port: 3000 }]),
    slice(
      'shop/c',
      'payment',
      [endpoint('10.1.0.10', { pod: 'shop/p0' })],
      [{ name: 'http', port: 3000, protocol: 'UDP' }],
    ),
    slice('shop/d', 'payment', [endpoint('example.org')], undefined, 'FQDN'),
  );
  expect(addresses(world)).toEqual([]);
});

describe('meshed, unmeshed, unknown', () => {
  const IDENTITY = 'spiffe://cluster.local/ns/shop/sa/payment';
  const slices = (options: EndpointOptions, address = '10.1.0.10') =>
    slice('shop/x', 'payment', [endpoint(address, options)]);
  const meshed = pod('shop/p', { ip: '10.1.0.10', serviceAccount: 'payment' });
  const world = (...objects: unknown[]) => worldOf(...NODES, CALLER, SERVICE, ...objects);
  const how = (one: World): string[] => endpointsOf(one).map(({ identity }) => identity ?? 'plain');

  test.each<[string, unknown[], string[]]>([
    ['a meshed pod: its identity', [meshed, slices({ pod: 'shop/p' })], [IDENTITY]],
    ['a slice without targetRef: the pod at that address', [meshed, slices({})], [IDENTITY]],
    ['an unmeshed pod', [pod('shop/p', { ip: '10.1.0.10', meshed: false }), slices({ pod: 'shop/p' })], ['plain']],
    [
      'a label that says meshed is not believed',
      [
        pod('shop/p', { ip: '10.1.0.10', meshed: false, labels: { 'heddle.dev/injected': 'true' } }),
        slices({ pod: 'shop/p' }),
      ],
      ['plain'],
    ],
    ['the slice before its Pod: withheld', [slices({ pod: 'shop/p' })], []],
    ['the Pod before its address: withheld', [pod('shop/p'), slices({ pod: 'shop/p' })], []],
    ['another pod of that name (uid): withheld', [meshed, slices({ pod: 'shop/p', uid: 'older' })], []],
    [
      'a slice that claims a pod for an address it does not have: withheld',
      [meshed, slices({ pod: 'shop/p' }, '10.1.0.66')],
      [],
    ],
    [
      "a slice that claims an unmeshed pod for a meshed pod's address: withheld",
      [meshed, pod('shop/q', { ip: '10.1.0.11', meshed: false }), slices({ pod: 'shop/q' })],
      [],
    ],
    [
      'hostNetwork: plain',
      [pod('shop/h', { ip: '192.168.0.1', hostNetwork: true }), slices({ pod: 'shop/h' }, '192.168.0.1')],
      ['plain'],
    ],
    [
      'an excluded port bypasses the proxy: plain',
      [pod('shop/p', { ip: '10.1.0.10', excludeInbound: [3000] }), slices({ pod: 'shop/p' })],
      ['plain'],
    ],
    ['no pod, outside the cluster: plain', [slices({}, '203.0.113.5')], ['plain']],
    ['no pod, a node: plain', [slices({}, '192.168.0.2')], ['plain']],
    ['no pod, inside the networks of pods: withheld', [slices({}, '10.1.0.77')], []],
    ['no pod, an address of a Service: withheld', [slices({}, '10.96.0.77')], []],
    [
      "no pod, inside MeshConfig's clusterRanges: withheld",
      [policy('MeshConfig', 'default', { clusterRanges: ['203.0.113.0/24'] }), slices({}, '203.0.113.5')],
      [],
    ],
    [
      'an address that two living pods claim: withheld',
      [meshed, pod('shop/q', { ip: '10.1.0.10', meshed: false }), slices({})],
      [],
    ],
    [
      'an address that moved from a terminating pod',
      [pod('shop/old', { ip: '10.1.0.10', meshed: false, terminating: true }), meshed, slices({ pod: 'shop/p' })],
      [IDENTITY],
    ],
    [
      'the terminating pod that lost it: withheld',
      [pod('shop/old', { ip: '10.1.0.10', meshed: false, terminating: true }), meshed, slices({ pod: 'shop/old' })],
      [],
    ],
    [
      'a finished pod: withheld',
      [pod('shop/p', { ip: '10.1.0.10', phase: 'Succeeded' }), slices({ pod: 'shop/p' })],
      [],
    ],
  ])('%s', (_name, objects, expected) => {
    expect(how(world(...objects))).toEqual(expected);
  });

  test('what was withheld is published on the event of its Pod', () => {
    const one = world(slices({ pod: 'shop/p' }));
    expect(how(one)).toEqual([]);
    const affected = applyAll(one, meshed);
    expect(affected.keys).toContain('service/shop/payment');
    expect(how(one)).toEqual([IDENTITY]);
    expect(remove(one, meshed).keys).toContain('service/shop/payment');
    expect(how(one)).toEqual([]);
  });
});

test('subsets are by label, and a pod may be in several', () => {
  const world = worldOf(
    ...NODES,
    CALLER,
    SERVICE,
    pod('shop/p', { ip: '10.1.0.10', labels: { version: 'v1', tier: 'gold', other: 'x' } }),
    pod('shop/q', { ip: '10.1.0.11', labels: { version: 'v1' } }),
    slice('shop/x', 'payment', [
      endpoint('10.1.0.10', { pod: 'shop/p' }),
      endpoint('10.1.0.11', { pod: 'shop/q' }),
      endpoint('203.0.113.5'),
    ]),
    policy('MeshPolicy', 'shop/payment', {
      targetRefs: [{ kind: 'Service', name: 'payment' }],
      subsets: [
        { name: 'v1', labels: { version: 'v1' } },
        { name: 'gold', labels: { version: 'v1', tier: 'gold' } },
      ],
    }),
  );
  expect(endpointsOf(world).map(({ address, subsets }) => [address, subsets])).toEqual([
    ['10.1.0.10', ['v1', 'gold']],
    ['10.1.0.11', ['v1']],
    ['203.0.113.5', []],
  ]);
});
