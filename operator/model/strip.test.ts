import { describe, expect, test } from '@jest/globals';
import {
  stripEndpointSlice,
  stripMeshPolicy,
  stripNamespace,
  stripNode,
  stripService,
  stripServiceCidr,
} from './strip.ts';
import { stripPod } from './strip-pod.ts';
import { endpoint, namespace, node, pod, policy, service, serviceCidr, slice } from './testing/objects.ts';

describe('Pod', () => {
  test('the few members that count', () => {
    const raw = pod('shop/payment-5d8f7c-abc', {
      ip: ['10.1.0.1', 'FD00:0:0::1'],
      labels: { 'pod-template-hash': '5d8f7c' },
      owner: { kind: 'ReplicaSet', name: 'payment-5d8f7c' },
      serviceAccount: 'payment',
      ports: [{ name: 'http', containerPort: 3000 }, { containerPort: 53, protocol: 'UDP' }, { containerPort: 70_000 }],
      excludeInbound: [9000, 22, 22],
    });
    expect(stripPod(raw)).toEqual({
      namespace: 'shop',
      name: 'payment-5d8f7c-abc',
      uid: 'uid-shop/payment-5d8f7c-abc',
      createdAt: '2026-01-01T00:00:00Z',
      addresses: ['10.1.0.1', 'fd00::1'],
      nodeName: 'node-a',
      hostNetwork: false,
      labels: { 'pod-template-hash': '5d8f7c' },
      serviceAccount: 'payment',
      workload: { kind: 'Deployment', name: 'payment' },
      phase: 'Running',
      ready: true,
      terminating: false,
      ports: [{ name: 'http', port: 3000 }],
      meshed: true,
      proxyStarted: false,
      excludedInboundPorts: [22, 9000],
    });
  });

  test.each([
    ['a native sidecar', { initContainers: [{ name: 'heddle-proxy', restartPolicy: 'Always' }] }, true],
    ['a plain container', { containers: [{ name: 'heddle-proxy' }] }, true],
    ['an init container that ends', { initContainers: [{ name: 'heddle-proxy' }] }, false],
    ['only our init container', { initContainers: [{ name: 'heddle-init' }] }, false],
    ['none', {}, false],
  ])('meshed: %s', (_name, spec, expected) => {
    expect(stripPod({ metadata: { annotations: { 'heddle.dev/injected': 'x' } }, spec }).meshed).toBe(expected);
  });

  test.each([
    [
      { kind: 'ReplicaSet', name: 'web-77b9d4' },
      { 'pod-template-hash': '77b9d4' },
      { kind: 'Deployment', name: 'web' },
    ],
    [{ kind: 'ReplicaSet', name: 'web-77b9d4' }, {}, { kind: 'ReplicaSet', name: 'web-77b9d4' }],
    [{ kind: 'Job', name: 'backup-28401120' }, {}, { kind: 'CronJob', name: 'backup' }],
    [{ kind: 'Job', name: 'migrate-2' }, {}, { kind: 'Job', name: 'migrate-2' }],
    [{ kind: 'StatefulSet', name: 'db' }, {}, { kind: 'StatefulSet', name: 'db' }],
  ])('workload of %j', (owner, labels, expected) => {
    expect(stripPod(pod('shop/x', { owner, labels })).workload).toEqual(expected);
  });

  test('the name of an owner has a bound: Kubernetes has none, and proxies refuse what is longer', () => {
    const raw = pod('shop/p', { owner: { kind: 'K'.repeat(100), name: 'n'.repeat(600) } });
    expect(stripPod(raw).workload).toEqual({ kind: 'K'.repeat(63), name: 'n'.repeat(253) });
  });

  test('without owner the pod is its own workload', () => {
    expect(stripPod(pod('shop/x')).workload).toEqual({ kind: 'Pod', name: 'x' });
  });
});

