/**
 * Combinators that turn `unknown` into a typed value. Strict on types and ranges, unknown members are ignored (and left out), every
 * error names its path. The shape of an object decoder is checked against the type it makes: a member added to the contract and not
 * decoded does not compile.
 */
export interface DecodeError {
  /** `ports[0].traffic.routes[2].timeouts.requestMs`; '' for the whole. */
  readonly path: string;
  readonly message: string;
}

export type Decoded<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly errors: readonly DecodeError[] };

/** Errors told for one value: a NACK carries no more. */
export const MAX_ERRORS = 10;

const FAILED: unique symbol = Symbol('failed');
type Failed = typeof FAILED;

/** Where in the value we are; the text is made only when there is an error. */
interface At {
  readonly parent: At | undefined;
  readonly step: string | number;
}

export type Decoder<T> = (value: unknown, at: At | undefined, errors: DecodeError[]) => T | Failed;
interface Optional<T> {
  readonly optional: Decoder<T>;
}
export type Shape<T> = {
  readonly [K in keyof T]-?: Record<never, never> extends Pick<T, K>
    ? Optional<Exclude<T[K], undefined>>
    : Decoder<T[K]>;
};

/** Runs a decoder on a whole value. Never throws. */
export function decode<T>(decoder: Decoder<T>, value: unknown): Decoded<T> {
  const errors: DecodeError[] = [];
  const result = decoder(value, undefined, errors);
  return result === FAILED || errors.length > 0 ? { ok: false, errors } : { ok: true, value: result };
}

/** As `decode`, for JSON text. */
export function decodeJson<T>(decoder: Decoder<T>, text: string): Decoded<T> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return {
      ok: false,
      errors: [{ path: '', message: `not JSON: ${error instanceof Error ? error.message : error}` }],
    };
  }
  return decode(decoder, value);
}

/** One line for a log: `ports[0].port: must be a whole number from 1 to 65535, is 0`. */
export function describeDecodeErrors(errors: readonly DecodeError[]): string {
  return errors.map((error) => (error.path === '' ? error.message : `${error.path}: ${error.message}`)).join('; ');
}

export function optional<T>(decoder: Decoder<T>): Optional<T> {
  return { optional: decoder };
}

export function object<T extends object>(shape: Shape<T>): Decoder<T> {
  const members = Object.entries(shape) as [string, Decoder<unknown> | Optional<unknown>][];
  return (value, at, errors) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      return fail(at, errors, 'must be an object', value);
    const source = value as Readonly<Record<string, unknown>>;
    const result: Record<string, unknown> = {};
    let failed = false;
    for (const [name, member] of members) {
      // Own members only: a name such as "constructor" must not be read from the prototype.
      const given = Object.hasOwn(source, name) ? source[name] : undefined;
      const inner = { parent: at, step: name };
      if (given === undefined) {
        if ('optional' in member) continue;
        fail(inner, errors, 'is required');
        failed = true;
        continue;
      }
      const decoded = ('optional' in member ? member.optional : member)(given, inner, errors);
      if (decoded === FAILED) failed = true;
      else result[name] = decoded;
      if (errors.length >= MAX_ERRORS) return FAILED;
    }
    return failed ? FAILED : (result as T);
  };
}

/** A tagged union: `tag` says which member of `variants` decodes the object. */
export function union<T extends object, Tag extends keyof T>(
  tag: Tag & string,
  variants: { readonly [K in T[Tag] & string]: Decoder<Extract<T, Readonly<Record<Tag, K>>>> },
): Decoder<T> {
  const names = Object.keys(variants);
  return (value, at, errors) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      return fail(at, errors, 'must be an object', value);
    const given: unknown = Object.hasOwn(value, tag) ? (value as Readonly<Record<string, unknown>>)[tag] : undefined;
    if (typeof given !== 'string' || !names.includes(given)) {
      return fail({ parent: at, step: tag }, errors, `must be one of ${names.join(', ')}`, given);
    }
    const variant = (variants as Readonly<Record<string, Decoder<T>>>)[given];
    return variant === undefined ? FAILED : variant(value, at, errors);
  };
}

export function array<T>(element: Decoder<T>, limits: { least?: number; most: number }): Decoder<readonly T[]> {
  return (value, at, errors) => {
    if (!Array.isArray(value)) return fail(at, errors, 'must be a list', value);
    const least = limits.least ?? 0;
    if (value.length < least || value.length > limits.most) {
      return fail(at, errors, `must have ${least} to ${limits.most} elements, has ${value.length}`);
    }
    const result: T[] = [];
    for (let index = 0; index < value.length; index++) {
      const decoded = element(value[index], { parent: at, step: index }, errors);
      if (decoded !== FAILED) result.push(decoded);
      if (errors.length >= MAX_ERRORS) return FAILED;
    }
    return result.length === value.length ? result : FAILED;
  };
}

