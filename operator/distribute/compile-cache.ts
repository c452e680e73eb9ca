import { HeddleError } from '../../proxy/base/errors.ts';
import { type Key, type Provenance, WORKLOAD_KEY } from '../../proxy/contract/snapshot.ts';
import { MAX_MESSAGE_BYTES } from '../../proxy/contract/stream.ts';
import { canonicalJson } from '../../proxy/contract/version.ts';
import type { Compiled, Viewer } from './compiled.ts';
import { createStamp, type Stamp } from './stamp.ts';

/** A compiled key with what is sent of it: JSON after `"type","seq","key"`, shared by all proxies of the class. */
export interface CachedKey {
  readonly stamp: Stamp;
  readonly provenance: readonly Provenance[];
  /** With content. */
  readonly full: Buffer;
  /** Provenance only. */
  readonly bare: Buffer;
}

export interface CompileCacheOptions {
  readonly compile: (key: Key, viewer: Viewer) => Compiled | undefined;
  readonly viewClass: (key: Key, viewer: Viewer) => string;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** The compiler threw, or its result cannot be sent: proxies keep what they have. */
  readonly onFailed: (key: Key, error: unknown) => void;
  /** Most compiled keys that are kept; the oldest go first. */
  readonly limit?: number;
}

const DEFAULT_LIMIT = 20_000;
/** Policies that an update may name (`proxy/contract/decode-messages.ts`): one with more would end the stream of every proxy that holds the key. */
const MAX_POLICIES = 1_000;
/** Room for the members that stand before the shared ones: type, seq and key. */
const HEAD_ROOM = 1024;

/** What cannot be compiled is not tried for each proxy that holds it: the next who asks after this long tries again. */
const FAILED_MS = 5_000;

interface Failed {
  readonly failedAt: number;
}

/** Compiles each (key, viewer class) once until the world says that the key is affected. A `workload` is one pod's own: its class is the pod. */
export class CompileCache {
  readonly #options: CompileCacheOptions;
  readonly #limit: number;
  readonly #byKey = new Map<Key, Map<string, CachedKey | Failed | undefined>>();
  #size = 0;
  #compiles = 0;

  constructor(options: CompileCacheOptions) {
    this.#options = options;
    this.#limit = options.limit ?? DEFAULT_LIMIT;
  }

  get size(): number {
    return this.#size;
  }

  /** How often the compiler ran: for metrics and tests. */
  get compiles(): number {
    return this.#compiles;
  }

  /** Undefined: the compiler has nothing to say yet. `failed`: it could not. */
  get(key: Key, viewer: Viewer): CachedKey | undefined | 'failed' {
    const viewClass = this.#classOf(key, viewer);
    const classes = this.#classesOf(key);
    const held = classes.get(viewClass);
    if (isFailed(held)) {
      if (this.#options.now() - held.failedAt < FAILED_MS) return 'failed';
    } else if (classes.has(viewClass)) return held;
    try {
      this.#compiles++;
      const compiled = this.#options.compile(key, viewer);
      const cached = compiled === undefined ? undefined : encode(compiled);
      this.#put(classes, viewClass, cached);
      return cached;
    } catch (error) {
      this.#put(classes, viewClass, { failedAt: this.#options.now() });
      this.#options.onFailed(key, error);
      return 'failed';
    }
  }

  /** What is compiled already; never compiles. */
  peek(key: Key, viewer: Viewer): CachedKey | undefined {
    const held = this.#byKey.get(key)?.get(this.#classOf(key, viewer));
    return isFailed(held) ? undefined : held;
  }

  invalidate(key: Key): void {
    this.#size -= this.#byKey.get(key)?.size ?? 0;
    this.#byKey.delete(key);
  }

  invalidateWorkload(podUid: string): void {
    if (this.#byKey.get(WORKLOAD_KEY)?.delete(podUid) === true) this.#size--;
  }

  clear(): void {
    this.#byKey.clear();
    this.#size = 0;
  }

  #classOf(key: Key, viewer: Viewer): string {
    return key === WORKLOAD_KEY ? viewer.podUid : this.#options.viewClass(key, viewer);
  }

  #classesOf(key: Key): Map<string, CachedKey | Failed | undefined> {
    const existing = this.#byKey.get(key);
    if (existing !== undefined) return existing;
    const fresh = new Map<string, CachedKey | Failed | undefined>();
    this.#byKey.set(key, fresh);
    return fresh;
  }

  #put(
    classes: Map<string, CachedKey | Failed | undefined>,
    viewClass: string,
    cached: CachedKey | Failed | undefined,
  ): void {
    if (!classes.has(viewClass)) this.#size++;
    classes.set(viewClass, cached);
    this.#evict();
  }

  #evict(): void {
    while (this.#size > this.#limit) {
      const [key, classes] = this.#byKey.entries().next().value!;
      const [oldest] = classes.keys();
      if (oldest !== undefined && classes.delete(oldest)) this.#size--;
      if (classes.size === 0) this.#byKey.delete(key);
    }
  }
}

function isFailed(held: CachedKey | Failed | undefined): held is Failed {
  return held !== undefined && 'failedAt' in held;
}

function encode(compiled: Compiled): CachedKey {
  const { version, provenance, mustUnderstand, content } = compiled;
  if (provenance.length > MAX_POLICIES) {
    throw new HeddleError(
      'too_many_policies',
      `${provenance.length} policies reach it, an update names at most ${MAX_POLICIES}: delete some`,
    );
  }
  const members = `"version":${JSON.stringify(version)},"provenance":${JSON.stringify(provenance)},"mustUnderstand":${JSON.stringify(mustUnderstand)}`;
  const full = Buffer.from(`${members},"content":${canonicalJson(content)}}`);
  if (full.length > MAX_MESSAGE_BYTES - HEAD_ROOM) {
    throw new HeddleError(
      'message_too_large',
      `the configuration is ${full.length} bytes long, a message holds ${MAX_MESSAGE_BYTES}`,
    );
  }
  return {
    stamp: createStamp(version, provenance),
    provenance,
    full,
    bare: Buffer.from(`${members}}`),
  };
}
