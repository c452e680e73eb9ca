import { describe, expect, test } from '@jest/globals';
import { decodeAddressTable, decodeConfiguration } from '../../proxy/contract/decode.ts';
import type { Protocol } from '../../proxy/contract/snapshot.ts';
import { endpoint, node, pod, policy, service, serviceCidr, slice } from '../model/testing/objects.ts';
import { applyAll, remove, worldOf } from '../model/testing/world.ts';
import { compileAddresses, compileKey } from './compile.ts';
import { agreedProtocol, declaredProtocol } from './protocol.ts';
import { compileRoutes } from './routes.ts';

describe('declared protocol', () => {
  test.each<[string | undefined, string, Protocol]>([
    [undefined, '', 'auto'],
    [undefined, 'http', 'http'],
    [undefined, 'http-web', 'http'],
    [undefined, 'httpx', 'auto'],
    [undefined, 'http2-api', 'http2'],
    [undefined, 'grpc', 'grpc'],
    [undefined, 'grpc-web', 'http'],
    [undefined, 'tcp-echo', 'tcp'],
    [undefined, 'https', 'tcp'],
    [undefined, 'mysql', 'tcp'],
    [undefined, 'constructor', 'auto'],
    [undefined, 'metrics', 'auto'],
    ['http', 'tcp', 'http'],
    ['HTTP', 'tcp', 'http'],
    ['kubernetes.io/h2c', 'http', 'http2'],
    ['kubernetes.io/ws', '', 'http'],
    ['kubernetes.io/wss', '', 'tcp'],
    ['example.com/own', 'http', 'auto'],
  ])('appProtocol %s, name %s: %s', (appProtocol, name, expected) => {
    const port = { name, port: 80, targetPort: 80, ...(appProtocol === undefined ? {} : { appProtocol }) };
    expect(declaredProtocol(port)).toBe(expected);
  });

  test('Services that disagree leave it to the bytes', () => {
    expect(agreedProtocol(['http', 'http'])).toBe('http');
    expect(agreedProtocol(['http', 'tcp'])).toBe('auto');
    expect(agreedProtocol([])).toBe('auto');
  });
});

test("routes stand in Gateway API's order, one match each", () => {
  const exact = (value: string) => ({ path: { type: 'Exact' as const, value } });
  const prefix = (value: string) => ({ path: { type: 'PathPrefix' as const, value } });
  const header = (name: string) => ({ name, type: 'Present' as const });
  const routes = compileRoutes(
    [
      { name: 'rest' },
      { name: 'headers-1', matches: [{ headers: [header('A')] }] },
      { name: 'headers-2', matches: [{ headers: [header('A'), header('B')] }] },
      { name: 'method', matches: [{ method: 'GET' }] },
      { name: 'short', matches: [prefix('/')] },
      { name: 'both', matches: [prefix('/long/path'), exact('/x')] },
      { name: 'long-post', matches: [{ ...prefix('/long/path'), method: 'POST' }] },
      { name: 'rest-again' },
    ],
    {},
  );
  expect(routes.map(({ name }) => name)).toEqual([
    'both',
    'long-post',
    'both',
    'short',
    'method',
    'headers-2',
    'headers-1',
    'rest',
    'rest-again',
  ]);
  expect(routes.map(({ matches }) => matches.length)).toEqual([1, 1, 1, 1, 1, 1, 1, 0, 0]);
});

