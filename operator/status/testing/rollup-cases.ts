import type { Rollout } from '../../distribute/distribute.ts';
import type { RollupInput } from '../rollup-input.ts';

export const NOW = '2026-01-01T00:00:00Z';
export const LATER = '2026-01-01T00:00:09Z';

export function rollout(part: Partial<Rollout> = {}): Rollout {
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

export function input(part: Partial<RollupInput> = {}): RollupInput {
  return {
    kind: 'MeshPolicy',
    name: 'payment',
    generation: 4,
    inForce: { kind: 'generation', generation: 4 },
    violations: [],
    frozen: undefined,
    targets: [{ target: 'Service shop/payment:http' }],
    claims: { conflicts: [], owned: 1 },
    rollout: rollout(),
    coverage: [],
    afterDeletion: false,
    ...part,
  };
}

export const stopped = rollout({
  acked: 16,
  inForce: 16,
  unreachable: 1,
  unexcused: 1,
  missing: 1,
  laggards: [{ pod: 'shop/order-1', reason: 'no answer for 10 s (stream open)' }],
});

export interface RollupCase {
  readonly name: string;
  readonly input: RollupInput;
  /** `Accepted Programmed InForce Ready Stalled Conflicted`, reason where not True. */
  readonly conditions: readonly string[];
  readonly summary?: string;
  readonly says?: string;
}

const ROUTES_LOST = { section: 'routes', target: 'Service shop/payment:http', winner: 'shop/old' } as const;
const FINE = ['Accepted=True/Accepted', 'Programmed=True/Programmed', 'InForce=True/InForce', 'Ready=True/Ready'];
const MOVES = 'Stalled=False/Progressing';
const OWN = 'Conflicted=False/NoConflict';

export const ROLLUP_CASES: readonly RollupCase[] = [
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
    input: input({ claims: { conflicts: [ROUTES_LOST], owned: 1 } }),
    conditions: [...FINE, MOVES, 'Conflicted=True/OlderPolicyWins'],
  },
  {
    name: 'all of it belongs to older policies',
    input: input({
      claims: { conflicts: [ROUTES_LOST], owned: 0 },
      // Proxies hold its name beside the content of others.
      rollout: rollout({ inForce: 16, lagging: 1, missing: 1 }),
    }),
    conditions: [
      'Accepted=True/Accepted',
      'Programmed=False/Conflicted',
      'InForce=False/Conflicted',
      'Ready=False/Conflicted',
      MOVES,
      'Conflicted=True/OlderPolicyWins',
    ],
    says: 'No proxy uses this policy. routes of Service shop/payment:http belongs to shop/old, which is older. Nothing else is in it.',
    summary: '0/0',
  },
  {
    name: 'a closed form stands in for what is not known any more',
    input: input({
      kind: 'MeshAccessPolicy',
      violations: [{ path: 'spec.mtls.mode', reason: 'Invalid', message: 'must be Strict' }],
      inForce: { kind: 'closed' },
      rollout: rollout({ selected: 3 }),
    }),
    conditions: [
      'Accepted=False/Invalid',
      'Programmed=False/NotAccepted',
      'InForce=False/NotAccepted',
      'Ready=False/NotAccepted',
      'Stalled=True/Stalled',
    ],
    says: 'Generation 4 is not accepted. The generation that was in force before this operator started is not known any more, so the closed form stands in for it: Strict, and nobody is allowed; it is on 3 of 3 selected proxies.',
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
