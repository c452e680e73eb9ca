import type { Authorization, AuthorizationRule, AuthorizationSource } from '../contract/snapshot.ts';
import { type DecisionPath, decisionPath } from './path.ts';
import { type CompiledPath, compilePath, pathMatches } from './routes.ts';

/** Who calls: the SPIFFE id that was verified, or undefined for plaintext. */
export type Caller = string | undefined;

/** `rule` names what decided: a rule's name, `default` or `none` (no authorization section). */
export interface Verdict {
  readonly allowed: boolean;
  readonly rule: string;
}

/** An authorization section compiled for one workload. A Deny that matches wins; without a match `defaultAction` decides. */
export interface Authorizer {
  /** May this caller open a connection that carries HTTP? No only when every request on it would be denied. */
  connection(caller: Caller, port: number): Verdict;
  /** A connection of opaque bytes: rules with methods or paths count on the safe side (Deny matches, Allow does not). */
  tcp(caller: Caller, port: number): Verdict;
  request(caller: Caller, port: number, method: string, target: string): Verdict;
}

interface CompiledTarget {
  readonly ports: readonly number[] | undefined;
  readonly methods: readonly string[] | undefined;
  readonly paths: readonly CompiledPath[] | undefined;
}

interface CompiledRule {
  readonly deny: boolean;
  readonly verdict: Verdict;
  readonly from: readonly AuthorizationSource[];
  readonly to: readonly CompiledTarget[];
}

const OPEN: Verdict = { allowed: true, rule: 'none' };

export function compileAuthorization(section: Authorization | undefined, trustDomain: string): Authorizer {
  if (section === undefined) return { connection: () => OPEN, tcp: () => OPEN, request: () => OPEN };
  const rules = section.rules.map(compileRule);
  // Deny rules first: the first match decides.
  const ordered = [...rules.filter((rule) => rule.deny), ...rules.filter((rule) => !rule.deny)];
  const needsPath = ordered.some((rule) => rule.to.some((target) => target.paths !== undefined));
  const fallback: Verdict = { allowed: section.defaultAction === 'Allow', rule: 'default' };
  const identify = memoizedIdentity(trustDomain);

  const decide = (caller: Caller, applies: (rule: CompiledRule) => boolean): Verdict => {
    const identity = identify(caller);
    for (const rule of ordered) {
      if (sourceMatches(rule, caller, identity) && applies(rule)) return rule.verdict;
    }
    return fallback;
  };

  return {
    connection: (caller, port) =>
      decide(caller, (rule) => rule.to.some((target) => portMatches(target, port) && (!rule.deny || isWhole(target)))),
    tcp: (caller, port) =>
      decide(caller, (rule) => rule.to.some((target) => portMatches(target, port) && (rule.deny || isWhole(target)))),
    request(caller, port, method, target) {
      const path = needsPath ? decisionPath(target) : undefined;
      const identity = identify(caller);
      // As `decide`, without a function made for each request.
      for (const rule of ordered) {
        if (sourceMatches(rule, caller, identity) && requestMatches(rule, port, method, path)) return rule.verdict;
      }
      return fallback;
    },
  };
}

interface Identity {
  readonly namespace: string;
  readonly serviceAccount: string;
}

/** One caller sends many requests: the last parse is kept. Identities of a foreign trust domain match no `identity` source. */
function memoizedIdentity(trustDomain: string): (caller: Caller) => Identity | undefined {
  const prefix = `spiffe://${trustDomain}/ns/`;
  let lastCaller: Caller;
  let last: Identity | undefined;
  return (caller) => {
    if (caller === lastCaller) return last;
    lastCaller = caller;
    last = undefined;
    if (caller?.startsWith(prefix) === true) {
      const [namespace, sa, serviceAccount, ...more] = caller.slice(prefix.length).split('/');
      if (namespace && sa === 'sa' && serviceAccount && more.length === 0) last = { namespace, serviceAccount };
    }
    return last;
  };
}

function compileRule(rule: AuthorizationRule): CompiledRule {
  const deny = rule.action === 'Deny';
  return {
    deny,
    verdict: { allowed: !deny, rule: rule.name },
    from: rule.from,
    to: rule.to.map((target) => ({
      ports: target.ports,
      methods: target.methods,
      paths: target.paths?.map(compilePath),
    })),
  };
}

function sourceMatches(rule: CompiledRule, caller: Caller, identity: Identity | undefined): boolean {
  for (const source of rule.from) {
    if (source.kind === 'anyone') return true;
    if (source.kind === 'unauthenticated') {
      if (caller === undefined) return true;
    } else if (identity !== undefined && source.namespace === identity.namespace) {
      if (source.serviceAccount === undefined || source.serviceAccount === identity.serviceAccount) return true;
    }
  }
  return false;
}

function requestMatches(rule: CompiledRule, port: number, method: string, path: DecisionPath | undefined): boolean {
  for (const target of rule.to) if (targetMatches(target, rule.deny, port, method, path)) return true;
  return false;
}

function isWhole(target: CompiledTarget): boolean {
  return target.methods === undefined && target.paths === undefined;
}

function portMatches(target: CompiledTarget, port: number): boolean {
  return target.ports === undefined || target.ports.includes(port);
}

/** An ambiguous path (see `DecisionPath`) is taken as matching by Deny and as not matching by Allow. */
function targetMatches(
  target: CompiledTarget,
  deny: boolean,
  port: number,
  method: string,
  path: DecisionPath | undefined,
): boolean {
  if (!portMatches(target, port)) return false;
  if (target.methods !== undefined && !methodMatches(target.methods, deny, method)) return false;
  if (target.paths === undefined || path === undefined) return true;
  if (path.ambiguous) return deny;
  return target.paths.some((match) => pathMatches(match, path.path));
}

/** Methods are case-sensitive (RFC 9110 9.1), but some servers read `delete` as DELETE: a Deny counts it so, an Allow does not. */
function methodMatches(methods: readonly string[], deny: boolean, method: string): boolean {
  return methods.includes(method) || (deny && methods.includes(method.toUpperCase()));
}
