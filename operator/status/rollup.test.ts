import { describe, expect, test } from '@jest/globals';
import type { Condition, PolicyStatus } from '../../crds/gen/types.ts';
import { rollup } from './rollup.ts';
import { input, LATER, NOW, ROLLUP_CASES, rollout, stopped } from './testing/rollup-cases.ts';
import { transitions } from './transitions.ts';

describe('rollup', () => {
  test.each(ROLLUP_CASES)('$name', ({ input: given, conditions, summary, says }) => {
    const status = rollup(given, [], NOW);
    expect(status.conditions?.map((one) => `${one.type}=${one.status}/${one.reason}`)).toEqual(conditions);
    if (summary !== undefined) expect(status.summary).toBe(summary);
    if (says !== undefined) expect(status.conditions?.find((one) => one.type === 'Ready')?.message).toBe(says);
    for (const one of status.conditions ?? []) expect(one.observedGeneration).toBe(given.generation);
  });

  test('times move only with the status of a condition', () => {
    const before = rollup(input(), [], NOW);
    const after = rollup(input({ rollout: stopped }), before.conditions as Condition[], LATER);
    const times = Object.fromEntries((after.conditions ?? []).map((one) => [one.type, one.lastTransitionTime]));
    expect(times).toMatchObject({ Accepted: NOW, Programmed: LATER, InForce: LATER, Ready: LATER, Stalled: NOW });
  });

  test('the rollout is told in the members of the CRD', () => {
    expect(rollup(input({ rollout: stopped }), [], NOW)).toMatchObject({
      observedGeneration: 4,
      target: 'Service shop/payment:http',
      rollout: { generation: 4, selected: 17, inForce: 16, draining: 0, rejected: 0, lagging: 0, unreachable: 1 },
      laggards: [{ pod: 'shop/order-1', reason: 'no answer for 10 s (stream open)' }],
    });
  });

  test('stays under 8 KiB in the worst case', () => {
    const long = 'x'.repeat(253);
    const status = rollup(
      input({
        targets: Array.from({ length: 16 }, (_, at) => ({ target: `Service ${long}/${long}${at}` })),
        claims: {
          owned: 1,
          conflicts: Array.from({ length: 64 }, (_, at) => ({
            section: 'routes' as const,
            target: `Service ${long}/${at}`,
            winner: `${long}/${long}`,
          })),
        },
        coverage: Array.from({ length: 50 }, (_, at) => ({
          namespace: long.slice(0, 63),
          workload: { kind: 'Deployment', name: `${long}${at}` },
          meshed: 0,
          total: 100,
        })),
        rollout: rollout({
          inForce: 3,
          acked: 3,
          rejected: 5,
          missing: 14,
          laggards: Array.from({ length: 5 }, () => ({ pod: `${long.slice(0, 63)}/${long}`, reason: 'y'.repeat(256) })),
        }),
      }),
      [],
      NOW,
    );
    expect(JSON.stringify(status).length).toBeLessThan(8 * 1024);
  });
});

describe('transitions', () => {
  const fine = rollup(input(), [], NOW);
  const pending = rollup(input({ generation: 4, rollout: rollout({ inForce: 1, missing: 16 }) }), [], NOW);
  const late = rollup(input({ rollout: stopped }), [], NOW);
  const bad = rollup(
    input({ targets: [{ target: 'x', problem: { reason: 'TargetNotFound', message: 'no x' } }] }),
    [],
    NOW,
  );
  const of = (before: PolicyStatus | undefined, after: PolicyStatus): string[] =>
    transitions(before, after).map((one) => `${one.type} ${one.reason}`);

  test.each<[string, PolicyStatus | undefined, PolicyStatus, string[]]>([
    ['a new policy on its way', undefined, pending, []],
    ['in force for the first time', pending, fine, ['Normal InForce']],
    ['in force as before', fine, fine, []],
    ['stopped proxy', pending, late, ['Warning Unreachable']],
    ['target gone', fine, bad, ['Warning TargetNotFound']],
    ['target back', bad, fine, ['Normal Accepted', 'Normal InForce']],
    ['counters moved', late, rollup(input({ rollout: { ...stopped, selected: 20 } }), [], NOW), []],
  ])('%s', (_name, before, after, events) => {
    expect(of(before, after)).toEqual(events);
  });
});
