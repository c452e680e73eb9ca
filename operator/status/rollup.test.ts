import { describe, expect, test } from '@jest/globals';
import type { Condition, PolicyStatus } from '../../crds/gen/types.ts';
import type { Rollout } from '../distribute/distribute.ts';
import { type RollupInput, rollup } from './rollup.ts';
import { transitions } from './transitions.ts';

const NOW = '2026-01-01T00:00:00Z';
const LATER = '2026-01-01T00:00:09Z';

function rollout(part: Partial<Rollout> = {}): Rollout {
  const selected = part.selected ?? 17;
  return {
    generation: 4,
    selected,
    acked: selected,
    inForce: selected,
    draining: 0,
    rejected: 0,
    lagging: 0,
    unreachable: 0,
    unexcused: 0,
    missing: 0,
    laggards: [],
    nextChangeAt: undefined,
    ...part,
  };
}

function input(part: Partial<RollupInput> = {}): RollupInput {
  return {
    kind: 'MeshPolicy',
    name: 'payment',
    generation: 4,
    effectiveGeneration: 4,
    violations: [],
    frozen: undefined,
    targets: [{ target: 'Service shop/payment:http' }],
    conflicts: [],
    rollout: rollout(),
    coverage: [],
    afterDeletion: false,
    ...part,
  };
}

const stopped = rollout({
  acked: 16,
  inForce: 16,
  unreachable: 1,
  unexcused: 1,
  missing: 1,
  laggards: [{ pod: 'shop/order-1', reason: 'no answer for 10 s (stream open)' }],
});

interface Case {
  readonly name: string;
  readonly input: RollupInput;
  /** `Accepted Programmed InForce Ready Stalled Conflicted`, reason where not True. */
  readonly conditions: readonly string[];
  readonly summary?: string;
  readonly says?: string;
}

const FINE = ['Accepted=True/Accepted', 'Programmed=True/Programmed', 'InForce=True/InForce', 'Ready=True/Ready'];
const MOVES = 'Stalled=False/Progressing';
const OWN = 'Conflicted=False/NoConflict';