/** An object used as a map. `name` decodes each key. */
export function record<T>(
  name: Decoder<string>,
  member: Decoder<T>,
  most: number,
): Decoder<Readonly<Record<string, T>>> {
  return (value, at, errors) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      return fail(at, errors, 'must be an object', value);
    const entries = Object.entries(value);
    if (entries.length > most) return fail(at, errors, `must have at most ${most} members, has ${entries.length}`);
    const result: [string, T][] = [];
    for (const [key, given] of entries) {
      const inner = { parent: at, step: key };
      const decodedKey = name(key, inner, errors);
      const decoded = member(given, inner, errors);
      if (decodedKey !== FAILED && decoded !== FAILED) result.push([decodedKey, decoded]);
      if (errors.length >= MAX_ERRORS) return FAILED;
    }
    return result.length === entries.length ? Object.fromEntries(result) : FAILED;
  };
}

/** Text of `least` to `most` UTF-16 units without control characters (`lines`: but for line ends), of the form `pattern` where given. */
export function text(options: {
  least?: number;
  most: number;
  lines?: boolean;
  pattern?: RegExp;
  what?: string;
}): Decoder<string> {
  const forbidden = options.lines === true ? /[\u0000-\u0009\u000b\u000c\u000e-\u001f\u007f]/ : /[\u0000-\u001f\u007f]/;
  return (value, at, errors) => {
    if (typeof value !== 'string') return fail(at, errors, 'must be text', value);
    const least = options.least ?? 0;
    if (value.length < least || value.length > options.most) {
      return fail(at, errors, `must have ${least} to ${options.most} characters, has ${value.length}`);
    }
    if (forbidden.test(value)) return fail(at, errors, 'must not hold control characters', value);
    if (options.pattern !== undefined && !options.pattern.test(value)) {
      return fail(at, errors, `must be ${options.what ?? options.pattern}`, value);
    }
    return value;
  };
}

/** JSON can write -0, which no copy of it keeps: one value has one form. */
const PLUS_ZERO = 0;

export function integer(least: number, most: number): Decoder<number> {
  return (value, at, errors) =>
    typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most
      ? value + PLUS_ZERO
      : fail(at, errors, `must be a whole number from ${least} to ${most}`, value);
}

export function number(least: number, most: number): Decoder<number> {
  return (value, at, errors) =>
    typeof value === 'number' && value >= least && value <= most
      ? value + PLUS_ZERO
      : fail(at, errors, `must be a number from ${least} to ${most}`, value);
}

export const boolean: Decoder<boolean> = (value, at, errors) =>
  typeof value === 'boolean' ? value : fail(at, errors, 'must be true or false', value);

export function oneOf<const T extends string>(...values: readonly T[]): Decoder<T> {
  return (value, at, errors) =>
    values.find((candidate) => candidate === value) ?? fail(at, errors, `must be one of ${values.join(', ')}`, value);
}

/** Takes anything: it is decoded later. */
export const anything: Decoder<unknown> = (value) => value;

/** Adds a check over the decoded value: each complaint has a path relative to it. */
export function refine<T>(decoder: Decoder<T>, check: (value: T) => readonly DecodeError[]): Decoder<T> {
  return (value, at, errors) => {
    const decoded = decoder(value, at, errors);
    if (decoded === FAILED) return FAILED;
    const complaints = check(decoded);
    for (const complaint of complaints) {
      if (errors.length < MAX_ERRORS)
        errors.push({ path: join(pathOf(at), complaint.path), message: complaint.message });
    }
    return complaints.length > 0 ? FAILED : decoded;
  };
}

function fail(at: At | undefined, errors: DecodeError[], message: string, value?: unknown): Failed {
  if (errors.length < MAX_ERRORS) {
    errors.push({ path: pathOf(at), message: value === undefined ? message : `${message}, is ${shown(value)}` });
  }
  return FAILED;
}

/** A short, harmless picture of a value. */
function shown(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'an object';
  return typeof value === 'string' ? JSON.stringify(value.slice(0, 60)) : String(value);
}

function pathOf(at: At | undefined): string {
  const steps: (string | number)[] = [];
  for (let current = at; current !== undefined; current = current.parent) steps.unshift(current.step);
  return steps.reduce<string>(
    (path, step) => join(path, typeof step === 'number' ? `[${step}]` : step.slice(0, 100)),
    '',
  );
}

/** The errors of a part as errors of the whole. */
export function under(path: string, errors: readonly DecodeError[]): readonly DecodeError[] {
  return errors.map((error) => ({ path: join(path, error.path), message: error.message }));
}

function join(path: string, step: string): string {
  if (path === '' || step === '') return path + step;
  return step.startsWith('[') ? path + step : `${path}.${step}`;
}
