import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { canonicalJson } from '../../proxy/contract/version.ts';
import { callerCoverage, claimsOf, type Effective, selectionOf, targetStates } from '../model/model.ts';
import { endpoint, namespace, node, pod, policy, service, serviceCidr, slice } from '../model/testing/objects.ts';
import { changeOf } from '../model/testing/world.ts';
import { World } from '../model/world.ts';
import { compileAddresses, compileKey, viewClass } from './compile.ts';

/** A small cluster in which everything meets everything: two namespaces, a handful of names, addresses and labels. */

const NAMESPACES = ['a', 'b'];
const ADDRESSES = ['10.1.0.1', '10.1.0.2', '10.1.0.3', '172.16.0.1', 'fd00::1'];
const NODES = ['n1', 'n2'];
const pick = <Value>(values: readonly Value[]) => fc.constantFrom(...values);
const key = (...names: string[]) => fc.tuple(pick(NAMESPACES), pick(names)).map((parts) => parts.join('/'));
const labels = fc.record({ app: pick(['x', 'y']), version: pick(['v1', 'v2']) });
const created = pick(['2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z']);

const pods = fc
  .record({
    key: key('p', 'q'),
    ip: fc.uniqueArray(pick(ADDRESSES), { maxLength: 2 }),
    labels,
    meshed: fc.boolean(),
    hostNetwork: fc.boolean(),
    terminating: fc.boolean(),
    phase: pick(['Running', 'Running', 'Succeeded']),
    node: pick(NODES),
    excludeInbound: pick([[], [3000]]),
    uid: pick(['1', '2']),
  })
  .map((one) => pod(one.key, { ...one, uid: `${one.key}#${one.uid}` }));

const services = fc
  .record({
    key: key('s', 't'),
    ip: pick<string | string[]>(['10.96.0.1', '10.96.0.2', ['10.96.0.3', 'fd00:96::1'], 'None']),
    selector: pick([undefined, { app: 'x' }, { app: 'y', version: 'v1' }]),
    ports: pick([
      [{ name: 'http', port: 80, targetPort: 3000 }],
      [
        { name: 'tcp-x', port: 80, targetPort: 'main' },
        { name: 'http', port: 81, targetPort: 3000 },
      ],
    ]),
    local: fc.boolean(),
    external: pick([[], ['203.0.113.1'], ['10.1.0.1']]),
    created,
  })
  .map(({ selector, local, external, ...one }) =>
    service(one.key, {
      ...one,
      ...(selector === undefined ? {} : { selector }),
      spec: { externalIPs: external, ...(local ? { internalTrafficPolicy: 'Local' } : {}) },
    }),
  );

const endpoints = fc
  .record({
    address: pick(ADDRESSES),
    claim: pick([undefined, 'a/p', 'a/q', 'b/p']),
    uid: pick(['1', '2']),
    ready: fc.boolean(),
    node: pick(NODES),
    zones: pick([undefined, ['z1'], ['z2']]),
  })
  .map(({ address, claim, uid, ready, zones, node: at }) =>
    endpoint(address, {
      ...(claim === undefined ? {} : { pod: claim, uid: `${claim}#${uid}` }),
      conditions: { ready, serving: true, terminating: !ready },
      node: at,
      ...(zones === undefined ? {} : { zones }),
    }),
  );
const slices = fc
  .tuple(key('e', 'f'), pick(['s', 't']), fc.array(endpoints, { maxLength: 3 }))
  .map(([name, target, list]) => slice(name, target, list));

const kubernetes = fc
  .tuple(fc.boolean(), pick(ADDRESSES))
  .map(([isService, address]) =>
    isService
      ? service('default/kubernetes', { ip: '10.96.0.99' })
      : slice('default/kubernetes', 'kubernetes', [endpoint(address)]),
  );
const nodes = fc
  .record({
    name: pick(NODES),
    zone: pick(['z1', 'z2']),
    podRanges: pick([[], ['10.1.0.0/24']]),
    ips: pick([[], ['10.1.0.3']]),
  })
  .map((one) => node(one.name, one));
const namespaces = fc
  .record({ name: pick(NAMESPACES), terminating: fc.boolean(), uid: pick(['1', '2']) })
  .map((one) => namespace(one.name, one));

