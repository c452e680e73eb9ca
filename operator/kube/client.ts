import type { Readable } from 'node:stream';
import { HeddleError } from '../../proxy/base/errors.ts';
import type { Connection } from './connection.ts';
import { createDispatcher, type DispatcherOptions } from './dispatcher.ts';
import { isNotFound } from './kube-error.ts';
import { type KubeObject, type ObjectRef, type Resource, resourcePath } from './resource.ts';

/** One page of a list. `continueToken` present = there is more. */
export interface Page {
  readonly items: readonly unknown[];
  readonly resourceVersion: string;
  readonly continueToken?: string;
}

export interface ListOptions {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly limit?: number;
  readonly continueToken?: string;
  readonly resourceVersion?: string;
  readonly signal?: AbortSignal;
}

export interface WatchOptions {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly resourceVersion: string;
  /** The server ends the watch by itself after this long. */
  readonly timeoutSeconds: number;
  readonly signal?: AbortSignal;
}

export interface WriteOptions {
  readonly subresource?: string;
}

/**
 * Thin typed wrapper over the API's verbs. The type arguments are the caller's claim about what the API server sends
 * (it validates objects against their schema); what users can shape freely is checked again where it is used.
 */
export interface KubeClient {
  get<T extends KubeObject>(resource: Resource, ref: ObjectRef): Promise<T>;
  /** As `get`; undefined when there is none. */
  find<T extends KubeObject>(resource: Resource, ref: ObjectRef): Promise<T | undefined>;
  list(resource: Resource, options?: ListOptions): Promise<Page>;
  /** The raw lines of a watch (one JSON event each). The caller destroys the stream. */
  watch(resource: Resource, options: WatchOptions): Promise<Readable>;
  create<T extends KubeObject, R = T>(resource: Resource, object: T): Promise<R>;
  /** PUT: with `metadata.resourceVersion` set it fails with 409 when somebody wrote in between. */
  replace<T extends KubeObject>(resource: Resource, object: T, options?: WriteOptions): Promise<T>;
  /** JSON merge patch (RFC 7396). */
  mergePatch(resource: Resource, ref: ObjectRef, patch: unknown, options?: WriteOptions): Promise<KubeObject>;
  /** Server-side apply (KEP-555) under the field manager `manager`; takes over fields that others hold. */
  apply<T extends KubeObject>(resource: Resource, object: T, manager: string, options?: WriteOptions): Promise<T>;
  /** True when it was there. `resourceVersion` given: only that version. */
  remove(resource: Resource, ref: ObjectRef, resourceVersion?: string): Promise<boolean>;
  /** POST to a subresource of one object (`serviceaccounts/x/token`). */
  createSub<R>(resource: Resource, ref: ObjectRef, subresource: string, body: unknown): Promise<R>;
  close(): void;
}

/** One watch's head must come within this time; afterwards bookmarks tell that it lives. */
const WATCH_HEAD_MS = 15_000;

/** `timeoutMs`: for one call other than a watch. */
export function createKubeClient(connection: Connection, options: DispatcherOptions = {}): KubeClient {
  const dispatcher = createDispatcher(connection, options);
  const send = async (method: string, path: string, body?: unknown, contentType?: string): Promise<unknown> => {
    const text = await dispatcher.send({
      method,
      path,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(contentType === undefined ? {} : { contentType }),
    });
    return parse(text, path);
  };
  const pathOf = (resource: Resource, ref: ObjectRef, subresource?: string) =>
    resourcePath(resource, ref.namespace, ref.name, subresource);

  return {
    get: async <T>(resource: Resource, ref: ObjectRef) => (await send('GET', pathOf(resource, ref))) as T,
    async find<T>(resource: Resource, ref: ObjectRef) {
      try {
        return (await send('GET', pathOf(resource, ref))) as T;
      } catch (error) {
        if (isNotFound(error)) return undefined;
        throw error;
      }
    },
    async list(resource, options = {}) {
      const path = `${resourcePath(resource, options.namespace)}${listQuery(options)}`;
      const text = await dispatcher.send({
        method: 'GET',
        path,
        ...(options.signal === undefined ? {} : { signal: options.signal }),
      });
      return pageOf(parse(text, path), path);
    },
    watch: (resource, options) =>
      dispatcher.stream({
        method: 'GET',
        path: `${resourcePath(resource, options.namespace)}${watchQuery(options)}`,
        timeoutMs: WATCH_HEAD_MS,
        ...(options.signal === undefined ? {} : { signal: options.signal }),
      }),
    create: async <T extends KubeObject, R>(resource: Resource, object: T) =>
      (await send('POST', resourcePath(resource, object.metadata.namespace), object)) as R,
    replace: async <T extends KubeObject>(resource: Resource, object: T, options: WriteOptions = {}) =>
      (await send('PUT', pathOf(resource, object.metadata, options.subresource), object)) as T,
    mergePatch: async (resource, ref, patch, options = {}) =>
      (await send(
        'PATCH',
        pathOf(resource, ref, options.subresource),
        patch,
        'application/merge-patch+json',
      )) as KubeObject,
    apply: async <T extends KubeObject>(resource: Resource, object: T, manager: string, options: WriteOptions = {}) => {
      const query = `?fieldManager=${encodeURIComponent(manager)}&force=true`;
      const path = pathOf(resource, object.metadata, options.subresource) + query;
      return (await send('PATCH', path, object, 'application/apply-patch+yaml')) as T;
    },
    async remove(resource, ref, resourceVersion) {
      const body = resourceVersion === undefined ? undefined : { preconditions: { resourceVersion } };
      try {
        await send('DELETE', pathOf(resource, ref), body);
        return true;
      } catch (error) {
        if (isNotFound(error)) return false;
        throw error;
      }
    },
    createSub: async <R>(resource: Resource, ref: ObjectRef, subresource: string, body: unknown) =>
      (await send('POST', pathOf(resource, ref, subresource), body)) as R,
    close: () => dispatcher.close(),
  };
}

function listQuery(options: ListOptions): string {
  return query({
    labelSelector: options.labelSelector,
    fieldSelector: options.fieldSelector,
    limit: options.limit?.toString(),
    continue: options.continueToken,
    resourceVersion: options.resourceVersion,
  });
}

function watchQuery(options: WatchOptions): string {
  return query({
    watch: 'true',
    allowWatchBookmarks: 'true',
    resourceVersion: options.resourceVersion,
    timeoutSeconds: options.timeoutSeconds.toString(),
    labelSelector: options.labelSelector,
    fieldSelector: options.fieldSelector,
  });
}

function query(members: Readonly<Record<string, string | undefined>>): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(members))
    if (value !== undefined && value !== '') parameters.set(name, value);
  const text = parameters.toString();
  return text === '' ? '' : `?${text}`;
}

function parse(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new HeddleError('kubernetes', 'the API server sent something that is not JSON', { where: { path }, cause });
  }
}

interface ListBody {
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string };
  readonly items?: readonly unknown[] | null;
}

function pageOf(body: unknown, path: string): Page {
  const { metadata, items } = body as ListBody;
  if (metadata?.resourceVersion === undefined) {
    throw new HeddleError('kubernetes', 'the API server sent a list without a resourceVersion', { where: { path } });
  }
  const more = metadata.continue;
  return {
    items: items ?? [],
    resourceVersion: metadata.resourceVersion,
    ...(more === undefined || more === '' ? {} : { continueToken: more }),
  };
}
