import type { Reason } from '../contract/reasons.ts';
import { ERROR, MESH_LIMITS, type SessionLimits } from '../http/h2/h2.ts';
import type { SelfDescription } from './api.ts';

/** Settings and frames that the mesh adds to HTTP/2 (`contract/wire.md`, Frames). */
export const WIRE_VERSION = 1;
export const SETTING_VERSION = 0xf001;
export const SETTING_FEATURES = 0xf002;
export const FRAME_IDENTITY = 0xf0;
const MOST_IDENTITY_BYTES = 1_024;

export const EXTRA_SETTINGS = [
  [SETTING_VERSION, WIRE_VERSION],
  [SETTING_FEATURES, 0],
] as const;

/** A dead peer is noticed within 13 s. */
export const KEEPALIVE = { intervalMs: 10_000, timeoutMs: 3_000 } as const;

/** 96 KiB of header list: an HTTP/1.1 head of 64 KiB with 200 fields counts 70 KiB here, and `names=` repeats names. */
export const LIMITS: SessionLimits = { ...MESH_LIMITS, maxHeaderListBytes: 98_304 };

/** Which GOAWAY carries a reason. */
export function refusalCode(_reason: Reason): number {
  return ERROR.inadequateSecurity;
}

/** Why these settings are not a peer of our version; undefined when they are. */
export function versionFault(settings: ReadonlyMap<number, number>): string | undefined {
  const version = settings.get(SETTING_VERSION);
  return version === WIRE_VERSION
    ? undefined
    : `the peer speaks wire version ${version ?? 'none'}, this proxy ${WIRE_VERSION}`;
}

export function identityFrame(self: SelfDescription): Buffer {
  const { workload, namespace, pod } = self;
  return Buffer.from(JSON.stringify({ workload, namespace, pod }), 'utf8');
}

export interface Description {
  readonly workload: string | undefined;
  readonly namespace: string | undefined;
}

const NAME = /^[a-z0-9](?:[-.a-z0-9]{0,251}[a-z0-9])?$/;

/** Reads the extension frame: telemetry only, so what is not a Kubernetes name is left out, never an error. */
export function readIdentityFrame(buffer: Buffer, start: number, end: number): Description {
  const nothing = { workload: undefined, namespace: undefined };
  if (end - start > MOST_IDENTITY_BYTES) return nothing;
  try {
    const value: unknown = JSON.parse(buffer.toString('utf8', start, end));
    if (typeof value !== 'object' || value === null) return nothing;
    return { workload: nameIn(value, 'workload'), namespace: nameIn(value, 'namespace') };
  } catch {
    return nothing;
  }
}

function nameIn(value: object, key: string): string | undefined {
  const text: unknown = Object.hasOwn(value, key) ? Reflect.get(value, key) : undefined;
  return typeof text === 'string' && NAME.test(text) ? text : undefined;
}
