/**
 * What holds where nobody says anything. Each number with its reason; times in milliseconds.
 * The descriptions in the YAML name the same numbers (a test compares them).
 */

export const DEFAULT_TIMEOUTS = {
  /** None: a mesh that is put under running services must not cut their long calls. Retries without one draw a warning. */
  requestMs: 0,
  perTryMs: 0,
  streamIdleMs: 0,
} as const;

/** 24 days (576h): timers of Node end at 2^31 - 1 ms, and a proxy refuses the whole key for one duration beyond. */
export const LONGEST_DURATION_MS = 24 * 24 * 3_600_000;

export const DEFAULT_RETRIES = {
  /** One, and only where it cannot duplicate work: nothing was processed, or the method is idempotent. */
  attempts: 1,
  on: ['connect-failure', 'refused-stream', 'reset'],
  statuses: [],
  /** RFC 9110 9.2.2, without TRACE, which no service offers on purpose. */
  methods: ['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'],
  /** Field practice (Envoy's and Linkerd's): long enough for a restart of a socket, short beside a request. */
  backoff: { baseMs: 25, maxMs: 250 },
  /** A fifth more load at most; ten a second for each client would defeat itself. */
  budget: { percent: 20, minPerSecond: 1 },
} as const;

/** Two random choices keep the slowest endpoint from collecting a queue. */
export const DEFAULT_LOAD_BALANCING = 'LeastRequest';

export const DEFAULT_CONNECTION = {
  /** 3 s: one second is a single lost SYN. */
  connectTimeoutMs: 3000,
  /** 60 s: an idle mesh connection costs 66 to 82 kB in Node. */
  idleTimeoutMs: 60_000,
} as const;

/** What went wrong is worth a line, what went well is a number. */
export const DEFAULT_ACCESS_LOG = 'Errors';
/** All: nobody misses the trace that they look for; the collector's side samples where it costs. */
export const DEFAULT_SAMPLING_PERCENT = 100;

/** Mesh-wide until set Strict: putting the mesh in must not cut callers that are not in it yet. */
export const DEFAULT_MTLS_MODE = 'Permissive';
export const DEFAULT_TRUST_DOMAIN = 'cluster.local';
/** When a subset has no ready pod: what was promised to one version does not go to another unasked. */
export const DEFAULT_ON_EMPTY = 'Fail';
/** A policy for one path does not turn the others into 404. */
export const DEFAULT_UNMATCHED = 'Forward';

export const LEAF_TTL = {
  /** 24 h: a stolen key is of use for a day at most, and an operator may be gone for half of it. */
  defaultMs: 24 * 3_600_000,
  /** 10 s: below it renewal at 30 to 70 % would be a load of its own. */
  minMs: 10_000,
  /** 7 d: an issuer (30 d) is renewed while 9 d (30 %) remain, so no leaf outlives its issuer. */
  maxMs: 168 * 3_600_000,
} as const;

/** Requests of the sidecar: HPA and quota need them. No CPU limit: throttling is latency. */
export const SIDECAR_RESOURCES = { cpuRequest: '50m', memoryRequest: '96Mi', memoryLimit: '256Mi' } as const;
export const INIT_RESOURCES = { cpuRequest: '10m', memoryRequest: '64Mi' } as const;