describe('mTLS: the strictest of all', () => {
  const access = (name: string, mtls: unknown) =>
    policy('MeshAccessPolicy', `shop/${name}`, { targetRefs: [{ kind: 'Namespace' }], mtls });
  const config = (minimum: string, portExceptions: number[] = []) =>
    policy('MeshConfig', 'default', { security: { mtls: { minimum, portExceptions } } });
  test.each<[string, unknown[], { mode: string; ports: unknown[] }]>([
    ['nobody says anything', [], { mode: 'Permissive', ports: [] }],
    ['the namespace', [access('a', { mode: 'Strict' })], { mode: 'Strict', ports: [] }],
    ['the mesh', [config('Strict'), access('a', { mode: 'Permissive' })], { mode: 'Strict', ports: [] }],
    [
      'one of two',
      [access('a', { mode: 'Permissive' }), access('b', { mode: 'Strict' })],
      { mode: 'Strict', ports: [] },
    ],
    [
      'a port of the own policy',
      [access('a', { mode: 'Strict', ports: [{ port: 9090, mode: 'Permissive' }] })],
      { mode: 'Strict', ports: [{ port: 9090, mode: 'Permissive' }] },
    ],
    [
      'a port that another policy keeps Strict',
      [access('a', { mode: 'Strict', ports: [{ port: 9090, mode: 'Permissive' }] }), access('b', { mode: 'Strict' })],
      { mode: 'Strict', ports: [] },
    ],
    [
      'a port without an exception of the mesh',
      [config('Strict', [1]), access('a', { mode: 'Permissive', ports: [{ port: 9090, mode: 'Permissive' }] })],
      { mode: 'Strict', ports: [{ port: 1, mode: 'Permissive' }] },
    ],
    [
      'an exception of the mesh does not weaken a policy',
      [config('Strict', [9090]), access('a', { mode: 'Strict' })],
      { mode: 'Strict', ports: [] },
    ],
    [
      'a Strict port in a Permissive namespace',
      [access('a', { mode: 'Permissive', ports: [{ port: 5432, mode: 'Strict' }] })],
      { mode: 'Permissive', ports: [{ port: 5432, mode: 'Strict' }] },
    ],
  ])('%s', (_name, objects, expected) => {
    const world = worldOf(pod('shop/p', { ip: '10.1.0.1' }), ...objects);
    const compiled = compileKey(world, 'workload', { namespace: 'shop', podUid: 'uid-shop/p' });
    expect(compiled?.content).toMatchObject({ mtls: expected });
  });
});

test('a pod cannot ask for the workload of another namespace', () => {
  const world = worldOf(pod('shop/p', { ip: '10.1.0.1' }));
  expect(compileKey(world, 'workload', { namespace: 'bank', podUid: 'uid-shop/p' })).toBeUndefined();
});

