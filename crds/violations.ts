/** Why a field is refused: closed, as in the API server's own field errors. */
export type ViolationReason = 'Required' | 'Forbidden' | 'Invalid' | 'Duplicate' | 'NotFound';

/** One broken rule. `path` as kubectl writes it: `spec.routes[0].timeouts.perTry`. */
export interface Violation {
  readonly path: string;
  readonly reason: ViolationReason;
  /** A sentence without the path, small first letter, no full stop. */
  readonly message: string;
}

export const violation = (path: string, reason: ViolationReason, message: string): Violation => ({
  path,
  reason,
  message,
});

/** `spec.timeouts.perTry: perTry must not be longer than request`. */
export const describeViolation = ({ path, message }: Violation): string => `${path}: ${message}`;
