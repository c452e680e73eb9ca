import { describeError, HeddleError } from '../base/errors.ts';
import { REASONS, type Reason } from '../contract/reasons.ts';
import type { Failure } from '../http/message.ts';

/** The failure of a connect: nothing was sent, so the request is unprocessed. Errors without a known reason get `fallback`. */
export function connectFailure(peer: string, error: unknown, fallback: Reason = 'connect_failure'): Failure {
  const reason = error instanceof HeddleError && isReason(error.code) ? error.code : fallback;
  return { reason, unprocessed: true, detail: `${peer}: ${describeError(error)}` };
}

export function isReason(code: string): code is Reason {
  return Object.hasOwn(REASONS, code);
}