describe('address table', () => {
  const NODE = node('node-a', { ips: ['192.168.0.1', '10.1.255.1'], podRanges: ['10.1.0.0/16'] });
  const KUBERNETES = [
    service('default/kubernetes', { ip: '10.96.0.1' }),
    slice('default/kubernetes', 'kubernetes', [endpoint('192.168.0.9')]),
  ];
  const entries = (...objects: unknown[]) =>
    compileAddresses(worldOf(NODE, serviceCidr('10.96.0.0/16'), ...objects)).table.entries;
  const external = (key: string, address: string, created = '2026-01-01T00:00:00Z') =>
    service(key, { ip: `10.96.1.${key.length}`, created, spec: { externalIPs: [address] } });

  test.each<[string, unknown[], Record<string, string>]>([
    [
      'the API server passes: its Service and its endpoints',
      KUBERNETES,
      { '10.96.0.1': 'passthrough', '192.168.0.9': 'passthrough' },
    ],
    [
      'all addresses of a Service, in canonical form',
      [
        service('a/b', {
          ip: ['10.96.0.5', 'FD00:96:0:0::5'],
          spec: { externalIPs: ['203.0.113.1'] },
          status: { loadBalancer: { ingress: [{ ip: '203.0.113.2' }, { hostname: 'x' }] } },
        }),
      ],
      {
        '10.96.0.5': 'service/a/b',
        'fd00:96::5': 'service/a/b',
        '203.0.113.1': 'service/a/b',
        '203.0.113.2': 'service/a/b',
      },
    ],
    [
      'headless and ExternalName Services have none',
      [service('a/b', { ip: 'None' }), service('a/c', { spec: { type: 'ExternalName', externalName: 'x.org' } })],
      {},
    ],
    [
      'the older Service keeps an external address',
      [external('a/new', '203.0.113.1', '2026-02-01T00:00:00Z'), external('a/older', '203.0.113.1')],
      { '10.96.1.5': 'service/a/new', '10.96.1.7': 'service/a/older', '203.0.113.1': 'service/a/older' },
    ],
    [
      "nobody takes a pod's, a Service's or a node's address as external",
      [external('evil/x', '10.1.0.5'), external('evil/xy', '10.96.0.10'), external('evil/xyz', '192.168.0.1')],
      { '10.96.1.6': 'service/evil/x', '10.96.1.7': 'service/evil/xy', '10.96.1.8': 'service/evil/xyz' },
    ],
    [
      'nor that of a pod outside of the networks that nodes name',
      [pod('a/p', { ip: '172.16.0.5' }), pod('a/q', { ip: '172.16.0.6', meshed: false })].concat(
        external('evil/x', '172.16.0.5'),
        external('evil/xy', '172.16.0.6'),
      ),
      { '10.96.1.6': 'service/evil/x', '10.96.1.7': 'service/evil/xy', '172.16.0.5': 'pod/172.16.0.5' },
    ],
    [
      'a meshed pod outside the ranges is asked for',
      [pod('a/p', { ip: '172.16.0.5' })],
      { '172.16.0.5': 'pod/172.16.0.5' },
    ],
    ['an unmeshed one passes like everything outside', [pod('a/p', { ip: '172.16.0.5', meshed: false })], {}],
    ['a pod inside the ranges needs no entry', [pod('a/p', { ip: '10.1.0.5' })], {}],
    [
      'a pod behind default/kubernetes does not pass',
      [pod('a/p', { ip: '10.1.0.5' }), slice('default/k', 'kubernetes', [endpoint('10.1.0.5')]), ...KUBERNETES],
      { '10.96.0.1': 'passthrough', '192.168.0.9': 'passthrough' },
    ],
  ])('%s', (_name, objects, expected) => {
    // The node's address that lies inside the ranges is in every table.
    expect(entries(...objects)).toEqual({ ...expected, '10.1.255.1': 'passthrough' });
  });

  test('a pod that takes an external address, and one that gives it back, change the table', () => {
    const world = worldOf(NODE, external('a/b', '172.16.0.5'));
    const unmeshed = pod('a/q', { ip: '172.16.0.5', meshed: false });
    expect(applyAll(world, unmeshed).addresses).toBe(true);
    expect(compileAddresses(world).table.entries).not.toHaveProperty(['172.16.0.5']);
    expect(remove(world, unmeshed).addresses).toBe(true);
    expect(compileAddresses(world).table.entries).toHaveProperty(['172.16.0.5'], 'service/a/b');
  });

  test.each([
    '::ffff:1:2:3',
    '::ffff:0:102:304',
    '::ffff:203.0.113.7',
    'FD00:0:0::1',
    '::1.2.3.4',
    '::',
    '010.0.0.1',
    'x',
  ])('proxies read a table whatever a Service calls its external address: %s', (address) => {
    const { table } = compileAddresses(worldOf(NODE, external('a/b', address)));
    expect(decodeAddressTable(table)).toMatchObject({ ok: true });
  });

  test("a Service has at most 64 external addresses, a load balancer's before its own", () => {
    const externalIPs = Array.from({ length: 100 }, (_, index) => `203.0.113.${index}`);
    const status = { loadBalancer: { ingress: [{ ip: '198.51.100.1' }] } };
    const table = entries(service('a/b', { ip: '10.96.0.5', spec: { externalIPs }, status }));
    expect(Object.values(table).filter((key) => key === 'service/a/b')).toHaveLength(65);
    expect(table).toHaveProperty(['198.51.100.1']);
  });

  test("ranges are the cluster's and MeshConfig's, sorted, once each", () => {
    const world = worldOf(
      NODE,
      serviceCidr('10.96.0.0/16', 'fd00:96::/112'),
      policy('MeshConfig', 'default', { clusterRanges: ['10.96.0.0/16', '172.16.0.0/12'] }),
    );
    expect(compileAddresses(world).table.ranges).toEqual([
      '10.1.0.0/16',
      '10.96.0.0/16',
      '172.16.0.0/12',
      'fd00:96::/112',
    ]);
  });
});

