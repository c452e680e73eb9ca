import { TokenBucket } from './token-bucket.ts';

/** Streams that one pod may open: a proxy comes back after seconds, and each time its whole state is gone through. */
const STREAMS = { burst: 20, perSecond: 0.5 } as const;

/** Counts the streams of each pod, over all its connections. Holds one record a pod until `forget`. */
export class HelloRate {
  readonly #byPod = new Map<string, TokenBucket>();

  get size(): number {
    return this.#byPod.size;
  }

  /** False: too many lately. */
  take(podUid: string, now: number): boolean {
    const bucket = this.#byPod.get(podUid) ?? new TokenBucket(STREAMS.burst, STREAMS.perSecond, now);
    this.#byPod.set(podUid, bucket);
    return bucket.take(now);
  }

  forget(podUid: string): void {
    this.#byPod.delete(podUid);
  }

  clear(): void {
    this.#byPod.clear();
  }
}
