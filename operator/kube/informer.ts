import type { Readable } from 'node:stream';
import { type BackoffRange, reconnectDelay } from '../../proxy/base/backoff.ts';
import type { Clock, Random } from '../../proxy/base/clock.ts';
import type { Log } from '../../proxy/base/log.ts';
import { Cell, type Watch } from '../../proxy/base/watch.ts';
import type { KubeClient, ListOptions, Page } from './client.ts';
import { isGone, isNotFound, isTooLarge, KubeError, patienceMs } from './kube-error.ts';
import { type Change, ObjectStore } from './object-store.ts';
import { pause } from './pause.ts';
import { type KubeObject, objectKey, type Resource } from './resource.ts';
import { readWatchEvent } from './watch-event.ts';
import { LineCutter } from './watch-lines.ts';

export type InformerState =
  | { readonly kind: 'idle' }
  | { readonly kind: 'listing' }
  | { readonly kind: 'watching' }
  /** The kind does not exist (404: its CRD is missing). What is held stays: absence is never permission. */
  | { readonly kind: 'absent' }
  | { readonly kind: 'waiting'; readonly error: unknown }
  | { readonly kind: 'stopped' };

export interface InformerOptions<Kept> {
  readonly client: KubeClient;
  readonly resource: Resource;
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /** The kind must exist before `synced`: without it nothing can be decided. Default: a kind that does not exist counts as empty. */
  readonly mustExist?: boolean;
  /** Full object to what is held; undefined = not of interest. Memory grows with what this returns. */
  readonly strip: (raw: KubeObject) => Kept | undefined;
  /** Hears every change once, in order. What it throws is logged and stops nothing. */
  readonly onChange: (change: Change<Kept>) => void;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly pageSize?: number;
  readonly backoff?: BackoffRange;
  /** Silence on the watch after which the connection is taken for dead. Bookmarks come about once a minute. */
  readonly silenceMs?: number;
}

export interface Informer<Kept> {
  /** Plural of the kind. */
  readonly name: string;
  readonly state: Watch<InformerState>;
  /** Resolves after the first complete list, or (without `mustExist`) when the kind does not exist. */
  readonly synced: Promise<void>;
  readonly size: number;
  get(key: string): Kept | undefined;
  values(): Iterable<Kept>;
  /** True while the watch runs and something was heard within twice `silenceMs`, or the kind is absent. */
  alive(): boolean;
  /** Lists anew: somebody knows that the watch may have gone deaf (its CRD was deleted; the API server then says nothing). */
  relist(): void;
  start(): void;
  stop(): Promise<void>;
}

/** Page size of client-go's reflector. */
const PAGE_SIZE = 500;
const BACKOFF: BackoffRange = { base: 100, max: 10_000 };
/** A missing kind is looked for this often: `kubectl apply` in any order must converge within seconds. */
const ABSENT_RETRY: BackoffRange = { base: 2_000, max: 2_000 };
const SILENCE_MS = 90_000;
/** The server ends a watch after 4 to 8 minutes, so that watches spread over API servers again (client-go: 5 to 10). */
const WATCH_SECONDS = { least: 240, spread: 240 };

/**
 * Keeps a copy of a collection: list in pages, then watch with bookmarks from where the list stood; 410 lists again,
 * any other end is resumed with a jittered backoff. The library's own stops at the first dropped connection.
 */
