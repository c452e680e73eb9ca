import { expect, test } from '@jest/globals';
import type { V1Namespace, V1Pod } from '@kubernetes/client-node';
import { decide, type Entry } from './decide.ts';

const pod = (spec: Partial<NonNullable<V1Pod['spec']>> = {}, metadata: V1Pod['metadata'] = {}): V1Pod => ({
  metadata,
  spec: { containers: [{ name: 'app', image: 'x' }], ...spec },
});
const namespace = (name = 'shop', labels: Record<string, string> = {}): V1Namespace => ({ metadata: { name, labels } });
const restricted = namespace('shop', { 'pod-security.kubernetes.io/enforce': 'restricted' });
const withContainer = (name: string): V1Pod =>
  pod({
    containers: [
      { name: 'app', image: 'x' },
      { name, image: 'y' },
    ],
  });

const asProxy = { securityContext: { runAsUser: 7357 } };

const cases: readonly (readonly [string, V1Pod, V1Namespace, Entry, string])[] = [
  ['an ordinary pod', pod(), namespace(), 'enabled', 'inject'],
  ['an ordinary pod that must', pod(), namespace(), 'required', 'inject'],
  ['opted out', pod({}, { labels: { 'heddle.dev/inject': 'disabled' } }), namespace(), 'enabled', 'skip Disabled'],
  ['opt-out where required', pod({}, { labels: { 'heddle.dev/inject': 'disabled' } }), namespace(), 'required', 'deny'],
  ['host network', pod({ hostNetwork: true }), namespace(), 'enabled', 'skip HostNetwork'],
  ['host network, asked for by the pod', pod({ hostNetwork: true }), namespace(), 'pod', 'skip HostNetwork'],
  ['host network where required', pod({ hostNetwork: true }), namespace(), 'required', 'deny'],
  ['a Windows pod', pod({ os: { name: 'windows' } }), namespace(), 'enabled', 'skip Windows'],
  [
    'a Windows pod by its node',
    pod({ nodeSelector: { 'kubernetes.io/os': 'windows' } }),
    namespace(),
    'pod',
    'skip Windows',
  ],
  ['a Windows pod where required', pod({ os: { name: 'windows' } }), namespace(), 'required', 'deny'],
  ['a Linux pod that says so', pod({ os: { name: 'linux' } }), namespace(), 'required', 'inject'],
  ['another mesh', withContainer('istio-proxy'), namespace(), 'enabled', 'skip OtherMesh'],
  ['a sidecar by hand', withContainer('heddle-proxy'), namespace(), 'enabled', 'skip AlreadyInjected'],
  ['a sidecar by hand where required', withContainer('heddle-proxy'), namespace(), 'required', 'deny'],
  ['Pod Security restricted', pod(), restricted, 'enabled', 'skip PodSecurity'],
  ['Pod Security restricted where required', pod(), restricted, 'required', 'deny'],
  [
    'Pod Security privileged',
    pod(),
    namespace('shop', { 'pod-security.kubernetes.io/enforce': 'privileged' }),
    'enabled',
    'inject',
  ],
  ['a pod of the proxy its user', pod(asProxy), namespace(), 'enabled', 'skip ReservedUser'],
  ['a pod of the proxy its user, that asked itself', pod(asProxy), namespace(), 'pod', 'skip ReservedUser'],
  ['a pod of the proxy its user where required', pod(asProxy), namespace(), 'required', 'deny'],
  [
    'a container of the proxy its user',
    pod({ containers: [{ name: 'a' }, { name: 'b', ...asProxy }] }),
    namespace(),
    'enabled',
    'skip ReservedUser',
  ],
  [
    'an init container of the proxy its user',
    pod({ initContainers: [{ name: 'a', ...asProxy }] }),
    namespace(),
    'required',
    'deny',
  ],
  [
    'a container that sets another user than the pod',
    pod({ ...asProxy, containers: [{ name: 'a', securityContext: { runAsUser: 1000 } }] }),
    namespace(),
    'enabled',
    'inject',
  ],
  ['the group alone exempts nobody', pod({ securityContext: { runAsGroup: 7357 } }), namespace(), 'enabled', 'inject'],
  [
    'our own sidecar of an earlier run',
    pod(
      { initContainers: [{ name: 'heddle-proxy', ...asProxy }] },
      { annotations: { 'heddle.dev/injected': 'heddle/proxy:1' } },
    ),
    namespace(),
    'enabled',
    'inject',
  ],
  ['kube-system', pod(), namespace('kube-system'), 'pod', 'skip SystemNamespace'],
  ['our own namespace', pod(), namespace('heddle-system'), 'required', 'skip SystemNamespace'],
];

test.each(cases)('%s', (_, subject, space, entry, expected) => {
  const decision = decide(subject, space, entry);
  expect(decision.kind === 'skip' ? `skip ${decision.reason}` : decision.kind).toBe(expected);
});

test('a refusal names the namespace, the label and the cause', () => {
  const decision = decide(pod({ hostNetwork: true }), namespace(), 'required');
  expect(decision).toMatchObject({
    message: expect.stringMatching(/namespace shop .*heddle.dev\/inject=required.*hostNetwork/),
  });
});
