import type { LoadTools } from '../load/run-load.ts';
import type { Values } from '../scenarios.ts';
import type { Foreign } from './machine.ts';

export type Attempt =
  | { readonly kind: 'ok'; readonly values: Values; readonly foreign: Foreign }
  | { readonly kind: 'rejected'; readonly reason: string };

export interface MeasureOptions {
  readonly seconds: number;
  /** Keep what was measured while others used the machine. */
  readonly busy: boolean;
  readonly tools: LoadTools;
}

/** More of a core than this in other hands, and the measurement says more of them. */
const FOREIGN_LIMIT = 0.1;

/** Why a measurement is not taken; errors and a late generator always are a reason, a busy machine only when not told to bear it. */
export function doubt(
  outcome: { readonly requests: number; readonly errors: number; readonly doubt?: string },
  foreign: Foreign,
  busy: boolean,
): string | undefined {
  if (outcome.requests === 0) return 'no request completed';
  if (outcome.errors > 0) return `${outcome.errors} of ${outcome.requests + outcome.errors} requests failed`;
  if (outcome.doubt !== undefined) return outcome.doubt;
  if (busy) return undefined;
  const percent = (share: number): string => `${Math.round(share * 100)} %`;
  if (foreign.proxyCore > FOREIGN_LIMIT)
    return `${percent(foreign.proxyCore)} of the proxies' core went to other processes`;
  if (foreign.loadCore > FOREIGN_LIMIT) return `${percent(foreign.loadCore)} of the load core went to other processes`;
  return undefined;
}
