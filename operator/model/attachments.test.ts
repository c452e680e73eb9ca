import { describe, expect, test } from '@jest/globals';
import { attachedTo, claimsOf, nearest, routesOwner } from './attachments.ts';
import type { Effective } from './policies.ts';
import { callerCoverage, selectionOf } from './selected.ts';
import { targetStates } from './targets.ts';
import { pod, policy, service } from './testing/objects.ts';
import { worldOf } from './testing/world.ts';
import type { World } from './world.ts';

const OLD = '2026-01-01T00:00:00Z';
const NEW = '2026-01-02T00:00:00Z';
const PORTS = [
  { name: 'http', port: 80, targetPort: 3000 },
  { name: 'grpc', port: 81, targetPort: 3001 },
  { name: 'dns', port: 53, targetPort: 53, protocol: 'UDP' },
];
const SERVICE = service('shop/payment', { ip: '10.96.0.1', selector: { app: 'payment' }, ports: PORTS });

const WHOLE = { kind: 'Service', name: 'payment' };
const HTTP = { ...WHOLE, sectionName: 'http' };
const CONSUMER = { ...WHOLE, namespace: 'shop' };
const NAMESPACE = { kind: 'Namespace' };
const RANDOM = { loadBalancing: { policy: 'Random' } };
const ROUTES = { routes: [{ name: 'all' }] };

const mp = (key: string, target: object, sections: object, created = OLD) =>
  policy('MeshPolicy', key, { targetRefs: [target], ...sections }, { created });

function effective(world: World, key: string): Effective<'MeshPolicy'> {
  const found = world.meshPolicies.get(key)?.effective;
  if (found === undefined)
    throw new Error(`${key} is not in force: ${JSON.stringify(world.meshPolicies.get(key)?.violations)}`);
  return found;
}

function attached(world: World, portName: string, audience: string) {
  const found = world.services.get('shop/payment');
  if (found === undefined) throw new Error('no Service');
  return attachedTo(
    world,
    found,
    found.ports.find((port) => port.name === portName),
    audience,
  );
}

describe('nearest: consumer port > consumer > port > Service > Namespace', () => {
  const all = [
    mp('shop/namespace', NAMESPACE, RANDOM),
    mp('shop/service', WHOLE, RANDOM),
    mp('shop/port', HTTP, RANDOM, NEW),
    mp('web/consumer', CONSUMER, RANDOM, NEW),
    mp('web/consumer-port', { ...CONSUMER, sectionName: 'http' }, RANDOM, NEW),
  ];
  test.each<[string, string, string[], string | undefined]>([
    ['http', 'web', [], 'consumer-port'],
    ['http', 'web', ['consumer-port'], 'consumer'],
    ['http', 'web', ['consumer-port', 'consumer'], 'port'],
    ['http', 'shop', [], 'port'],
    ['http', 'other', [], 'port'],
    ['grpc', 'web', [], 'consumer'],
    ['grpc', 'shop', [], 'service'],
    ['grpc', 'shop', ['service'], 'namespace'],
    ['grpc', 'shop', ['service', 'namespace'], undefined],
  ])('%s from %s without %j: %s', (port, audience, without, expected) => {
    const left = all.filter((one) => !without.includes((one['metadata'] as { name: string }).name));
    const found = nearest(attached(worldOf(SERVICE, ...left), port, audience), 'loadBalancing');
    expect(found?.policy.name).toBe(expected);
  });

  test('only a policy that sets the section counts', () => {
    const world = worldOf(
      SERVICE,
      mp('shop/port', HTTP, { connectionPool: { idleTimeout: '1s' } }),
      mp('shop/service', WHOLE, RANDOM),
    );
    expect(nearest(attached(world, 'http', 'shop'), 'loadBalancing')?.policy.name).toBe('service');
  });

  test('within a level the older wins, ties by name', () => {
    const world = worldOf(
      SERVICE,
      mp('shop/b', WHOLE, RANDOM, NEW),
      mp('shop/c', WHOLE, RANDOM),
      mp('shop/a', WHOLE, RANDOM, NEW),
    );
    expect(nearest(attached(world, 'http', 'shop'), 'loadBalancing')?.policy.name).toBe('c');
    const tied = worldOf(SERVICE, mp('shop/b', WHOLE, RANDOM), mp('shop/a', WHOLE, RANDOM));
    expect(nearest(attached(tied, 'http', 'shop'), 'loadBalancing')?.policy.name).toBe('a');
  });
});

