import { LONGEST_DURATION_MS } from './defaults.ts';
import { formatDuration, parseDuration } from './durations.ts';
import type {
  ConnectionPool,
  HeaderMatchSpec,
  MeshPolicySpec,
  PathMatch,
  Retries,
  RouteSpec,
  Timeouts,
  TrafficTarget,
} from './gen/types.ts';
import { type Violation, violation } from './violations.ts';

/** What CEL says of a MeshPolicy, for a spec whose shape is right. `path` is where the spec stands. */
export function checkMeshPolicySpec(spec: MeshPolicySpec, path = 'spec'): Violation[] {
  return [
    ...spec.targetRefs.flatMap((target, index) => checkTarget(target, `${path}.targetRefs[${index}]`)),
    ...checkRepeatedTargets(spec.targetRefs, `${path}.targetRefs`),
    ...checkSections(spec, path),
    ...(spec.defaults === undefined ? [] : checkTimeoutsAndRetries(spec.defaults, `${path}.defaults`)),
    ...(spec.routes ?? []).flatMap((route, index) => checkRoute(route, spec, `${path}.routes[${index}]`)),
    ...checkConnectionPool(spec.connectionPool, `${path}.connectionPool`),
  ];
}

function checkTarget(target: TrafficTarget, path: string): Violation[] {
  if (target.kind === 'Service') {
    return target.name === undefined ? [violation(`${path}.name`, 'Required', 'is required for a Service')] : [];
  }
  const forbidden = (['name', 'namespace', 'sectionName'] as const).filter((member) => target[member] !== undefined);
  return forbidden.map((member) =>
    violation(`${path}.${member}`, 'Forbidden', "is only allowed for a Service; Namespace means the policy's own"),
  );
}

function checkRepeatedTargets(targets: readonly TrafficTarget[], path: string): Violation[] {
  const texts = targets.map(({ kind, name, namespace, sectionName }) =>
    JSON.stringify([kind, name, namespace, sectionName]),
  );
  return texts.flatMap((text, index) =>
    texts.indexOf(text) === index ? [] : [violation(`${path}[${index}]`, 'Duplicate', 'each target may be named once')],
  );
}

const SECTIONS = ['defaults', 'subsets', 'routes', 'loadBalancing', 'connectionPool', 'telemetry'] as const;

function checkSections(spec: MeshPolicySpec, path: string): Violation[] {
  const found: Violation[] = [];
  if (SECTIONS.every((section) => spec[section] === undefined)) {
    found.push(violation(path, 'Required', `a policy must set at least one of ${SECTIONS.join(', ')}`));
  }
  const onlyServices = spec.targetRefs.every((target) => target.kind === 'Service');
  for (const section of ['routes', 'subsets'] as const) {
    if (spec[section] !== undefined && !onlyServices) {
      found.push(violation(`${path}.${section}`, 'Forbidden', 'needs Services as targets'));
    }
  }
  if (spec.unmatched !== undefined && spec.routes === undefined) {
    found.push(violation(`${path}.unmatched`, 'Forbidden', 'has a meaning only beside routes'));
  }
  if (spec.telemetry !== undefined && spec.targetRefs.some((target) => target.sectionName !== undefined)) {
    found.push(
      violation(`${path}.telemetry`, 'Forbidden', 'is for whole Services, so no target may have a sectionName'),
    );
  }
  return found;
}

function checkRoute(route: RouteSpec, spec: MeshPolicySpec, path: string): Violation[] {
  return [
    ...(route.matches ?? []).flatMap((match, index) => [
      ...checkPath(match.path, `${path}.matches[${index}].path`),
      ...(match.headers ?? []).flatMap((header, at) => checkHeader(header, `${path}.matches[${index}].headers[${at}]`)),
      ...checkRepeatedHeaders(match.headers ?? [], `${path}.matches[${index}].headers`),
    ]),
    ...checkBackends(route, spec, path),
    ...checkTimeoutsAndRetries(route, path),
  ];
}

