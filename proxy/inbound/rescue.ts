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

export function rescue(reason: Reason, detail: string): OwnResponse {
  return { status: STATUS[reason] ?? OTHERWISE, reason, text: detail };
}