describe('routes have one owner for each Service, port and audience', () => {
  test.each<[string, string, object[], string | undefined]>([
    ['nobody', 'shop', [mp('shop/a', WHOLE, RANDOM)], undefined],
    ['the older', 'shop', [mp('shop/new', HTTP, ROUTES, NEW), mp('shop/old', WHOLE, ROUTES)], 'old'],
    [
      'subsets alone own, too',
      'shop',
      [
        mp('shop/new', HTTP, ROUTES, NEW),
        mp('shop/old', WHOLE, { subsets: [{ name: 'v1', labels: { version: 'v1' } }] }),
      ],
      'old',
    ],
    ["the consumers' own first", 'web', [mp('shop/old', WHOLE, ROUTES), mp('web/own', CONSUMER, ROUTES, NEW)], 'own'],
    ['which others do not see', 'shop', [mp('shop/old', WHOLE, ROUTES), mp('web/own', CONSUMER, ROUTES, NEW)], 'old'],
  ])('%s', (_name, audience, policies, expected) => {
    expect(routesOwner(attached(worldOf(SERVICE, ...policies), 'http', audience))?.policy.name).toBe(expected);
  });
});

describe('conflicts', () => {
  test.each<[string, object[], string, unknown[]]>([
    ['none alone', [mp('shop/a', WHOLE, RANDOM)], 'shop/a', []],
    [
      'the younger names section, place and winner, once for each port',
      [
        mp('shop/old', WHOLE, { ...RANDOM, ...ROUTES }),
        mp('shop/new', WHOLE, { ...RANDOM, connectionPool: { idleTimeout: '1s' } }, NEW),
      ],
      'shop/new',
      [
        { section: 'loadBalancing', target: 'Service shop/payment:grpc', winner: 'shop/old' },
        { section: 'loadBalancing', target: 'Service shop/payment:http', winner: 'shop/old' },
      ],
    ],
    ['the older has none', [mp('shop/old', WHOLE, RANDOM), mp('shop/new', WHOLE, RANDOM, NEW)], 'shop/old', []],
    [
      'overridden by a nearer one is no conflict',
      [mp('shop/old', WHOLE, RANDOM), mp('shop/near', HTTP, RANDOM, NEW)],
      'shop/old',
      [],
    ],
    [
      'routes conflict even between a port and its Service',
      [mp('shop/old', WHOLE, ROUTES), mp('shop/new', HTTP, ROUTES, NEW)],
      'shop/new',
      [{ section: 'routes', target: 'Service shop/payment:http', winner: 'shop/old' }],
    ],
    [
      'a consumer does not conflict with the producer',
      [mp('shop/old', WHOLE, ROUTES), mp('web/new', CONSUMER, ROUTES, NEW)],
      'web/new',
      [],
    ],
    [
      'but with another consumer of its namespace',
      [
        mp('web/old', CONSUMER, ROUTES),
        mp('web/new', { ...CONSUMER, sectionName: 'http' }, ROUTES, NEW),
        mp('lab/x', CONSUMER, ROUTES),
      ],
      'web/new',
      [{ section: 'routes', target: 'Service shop/payment:http', winner: 'web/old' }],
    ],
    [
      'namespaces, too',
      [mp('shop/old', NAMESPACE, RANDOM), mp('shop/new', NAMESPACE, RANDOM, NEW)],
      'shop/new',
      [{ section: 'loadBalancing', target: 'Namespace shop', winner: 'shop/old' }],
    ],
  ])('%s', (_name, policies, key, expected) => {
    const world = worldOf(SERVICE, ...policies);
    expect(claimsOf(world, effective(world, key)).conflicts).toEqual(expected);
  });

  const OLDER = mp('shop/old', WHOLE, { ...RANDOM, ...ROUTES });
  test.each<[string, object[], number]>([
    ['all, on each port', [mp('shop/new', WHOLE, { ...RANDOM, ...ROUTES }, NEW)], 4],
    ['none: older ones own them all', [OLDER, mp('shop/new', WHOLE, { ...RANDOM, ...ROUTES }, NEW)], 0],
    [
      'the one that no older policy sets',
      [OLDER, mp('shop/new', HTTP, { connectionPool: { idleTimeout: '1s' }, ...ROUTES }, NEW)],
      1,
    ],
    ['nearer than the older, but not for routes', [OLDER, mp('shop/new', HTTP, { ...RANDOM, ...ROUTES }, NEW)], 1],
    [
      'what a nearer one overrides is still its own',
      [mp('web/x', CONSUMER, RANDOM), mp('shop/new', HTTP, RANDOM, NEW)],
      1,
    ],
  ])('sections left to the younger: %s', (_name, policies, owned) => {
    const world = worldOf(SERVICE, ...policies);
    expect(claimsOf(world, effective(world, 'shop/new')).owned).toBe(owned);
  });
});

