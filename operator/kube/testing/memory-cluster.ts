import { Readable } from 'node:stream';
import type { KubeClient, Page, WatchOptions } from '../client.ts';
import { KubeError } from '../kube-error.ts';
import { type KubeObject, type ObjectRef, objectKey, type Resource } from '../resource.ts';

/**
 * The API server's rules of writing in memory: versions, conflicts, creation once, removal with a precondition.
 * Watches are not played here (the scripted server does that). `fail` makes the next calls fail.
 */
export class MemoryCluster implements KubeClient {
  readonly objects = new Map<string, KubeObject>();
  /** `create secrets heddle-system/heddle-ca`, in order. */
  readonly writes: string[] = [];
  /** Called before each call; what it throws is the call's error. */
  before: (verb: string, key: string) => void | Promise<void> = () => {};
  /** Answers creations that hold nothing, like reviews. */
  review: (resource: Resource, object: KubeObject) => unknown = () => undefined;
  #version = 0;

  async find<T extends KubeObject>(resource: Resource, ref: ObjectRef): Promise<T | undefined> {
    await this.before('get', `${resource.plural} ${objectKey(ref)}`);
    return this.objects.get(keyOf(resource, ref)) as T | undefined;
  }

  async get<T extends KubeObject>(resource: Resource, ref: ObjectRef): Promise<T> {
    const found = await this.find<T>(resource, ref);
    if (found === undefined) throw status(404, 'NotFound', objectKey(ref));
    return found;
  }

  async list(resource: Resource): Promise<Page> {
    await this.before('list', resource.plural);
    const prefix = `${resource.plural} `;
    const items = [...this.objects].filter(([key]) => key.startsWith(prefix)).map(([, object]) => object);
    return { items, resourceVersion: String(this.#version) };
  }

  async watch(_resource: Resource, { signal }: WatchOptions): Promise<Readable> {
    return new Readable({ read() {}, ...(signal === undefined ? {} : { signal }) });
  }

  async create<T extends KubeObject, R = T>(resource: Resource, object: T): Promise<R> {
    await this.#note('create', resource, object.metadata);
    const review = this.review(resource, object);
    if (review !== undefined) return review as R;
    if (this.objects.has(keyOf(resource, object.metadata)))
      throw status(409, 'AlreadyExists', objectKey(object.metadata));
    return this.#put(resource, {
      ...object,
      metadata: { uid: `uid-${this.#version + 1}`, ...object.metadata },
    }) as unknown as R;
  }

  async replace<T extends KubeObject>(resource: Resource, object: T): Promise<T> {
    await this.#note('replace', resource, object.metadata);
    const held = this.objects.get(keyOf(resource, object.metadata));
    if (held === undefined) throw status(404, 'NotFound', objectKey(object.metadata));
    const wanted = object.metadata.resourceVersion;
    if (wanted !== undefined && wanted !== held.metadata.resourceVersion)
      throw status(409, 'Conflict', objectKey(object.metadata));
    return this.#put(resource, { ...object, metadata: { ...held.metadata, ...object.metadata } });
  }

  async mergePatch(resource: Resource, ref: ObjectRef, patch: unknown): Promise<KubeObject> {
    await this.#note('patch', resource, ref);
    return this.#put(resource, merge(await this.get(resource, ref), patch) as KubeObject);
  }

  async apply<T extends KubeObject>(resource: Resource, object: T): Promise<T> {
    await this.#note('apply', resource, object.metadata);
    const held = this.objects.get(keyOf(resource, object.metadata)) ?? { metadata: { name: object.metadata.name } };
    // `data` has one manager: what it does not apply any more goes.
    return this.#put(resource, { ...(merge(held, object) as T), ...('data' in object ? { data: object.data } : {}) });
  }

  async remove(resource: Resource, ref: ObjectRef): Promise<boolean> {
    await this.#note('remove', resource, ref);
    return this.objects.delete(keyOf(resource, ref));
  }

  async createSub<R>(): Promise<R> {
    throw status(405, 'MethodNotAllowed', '');
  }

  close(): void {}

  async #note(verb: string, resource: Resource, ref: ObjectRef): Promise<void> {
    const text = `${resource.plural} ${objectKey(ref)}`;
    await this.before(verb, text);
    this.writes.push(`${verb} ${text}`);
  }

  #put<T extends KubeObject>(resource: Resource, object: T): T {
    const stored = { ...object, metadata: { ...object.metadata, resourceVersion: String(++this.#version) } };
    this.objects.set(keyOf(resource, object.metadata), stored);
    return stored;
  }
}

function keyOf(resource: Resource, ref: ObjectRef): string {
  return `${resource.plural} ${objectKey({ name: ref.name, ...(ref.namespace === undefined ? {} : { namespace: ref.namespace }) })}`;
}

function status(code: number, reason: string, key: string): KubeError {
  return new KubeError(`${key}: ${reason}`, { status: code, reason });
}

function merge(held: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch;
  const target: Record<string, unknown> = typeof held === 'object' && held !== null ? { ...held } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete target[name];
    else target[name] = merge(target[name], value);
  }
  return target;
}