test('Service', () => {
  const raw = service('shop/payment', {
    ip: ['10.96.0.1', 'FD00::A'],
    selector: { app: 'payment' },
    ports: [
      { name: 'http', port: 80, targetPort: 'web', appProtocol: 'http' },
      { port: 53, protocol: 'UDP' },
      { name: 'same', port: 81 },
    ],
    spec: {
      sessionAffinity: 'ClientIP',
      sessionAffinityConfig: { clientIP: { timeoutSeconds: 60 } },
      externalIPs: ['203.0.113.1', 'no address'],
    },
    status: { loadBalancer: { ingress: [{ ip: '203.0.113.2' }, { hostname: 'lb.example' }] } },
  });
  expect(stripService(raw)).toEqual({
    namespace: 'shop',
    name: 'payment',
    uid: 'uid-shop/payment',
    createdAt: '2026-01-01T00:00:00Z',
    type: 'Clustered',
    clusterAddresses: ['10.96.0.1', 'fd00::a'],
    externalAddresses: ['203.0.113.2', '203.0.113.1'],
    ports: [
      { name: 'http', port: 80, targetPort: 'web', appProtocol: 'http' },
      { name: 'same', port: 81, targetPort: 81 },
    ],
    selector: { app: 'payment' },
    affinitySeconds: 60,
    local: false,
  });
  expect(stripService(service('a/b', { ip: 'None' })).type).toBe('Headless');
  expect(stripService(service('a/b', { ip: '10.96.0.1', spec: { type: 'ExternalName' } }))).toMatchObject({
    type: 'ExternalName',
    clusterAddresses: [],
  });
});

test('EndpointSlice', () => {
  const raw = slice('shop/x', 'payment', [
    endpoint('10.1.0.1', { pod: 'shop/p', node: 'node-a', zones: ['z'], nodes: ['n'], conditions: { ready: false } }),
    endpoint('nonsense'),
  ]);
  expect(stripEndpointSlice(raw)).toEqual({
    namespace: 'shop',
    name: 'x',
    service: 'payment',
    ports: [{ name: 'http', port: 3000 }],
    endpoints: [
      {
        address: '10.1.0.1',
        ready: false,
        serving: false,
        terminating: false,
        nodeName: 'node-a',
        zoneHints: ['z'],
        nodeHints: ['n'],
        pod: { key: 'shop/p', uid: 'uid-shop/p' },
      },
    ],
  });
  expect(stripEndpointSlice(slice('shop/x', 'payment', [], [], 'FQDN'))).toBeUndefined();
  expect(stripEndpointSlice({ metadata: { namespace: 'shop', name: 'x' }, addressType: 'IPv4' })).toBeUndefined();
});

test('Namespace, Node, ServiceCIDR', () => {
  expect(stripNamespace(namespace('shop', { inject: 'required', terminating: true }))).toEqual({
    name: 'shop',
    uid: 'uid-shop',
    inject: 'required',
    terminating: true,
  });
  expect(
    stripNode(node('n', { zone: 'z', ips: ['192.168.0.1'], podRanges: ['10.1.0.0/24', 'FD00:1::/64', 'x'] })),
  ).toEqual({
    name: 'n',
    zone: 'z',
    addresses: ['192.168.0.1'],
    podRanges: ['10.1.0.0/24', 'fd00:1::/64'],
  });
  expect(stripServiceCidr(serviceCidr('10.96.0.0/16', 'fd00::/999'))).toEqual({
    name: 'kubernetes',
    ranges: ['10.96.0.0/16'],
  });
});

test('a policy keeps its spec as it is', () => {
  expect(stripMeshPolicy(policy('MeshPolicy', 'shop/p', 'anything', { generation: 3, accepted: true }))).toEqual({
    kind: 'MeshPolicy',
    namespace: 'shop',
    name: 'p',
    uid: 'uid-MeshPolicy-shop/p',
    generation: 3,
    createdAt: '2026-01-01T00:00:00Z',
    spec: 'anything',
    acceptedOnce: true,
  });
});

test.each([
  undefined,
  null,
  1,
  'x',
  [],
  { metadata: 1, spec: [], status: 'x' },
  { spec: { containers: [null, 1], initContainers: 'x', ports: [null] } },
])('nothing that is no object hurts: %j', (raw) => {
  for (const strip of [
    stripPod,
    stripService,
    stripEndpointSlice,
    stripNamespace,
    stripNode,
    stripServiceCidr,
    stripMeshPolicy,
  ])
    strip(raw);
});