describe('targets', () => {
  test.each<[string, object, object[], string | undefined, RegExp]>([
    ['there', HTTP, [SERVICE], undefined, /^Service shop\/payment:http$/],
    ['Namespace', NAMESPACE, [], undefined, /^Namespace shop$/],
    ['missing', WHOLE, [], 'TargetNotFound', /there is no Service shop\/payment/],
    ['no such port', { ...WHOLE, sectionName: 'https' }, [SERVICE], 'PortNotFound', /it has http, grpc/],
    ['a UDP port', { ...WHOLE, sectionName: 'dns' }, [SERVICE], 'PortNotFound', /no TCP port dns/],
    ['headless', WHOLE, [service('shop/payment', { ip: 'None' })], 'UnsupportedService', /is headless/],
    [
      'ExternalName',
      WHOLE,
      [service('shop/payment', { spec: { type: 'ExternalName' } })],
      'UnsupportedService',
      /is an ExternalName/,
    ],
  ])('%s', (_name, target, objects, reason, text) => {
    const world = worldOf(...objects, mp('shop/p', target, RANDOM));
    const [state] = targetStates(world, effective(world, 'shop/p'));
    expect(state?.problem?.reason).toBe(reason);
    expect(state?.problem?.message ?? state?.target).toMatch(text);
  });

  test('it recovers by itself: the Service that appears affects the policy', () => {
    const world = worldOf(mp('shop/p', WHOLE, RANDOM));
    expect(
      world.apply({ resource: 'services', key: 'shop/payment', object: worldOf(SERVICE).services.get('shop/payment') })
        .policies,
    ).toContain(effective(world, 'shop/p').uid);
  });
});

describe('selection and coverage', () => {
  const PODS = [
    pod('shop/payment-1', { labels: { app: 'payment' }, owner: { kind: 'StatefulSet', name: 'payment' } }),
    pod('shop/payment-2', {
      labels: { app: 'payment' },
      owner: { kind: 'StatefulSet', name: 'payment' },
      meshed: false,
    }),
    pod('shop/payment-3', {
      labels: { app: 'payment' },
      owner: { kind: 'StatefulSet', name: 'payment' },
      phase: 'Failed',
    }),
    pod('shop/order-1', { owner: { kind: 'Deployment', name: 'order' }, meshed: false }),
    pod('shop/order-2', { owner: { kind: 'Deployment', name: 'order' }, meshed: false }),
    pod('shop/agent', { hostNetwork: true, meshed: false }),
    pod('web/front', { owner: { kind: 'Deployment', name: 'front' } }),
  ];
  const names = (world: World, key: string) => selectionOf(world, effective(world, key)).behind.map((one) => one.name);

  test('a Service: the meshed pods behind it, and its key for everybody', () => {
    const world = worldOf(SERVICE, ...PODS, mp('shop/p', WHOLE, RANDOM));
    expect(names(world, 'shop/p')).toEqual(['payment-1']);
    expect([...selectionOf(world, effective(world, 'shop/p')).keys]).toEqual([['service/shop/payment', undefined]]);
    expect(callerCoverage(world, effective(world, 'shop/p'))).toEqual([
      { namespace: 'shop', workload: { kind: 'Deployment', name: 'order' }, meshed: 0, total: 2 },
    ]);
  });

  test('a consumer policy: nobody behind, its key for its namespace', () => {
    const world = worldOf(SERVICE, ...PODS, mp('web/p', CONSUMER, RANDOM));
    expect(names(world, 'web/p')).toEqual([]);
    expect([...selectionOf(world, effective(world, 'web/p')).keys]).toEqual([['service/shop/payment', 'web']]);
    expect(callerCoverage(world, effective(world, 'web/p'))).toMatchObject([{ namespace: 'web', meshed: 1, total: 1 }]);
  });

  test('a Namespace: all its meshed pods and all its Services with an address', () => {
    const world = worldOf(SERVICE, service('shop/headless', { ip: 'None' }), ...PODS, mp('shop/p', NAMESPACE, RANDOM));
    expect(names(world, 'shop/p')).toEqual(['payment-1']);
    expect([...selectionOf(world, effective(world, 'shop/p')).keys.keys()]).toEqual(['service/shop/payment']);
    expect(callerCoverage(world, effective(world, 'shop/p'))).toMatchObject([
      { workload: { name: 'order' }, meshed: 0, total: 2 },
      { workload: { name: 'payment' }, meshed: 1, total: 2 },
    ]);
  });
});
