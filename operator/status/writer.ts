import type { PolicyStatus } from '../../crds/gen/types.ts';
import type { Clock } from '../../proxy/base/clock.ts';
import { compareStatus, noteWritten, type Written, writeDelay } from './pacing.ts';
import type { StatusClient, Subject } from './status-client.ts';
import { type TransitionEvent, transitions } from './transitions.ts';

export interface StatusWriterOptions {
  readonly client: StatusClient;
  readonly clock: Clock;
  /** Writes nothing while this is false: another operator does. */
  readonly isLeader: () => boolean;
  readonly tell: (subject: Subject, event: TransitionEvent) => void;
}

/** What became of an offered status. */
export type Offered =
  | { readonly kind: 'written' | 'equal' | 'gone' | 'notLeader' }
  /** Offer again after `ms`: what is said by then is written. */
  | { readonly kind: 'later'; readonly ms: number };

interface Memory {
  readonly uid: string;
  readonly generation: number;
  /** `Clock.now` when this generation was first offered. */
  readonly seenAt: number;
  readonly written: Written | undefined;
}

/** Writes statuses: skips equal ones, spaces out progress, lets the last word through, tells transitions. Remembers one record a policy. */
export class StatusWriter {
  readonly #options: StatusWriterOptions;
  readonly #memory = new Map<string, Memory>();
  #writes = 0;

  constructor(options: StatusWriterOptions) {
    this.#options = options;
  }

  /** Statuses written: for metrics and tests. */
  get writes(): number {
    return this.#writes;
  }

  /** The status that stands now: remembered, or (first time) read. */
  async load(subject: Subject, generation: number): Promise<PolicyStatus | undefined> {
    const key = keyOf(subject);
    const known = this.#memory.get(key);
    if (known?.uid === subject.uid) {
      if (known.generation !== generation) this.#see(key, { ...known, generation, seenAt: this.#options.clock.now() });
      return known.written?.status;
    }
    const status = await this.#options.client.read(subject);
    const now = this.#options.clock.now();
    const written: Written | undefined =
      status === undefined ? undefined : { at: now - 1, streak: 0, status, hurriedAt: undefined };
    this.#see(key, { uid: subject.uid, generation, seenAt: now, written });
    return status;
  }

  /** After `load`. */
  async offer(subject: Subject, status: PolicyStatus): Promise<Offered> {
    const { client, clock, isLeader, tell } = this.#options;
    const key = keyOf(subject);
    const memory = this.#memory.get(key);
    if (memory === undefined || memory.uid !== subject.uid) return { kind: 'gone' };
    const before = memory.written?.status;
    const difference = compareStatus(before, status);
    if (difference === 'none') return { kind: 'equal' };
    const ms = writeDelay(memory.written, difference, memory.seenAt, clock.now());
    if (ms > 0) return { kind: 'later', ms };
    if (!isLeader()) return { kind: 'notLeader' };
    const applied = await client.apply(subject, status, isLeader);
    if (applied === 'gone') this.#memory.delete(key);
    if (applied !== 'written') return { kind: applied };
    this.#writes++;
    const written = noteWritten(memory.written, status, difference, memory.seenAt, clock.now());
    this.#see(key, { ...memory, written });
    for (const event of transitions(before, status)) tell(subject, event);
    return { kind: 'written' };
  }

  forget(kind: Subject['kind'], namespace: string, name: string): void {
    this.#memory.delete(keyOf({ kind, namespace, name }));
  }

  #see(key: string, memory: Memory): void {
    this.#memory.set(key, memory);
  }
}

const keyOf = ({ kind, namespace, name }: Pick<Subject, 'kind' | 'namespace' | 'name'>): string =>
  `${kind}/${namespace}/${name}`;
