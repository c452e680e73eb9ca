import { expect, test } from '@jest/globals';
import type { V1Pod } from '@kubernetes/client-node';
import { workloadName } from './workload.ts';

const owned = (kind: string, name: string, labels: Record<string, string> = {}): V1Pod => ({
  metadata: { name: 'p', labels, ownerReferences: [{ apiVersion: 'v1', kind, name, uid: 'u', controller: true }] },
});

/** As `operator/model/strip-pod.ts` names them: the same workload must not have two names. */
test.each<[V1Pod, string]>([
  [owned('ReplicaSet', 'payment-v1-6b7f', { 'pod-template-hash': '6b7f' }), 'payment-v1'],
  [owned('ReplicaSet', 'by-hand'), 'by-hand'],
  [owned('StatefulSet', 'db'), 'db'],
  [owned('DaemonSet', 'agent'), 'agent'],
  [owned('Job', 'import'), 'import'],
  [owned('Job', 'report-29012345'), 'report'],
  [{ metadata: { name: 'alone' } }, 'alone'],
  [{ metadata: { generateName: 'alone-' } }, 'alone'],
])('%#', (pod, name) => {
  expect(workloadName(pod)).toBe(name);
});
