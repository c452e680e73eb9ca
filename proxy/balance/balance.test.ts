import { describe, expect, test } from '@jest/globals';
import { seededRandom } from '../base/testing/wait.ts';
import { EndpointRegistry, type EndpointState } from './endpoints.ts';
import { type EndpointGroup, pick } from './pick.ts';
import { RetryBudget } from './retry-budget.ts';
import { makeSplit } from './split.ts';

const registry = new EndpointRegistry();
const states = (count: number): EndpointState[] =>
  Array.from({ length: count }, (_, index) =>
    new EndpointRegistry().acquire({ address: `10.0.0.${index}`, port: 1, subsets: [] }, 0, true),
  );
const group = (members: readonly EndpointState[], name = ''): EndpointGroup => ({ name, members, cursor: 0 });

describe('pick', () => {
  const input = { random: seededRandom(7), now: 0 };

  test('round robin takes turns and passes over quarantine', () => {
    const members = states(3);
    const turns = group(members);
    const four = Array.from({ length: 6 }, () => members.indexOf(pick(turns, { ...input, policy: 'RoundRobin' })!));
    expect(four).toEqual([1, 2, 0, 1, 2, 0]);
    members[1]!.quarantined = true;
    for (let turn = 0; turn < 30; turn++) {
      expect(pick(turns, { ...input, policy: 'RoundRobin' })).not.toBe(members[1]);
    }
  });

  test('least request prefers the less loaded one of two', () => {
    const members = states(2);
    members[0]!.inflight = 5;
    for (let turn = 0; turn < 20; turn++) {
      expect(pick(group(members), { ...input, policy: 'LeastRequest' })).toBe(members[1]);
    }
  });

  test('a warming endpoint gets less', () => {
    const members = [
      states(1)[0]!,
      new EndpointRegistry().acquire({ address: '10.9.9.9', port: 1, subsets: [] }, 0, false),
    ];
    members[0]!.inflight = 3;
    expect(pick(group(members), { ...input, policy: 'LeastRequest', now: 1_000 })).toBe(members[0]);
    expect(pick(group(members), { ...input, policy: 'LeastRequest', now: 30_000 })).toBe(members[1]);
  });

  test.each(['LeastRequest', 'RoundRobin', 'Random'] as const)('%s never leaves the last one out', (policy) => {
    const members = states(3);
    for (const member of members) member.quarantined = true;
    expect(pick(group(members), { ...input, policy })).toBeDefined();
    expect(pick(group(members.slice(0, 1)), { ...input, policy }, members[0])).toBe(members[0]);
    members[2]!.quarantined = false;
    expect(pick(group(members), { ...input, policy }, members[2])).toBe(members[2]);
    members[1]!.quarantined = false;
    for (let turn = 0; turn < 20; turn++)
      expect(pick(group(members), { ...input, policy }, members[2])).toBe(members[1]);
    expect(pick(group([]), { ...input, policy })).toBeUndefined();
  });
});

describe('pick among bad ones', () => {
  const input = { random: seededRandom(11), now: 0 };
  const policies = ['LeastRequest', 'RoundRobin', 'Random'] as const;

  test.each(policies)(
    '%s: leaving before avoided, avoided before quarantine, quarantine before the one that just failed',
    (policy) => {
      const [first, second, third] = states(3);
      const all = group([first!, second!, third!]);
      const always = (expected: EndpointState | undefined, avoid?: EndpointState): void => {
        for (let turn = 0; turn < 30; turn++) expect(pick(all, { ...input, policy }, avoid)).toBe(expected);
      };
      first!.quarantined = true;
      second!.leaving = true;
      always(third);
      always(second, third);
      second!.leaving = false;
      second!.quarantined = true;
      always(third, third);
      third!.quarantined = true;
      for (let turn = 0; turn < 30; turn++) expect(pick(all, { ...input, policy }, third)).not.toBe(third);
    },
  );
});