describe('pod keys', () => {
  const viewer = { namespace: 'shop', podUid: 'uid-shop/caller' };
  const content = (world: ReturnType<typeof worldOf>, address: string) =>
    compileKey(world, `pod/${address}`, viewer)?.content;

  test('unknown is not absent: nobody has had this address yet', () => {
    expect(content(worldOf(), '10.1.0.5')).toBeUndefined();
  });

  test('absent once its pod is gone, present with the next pod', () => {
    const world = worldOf(pod('shop/p', { ip: '10.1.0.5' }));
    expect(content(world, '10.1.0.5')).toMatchObject({
      kind: 'pod',
      identity: 'spiffe://cluster.local/ns/shop/sa/default',
    });
    remove(world, pod('shop/p', { ip: '10.1.0.5' }));
    expect(content(world, '10.1.0.5')).toEqual({ kind: 'absent' });
    const next = worldOf(pod('shop/p', { ip: '10.1.0.5', meshed: false }));
    expect(content(next, '10.1.0.5')).not.toHaveProperty('identity');
  });

  test('two pods that claim the address: unknown', () => {
    expect(
      content(worldOf(pod('shop/p', { ip: '10.1.0.5' }), pod('shop/q', { ip: '10.1.0.5' })), '10.1.0.5'),
    ).toBeUndefined();
  });

  test('a port speaks for itself where exactly one Service with an address leads to it', () => {
    const shared = { selector: { app: 'x' }, ports: [{ name: 'http', port: 80, targetPort: 3000 }] };
    const world = worldOf(
      pod('shop/p', { ip: '10.1.0.5', labels: { app: 'x' } }),
      service('shop/one', { ip: '10.96.0.5', ...shared }),
      service('shop/headless', { ip: 'None', ...shared }),
      policy('MeshPolicy', 'shop/one', {
        targetRefs: [{ kind: 'Service', name: 'one' }],
        defaults: { timeouts: { request: '7s' } },
      }),
    );
    expect(content(world, '10.1.0.5')).toMatchObject({
      ports: [{ port: 3000, protocol: 'http', timeouts: { requestMs: 7000 } }],
      timeouts: { requestMs: 0 },
    });
    const two = worldOf(
      pod('shop/p', { ip: '10.1.0.5', labels: { app: 'x' } }),
      service('shop/one', { ip: '10.96.0.5', ...shared }),
      service('shop/two', { ip: '10.96.0.6', ...shared }),
    );
    expect(content(two, '10.1.0.5')).toMatchObject({ ports: [{ port: 3000, protocol: 'http' }] });
    expect(JSON.stringify(content(two, '10.1.0.5'))).not.toContain(
      '"ports":[{"port":3000,"protocol":"http","timeouts"',
    );
  });
});

test('headless, ExternalName and deleted Services and malformed keys are absent', () => {
  const world = worldOf(service('a/b', { ip: 'None' }), service('a/c', { spec: { type: 'ExternalName' } }));
  for (const key of ['service/a/b', 'service/a/c', 'service/a/d', 'service/a', 'pod/x', 'pod/', 'nonsense']) {
    expect(compileKey(world, key, { namespace: 'a', podUid: 'x' })?.content).toEqual({ kind: 'absent' });
  }
});

test('what a valid policy says at its longest, proxies read', () => {
  const longest = '576h';
  const spec = {
    targetRefs: [{ kind: 'Service', name: 'payment' }],
    defaults: {
      timeouts: { request: longest, perTry: longest, streamIdle: longest },
      retries: { attempts: 10, backoff: { base: longest, max: longest } },
    },
    connectionPool: { connectTimeout: longest, idleTimeout: longest },
  };
  const target = service('shop/payment', { ip: '10.96.0.5' });
  const content = (world: ReturnType<typeof worldOf>) =>
    compileKey(world, 'service/shop/payment', { namespace: 'shop', podUid: 'u' })?.content;
  const compiled = content(worldOf(target, policy('MeshPolicy', 'shop/p', spec)));
  expect(compiled).toMatchObject({ ports: [{ traffic: { connection: { idleTimeoutMs: 2_073_600_000 } } }] });
  expect(decodeConfiguration('service/shop/payment', compiled)).toMatchObject({ ok: true });
  const beyond = { ...spec, connectionPool: { idleTimeout: '597h' } };
  expect(
    decodeConfiguration('service/shop/payment', content(worldOf(target, policy('MeshPolicy', 'shop/p', beyond)))),
  ).toMatchObject({ ok: true });
});