/** A path in any other form never equals what the proxies compare, which is normalised (RFC 3986 section 6.2.2). */
export function checkPath(match: PathMatch | undefined, path: string): Violation[] {
  if (match === undefined) return [];
  const segments = /\/\/|\/\.{1,2}(\/|$)/.test(match.value);
  if (!segments && (match.value.match(/%.{0,2}/g) ?? []).every(isNormalEscape)) return [];
  const message =
    'must be in normal form: no empty, . or .. segment, escapes in upper-case and only where needed, no encoded slash';
  return [violation(`${path}.value`, 'Invalid', message)];
}

/** `%20` is; `%2f`, `%2F` (a slash), `%41` (an A) and `%z` are not. */
function isNormalEscape(text: string): boolean {
  if (!/^%[0-9A-F]{2}$/.test(text)) return false;
  return !/[A-Za-z0-9._~/-]/.test(String.fromCharCode(Number.parseInt(text.slice(1), 16)));
}

function checkHeader(header: HeaderMatchSpec, path: string): Violation[] {
  const present = header.type === 'Present';
  if (present && header.value !== undefined)
    return [violation(`${path}.value`, 'Forbidden', 'is not allowed for Present')];
  if (!present && header.value === undefined) return [violation(`${path}.value`, 'Required', 'is required for Exact')];
  return [];
}

/** The list is a map by name, but header names are the same in any case. */
function checkRepeatedHeaders(headers: readonly HeaderMatchSpec[], path: string): Violation[] {
  const names = headers.map((header) => header.name.toLowerCase());
  return names.flatMap((name, index) =>
    names.indexOf(name) === index
      ? []
      : [violation(`${path}[${index}].name`, 'Duplicate', `${name} stands in the list already`)],
  );
}

function checkBackends(route: RouteSpec, spec: MeshPolicySpec, path: string): Violation[] {
  if (route.backends === undefined) return [];
  const names = new Set((spec.subsets ?? []).map((subset) => subset.name));
  const found = route.backends.flatMap(({ subset }, index) =>
    subset === undefined || names.has(subset)
      ? []
      : [violation(`${path}.backends[${index}].subset`, 'NotFound', `${subset} is no subset of this policy`)],
  );
  if (route.backends.some((backend) => backend.weight > 0)) return found;
  return [...found, violation(`${path}.backends`, 'Invalid', 'at least one weight must be above 0')];
}

export function checkTimeoutsAndRetries(
  { timeouts, retries }: { readonly timeouts?: Timeouts; readonly retries?: Retries },
  path: string,
): Violation[] {
  return [...checkTimeouts(timeouts, `${path}.timeouts`), ...checkRetries(retries, `${path}.retries`)];
}

function checkTimeouts(timeouts: Timeouts | undefined, path: string): Violation[] {
  const request = parseDuration(timeouts?.request ?? '0s') ?? 0;
  const perTry = parseDuration(timeouts?.perTry ?? '0s') ?? 0;
  const long = checkLength({ ...timeouts }, path);
  if (request === 0 || perTry <= request) return long;
  return [...long, violation(`${path}.perTry`, 'Invalid', `must not be longer than request (${timeouts?.request})`)];
}

function checkRetries(retries: Retries | undefined, path: string): Violation[] {
  if (retries?.backoff === undefined) return [];
  const { base, max } = retries.backoff;
  const long = checkLength({ base, max }, `${path}.backoff`);
  if ((parseDuration(base) ?? 0) <= (parseDuration(max) ?? 0)) return long;
  return [...long, violation(`${path}.backoff.base`, 'Invalid', `must not be longer than max (${max})`)];
}

export function checkConnectionPool(pool: ConnectionPool | undefined, path: string): Violation[] {
  const short = (['connectTimeout', 'idleTimeout'] as const).flatMap((member) =>
    pool?.[member] !== undefined && parseDuration(pool[member]) === 0
      ? [violation(`${path}.${member}`, 'Invalid', 'must be more than 0s')]
      : [],
  );
  return [...checkLength({ ...pool }, path), ...short];
}

function checkLength(durations: Readonly<Record<string, string>>, path: string): Violation[] {
  const long = Object.entries(durations).filter(([, text]) => (parseDuration(text) ?? 0) > LONGEST_DURATION_MS);
  return long.map(([member]) =>
    violation(`${path}.${member}`, 'Invalid', `must be at most ${formatDuration(LONGEST_DURATION_MS)}`),
  );
}
