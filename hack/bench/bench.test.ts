import { describe, expect, test } from '@jest/globals';
import type { Attempt } from './measure/attempt.ts';
import { planMicro } from './micro.ts';
import { parseOptions } from './options.ts';
import { printReport } from './print.ts';
import { reportScenario } from './report.ts';
import { type Results, rotate, runRounds } from './rounds.ts';
import { METRICS, SCENARIOS, type Scenario } from './scenarios.ts';

const CALM = { proxyCore: 0, loadCore: 0 };
const ok = (values: Record<string, number>): Attempt => ({ kind: 'ok', values, foreign: CALM });

describe('options', () => {
  test('defaults, values and names', () => {
    expect(parseOptions([], [])).toMatchObject({ rounds: 5, seconds: 6, only: [], busy: false, json: false });
    const given = ['--json', '--rounds', '3', '--seconds', '2', '--only', 'hop', '--contender', 'nginx', '--busy'];
    expect(parseOptions(given, ['nginx'])).toMatchObject({
      json: true,
      rounds: 3,
      only: ['hop'],
      contenders: ['nginx'],
    });
  });

  test.each([
    [['--rounds'], 'whole number'],
    [['--rounds', '0'], 'whole number'],
    [['--seconds', '1.5'], 'whole number'],
    [['--only', 'nothing'], 'knows hop'],
    [['--what'], 'no option --what'],
    [['--node-options'], 'wants a value'],
  ])('%j is refused', (args, says) => {
    expect(() => parseOptions(args, [])).toThrow(says);
  });

  test('other options of Node are words', () => {
    expect(parseOptions(['--node-options', '--a=1  --b'], []).nodeOptions).toEqual(['--a=1', '--b']);
    expect(parseOptions([], []).nodeOptions).toBeUndefined();
  });

  test('micro-benchmarks by name, options after --', () => {
    expect(planMicro(['a', '--', '--runs', '5'], ['a', 'b'])).toEqual({
      list: false,
      names: ['a'],
      options: ['--runs', '5'],
    });
    expect(planMicro(['--list'], ['a', 'b'])).toEqual({ list: true, names: ['a', 'b'], options: [] });
    expect(() => planMicro(['c'], ['a'])).toThrow('no micro-benchmark c');
  });
});

test('every metric of a scenario has a title, every goal is about one of its metrics', () => {
  for (const scenario of SCENARIOS) {
    for (const metric of scenario.metrics) expect(METRICS[metric]).toBeDefined();
    for (const goal of scenario.goals) expect(scenario.metrics).toContain(goal.metric);
  }
});

describe('rounds', () => {
  const [hop] = SCENARIOS;
  const run = async (
    rounds: number,
    answer: (name: string, call: number) => Attempt | Error,
  ): Promise<{ order: string[]; results: Results }> => {
    const order: string[] = [];
    const results = await runRounds({
      rounds,
      scenarios: [hop!],
      contenders: () => ['a', 'b', 'c'],
      async measure(name) {
        order.push(name);
        const result = answer(name, order.length);
        if (result instanceof Error) throw result;
        return result;
      },
      say: () => {},
    });
    return { order, results };
  };

  test('everybody in every round, another one first each time', async () => {
    const { order, results } = await run(3, () => ok({ cpuUs: 1 }));
    expect(order).toEqual(['a', 'b', 'c', 'b', 'c', 'a', 'c', 'a', 'b']);
    expect(results.get('hop')?.get('b')?.rounds.size).toBe(3);
    expect(rotate([], 5)).toEqual([]);
  });

  test('a rejected measurement is tried once more, and counted with its reason', async () => {
    const { results } = await run(1, (name, call) =>
      name === 'a' && call === 1 ? { kind: 'rejected', reason: 'busy' } : ok({ cpuUs: 2 }),
    );
    const series = results.get('hop')?.get('a');
    expect(series?.rejected).toEqual([{ round: 1, reason: 'busy' }]);
    expect(series?.rounds.get(1)).toEqual({ cpuUs: 2 });
  });

  test('twice rejected gives no sample; what broke takes no part any more, and others go on', async () => {
    const { order, results } = await run(2, (name) => {
      if (name === 'a') return { kind: 'rejected', reason: 'late' };
      return name === 'b' ? new Error('crashed') : ok({ cpuUs: 3 });
    });
    expect(results.get('hop')?.get('a')?.rounds.size).toBe(0);
    expect(results.get('hop')?.get('a')?.rejected).toHaveLength(4);
    expect(results.get('hop')?.get('b')?.failure).toBe('crashed');
    expect(order.filter((name) => name === 'b')).toHaveLength(1);
    expect(results.get('hop')?.get('c')?.rounds.size).toBe(2);
  });
});

describe('report', () => {
  const series = (values: readonly Record<string, number>[]) => ({
    rounds: new Map(values.map((one, index) => [index + 1, one])),
    rejected: [],
    foreign: [0],
  });
  const scenario = (name: string): Scenario => SCENARIOS.find((one) => one.name === name)!;

  test('ratios are medians of rounds, not ratios of medians', () => {
    const results: Results = new Map([
      [
        'hop',
        new Map([
          ['haproxy', series([{ cpuUs: 10 }, { cpuUs: 100 }, { cpuUs: 20 }])],
          ['heddle', series([{ cpuUs: 11 }, { cpuUs: 110 }, { cpuUs: 40 }])],
        ]),
      ],
    ]);
    const report = reportScenario(scenario('hop'), results, []);
    expect(report.rows.find((row) => row.contender === 'haproxy')?.ours?.median).toBeCloseTo(1.1);
    expect(report.rows.find((row) => row.contender === 'heddle')?.ours).toBeUndefined();
    // Median 1.1 of 1.15, but one round says 2.
    expect(report.goals[0]).toMatchObject({ met: true, certain: false });
    expect(report.goals[1]?.met).toBeUndefined();
  });

  test('latency is what is added to the direct way of the same round', () => {
    const results: Results = new Map([
      [
        'latency',
        new Map([
          ['direct', series([{ p50: 50 }, { p50: 500 }])],
          ['envoy-h2', series([{ p50: 550 }, { p50: 1_000 }])],
          ['heddle', series([{ p50: 350 }, { p50: 800 }])],
        ]),
      ],
    ]);
    const report = reportScenario(scenario('latency'), results, []);
    expect(report.rows.find((row) => row.contender === 'heddle')?.metrics['addedP50']?.median).toBe(300);
    expect(report.goals[0]).toMatchObject({ met: true, certain: true, measured: { median: 0.6 } });
    expect(report.goals[1]?.met).toBeUndefined();
  });

  test('text names who is absent, what was missed and what was not measured', () => {
    const results: Results = new Map([
      ['hop', new Map([['heddle', { ...series([{ cpuUs: 30 }]), rejected: [{ round: 1, reason: '25 % busy' }] }]])],
    ]);
    const missing = [{ contender: 'haproxy', why: 'absent: haproxy not installed' }];
    const entrants = [
      { name: 'haproxy', title: 'HAProxy', checks: [], absent: 'haproxy not installed' },
      { name: 'heddle', title: 'Heddle', checks: [{ name: 'hop: first host', fault: 'status 503' }] },
    ];
    const text = printReport(entrants, [reportScenario(scenario('hop'), results, missing)], ['note']);
    expect(text).toContain('HAProxy: absent, haproxy not installed');
    expect(text).toContain('hop: first host: status 503');
    expect(text).toContain('heddle: 1 rejected: N % busy');
    expect(text).toContain('<= 1.15 x haproxy: not measured');
    expect(text).toContain('| heddle | 30.0 |');
  });
});
