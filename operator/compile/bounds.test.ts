import { expect, test } from '@jest/globals';
import { claimsOf } from '../model/model.ts';
import { endpoint, pod, policy, service, slice } from '../model/testing/objects.ts';
import { worldOf } from '../model/testing/world.ts';
import { compileKey } from './compile.ts';

/** What one namespace can write must not cost everybody's time: the operator has one thread. */

const VIEWER = { namespace: 'shop', podUid: 'uid-shop/p' };
const LABELS = { app: 'a' };
const POD = pod('shop/p', { ip: '10.1.0.1', labels: LABELS });

const ports = (count: number, targetPort?: number) =>
  Array.from({ length: count }, (_, at) => ({
    name: `p${at}`,
    port: 1_000 + at,
    targetPort: targetPort ?? 1_000 + at,
    protocol: 'TCP',
  }));
const services = (count: number) =>
  Array.from({ length: count }, (_, at) =>
    service(`shop/s${at}`, { ip: `10.96.0.${at}`, selector: LABELS, ports: ports(1_000, 3_000) }),
  );

test('a pod behind Services with 5,000 ports is taken, with more it is refused before any work', () => {
  const taken = worldOf(POD, ...services(5));
  expect(compileKey(taken, 'workload', VIEWER)?.content).toMatchObject({ ports: [{ port: 3_000 }] });
  expect(compileKey(taken, 'pod/10.1.0.1', VIEWER)?.content).toMatchObject({ ports: [{ port: 3_000 }] });
  const refused = worldOf(POD, ...services(6));
  for (const key of ['workload', 'pod/10.1.0.1'])
    expect(() => compileKey(refused, key, VIEWER)).toThrow('the Services of a pod have 6000 ports');
});

test('a Service with more endpoints than a message holds is refused before they are made', () => {
  const addresses = Array.from({ length: 200 }, (_, at) => endpoint(`203.0.113.${at}`));
  const world = worldOf(
    service('shop/big', { ip: '10.96.0.9', ports: ports(600) }),
    slice('shop/slice', 'big', addresses, ports(600)),
  );
  expect(() => compileKey(world, 'service/shop/big', VIEWER)).toThrow('the Service has 120000 endpoints');
});

test('the claims of a policy on a Service of many ports are looked up once for all that no policy names', () => {
  const target = { kind: 'Service', name: 'big' };
  const balancing = { loadBalancing: { policy: 'Random' } };
  const world = worldOf(
    service('shop/big', { ip: '10.96.0.9', ports: ports(1_000) }),
    policy('MeshPolicy', 'shop/a', { targetRefs: [target], ...balancing }),
    policy('MeshPolicy', 'shop/b', { targetRefs: [target], ...balancing }, { created: '2026-02-01T00:00:00Z' }),
    policy('MeshPolicy', 'shop/c', { targetRefs: [{ ...target, sectionName: 'p7' }], ...balancing }),
  );
  const effective = world.meshPolicies.get('shop/b')?.effective;
  if (effective === undefined) throw new Error('not in force');
  let lookUps = 0;
  const targeting = world.meshPolicies.targeting.bind(world.meshPolicies);
  world.meshPolicies.targeting = (name) => {
    lookUps++;
    return targeting(name);
  };
  const { conflicts } = claimsOf(world, effective);
  expect(lookUps).toBeLessThan(10);
  expect(conflicts.length).toBe(1_000);
  expect(conflicts[0]).toEqual({ section: 'loadBalancing', target: 'Service shop/big:p0', winner: 'shop/a' });
});
