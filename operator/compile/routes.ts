import type { RouteMatchSpec, RouteSpec, TrafficDefaults } from '../../crds/gen/types.ts';
import type { Route, RouteMatch } from '../../proxy/contract/snapshot.ts';
import { compileRetries, compileTimeouts } from './tries.ts';

interface Ranked {
  readonly route: Route;
  /** Higher first, member by member. */
  readonly rank: readonly number[];
}

/**
 * Routes in the order in which proxies try them, one match each (a route with three matches is there three times), by the
 * precedence of Gateway API's HTTPRoute: exact path, longer prefix, method, more headers, then the order in the list.
 */
export function compileRoutes(routes: readonly RouteSpec[], defaults: TrafficDefaults): Route[] {
  const ranked = routes.flatMap((route) => compileRoute(route, defaults));
  return ranked.sort(byRank).map(({ route }) => route);
}

function compileRoute(spec: RouteSpec, defaults: TrafficDefaults): Ranked[] {
  const common = {
    name: spec.name,
    backends: (spec.backends ?? []).map(({ subset, weight }) => ({
      ...(subset === undefined ? {} : { subset }),
      weight,
    })),
    timeouts: compileTimeouts(spec.timeouts ?? defaults.timeouts),
    retries: compileRetries(spec.retries ?? defaults.retries),
  };
  if (spec.matches === undefined) return [{ route: { ...common, matches: [] }, rank: rankOf({}) }];
  return spec.matches.map((match) => ({ route: { ...common, matches: [compileMatch(match)] }, rank: rankOf(match) }));
}

function compileMatch({ path, method, headers }: RouteMatchSpec): RouteMatch {
  return {
    ...(path === undefined ? {} : { path: { type: path.type, value: path.value } }),
    ...(method === undefined ? {} : { method }),
    ...(headers === undefined
      ? {}
      : {
          headers: headers.map(({ name, type = 'Exact', value }) => ({
            name: name.toLowerCase(),
            type,
            ...(value === undefined ? {} : { value }),
          })),
        }),
  };
}

function rankOf({ path, method, headers }: RouteMatchSpec): number[] {
  const exact = path?.type === 'Exact' ? 1 : 0;
  return [exact, path?.value.length ?? 0, method === undefined ? 0 : 1, headers?.length ?? 0];
}

/** Stable sort keeps the order of the list among equals. */
function byRank(left: Ranked, right: Ranked): number {
  for (const [index, value] of left.rank.entries()) {
    const other = right.rank[index] ?? 0;
    if (value !== other) return other - value;
  }
  return 0;
}
