import { describe, expect, test } from '@jest/globals';
import type { PolicyChange } from '../model/model.ts';
import { namespace, pod, policy } from '../model/testing/objects.ts';
import { applyAll, changeOf, remove, worldOf } from '../model/testing/world.ts';
import type { World } from '../model/world.ts';
import { compileKey } from './compile.ts';

/** "Absence is never permission", as a proxy sees it: what is said of its own inbound side. */

const VIEWER = { namespace: 'shop', podUid: 'uid-shop/p' };
const POD = pod('shop/p', { ip: '10.1.0.1' });
const STRICT = policy('MeshAccessPolicy', 'shop/strict', {
  targetRefs: [{ kind: 'Namespace' }],
  mtls: { mode: 'Strict' },
});
const MESH = policy('MeshConfig', 'default', {
  trustDomain: 'corp.example',
  security: { mtls: { minimum: 'Strict' } },
});
const ALIVE = namespace('shop');
const DYING = namespace('shop', { terminating: true });

function inbound(world: World): { mode: string; trustDomain: string } | 'nothing is said' {
  const content = compileKey(world, 'workload', VIEWER)?.content;
  if (content?.kind !== 'workload') return 'nothing is said';
  return { mode: content.mtls.mode, trustDomain: content.trustDomain };
}

function goes(world: World, raw: unknown, because?: 'namespace' | 'kind'): void {
  const change = changeOf(raw, true) as PolicyChange;
  world.apply(because === undefined ? change : { ...change, because });
}

describe('what a proxy is told stays closed', () => {
  test('a person deleted the policy: that is no absence', () => {
    const world = worldOf(ALIVE, POD, STRICT);
    expect(inbound(world)).toMatchObject({ mode: 'Strict' });
    goes(world, STRICT);
    expect(inbound(world)).toMatchObject({ mode: 'Permissive' });
  });

  test('its CRD goes', () => {
    const world = worldOf(ALIVE, POD, STRICT);
    goes(world, STRICT, 'kind');
    expect(inbound(world)).toMatchObject({ mode: 'Strict' });
  });

  test('its namespace goes, whichever is heard first', () => {
    const first = worldOf(ALIVE, POD, STRICT, DYING);
    goes(first, STRICT);
    const second = worldOf(ALIVE, POD, STRICT);
    goes(second, STRICT, 'namespace');
    for (const world of [first, second]) expect(inbound(world)).toMatchObject({ mode: 'Strict' });
  });

  test('an operator that starts while the namespace goes does not know what went before: proxies keep what they hold', () => {
    const world = worldOf(DYING, POD);
    expect(inbound(world)).toBe('nothing is said');
    applyAll(world, pod('shop/q', { ip: '10.1.0.2' }));
    expect(compileKey(world, 'workload', { namespace: 'shop', podUid: 'uid-shop/q' })).toBeUndefined();
    const affected = applyAll(world, namespace('shop', { uid: 'another' }));
    expect(inbound(world)).toMatchObject({ mode: 'Permissive' });
    expect(affected.workloads).toContain('uid-shop/p');
  });

  test('what was seen alive is known to its end', () => {
    expect(inbound(worldOf(ALIVE, POD, DYING))).toMatchObject({ mode: 'Permissive' });
  });

  test('MeshConfig goes: its last values stay, until another one comes', () => {
    const world = worldOf(ALIVE, POD, MESH);
    remove(world, MESH);
    expect(inbound(world)).toEqual({ mode: 'Strict', trustDomain: 'corp.example' });
    applyAll(world, policy('MeshConfig', 'default', { trustDomain: 'corp.example' }, { uid: 'next' }));
    expect(inbound(world)).toEqual({ mode: 'Permissive', trustDomain: 'corp.example' });
  });

  test('a policy that cannot be understood any more after a restart is closed', () => {
    const spec = { targetRefs: [], mtls: { mode: 'Loose' } };
    const broken = policy('MeshAccessPolicy', 'shop/strict', spec, { generation: 2 });
    expect(inbound(worldOf(ALIVE, POD, broken))).toMatchObject({ mode: 'Strict' });
  });
});
