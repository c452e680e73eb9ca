import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import { SCHEMAS } from './gen/schemas.ts';
import { type Violation, type ViolationReason, violation } from './violations.ts';

/**
 * The structural part of a kind's schema, checked without an API server: types, required members, patterns, enums,
 * bounds, and the lists that Kubernetes treats as maps or sets. Unknown members are ignored, as the API server prunes them.
 */

const MAX_VIOLATIONS = 20;
const ajv = new Ajv({ allErrors: true, strict: false, validateFormats: false });
const compiled = new Map<string, ValidateFunction>();

/** Violations of a whole object's shape, at most 20. `kind` is one of ours, else it throws. */
export function checkShape(kind: string, object: unknown): Violation[] {
  const schema = SCHEMAS[kind];
  if (schema === undefined) throw new TypeError(`${kind} is not a kind of Heddle`);
  const check = compiled.get(kind) ?? ajv.compile(schema);
  compiled.set(kind, check);
  const found = check(object) ? [] : (check.errors ?? []).map(toViolation);
  return [...found, ...checkLists(schema, object, '')].slice(0, MAX_VIOLATIONS);
}

const REASONS: Readonly<Record<string, ViolationReason>> = { required: 'Required', minProperties: 'Required' };

function toViolation(error: ErrorObject): Violation {
  const path = fieldPath(error.instancePath);
  const missing: unknown = error.params['missingProperty'];
  const reason = REASONS[error.keyword] ?? 'Invalid';
  if (typeof missing === 'string') return violation(join(path, missing), reason, 'is required');
  const allowed: unknown = error.params['allowedValues'];
  const message = Array.isArray(allowed) ? `must be one of ${allowed.join(', ')}` : (error.message ?? error.keyword);
  return violation(path, reason, message);
}

/** `/spec/routes/0/name` to `spec.routes[0].name`. */
function fieldPath(pointer: string): string {
  return pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce((path, part) => (/^[0-9]+$/.test(part) ? `${path}[${part}]` : join(path, part)), '');
}

const join = (path: string, name: string): string => (path === '' ? name : `${path}.${name}`);

/** Duplicates in `x-kubernetes-list-type: map` and `set`. Schema and value are walked side by side. */
function checkLists(schema: unknown, value: unknown, path: string): Violation[] {
  if (!isObject(schema)) return [];
  if (Array.isArray(value)) {
    const items = schema['items'];
    return [
      ...duplicates(schema, value, path),
      ...value.flatMap((item, index) => checkLists(items, item, `${path}[${index}]`)),
    ];
  }
  const properties = schema['properties'];
  if (!isObject(value) || !isObject(properties)) return [];
  return Object.entries(value).flatMap(([name, child]) =>
    Object.hasOwn(properties, name) ? checkLists(properties[name], child, join(path, name)) : [],
  );
}

function duplicates(schema: Readonly<Record<string, unknown>>, items: readonly unknown[], path: string): Violation[] {
  const type = schema['x-kubernetes-list-type'];
  if (type !== 'map' && type !== 'set') return [];
  const keys = Array.isArray(schema['x-kubernetes-list-map-keys'])
    ? schema['x-kubernetes-list-map-keys'].map(String)
    : [];
  const seen = new Set<string>();
  const found: Violation[] = [];
  for (const [index, item] of items.entries()) {
    const key = type === 'set' ? item : keys.map((name) => (isObject(item) ? item[name] : undefined));
    const text = JSON.stringify(key);
    if (seen.has(text)) found.push(violation(`${path}[${index}]`, 'Duplicate', `stands in the list already: ${text}`));
    seen.add(text);
  }
  return found;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