const CASES: readonly Case[] = [
  {
    name: 'everywhere',
    input: input(),
    conditions: [...FINE, MOVES, OWN],
    summary: '17/17',
    says: 'Generation 4 is in force on all 17 selected proxies.',
  },
  {
    name: 'on its way, nobody late yet: not ready',
    input: input({ rollout: rollout({ acked: 10, inForce: 9, missing: 8 }) }),
    conditions: [
      'Accepted=True/Accepted',
      'Programmed=False/Pending',
      'InForce=False/Pending',
      'Ready=False/Pending',
      MOVES,
      OWN,
    ],
    summary: '9/17',
    says: 'Generation 4 is in force on 9 of 17 selected proxies.',
  },
  {
    name: 'acknowledged everywhere, not in force on one',
    input: input({ rollout: rollout({ inForce: 16, missing: 1 }) }),
    conditions: [
      'Accepted=True/Accepted',
      'Programmed=True/Programmed',
      'InForce=False/Pending',
      'Ready=False/Pending',
      MOVES,
      OWN,
    ],
  },
  {
    name: 'one lags',
    input: input({
      rollout: rollout({
        acked: 16,
        inForce: 16,
        lagging: 1,
        missing: 1,
        laggards: [{ pod: 'shop/a', reason: 'slow' }],
      }),
    }),
    conditions: [
      'Accepted=True/Accepted',
      'Programmed=False/Pending',
      'InForce=False/Pending',
      'Ready=False/Lagging',
      MOVES,
      OWN,
    ],
    says: 'Generation 4 is in force on 16 of 17 selected proxies; 1 proxy lags: shop/a (slow).',
  },
  {
    name: 'one is stopped (SIGSTOP): InForce is not True, and it is named',
    input: input({ rollout: stopped }),
    conditions: [
      'Accepted=True/Accepted',
      'Programmed=False/Pending',
      'InForce=False/Pending',
      'Ready=False/Unreachable',
      MOVES,
      OWN,
    ],
    summary: '16/17',
    says: 'Generation 4 is in force on 16 of 17 selected proxies; 1 proxy is unreachable: shop/order-1 (no answer for 10 s (stream open)).',
  },
  {
    name: 'the unreachable one’s pod is NotReady: Ready, though not in force there',
    input: input({ rollout: { ...stopped, unexcused: 0, missing: 0 } }),
    conditions: [
      'Accepted=True/Accepted',
      'Programmed=False/Pending',
      'InForce=False/Pending',
      'Ready=True/Ready',
      MOVES,
      OWN,
    ],
  },
  {
    name: 'one unreachable that was in force: InForce stays, Ready does not',
    input: input({ rollout: rollout({ unreachable: 1, unexcused: 1 }) }),
    conditions: [
      'Accepted=True/Accepted',
      'Programmed=True/Programmed',
      'InForce=True/InForce',
      'Ready=False/Unreachable',
      MOVES,
      OWN,
    ],
  },
  {
    name: 'refused by one',
    input: input({ rollout: rollout({ acked: 16, inForce: 16, rejected: 1, missing: 1 }) }),
    conditions: [
      'Accepted=True/Accepted',
      'Programmed=False/Rejected',
      'InForce=False/Rejected',
      'Ready=False/Rejected',
      MOVES,
      OWN,
    ],
  },
  {
    name: 'no proxies: in force, and the command that would mesh the caller',
    input: input({
      rollout: rollout({ selected: 0 }),
      coverage: [{ namespace: 'shop', workload: { kind: 'Deployment', name: 'order' }, meshed: 0, total: 6 }],
    }),
    conditions: [
      'Accepted=True/Accepted',
      'Programmed=True/NoProxies',
      'InForce=True/NoProxies',
      'Ready=True/NoProxies',
      MOVES,
      OWN,
    ],
    summary: '0/0',
    says: 'No proxy stands behind the target or calls it. 0 of 6 pods of order are meshed (kubectl rollout restart -n shop deploy/order).',
  },
  {
    name: 'malformed: the last good one stays',
    input: input({
      generation: 5,
      violations: [
        { path: 'spec.routes[0].timeouts.perTry', reason: 'Invalid', message: 'perTry is longer than request' },
      ] as RollupInput['violations'],
    }),
    conditions: [
      'Accepted=False/Invalid',
      'Programmed=False/NotAccepted',
      'InForce=False/NotAccepted',
      'Ready=False/NotAccepted',
      'Stalled=True/Stalled',
      OWN,
    ],
    says: 'Generation 5 is not accepted. Generation 4 is in force on all 17 selected proxies.',
  },
  {
    name: 'target not found',
    input: input({
      targets: [
        {
          target: 'Service shop/payment',
          problem: { reason: 'TargetNotFound', message: 'there is no Service shop/payment' },
        },
      ],
      rollout: rollout({ selected: 0 }),
    }),
    conditions: [
      'Accepted=False/TargetNotFound',
      'Programmed=False/NotAccepted',
      'InForce=False/NotAccepted',
      'Ready=False/NotAccepted',
      'Stalled=True/Stalled',
      OWN,
    ],
    says: 'Generation 4 is not accepted, and no proxy uses this policy.',
  },
  {
    name: 'the namespace is being deleted',
    input: input({ frozen: 'namespace' }),
    conditions: [
      'Accepted=False/NamespaceTerminating',
      'Programmed=False/NotAccepted',
      'InForce=False/NotAccepted',
      'Ready=False/NotAccepted',
      'Stalled=True/Stalled',
      OWN,
    ],
  },
  {
    name: 'a section belongs to an older policy, the rest is in force',
    input: input({ conflicts: [{ section: 'routes', target: 'Service shop/payment:http', winner: 'shop/old' }] }),
    conditions: [...FINE, MOVES, 'Conflicted=True/OlderPolicyWins'],
  },
  {
    name: 'all of it belongs to older policies',
    input: input({
      conflicts: [{ section: 'routes', target: 'Service shop/payment:http', winner: 'shop/old' }],
      rollout: rollout({ selected: 0 }),
    }),
    conditions: [
      'Accepted=True/Accepted',
      'Programmed=False/Conflicted',
      'InForce=False/Conflicted',
      'Ready=False/Conflicted',
      MOVES,
      'Conflicted=True/OlderPolicyWins',
    ],
    says: 'No proxy uses this policy. routes of Service shop/payment:http belongs to shop/old, which is older. Every other section stays in force.',
  },
  {
    name: 'a MeshConfig with another name',
    input: input({ kind: 'MeshConfig', name: 'canary' }),
    conditions: [
      'Accepted=False/UnsupportedName',
      'Programmed=False/NotAccepted',
      'InForce=False/NotAccepted',
      'Ready=False/NotAccepted',
      'Stalled=True/Stalled',
    ],
  },
];

describe('rollup', () => {
  test.each(CASES)('$name', ({ input: given, conditions, summary, says }) => {
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
        conflicts: Array.from({ length: 64 }, (_, at) => ({
          section: 'routes' as const,
          target: `Service ${long}/${at}`,
          winner: `${long}/${long}`,
        })),
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
