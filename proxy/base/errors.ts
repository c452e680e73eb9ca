/** Where something went wrong: short names to short values (`{ peer: '10.0.0.7:3000', route: 'charge' }`). */
export type Where = Readonly<Record<string, string | number | undefined>>;

/**
 * An error that carries its coordinates and its cause.
 * `code` is a stable name from a catalogue (see `contract/reasons.ts` for those that a request can meet).
 */
export class HeddleError extends Error {
  readonly code: string;
  readonly where: Where;

  constructor(code: string, message: string, options: { where?: Where; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'HeddleError';
    this.code = code;
    this.where = options.where ?? {};
  }
}

/** One line for a person: message, coordinates, and the chain of causes (four at most). */
export function describeError(error: unknown): string {
  const parts: string[] = [];
  let current: unknown = error;
  for (let depth = 0; depth < 4 && current !== undefined && current !== null; depth++) {
    parts.push(describeOne(current));
    current = current instanceof Error ? current.cause : undefined;
  }
  return parts.join(': ');
}

function describeOne(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const where = error instanceof HeddleError ? describeWhere(error.where) : '';
  return where === '' ? error.message : `${error.message} (${where})`;
}

function describeWhere(where: Where): string {
  return Object.entries(where)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${value}`)
    .join(' ');
}

/** Node's error code (`ECONNREFUSED`) or undefined. */
export function errorCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
