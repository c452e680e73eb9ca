import type { Reason } from '../contract/reasons.ts';
import type { OwnResponse } from '../filters/own-response.ts';

/**
 * The one table from a failure to what the application sees. 502: the endpoint is there and did wrong; 503: nobody could be asked, trying again
 * later makes sense; 504: too late. Reasons of the other side (inbound) reach an application as responses and are not made here.
 */
const STATUS: Readonly<Partial<Record<Reason, number>>> = {
  no_route: 404,
  upstream_reset: 502,
  upstream_protocol: 502,
  identity_mismatch: 502,
  untrusted_peer: 502,
  no_peer_certificate: 502,
  wire_version: 502,
  unknown_destination: 502,
  unknown_port: 502,
  loop: 502,
  per_try_timeout: 504,
  request_timeout: 504,
  stream_idle_timeout: 504,
  unauthorized: 403,
  unsupported: 501,
};

const OTHERWISE = 503;

export function rescue(reason: Reason, detail: string): OwnResponse {
  return { status: STATUS[reason] ?? OTHERWISE, reason, text: detail };
}
