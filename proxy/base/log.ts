import { describeError } from './errors.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** Small flat values only: a log line is for search, not for transport. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** Structured log: one JSON object a line. `error` in the call is described with its causes. */
export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields, error?: unknown): void;
  error(message: string, fields?: LogFields, error?: unknown): void;
  /** The same log with fixed fields added to every line. */
  with(fields: LogFields): Log;
}

const RANK: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 };

/** What JSON lets stand and a terminal or a line splitter may act on: DEL, the C1 controls (CSI among them), U+2028 and U+2029, and the bidi overrides. */
const CONTROLS = /[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g;

function escapeControl(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

export interface LogOptions {
  readonly level: LogLevel;
  readonly write: (line: string) => void;
  readonly wall: () => number;
  readonly fields?: LogFields;
}

export function createLog(options: LogOptions): Log {
  const least = RANK[options.level];
  const emit = (level: LogLevel, message: string, fields?: LogFields, error?: unknown): void => {
    if (RANK[level] < least) return;
    const line = { time: new Date(options.wall()).toISOString(), level, message, ...options.fields, ...fields };
    const text = JSON.stringify(error === undefined ? line : { ...line, error: describeError(error) });
    options.write(`${text.replace(CONTROLS, escapeControl)}\n`);
  };
  return {
    debug: (message, fields) => emit('debug', message, fields),
    info: (message, fields) => emit('info', message, fields),
    warn: (message, fields, error) => emit('warn', message, fields, error),
    error: (message, fields, error) => emit('error', message, fields, error),
    with: (fields) => createLog({ ...options, fields: { ...options.fields, ...fields } }),
  };
}

/** A log that says nothing: for tests. */
export const silentLog: Log = createLog({ level: 'error', write: () => {}, wall: () => 0 });