export function createInformer<Kept>(options: InformerOptions<Kept>): Informer<Kept> {
  const { client, resource, clock, random } = options;
  const log = options.log.with({ resource: resource.plural });
  const backoff = options.backoff ?? BACKOFF;
  const silenceMs = options.silenceMs ?? SILENCE_MS;
  const store = new ObjectStore<Kept>(options.strip);
  const state = new Cell<InformerState>({ kind: 'idle' });
  const synced = Promise.withResolvers<void>();
  const stopping = new AbortController();
  const scope = {
    ...(options.namespace === undefined ? {} : { namespace: options.namespace }),
    ...(options.labelSelector === undefined ? {} : { labelSelector: options.labelSelector }),
    ...(options.fieldSelector === undefined ? {} : { fieldSelector: options.fieldSelector }),
  };
  /** Where the next watch resumes; undefined = list first. */
  let position: string | undefined;
  let watched: Readable | undefined;
  let lastHeard = Number.NEGATIVE_INFINITY;
  let attempt = 0;
  let pageSize = options.pageSize ?? PAGE_SIZE;
  let running: Promise<void> | undefined;

  const tell = (change: Change<Kept> | undefined): void => {
    if (change === undefined) return;
    try {
      options.onChange(change);
    } catch (error) {
      log.error(
        'a handler failed on a change; the object is skipped until it changes again',
        { key: change.key },
        error,
      );
    }
  };

  const put = (raw: KubeObject): void => {
    try {
      tell(store.put(raw));
    } catch (error) {
      log.error('an object cannot be read; the last good one stays', { key: objectKey(raw.metadata) }, error);
    }
  };

  const list = async (): Promise<void> => {
    state.set({ kind: 'listing' });
    const listed = new Set<string>();
    let continueToken: string | undefined;
    let resourceVersion: string;
    do {
      const page = await listPage({
        ...scope,
        signal: stopping.signal,
        ...(continueToken === undefined ? {} : { continueToken }),
      });
      for (const item of page.items) {
        const raw = item as KubeObject;
        listed.add(objectKey(raw.metadata));
        put(raw);
      }
      ({ continueToken, resourceVersion } = { continueToken: undefined, ...page });
    } while (continueToken !== undefined);
    for (const key of store.missingFrom(listed)) tell(store.remove(key));
    position = resourceVersion;
    lastHeard = clock.now();
    synced.resolve();
  };

  /** Large objects in a row (anybody may make some) must not keep the whole kind from being known: smaller pages from then on. */
  const listPage = async (query: ListOptions): Promise<Page> => {
    for (;;) {
      try {
        return await client.list(resource, { ...query, limit: pageSize });
      } catch (error) {
        if (!isTooLarge(error) || pageSize === 1) throw error;
        pageSize = Math.ceil(pageSize / 8);
        log.warn('a page of the list is too large; smaller ones are asked for', { pageSize });
      }
    }
  };

  const heard = (): void => {
    lastHeard = clock.now();
    attempt = 0;
  };

  const take = (line: string): void => {
    const event = readWatchEvent(line);
    if (event.kind === 'present') put(event.object);
    else if (event.kind === 'deleted') tell(store.remove(objectKey(event.object.metadata)));
    position = event.resourceVersion;
  };

  const watch = async (resourceVersion: string): Promise<void> => {
    const timeoutSeconds = Math.round(WATCH_SECONDS.least + random() * WATCH_SECONDS.spread);
    const stream = await client.watch(resource, { ...scope, resourceVersion, timeoutSeconds, signal: stopping.signal });
    watched = stream;
    const openedAt = clock.now();
    lastHeard = openedAt;
    state.set({ kind: 'watching' });
    const silence = watchSilence(clock, silenceMs, () => stream.destroy(new SilentWatchError(silenceMs)));
    const lines = new LineCutter();
    try {
      for await (const chunk of stream as AsyncIterable<Buffer>) {
        silence.heard();
        for (const line of lines.push(chunk)) take(line);
        heard();
      }
    } finally {
      silence.stop();
      watched = undefined;
      stream.destroy();
      // One that lasted was good, though nothing was heard on it (quiet kinds): the next must not wait longer for it.
      if (clock.now() - openedAt >= backoff.max) attempt = 0;
    }
  };

  const rest = (range: BackoffRange, leastMs = 0): Promise<void> =>
    pause(clock, Math.max(leastMs, reconnectDelay(range, attempt++, random)), stopping.signal);

  const recover = async (error: unknown): Promise<void> => {
    if (isNotFound(error)) {
      position = undefined;
      if (state.value.kind !== 'absent') {
        if (attempt === 0 || store.size > 0)
          log.warn('this kind does not exist in the cluster; what is held stays', { held: store.size });
      }
      state.set({ kind: 'absent' });
      if (options.mustExist !== true) synced.resolve();
      return rest(ABSENT_RETRY);
    }
    if (isGone(error)) position = undefined;
    else if (error instanceof SilentWatchError) log.debug('a silent watch is opened anew', { silenceMs });
    else log.warn('watching stopped, resuming', { attempt }, error);
    state.set({ kind: 'waiting', error });
    return rest(backoff, patienceMs(error));
  };

  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      try {
        if (position === undefined) await list();
        if (position !== undefined) await watch(position);
        // The server ended the watch in order; a short rest keeps a server that always does so from being hammered.
        if (!stopping.signal.aborted) await rest(backoff);
      } catch (error) {
        if (!stopping.signal.aborted) await recover(error);
      }
    }
    state.set({ kind: 'stopped' });
  };

  return {
    name: resource.plural,
    state,
    synced: synced.promise,
    get size() {
      return store.size;
    },
    get: (key) => store.get(key),
    values: () => store.values(),
    alive: () => state.value.kind === 'absent' || clock.now() - lastHeard < 2 * silenceMs,
    relist() {
      watched?.destroy(new KubeError('asked to list anew', { status: 410 }));
    },
    start() {
      running ??= run();
    },
    async stop() {
      stopping.abort();
      await running;
    },
  };
}

/** Nothing was heard: on a quiet kind the API server sends no bookmark either, so this is no news. */
class SilentWatchError extends KubeError {
  constructor(silenceMs: number) {
    super(`nothing was heard on the watch for ${silenceMs} ms`, { status: 0 });
  }
}

/** Calls `onSilence` once when `heard` was not called for `ms`. */
function watchSilence(clock: Clock, ms: number, onSilence: () => void): { heard(): void; stop(): void } {
  let timer = clock.after(ms, onSilence);
  const stop = (): void => timer.clear();
  return {
    heard() {
      stop();
      timer = clock.after(ms, onSilence);
    },
    stop,
  };
}
