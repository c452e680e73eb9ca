import { DIRECT, OURSELVES } from './contenders.ts';
import type { Check } from './correctness.ts';
import { type Estimate, estimate, ratios, seeded } from './measure/statistics.ts';
import type { Results, Series } from './rounds.ts';
import type { Goal, Scenario, Values } from './scenarios.ts';

export interface Entrant {
  readonly name: string;
  readonly title: string;
  readonly checks: readonly Check[];
  /** Why it took no part in anything. */
  readonly absent?: string;
}

export interface Row {
  readonly contender: string;
  readonly samples: number;
  readonly metrics: Readonly<Record<string, Estimate>>;
  /** Ourselves over this contender, of the scenario's first metric, round by round. */
  readonly ours?: Estimate;
  readonly rejected: readonly { readonly round: number; readonly reason: string }[];
  /** Median share of the proxies' core that went to others. */
  readonly foreign: number;
  readonly failure?: string;
}

export interface GoalReport {
  readonly goal: Goal;
  readonly measured?: Estimate;
  /** By the median. Undefined: not measured. */
  readonly met?: boolean;
  /** Whether the whole interval says the same. */
  readonly certain?: boolean;
}

export interface ScenarioReport {
  readonly name: string;
  readonly title: string;
  readonly metrics: readonly string[];
  readonly rows: readonly Row[];
  readonly goals: readonly GoalReport[];
  /** Who should be here and is not. */
  readonly missing: readonly { readonly contender: string; readonly why: string }[];
}

const SEED = 20_261_122;

/** Everything of a scenario, computed: medians, intervals, ratios, goals. */
export function reportScenario(
  scenario: Scenario,
  results: Results,
  missing: ScenarioReport['missing'],
): ScenarioReport {
  const series = withAdded(results.get(scenario.name) ?? new Map<string, Series>());
  const primary = scenario.metrics[0] ?? '';
  const ours = series.get(OURSELVES);
  const rows = [...series].map(([contender, own]): Row => {
    const ratio = contender === OURSELVES ? undefined : ratioOf(ours, own, primary);
    return {
      contender,
      samples: own.rounds.size,
      metrics: Object.fromEntries(
        scenario.metrics.flatMap((metric) => {
          const value = estimate([...column(own, metric).values()], seeded(SEED));
          return value === undefined ? [] : [[metric, value]];
        }),
      ),
      ...(ratio === undefined || contender === DIRECT ? {} : { ours: ratio }),
      rejected: own.rejected,
      foreign: estimate(own.foreign, seeded(SEED))?.median ?? 0,
      ...(own.failure === undefined ? {} : { failure: own.failure }),
    };
  });
  const goals = scenario.goals.map((goal) => judge(goal, series));
  return { name: scenario.name, title: scenario.title, metrics: scenario.metrics, rows, goals, missing };
}

/** With what each adds to the direct way of the same round. */
function withAdded(series: ReadonlyMap<string, Series>): ReadonlyMap<string, Series> {
  const direct = series.get(DIRECT);
  if (direct === undefined) return series;
  return new Map(
    [...series].map(([name, own]) => {
      if (name === DIRECT) return [name, own];
      const rounds = new Map(
        [...own.rounds].map(([round, values]) => [round, added(values, direct.rounds.get(round))]),
      );
      return [name, { ...own, rounds }];
    }),
  );
}

function added(values: Values, direct: Values | undefined): Values {
  if (direct === undefined) return values;
  const more = Object.entries(values).flatMap(([metric, value]) => {
    const base = direct[metric];
    return base === undefined || !metric.startsWith('p') ? [] : [[`addedP${metric.slice(1)}`, value - base] as const];
  });
  return { ...values, ...Object.fromEntries(more) };
}

function judge(goal: Goal, series: ReadonlyMap<string, Series>): GoalReport {
  const ours = series.get(OURSELVES);
  const measured =
    goal.kind === 'ratio'
      ? ratioOf(ours, series.get(goal.against), goal.metric)
      : estimate([...column(ours, goal.metric).values()], seeded(SEED));
  if (measured === undefined) return { goal };
  const met = measured.median <= goal.atMost;
  return { goal, measured, met, certain: met ? measured.high <= goal.atMost : measured.low > goal.atMost };
}

function ratioOf(ours: Series | undefined, theirs: Series | undefined, metric: string): Estimate | undefined {
  return estimate(ratios(column(ours, metric), column(theirs, metric)), seeded(SEED));
}

function column(series: Series | undefined, metric: string): ReadonlyMap<number, number> {
  const values = [...(series?.rounds ?? [])].flatMap(([round, all]) => {
    const value = all[metric];
    return value === undefined ? [] : [[round, value] as const];
  });
  return new Map(values);
}
