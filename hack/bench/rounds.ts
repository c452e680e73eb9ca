import type { Attempt } from './measure/attempt.ts';
import type { Scenario, Values } from './scenarios.ts';

/** All that was measured of a contender in a scenario: by round, and what was rejected. */
export interface Series {
  readonly rounds: Map<number, Values>;
  readonly rejected: { readonly round: number; readonly reason: string }[];
  /** Foreign share of the proxies' core, of the samples taken. */
  readonly foreign: number[];
  /** Set when something broke: it takes no part any more. */
  failure?: string;
}

export interface RoundsOptions {
  readonly rounds: number;
  readonly scenarios: readonly Scenario[];
  /** Names, in their order, of those who take part in a scenario. */
  readonly contenders: (scenario: Scenario) => readonly string[];
  readonly measure: (contender: string, scenario: Scenario) => Promise<Attempt>;
  readonly say: (line: string) => void;
}

/** By scenario, then by contender. */
export type Results = ReadonlyMap<string, ReadonlyMap<string, Series>>;

/** A rejected measurement is tried once more within its round. */
const TRIES = 2;

/**
 * Everybody in every round, one after the other, so that what changes with time (heat, neighbours) meets all alike. Who goes first moves on by one each
 * round, so that nobody is always the one after the greediest.
 */
export async function runRounds(options: RoundsOptions): Promise<Results> {
  const results = new Map<string, Map<string, Series>>();
  for (let round = 1; round <= options.rounds; round++) {
    for (const scenario of options.scenarios) {
      const names = options.contenders(scenario);
      for (const name of rotate(names, round - 1)) {
        const series = seriesOf(results, scenario.name, name);
        if (series.failure !== undefined) continue;
        await take(series, round, name, scenario, options);
      }
    }
  }
  return results;
}

async function take(
  series: Series,
  round: number,
  name: string,
  scenario: Scenario,
  options: RoundsOptions,
): Promise<void> {
  const where = `round ${round}/${options.rounds}  ${scenario.name}  ${name}`;
  try {
    for (let attempt = 1; attempt <= TRIES; attempt++) {
      const result = await options.measure(name, scenario);
      if (result.kind === 'ok') {
        series.rounds.set(round, result.values);
        series.foreign.push(result.foreign.proxyCore);
        options.say(`${where}  ${summary(scenario, result.values)}`);
        return;
      }
      series.rejected.push({ round, reason: result.reason });
      options.say(`${where}  rejected: ${result.reason}`);
    }
  } catch (error) {
    series.failure = error instanceof Error ? error.message : String(error);
    options.say(`${where}  FAILED: ${series.failure}`);
  }
}

function seriesOf(results: Map<string, Map<string, Series>>, scenario: string, name: string): Series {
  const byName = results.get(scenario) ?? new Map<string, Series>();
  results.set(scenario, byName);
  const series = byName.get(name) ?? { rounds: new Map(), rejected: [], foreign: [] };
  byName.set(name, series);
  return series;
}

export function rotate<T>(list: readonly T[], by: number): readonly T[] {
  const at = list.length === 0 ? 0 : by % list.length;
  return [...list.slice(at), ...list.slice(0, at)];
}

function summary(scenario: Scenario, values: Values): string {
  return scenario.metrics
    .filter((metric) => values[metric] !== undefined)
    .slice(0, 3)
    .map((metric) => `${metric} ${values[metric]!.toFixed(1)}`)
    .join('  ');
}
