import { describe, expect, test } from '@jest/globals';
import { namespace, pod, policy } from './testing/objects.ts';
import { applyAll, changeOf, remove, worldOf } from './testing/world.ts';
import type { World } from './world.ts';

const TARGET = { targetRefs: [{ kind: 'Service', name: 'payment' }] };
const good = (request: string, options = {}) =>
  policy('MeshPolicy', 'shop/payment', { ...TARGET, defaults: { timeouts: { request } } }, options);
const bad = (options = {}) => good('ten seconds', options);
const strict = (options = {}) =>
  policy('MeshAccessPolicy', 'shop/strict', { targetRefs: [{ kind: 'Namespace' }], mtls: { mode: 'Strict' } }, options);

const held = (world: World) => world.meshPolicies.get('shop/payment');
const access = (world: World) => world.meshAccessPolicies.get('shop/strict');

describe('last good', () => {
  test('a spec that breaks a rule is set aside; the last good one stays in force', () => {
    const world = worldOf(good('10s', { generation: 1 }), bad({ generation: 2 }));
    expect(held(world)).toMatchObject({
      object: { generation: 2 },
      effective: { generation: 1, spec: { defaults: { timeouts: { request: '10s' } } } },
      violations: [{ path: 'spec.defaults.timeouts.request', reason: 'Invalid' }],
    });
    applyAll(world, good('5s', { generation: 3 }));
    expect(held(world)).toMatchObject({ effective: { generation: 3 }, violations: [] });
  });

  test('one that was never good is not in force', () => {
    expect(held(worldOf(bad()))).toMatchObject({ effective: undefined, violations: [{ reason: 'Invalid' }] });
  });

  test('a new object of the same name does not inherit it', () => {
    expect(held(worldOf(good('10s', { uid: '1' }), bad({ uid: '2' })))?.effective).toBeUndefined();
  });

  test.each([
    ['a later generation', { generation: 2 }, 'Strict'],
    ['a first generation that was accepted', { accepted: true }, 'Strict'],
    ['a first generation that never was', {}, undefined],
  ])('after a restart an access policy that cannot be understood is closed: %s', (_name, options, mode) => {
    const broken = policy(
      'MeshAccessPolicy',
      'shop/strict',
      { targetRefs: [{ kind: 'Namespace' }], mtls: { mode: 'Very' } },
      options,
    );
    expect(access(worldOf(broken))?.effective?.spec.mtls?.mode).toBe(mode);
    expect(access(worldOf(broken))?.effective?.spec.authorization?.defaultAction).toBe(
      mode === undefined ? undefined : 'Deny',
    );
  });
});

