import type { EndpointState } from '../balance/endpoints.ts';
import type { RequestHead } from '../http/message.ts';
import type { BuiltPort, BuiltRoute } from '../policy/build.ts';
import type { OutboundContext } from './context.ts';
import { decideRetry, type Outcome } from './retry.ts';

/** `no`: the outcome stands; `exhausted` says for the log that a retry was due but the budget is spent. */
export type Verdict =
  | { readonly kind: 'again'; readonly delayMs: number }
  | { readonly kind: 'no'; readonly exhausted: string };

export interface Situation {
  /** Policy in force now, not the one the request began under. */
  readonly port: BuiltPort;
  readonly route: BuiltRoute;
  readonly endpoint: EndpointState;
  readonly outcome: Outcome;
  /** The body can be sent again. */
  readonly repeatable: boolean;
  /** Milliseconds left for the whole request. */
  readonly leftMs: number | undefined;
}

const STANDS: Verdict = { kind: 'no', exhausted: '' };

/** The retries of one request: asks the policy, takes from the budget, counts. */
export class Retrier {
  readonly #context: OutboundContext;
  readonly #request: RequestHead;
  #made = 0;
  #redispatched = false;

  constructor(context: OutboundContext, request: RequestHead) {
    this.#context = context;
    this.#request = request;
  }

  judge(situation: Situation): Verdict {
    const { port, route, outcome, repeatable, leftMs } = situation;
    const { clock, random } = this.#context;
    const decision = decideRetry(
      {
        request: this.#request,
        retries: route.retries,
        made: this.#made,
        redispatched: this.#redispatched,
        repeatable,
        outcome,
        wallMs: clock.wall(),
      },
      random,
    );
    if (decision.kind === 'none') return STANDS;
    if (decision.kind === 'redispatch') {
      this.#redispatched = true;
      this.#count(situation, decision.cause, 'made');
      return { kind: 'again', delayMs: 0 };
    }
    if (leftMs !== undefined && decision.delayMs >= leftMs) return STANDS;
    if (!port.state.budget.take(clock.now(), route.retries.budget)) {
      this.#count(situation, decision.cause, 'budget_exhausted');
      const { name, namespace } = port;
      return {
        kind: 'no',
        exhausted: `${decision.cause} from ${situation.endpoint.name}: the retry budget of ${namespace}/${name} is spent`,
      };
    }
    this.#made++;
    this.#count(situation, decision.cause, 'made');
    return { kind: 'again', delayMs: decision.delayMs };
  }

  #count(situation: Situation, cause: string, result: string): void {
    const { workload, namespace } = situation.endpoint.endpoint;
    const { port } = situation;
    this.#context.metrics.retries.child([workload ?? port.name, namespace ?? port.namespace, cause, result]).inc();
  }
}
