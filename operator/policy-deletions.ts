import type { Clock } from '../proxy/base/clock.ts';
import type { Log } from '../proxy/base/log.ts';
import { type Because, type Gone, whyDeleted } from './confirm-deletion.ts';
import type { KubeClient } from './kube/kube.ts';

export interface PolicyDeletionsOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly log: Log;
}

/** Deletions whose reason is being asked. One that comes back meanwhile is taken off: it never went. */
export interface PolicyDeletions {
  went(gone: Gone, confirmed: (because: Because) => void): void;
  came(gone: Pick<Gone, 'resource' | 'key'>): void;
}

const ASK_AGAIN_MS = 1_000;

export function createPolicyDeletions(options: PolicyDeletionsOptions): PolicyDeletions {
  const { client, clock, log } = options;
  /** By object; the value tells one deletion from a later one of the same name. */
  const open = new Map<string, symbol>();
  const idOf = ({ resource, key }: Pick<Gone, 'resource' | 'key'>): string => `${resource.plural} ${key}`;

  const ask = async (gone: Gone, mark: symbol, confirmed: (because: Because) => void): Promise<void> => {
    const id = idOf(gone);
    try {
      const because = await whyDeleted(client, gone);
      if (open.get(id) !== mark) return;
      open.delete(id);
      if (because !== undefined)
        log.info('an object goes with its surroundings; it stays in force', { object: id, because });
      confirmed(because);
    } catch (error) {
      if (open.get(id) !== mark) return;
      log.warn('it is not known why an object went; it stays in force', { object: id }, error);
      clock.after(ASK_AGAIN_MS, () => void ask(gone, mark, confirmed));
    }
  };

  return {
    went(gone, confirmed) {
      const mark = Symbol(gone.key);
      open.set(idOf(gone), mark);
      void ask(gone, mark, confirmed);
    },
    came: (gone) => void open.delete(idOf(gone)),
  };
}
