import type { Reason } from '../contract/reasons.ts';
import type { OwnResponse } from '../filters/own-response.ts';

/** The one table from a failure to what the caller sees. */
const STATUS: Readonly<Partial<Record<Reason, number>>> = {
  unauthorized: 403,
  plaintext_refused: 403,
  upstream_reset: 502,
  upstream_protocol: 502,
  request_timeout: 504,
  unsupported: 501,
};

const OTHERWISE = 503;

/** Whoever reads these is not trusted with the name of the rule, the policy or the workload: they stand in the log only. */
const GENERAL: Readonly<Partial<Record<Reason, string>>> = {
  unauthorized: 'the log of the called proxy names the rule',
  plaintext_refused: 'the caller needs a sidecar, or the port needs mTLS mode Permissive',
};

export function rescue(reason: Reason, detail: string): OwnResponse {
  return { status: STATUS[reason] ?? OTHERWISE, reason, text: GENERAL[reason] ?? detail };
}
