import type { Probe } from '../contract/bootstrap.ts';
import { type ProbeOptions, runProbe } from './probe.ts';
import type { ProbeResult } from './probe-result.ts';
import type { TextHandler } from './text-server.ts';

export interface ProbesOptions extends ProbeOptions {
  /** Fixed at injection: nothing that a caller sends decides what is dialled. */
  readonly probes: readonly Probe[];
  /** Tests inject. */
  readonly run?: (probe: Probe, options: ProbeOptions) => Promise<ProbeResult>;
}

/**
 * Handlers for `/probe/...`. One run of a probe at a time: who asks meanwhile hears the answer of the one that runs, so
 * nobody can make the proxy hammer the application.
 */
export function createProbes(options: ProbesOptions): (path: string) => TextHandler | undefined {
  const run = options.run ?? runProbe;
  const handlers = new Map<string, TextHandler>();
  for (const probe of options.probes) {
    let running: Promise<ProbeResult> | undefined;
    handlers.set(probe.path, async () => {
      running ??= run(probe, options).finally(() => {
        running = undefined;
      });
      const { healthy, sentence } = await running;
      return { status: healthy ? 200 : 503, body: `${sentence}\n` };
    });
  }
  return (path) => handlers.get(path);
}
