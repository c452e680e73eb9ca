import type { Kubectl } from './kubectl.ts';

/** One sample of the Prometheus text format. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const METRICS_PORT = 19805;

/** Metrics of a pod's proxy, read through the API server: works on any cluster. */
export async function podMetrics(kubectl: Kubectl, namespace: string, pod: string): Promise<Sample[]> {
  const path = `/api/v1/namespaces/${namespace}/pods/${pod}:${METRICS_PORT}/proxy/metrics`;
  return parseMetrics((await kubectl(['get', '--raw', path])).stdout);
}

export function parseMetrics(text: string): Sample[] {
  const samples: Sample[] = [];
  for (const line of text.split('\n')) {
    const match = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line);
    if (match === null) continue;
    samples.push({ name: match[1]!, labels: parseLabels(match[2] ?? ''), value: Number(match[3]) });
  }
  return samples;
}

/** Sum of all samples of a name whose labels hold what is asked for. */
export function sum(
  samples: readonly Sample[],
  name: string,
  labels: Readonly<Record<string, string | RegExp>> = {},
): number {
  return samples
    .filter((sample) => sample.name === name && matches(sample, labels))
    .reduce((total, sample) => total + sample.value, 0);
}

function matches(sample: Sample, labels: Readonly<Record<string, string | RegExp>>): boolean {
  return Object.entries(labels).every(([name, wanted]) => {
    const value = sample.labels[name] ?? '';
    return typeof wanted === 'string' ? value === wanted : wanted.test(value);
  });
}

function parseLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const match of text.matchAll(/([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g)) {
    labels[match[1]!] = match[2]!.replace(/\\(.)/g, (_, character: string) => (character === 'n' ? '\n' : character));
  }
  return labels;
}