describe('split', () => {
  const v1 = group(states(1), 'v1');
  const v2 = group(states(1), 'v2');
  const none = group([], 'v3');
  const groups = new Map([
    ['', v1],
    ['v1', v1],
    ['v2', v2],
    ['v3', none],
  ]);
  const subsets = [
    { name: 'v1', onEmpty: 'Redistribute' as const },
    { name: 'v2', onEmpty: 'Redistribute' as const },
    { name: 'v3', onEmpty: 'Redistribute' as const },
  ];

  test.each([1, 2, 3, 4, 5])(
    '95/5 is exact to a tenth of a point over 4,000 (seed %i), also for every second request',
    (seed) => {
      const split = makeSplit(
        [
          { subset: 'v1', weight: 95 },
          { subset: 'v2', weight: 5 },
        ],
        subsets,
        groups,
        seededRandom(seed),
      );
      let second = 0;
      let secondOfEven = 0;
      for (let turn = 0; turn < 4_000; turn++) {
        const share = split.next();
        if (share.kind !== 'group' || share.group !== v2) continue;
        second++;
        if (turn % 2 === 0) secondOfEven++;
      }
      expect(Math.abs(second / 40 - 5)).toBeLessThan(0.1);
      expect(Math.abs(secondOfEven / 20 - 5)).toBeLessThan(0.2);
    },
  );

  test('an empty subset gives its share away, or keeps it and fails', () => {
    const backends = [
      { subset: 'v3', weight: 50 },
      { subset: 'v2', weight: 50 },
    ];
    const spread = makeSplit(backends, subsets, groups, seededRandom(1));
    for (let turn = 0; turn < 10; turn++) expect(spread.next()).toEqual({ kind: 'group', group: v2 });
    const failing = makeSplit(backends, [subsets[1]!, { name: 'v3', onEmpty: 'Fail' }], groups, seededRandom(1));
    const seen = Array.from({ length: 100 }, () => failing.next());
    const failed = seen.filter((share) => share.kind === 'empty' && share.reason === 'subset_empty').length;
    expect(failed).toBeGreaterThan(45);
    expect(failed).toBeLessThan(55);
  });

  test('nothing left: the reason says so; weight 0 gets nothing', () => {
    expect(makeSplit([{ subset: 'v3', weight: 1 }], subsets, groups, seededRandom(1)).next()).toMatchObject({
      kind: 'empty',
      reason: 'subset_empty',
    });
    expect(makeSplit([], [], new Map([['', none]]), seededRandom(1)).next()).toMatchObject({ reason: 'no_endpoints' });
    const weights = [
      { subset: 'v1', weight: 0 },
      { subset: 'v2', weight: 1 },
    ];
    expect(makeSplit(weights, subsets, groups, seededRandom(1)).next()).toEqual({ kind: 'group', group: v2 });
  });
});

describe('retry budget', () => {
  const limits = { percent: 20, minPerSecond: 1 };

  test('ten retries in ten seconds without traffic, then none until the window moved', () => {
    const budget = new RetryBudget();
    const taken = Array.from({ length: 15 }, () => budget.take(5_000, limits)).filter(Boolean).length;
    expect(taken).toBe(10);
    expect(budget.take(14_999, limits)).toBe(false);
    expect(budget.take(15_000, limits)).toBe(true);
  });

  test('a share of the requests when there are many', () => {
    const budget = new RetryBudget();
    for (let count = 0; count < 1_000; count++) budget.request(1_000);
    const taken = Array.from({ length: 500 }, () => budget.take(1_500, limits)).filter(Boolean).length;
    expect(taken).toBe(200);
  });

  test('a long silence empties everything', () => {
    const budget = new RetryBudget();
    for (let count = 0; count < 100; count++) budget.request(1_000);
    expect(budget.take(1_000_000, { percent: 20, minPerSecond: 0 })).toBe(false);
  });

  test('nothing allowed is nothing taken', () => {
    expect(new RetryBudget().take(0, { percent: 0, minPerSecond: 0 })).toBe(false);
  });
});

test('the registry shares endpoints and forgets what nobody holds', () => {
  const endpoint = { address: '10.0.0.1', port: 80, pod: 'a', subsets: [] };
  const first = registry.acquire(endpoint, 0, true);
  expect(registry.acquire({ ...endpoint, subsets: ['v1'] }, 0, true)).toBe(first);
  expect(registry.acquire({ ...endpoint, pod: 'b' }, 0, true)).not.toBe(first);
  registry.release(first);
  expect(registry.size).toBe(2);
  registry.release(first);
  expect(registry.size).toBe(1);
});