const targets = pick([
  { kind: 'Namespace' },
  { kind: 'Service', name: 's' },
  { kind: 'Service', name: 's', sectionName: 'http' },
  { kind: 'Service', name: 't', namespace: 'b' },
]);
const sections = pick<object>([
  { defaults: { timeouts: { request: '1s' } } },
  { defaults: { retries: { attempts: 3 } } },
  { loadBalancing: { policy: 'Random' } },
  { connectionPool: { idleTimeout: '1s' } },
  {
    subsets: [{ name: 'v1', labels: { version: 'v1' } }],
    routes: [{ name: 'all', backends: [{ subset: 'v1', weight: 1 }] }],
  },
  { telemetry: { accessLog: 'All' } },
  { routes: [{ name: 'all', backends: [{ weight: 0 }] }] },
]);
const options = fc.record({ uid: pick(['1', '2']), generation: fc.integer({ min: 1, max: 3 }), created });
const meshPolicies = fc
  .tuple(key('m', 'n'), targets, sections, options)
  .map(([name, target, section, one]) =>
    policy('MeshPolicy', name, { targetRefs: [target], ...section }, { ...one, uid: `${name}#${one.uid}` }),
  );
const accessPolicies = fc
  .tuple(
    key('m', 'n'),
    pick<object>([{ mtls: { mode: 'Strict' } }, { authorization: { defaultAction: 'Deny' } }, {}]),
    options,
  )
  .map(([name, section, one]) =>
    policy(
      'MeshAccessPolicy',
      name,
      { targetRefs: [{ kind: 'Namespace' }], ...section },
      { ...one, uid: `access ${name}#${one.uid}` },
    ),
  );
const meshConfigs = fc
  .tuple(
    pick<object>([
      {},
      { trustDomain: 'x.y' },
      { security: { mtls: { minimum: 'Strict' } } },
      { clusterRanges: ['172.16.0.0/16'] },
    ]),
    options,
  )
  .map(([spec, one]) => policy('MeshConfig', 'default', spec, { ...one, uid: `config#${one.uid}` }));

const anyObject = fc.oneof(
  { weight: 4, arbitrary: pods },
  { weight: 3, arbitrary: services },
  { weight: 3, arbitrary: slices },
  { weight: 3, arbitrary: kubernetes },
  nodes,
  namespaces,
  { weight: 3, arbitrary: meshPolicies },
  { weight: 2, arbitrary: accessPolicies },
  meshConfigs,
  pick([serviceCidr('10.96.0.0/16'), serviceCidr('10.96.0.0/16', '172.16.0.0/12')]),
);
const history = fc.array(
  fc.tuple(
    anyObject,
    fc.integer({ min: 0, max: 3 }).map((one) => one === 0),
  ),
  { minLength: 1, maxLength: 40 },
);

const VIEWERS = NAMESPACES.flatMap((one) => [1, 2].map((uid) => ({ namespace: one, podUid: `${one}/p#${uid}` })));
const KEYS = [
  ...NAMESPACES.flatMap((one) => ['s', 't'].map((name) => `service/${one}/${name}`)),
  ...ADDRESSES.map((address) => `pod/${address}`),
  'workload',
];

/** What every viewer would be told, by `key viewer`. */
function everything(world: World): Map<string, string> {
  const told = new Map<string, string>();
  for (const one of KEYS) {
    for (const viewer of VIEWERS) told.set(`${one} ${viewer.podUid}`, canonicalJson(compileKey(world, one, viewer)));
  }
  return told;
}

/** What the status of a policy is made of, by uid. */
function statuses(world: World): Map<string, string> {
  const found = new Map<string, string>();
  for (const book of [world.meshPolicies, world.meshAccessPolicies, world.meshConfigs]) {
    for (const held of book.values()) {
      const effective: Effective | undefined = held.effective;
      const uid = (held.object ?? effective)?.uid ?? '';
      found.set(
        uid,
        canonicalJson([held.object, held.violations, effective, held.frozen, effective && facts(world, effective)]),
      );
    }
  }
  return found;
}

