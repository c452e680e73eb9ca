import type { Estimate } from './measure/statistics.ts';
import type { Entrant, GoalReport, Row, ScenarioReport } from './report.ts';
import { METRICS } from './scenarios.ts';

/** A report as text for people, in Markdown. */
export function printReport(
  entrants: readonly Entrant[],
  scenarios: readonly ScenarioReport[],
  notes: readonly string[],
): string {
  return [...notes, '', ...entrants.flatMap(printEntrant), ...scenarios.flatMap(printScenario)].join('\n');
}

function printEntrant(entrant: Entrant): string[] {
  if (entrant.absent !== undefined) return [`- ${entrant.title}: absent, ${entrant.absent}`];
  const faults = entrant.checks.filter((check) => check.fault !== undefined);
  const right = `${entrant.checks.length - faults.length} of ${entrant.checks.length} checks hold`;
  return [`- ${entrant.title}: ${right}`, ...faults.map((check) => `  - ${check.name}: ${check.fault}`)];
}

function printScenario(scenario: ScenarioReport): string[] {
  const titles = scenario.metrics.map((metric) => METRICS[metric]?.title ?? metric);
  const header = ['', ...titles, 'ours / it', 'rounds', 'rejected'];
  return [
    '',
    `## ${scenario.name}: ${scenario.title}`,
    '',
    `| ${header.join(' | ')} |`,
    `|${header.map(() => '---').join('|')}|`,
    ...scenario.rows.map((row) => `| ${cells(row, scenario.metrics).join(' | ')} |`),
    ...scenario.rows.flatMap((row) =>
      row.failure === undefined ? [] : ['', `${row.contender} failed: ${row.failure}`],
    ),
    ...scenario.rows.flatMap(printRejections),
    ...scenario.missing.map(({ contender, why }) => `\n${contender}: ${why}`),
    '',
    ...scenario.goals.map(printGoal),
  ];
}

function cells(row: Row, metrics: readonly string[]): string[] {
  const values = metrics.map((metric, index) => {
    const value = row.metrics[metric];
    if (value === undefined) return '–';
    return index === 0 ? withInterval(value, digitsOf(metric)) : value.median.toFixed(digitsOf(metric));
  });
  const ours = row.ours === undefined ? '' : withInterval(row.ours, 2);
  return [row.contender, ...values, ours, String(row.samples), String(row.rejected.length)];
}

function printRejections(row: Row): string[] {
  const counts = new Map<string, number>();
  for (const { reason } of row.rejected) {
    // Numbers differ each time; the reason is what counts.
    const kind = reason.replace(/\d+(?:\.\d+)?/g, 'N');
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return [...counts].map(([kind, count]) => `\n${row.contender}: ${count} rejected: ${kind}`);
}

function printGoal({ goal, measured, met, certain }: GoalReport): string {
  const what = METRICS[goal.metric]?.title ?? goal.metric;
  const digits = goal.kind === 'ratio' ? 2 : digitsOf(goal.metric);
  const wanted = goal.kind === 'ratio' ? `${what} <= ${goal.atMost} x ${goal.against}` : `${what} <= ${goal.atMost}`;
  if (measured === undefined) return `- goal ${wanted}: not measured`;
  return `- goal ${wanted}: ${withInterval(measured, digits)} ${met === true ? 'met' : 'MISSED'}${certain === true ? '' : ', but the interval reaches across'}`;
}

function withInterval(value: Estimate, digits: number): string {
  const median = value.median.toFixed(digits);
  if (value.samples === 1) return median;
  return `${median} (${value.low.toFixed(digits)}–${value.high.toFixed(digits)})`;
}

function digitsOf(metric: string): number {
  return METRICS[metric]?.digits ?? 1;
}
