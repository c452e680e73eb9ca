import { HeddleError, type Where } from '../../proxy/base/errors.ts';

/** What the API server answered, or 0 when no answer came. `reason` is the Status object's (`NotFound`, `Conflict`, `Expired`). */
export class KubeError extends HeddleError {
  readonly status: number;
  readonly reason: string;
  /** Seconds from `Retry-After`, when the server asked for patience. */
  readonly retryAfterSeconds: number | undefined;

  constructor(
    message: string,
    options: {
      status: number;
      reason?: string;
      retryAfterSeconds?: number | undefined;
      where?: Where;
      cause?: unknown;
    },
  ) {
    super('kubernetes', message, {
      ...(options.where === undefined ? {} : { where: options.where }),
      ...(options.cause === undefined ? {} : { cause: options.cause }),
    });
    this.name = 'KubeError';
    this.status = options.status;
    this.reason = options.reason ?? '';
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}

export const isNotFound = (error: unknown): boolean => error instanceof KubeError && error.status === 404;
/** 409: somebody else wrote first, or the object exists already. */
export const isConflict = (error: unknown): boolean => error instanceof KubeError && error.status === 409;
/** 410: the resourceVersion is too old; list again. */
export const isGone = (error: unknown): boolean =>
  error instanceof KubeError && (error.status === 410 || error.reason === 'Expired');

/** Milliseconds that the API server asks to wait for; 0 where it says nothing. */
export const patienceMs = (error: unknown): number =>
  error instanceof KubeError ? (error.retryAfterSeconds ?? 0) * 1_000 : 0;

const TOO_LARGE = 'AnswerTooLarge';
/** The answer was more than we hold: ask for less. */
export const isTooLarge = (error: unknown): boolean => error instanceof KubeError && error.reason === TOO_LARGE;
export function answerTooLarge(call: { method: string; path: string }, most: number): KubeError {
  return new KubeError(`the answer is larger than ${most} bytes`, {
    status: 0,
    reason: TOO_LARGE,
    where: { method: call.method, path: call.path },
  });
}

/** Reads a Status object (meta/v1) out of an answer that is not 2xx. */
export function errorFromAnswer(
  call: { method: string; path: string },
  answer: { status: number; body: string; retryAfter: string | undefined },
): KubeError {
  const { message, reason } = readStatus(answer.body);
  const seconds = Number(answer.retryAfter);
  return new KubeError(message ?? `the API server answered ${answer.status}`, {
    status: answer.status,
    reason: reason ?? '',
    retryAfterSeconds:
      answer.retryAfter !== undefined && Number.isFinite(seconds) ? Math.max(0, Math.min(seconds, 60)) : undefined,
    where: { method: call.method, path: call.path, status: answer.status },
  });
}

function readStatus(body: string): { message?: string; reason?: string } {
  try {
    const parsed: unknown = JSON.parse(body);
    if (typeof parsed !== 'object' || parsed === null) return {};
    const message = 'message' in parsed && typeof parsed.message === 'string' ? parsed.message : undefined;
    const reason = 'reason' in parsed && typeof parsed.reason === 'string' ? parsed.reason : undefined;
    return { ...(message === undefined ? {} : { message }), ...(reason === undefined ? {} : { reason }) };
  } catch {
    return {};
  }
}
