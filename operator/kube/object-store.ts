import { type KubeObject, objectKey } from './resource.ts';

/** One object appeared, changed or went (`object` absent). Keys are `namespace/name`, or `name` when cluster-scoped. */
export interface Change<Kept> {
  readonly key: string;
  readonly object: Kept | undefined;
  readonly previous: Kept | undefined;
}

interface Entry<Kept> {
  readonly resourceVersion: string;
  readonly kept: Kept;
}

/** What an informer holds: the stripped objects by key, each with the version it was taken from. */
export class ObjectStore<Kept> {
  readonly #entries = new Map<string, Entry<Kept>>();
  readonly #strip: (raw: KubeObject) => Kept | undefined;

  constructor(strip: (raw: KubeObject) => Kept | undefined) {
    this.#strip = strip;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: string): Kept | undefined {
    return this.#entries.get(key)?.kept;
  }

  *values(): Iterable<Kept> {
    for (const entry of this.#entries.values()) yield entry.kept;
  }

  /** An object that `strip` turns away (undefined) counts as not there. Undefined when nothing changed. */
  put(raw: KubeObject): Change<Kept> | undefined {
    const key = objectKey(raw.metadata);
    const resourceVersion = raw.metadata.resourceVersion ?? '';
    const held = this.#entries.get(key);
    if (held !== undefined && held.resourceVersion === resourceVersion) return undefined;
    const kept = this.#strip(raw);
    if (kept === undefined) return this.remove(key);
    this.#entries.set(key, { resourceVersion, kept });
    return { key, object: kept, previous: held?.kept };
  }

  remove(key: string): Change<Kept> | undefined {
    const held = this.#entries.get(key);
    if (held === undefined) return undefined;
    this.#entries.delete(key);
    return { key, object: undefined, previous: held.kept };
  }

  /** Keys that are held but not in `listed`: what went while nobody watched. */
  missingFrom(listed: ReadonlySet<string>): string[] {
    return [...this.#entries.keys()].filter((key) => !listed.has(key));
  }
}
