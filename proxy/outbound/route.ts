import type { EndpointState } from '../balance/endpoints.ts';
import { type EndpointGroup, pick } from '../balance/pick.ts';
import type { Random } from '../base/clock.ts';
import type { Reason } from '../contract/reasons.ts';
import type { RequestHead } from '../http/message.ts';
import type { BuiltPort, BuiltRoute } from '../policy/build.ts';

/** The route of a request under the snapshot in force; undefined: none matches and the policy says NotFound. */
export function routeOf(port: BuiltPort, head: RequestHead): BuiltRoute | undefined {
  return port.routes.find(head) ?? port.unmatched;
}

export type EndpointChoice =
  | { readonly kind: 'endpoint'; readonly endpoint: EndpointState }
  | { readonly kind: 'none'; readonly reason: Reason; readonly detail: string };

export interface ChoiceInput {
  readonly random: Random;
  /** Monotonic ms. */
  readonly now: number;
  /** The endpoint that just failed. */
  readonly avoid: EndpointState | undefined;
}

/** Subset by weight, then an endpoint of it: the client's own one where the Service asks for affinity, else by the balancing policy. */
export function chooseEndpoint(port: BuiltPort, route: BuiltRoute, input: ChoiceInput): EndpointChoice {
  const share = route.split.next();
  if (share.kind === 'empty') {
    return {
      kind: 'none',
      reason: share.reason,
      detail: `${port.namespace}/${port.name}:${port.port}: ${share.detail}`,
    };
  }
  const endpoint = port.affinityMs > 0 ? sticky(port, share.group, input) : balanced(port, share.group, input);
  if (endpoint !== undefined) return { kind: 'endpoint', endpoint };
  return {
    kind: 'none',
    reason: 'no_endpoints',
    detail: `${port.namespace}/${port.name}:${port.port} has no ready endpoint`,
  };
}

function balanced(port: BuiltPort, group: EndpointGroup, input: ChoiceInput): EndpointState | undefined {
  return pick(group, { policy: port.policy, random: input.random, now: input.now }, input.avoid);
}

const MAX_KEPT = 64;

/** All clients of an outbound side have one address, the pod's: one endpoint a group. Used again = kept for the whole time anew, as kube-proxy does. */
function sticky(port: BuiltPort, group: EndpointGroup, input: ChoiceInput): EndpointState | undefined {
  const kept = port.state.affinity.get(group.name);
  const usable =
    kept !== undefined &&
    input.now < kept.until &&
    kept.endpoint !== input.avoid &&
    !kept.endpoint.quarantined &&
    group.members.includes(kept.endpoint);
  const endpoint = usable ? kept.endpoint : balanced(port, group, input);
  // Names of groups change with policies: what is kept of old ones is not worth a place.
  if (port.state.affinity.size > MAX_KEPT) port.state.affinity.clear();
  if (endpoint !== undefined) port.state.affinity.set(group.name, { endpoint, until: input.now + port.affinityMs });
  return endpoint;
}