describe('absence is never permission', () => {
  const alive = namespace('shop');
  const dying = namespace('shop', { terminating: true });

  test('a policy that a user deletes is gone', () => {
    const world = worldOf(alive, strict());
    expect(remove(world, strict()).policies).toContain('uid-MeshAccessPolicy-shop/strict');
    expect(access(world)).toBeUndefined();
  });

  test('a terminating namespace freezes its policies: against deletion, against change', () => {
    const world = worldOf(alive, strict(), dying);
    const permissive = policy(
      'MeshAccessPolicy',
      'shop/strict',
      { targetRefs: [{ kind: 'Namespace' }], mtls: { mode: 'Permissive' } },
      { generation: 2 },
    );
    applyAll(world, permissive);
    expect(access(world)).toMatchObject({
      frozen: 'namespace',
      object: { generation: 2 },
      effective: { spec: { mtls: { mode: 'Strict' } } },
    });
    remove(world, permissive);
    expect(access(world)).toMatchObject({
      frozen: 'namespace',
      object: undefined,
      effective: { spec: { mtls: { mode: 'Strict' } } },
    });
  });

  test('an operator that starts meanwhile takes in what is still there', () => {
    expect(access(worldOf(dying, strict()))).toMatchObject({ frozen: undefined, effective: { generation: 1 } });
  });

  test('it ends with the namespace, but not before the last pod', () => {
    const member = pod('shop/p', { ip: '10.1.0.1' });
    const world = worldOf(alive, member, strict(), dying);
    remove(world, strict());
    remove(world, dying);
    expect(access(world)?.effective).toBeDefined();
    expect(remove(world, member).policies).toContain('uid-MeshAccessPolicy-shop/strict');
    expect(access(world)).toBeUndefined();
  });

  test('a deletion that is heard after the namespace and its pods have gone ends it at once', () => {
    const world = worldOf(alive, strict(), dying);
    remove(world, dying);
    const change = changeOf(strict(), true);
    if (change.resource !== 'meshAccessPolicies') throw new Error(change.resource);
    expect(world.apply({ ...change, because: 'namespace' }).policies).toContain('uid-MeshAccessPolicy-shop/strict');
    expect(access(world)).toBeUndefined();
  });

  test('what is frozen ends when the name comes back, also where its end was not heard', () => {
    const world = worldOf(pod('shop/p'), strict());
    const change = changeOf(strict(), true);
    if (change.resource !== 'meshAccessPolicies') throw new Error(change.resource);
    world.apply({ ...change, because: 'namespace' });
    expect(access(world)?.frozen).toBe('namespace');
    applyAll(world, namespace('shop', { uid: 'another' }));
    expect(access(world)).toBeUndefined();
  });

  test('it ends when the name belongs to another namespace', () => {
    const world = worldOf(alive, pod('shop/p'), strict(), dying);
    remove(world, strict());
    const affected = applyAll(world, namespace('shop', { uid: 'another' }));
    expect(access(world)).toBeUndefined();
    expect(affected.workloads).toContain('uid-shop/p');
  });

  test.each(['namespace', 'kind'] as const)(
    'a deletion that the caller knows to be of the %s keeps what is in force',
    (because) => {
      const world = worldOf(alive, strict());
      const change = changeOf(strict(), true);
      if (change.resource !== 'meshAccessPolicies') throw new Error(change.resource);
      world.apply({ ...change, because });
      expect(access(world)).toMatchObject({ frozen: because, effective: { spec: { mtls: { mode: 'Strict' } } } });
      // The kind came back with the object.
      applyAll(world, strict({ uid: 'new' }));
      expect(access(world)).toMatchObject({ frozen: undefined, effective: { uid: 'new' } });
    },
  );
});

describe('MeshConfig', () => {
  const config = (trustDomain: string, options = {}) => policy('MeshConfig', 'default', { trustDomain }, options);

  test('none: the built-in values', () => {
    expect(worldOf().settings).toMatchObject({
      trustDomain: 'cluster.local',
      minimumMtls: 'Permissive',
      leafMs: 86_400_000,
    });
  });

  test('a deleted one keeps its values, and the next one is told', () => {
    const world = worldOf(config('a.example', { uid: '1' }));
    remove(world, config('a.example', { uid: '1' }));
    expect(world.settings.trustDomain).toBe('a.example');
    expect(world.meshConfigs.get('default')).toMatchObject({ frozen: 'deleted', object: undefined });
    applyAll(world, config('a.example', { uid: '2' }));
    expect(world.meshConfigs.get('default')).toMatchObject({
      frozen: undefined,
      afterDeletion: true,
      effective: { uid: '2' },
    });
    applyAll(world, config('a.example', { uid: '2', generation: 2 }));
    expect(world.meshConfigs.get('default')).toMatchObject({ afterDeletion: true });
  });

  test('the trust domain does not change, not even through a deletion', () => {
    const world = worldOf(config('a.example', { uid: '1' }));
    remove(world, config('a.example', { uid: '1' }));
    applyAll(world, config('b.example', { uid: '2' }));
    expect(world.settings.trustDomain).toBe('a.example');
    expect(world.meshConfigs.get('default')?.violations).toMatchObject([{ path: 'spec.trustDomain' }]);
  });

  test('one of another name is refused and changes nothing', () => {
    const world = worldOf(policy('MeshConfig', 'blue', { trustDomain: 'b.example' }));
    expect(world.settings.trustDomain).toBe('cluster.local');
    expect(world.meshConfigs.get('blue')).toMatchObject({
      effective: undefined,
      violations: [{ path: 'metadata.name' }],
    });
  });
});

test('a status of our own on the object affects no key', () => {
  const world = worldOf(strict(), pod('shop/p'));
  const again = applyAll(world, strict());
  expect([again.keys, again.workloads.size, again.policies.size]).toEqual([new Set(), 0, 0]);
});
