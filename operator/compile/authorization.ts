import type { AccessDestination, AccessRule, AccessSource } from '../../crds/gen/types.ts';
import type {
  Authorization,
  AuthorizationRule,
  AuthorizationSource,
  AuthorizationTarget,
} from '../../proxy/contract/snapshot.ts';
import { type Effective, policyName } from '../model/model.ts';

/** The rules of all policies added, older policies first; one `defaultAction: Deny` is enough to deny. Undefined where no policy has the section. */
export function compileAuthorization(policies: readonly Effective<'MeshAccessPolicy'>[]): Authorization | undefined {
  const parts = policies.flatMap((policy) =>
    policy.spec.authorization === undefined ? [] : [{ policy, section: policy.spec.authorization }],
  );
  if (parts.length === 0) return undefined;
  return {
    defaultAction: parts.some(({ section }) => section.defaultAction === 'Deny') ? 'Deny' : 'Allow',
    rules: parts.flatMap(({ policy, section }) =>
      (section.rules ?? []).map((rule) => compileRule(rule, policyName(policy))),
    ),
  };
}

function compileRule({ name, action, from, to }: AccessRule, policy: string): AuthorizationRule {
  return { name: `${policy}/${name}`, action, from: from.map(compileSource), to: to.map(compileDestination) };
}

/** Exactly one of the three members is given: the model holds no other spec. */
function compileSource({ namespace, serviceAccount, unauthenticated }: AccessSource): AuthorizationSource {
  if (namespace !== undefined) {
    return { kind: 'identity', namespace, ...(serviceAccount === undefined ? {} : { serviceAccount }) };
  }
  return { kind: unauthenticated === true ? 'unauthenticated' : 'anyone' };
}

function compileDestination({ ports, methods, paths }: AccessDestination): AuthorizationTarget {
  return {
    ...(ports === undefined ? {} : { ports }),
    ...(methods === undefined ? {} : { methods }),
    ...(paths === undefined ? {} : { paths: paths.map(({ type, value }) => ({ type, value })) }),
  };
}