function facts(world: World, effective: Effective): unknown {
  const { behind, keys } = selectionOf(world, effective);
  const conflicts = effective.kind === 'MeshPolicy' ? claimsOf(world, effective as Effective<'MeshPolicy'>) : undefined;
  return [
    targetStates(world, effective),
    behind.map(({ uid }) => uid).sort(),
    [...keys.keys()].sort(),
    conflicts,
    callerCoverage(world, effective),
  ];
}

const RUNS = { numRuns: Number(process.env['PROPERTY_RUNS'] ?? 150) };

test('whatever differs after a change was named as affected', () => {
  fc.assert(
    fc.property(history, (steps) => {
      const world = new World();
      for (const [object, gone] of steps) {
        const before = {
          told: everything(world),
          statuses: statuses(world),
          addresses: compileAddresses(world).version,
        };
        const affected = world.apply(changeOf(object, gone));
        for (const [name, text] of everything(world)) {
          if (before.told.get(name) === text) continue;
          const [one = '', uid = ''] = name.split(' ');
          if (affected.keys === 'all') continue;
          if (one === 'workload')
            expect({ one, uid, named: affected.workloads.has(uid) }).toEqual({ one, uid, named: true });
          else expect({ one, named: affected.keys.has(one) }).toEqual({ one, named: true });
        }
        if (compileAddresses(world).version !== before.addresses) expect(affected.addresses).toBe(true);
        for (const [uid, text] of statuses(world)) {
          if (before.statuses.get(uid) !== text)
            expect({ uid, named: affected.policies.has(uid) }).toEqual({ uid, named: true });
        }
      }
    }),
    RUNS,
  );
});

test('equal views give equal bytes: the order of arrival leaves no trace', () => {
  const distinct = fc.uniqueArray(anyObject, {
    maxLength: 25,
    selector: (object) => JSON.stringify([object['kind'], changeOf(object).key]),
  });
  const shuffled = distinct.chain((objects) =>
    fc.tuple(fc.constant(objects), fc.shuffledSubarray(objects, { minLength: objects.length })),
  );
  fc.assert(
    fc.property(shuffled, ([one, other]) => {
      // What is frozen, and the trust domain, depend on what was there first: that is their purpose.
      const lasting = (objects: typeof one) => objects.filter((object) => object['kind'] !== 'Namespace');
      const [left, right] = [new World(), new World()];
      for (const object of lasting(one)) left.apply(changeOf(object));
      for (const object of lasting(other)) right.apply(changeOf(object));
      expect(everything(right)).toEqual(everything(left));
      expect(compileAddresses(right)).toEqual(compileAddresses(left));
    }),
    RUNS,
  );
});

test('viewers of one class see the same', () => {
  fc.assert(
    fc.property(history, (steps) => {
      const world = new World();
      for (const [object, gone] of steps) world.apply(changeOf(object, gone));
      for (const one of KEYS) {
        const seen = new Map<string, string>();
        for (const viewer of VIEWERS) {
          // A class is asked for only by proxies, whose pods are there.
          if (world.podByUid(viewer.podUid) === undefined) continue;
          const text = canonicalJson(compileKey(world, one, viewer));
          const name = viewClass(world, one, viewer);
          expect(seen.get(name) ?? text).toBe(text);
          seen.set(name, text);
        }
      }
    }),
    RUNS,
  );
});

test('no address of a meshed pod is ever an endpoint in plain, but at a port that bypasses its proxy', () => {
  fc.assert(
    fc.property(history, (steps) => {
      const world = new World();
      for (const [object, gone] of steps) world.apply(changeOf(object, gone));
      for (const name of KEYS.filter((one) => one.startsWith('service/'))) {
        for (const viewer of VIEWERS) {
          const content = compileKey(world, name, viewer)?.content;
          const list = content?.kind === 'service' ? content.ports.flatMap((port) => port.endpoints) : [];
          for (const { address, port, identity } of list) {
            const standing = world.podAt(address);
            if (identity !== undefined || standing === undefined || standing === 'ambiguous') continue;
            expect(standing.meshed && !standing.excludedInboundPorts.includes(port)).toBe(false);
          }
        }
      }
    }),
    RUNS,
  );
});
