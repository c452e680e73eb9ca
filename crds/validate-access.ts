import type { AccessDestination, AccessRule, AccessSource, MeshAccessPolicySpec } from './gen/types.ts';
import { checkPath } from './validate-traffic.ts';
import { type Violation, violation } from './violations.ts';

/** What CEL says of a MeshAccessPolicy, for a spec whose shape is right. */
export function checkMeshAccessPolicySpec(spec: MeshAccessPolicySpec, path = 'spec'): Violation[] {
  const empty = spec.mtls === undefined && spec.authorization === undefined;
  return [
    ...(empty ? [violation(path, 'Required', 'a policy must set mtls or authorization')] : []),
    ...(spec.authorization?.rules ?? []).flatMap((rule, index) =>
      checkRule(rule, `${path}.authorization.rules[${index}]`),
    ),
  ];
}

function checkRule(rule: AccessRule, path: string): Violation[] {
  return [
    ...rule.from.flatMap((source, index) => checkSource(source, `${path}.from[${index}]`)),
    ...rule.to.flatMap((destination, index) => checkDestination(destination, `${path}.to[${index}]`)),
  ];
}

function checkSource(source: AccessSource, path: string): Violation[] {
  const given = [source.namespace, source.unauthenticated, source.anyone].filter((member) => member !== undefined);
  if (given.length !== 1)
    return [violation(path, 'Invalid', 'give exactly one of namespace, unauthenticated and anyone')];
  if (source.serviceAccount === undefined || source.namespace !== undefined) return [];
  return [violation(`${path}.serviceAccount`, 'Forbidden', 'needs a namespace')];
}

function checkDestination(destination: AccessDestination, path: string): Violation[] {
  const narrow = destination.ports ?? destination.methods ?? destination.paths;
  const mixed = destination.anything !== undefined && narrow !== undefined;
  return [
    ...(mixed ? [violation(`${path}.anything`, 'Forbidden', 'give either anything or ports, methods and paths')] : []),
    ...(destination.paths ?? []).flatMap((match, index) => checkPath(match, `${path}.paths[${index}]`)),
  ];
}
