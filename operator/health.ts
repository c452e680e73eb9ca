import type { AuthorityState, ServingCertificate } from './ca/ca.ts';
import type { TextAnswer } from './text-server.ts';

/** What readiness is decided from. */
export interface HealthFacts {
  /** Kinds whose first list has not come. */
  readonly unsynced: readonly string[];
  readonly authority: AuthorityState;
  readonly serving: ServingCertificate | undefined;
  readonly stopping: boolean;
}

/** Pure: ready, or what it waits for. A standby is ready too: it answers at once, and says who leads. */
export function readiness(facts: HealthFacts): TextAnswer {
  if (facts.stopping) return notReady('it is shutting down');
  if (facts.unsynced.length > 0) return notReady(`the first list of ${facts.unsynced.join(', ')}`);
  if (facts.authority.kind === 'starting') return notReady('the authority (Secret heddle-system/heddle-ca)');
  if (facts.authority.kind === 'stopped') return notReady(facts.authority.message);
  if (facts.serving === undefined) return notReady('the own serving certificate');
  return { status: 200, text: 'ready\n' };
}

function notReady(what: string): TextAnswer {
  return { status: 503, text: `not ready: ${what}\n` };
}
