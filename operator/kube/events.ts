import type { Clock } from '../../proxy/base/clock.ts';
import type { Log } from '../../proxy/base/log.ts';
import type { KubeClient } from './client.ts';
import { apiVersionOf, type KubeObject, RESOURCES } from './resource.ts';

/** What an event is about. */
export interface Regarding {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
}

export interface EventToTell {
  readonly regarding: Regarding;
  readonly type: 'Normal' | 'Warning';
  /** CamelCase, at most 128 characters. */
  readonly reason: string;
  /** What was done (`Rollout`, `Inject`); CamelCase. */
  readonly action: string;
  /** A sentence; cut at 1,024 characters. */
  readonly note: string;
}

/** Tells events on transitions: the same about the same object is told once in ten minutes; never throws, never waits. */
export type EventRecorder = (event: EventToTell) => void;

export interface EventRecorderOptions {
  readonly client: KubeClient;
  /** `heddle.dev/operator`. */
  readonly controller: string;
  /** Name of the pod. */
  readonly instance: string;
  readonly clock: Clock;
  readonly log: Log;
}

const REPEAT_MS = 10 * 60_000;
/** Bound of what is remembered: 2,000 objects with a handful of reasons each fit in about 1 MB. */
const REMEMBERED = 10_000;
/** Events in flight beyond this are dropped: they are news, not state. */
const IN_FLIGHT = 32;
/** Events of cluster-scoped objects live here, as kubectl expects. */
const CLUSTER_EVENTS_NAMESPACE = 'default';

export function createEventRecorder(options: EventRecorderOptions): EventRecorder {
  const told = new Map<string, number>();
  let inFlight = 0;
  let count = 0;

  const isRepeat = (event: EventToTell): boolean => {
    const now = options.clock.now();
    const { regarding } = event;
    const key = [regarding.kind, regarding.namespace, regarding.name, regarding.uid, event.reason, event.note].join(
      '\0',
    );
    const last = told.get(key);
    if (last !== undefined && now - last < REPEAT_MS) return true;
    told.delete(key);
    told.set(key, now);
    if (told.size > REMEMBERED) told.delete(told.keys().next().value ?? key);
    return false;
  };

  const send = async (event: EventToTell): Promise<void> => {
    inFlight++;
    try {
      await options.client.create(RESOURCES.events, eventObject(options, event, count++));
    } catch (error) {
      options.log.warn('an event could not be told', { reason: event.reason, about: event.regarding.name }, error);
    } finally {
      inFlight--;
    }
  };

  return (event) => {
    if (isRepeat(event)) return;
    if (inFlight < IN_FLIGHT) void send(event);
    else options.log.warn('too many events at once, one is dropped', { reason: event.reason });
  };
}

function eventObject(
  options: EventRecorderOptions,
  event: EventToTell,
  count: number,
): KubeObject & Record<string, unknown> {
  const wall = options.clock.wall();
  const unique = `${Math.floor(wall).toString(16)}${count.toString(16).padStart(4, '0')}`;
  return {
    apiVersion: apiVersionOf(RESOURCES.events),
    kind: RESOURCES.events.kind,
    // Names of events end at 253 characters like all others.
    metadata: {
      name: `${event.regarding.name.slice(0, 220)}.${unique}`,
      namespace: event.regarding.namespace ?? CLUSTER_EVENTS_NAMESPACE,
    },
    eventTime: new Date(wall).toISOString().replace('Z', '000Z'),
    reportingController: options.controller,
    reportingInstance: options.instance.slice(0, 128),
    type: event.type,
    reason: event.reason,
    action: event.action,
    note: event.note.slice(0, 1024),
    regarding: event.regarding,
  };
}
