/**
 * The world in which every contender works: two network namespaces joined by a cable, an application in each. The client's
 * namespace stands for the calling pod, the server's for the called one. Every contender has such a pair of its own, so the
 * same addresses serve all, and the rules that turn connections to a proxy are the same for all.
 */
export const ADDRESS = { client: '10.77.0.1', server: '10.77.0.2', prefix: 24 } as const;

/** Services: addresses that no interface has, as a cluster's are. Every host is a name that peers route on. */
export const SERVICES = {
  /** To a pod without a proxy. */
  hop: { host: 'hop.bench', address: '10.77.1.10', port: 80 },
  hopOther: { host: 'hop-other.bench', address: '10.77.1.11', port: 80 },
  /** To a pod with a proxy: mutual TLS between the two. */
  pair: { host: 'pair.bench', address: '10.77.1.20', port: 80 },
  pairOther: { host: 'pair-other.bench', address: '10.77.1.21', port: 80 },
  tcp: { host: 'tcp.bench', address: '10.77.1.30', port: 7000 },
  grpc: { host: 'grpc.bench', address: '10.77.1.40', port: 50051 },
} as const;
export const SERVICE_RANGE = '10.77.1.0/24';

/** Ports of the applications in the server's namespace. Those called plain are exempt from redirection, as a pod without a proxy is. */
export const BACKENDS = { a: 9001, b: 9002, grpc: 9003, plainA: 9101, plainB: 9102, echo: 9201 } as const;
export const PLAIN_PORTS: readonly number[] = [BACKENDS.plainA, BACKENDS.plainB, BACKENDS.echo];

/** Peers cannot ask where a connection was going, so their TCP service has a listener of its own. */
export const PEER_TCP_PORT = 19811;

export const CORES = { proxy: 0, load: 1 } as const;

/** This path, and what lies below it, belongs to backend b, whatever the host. */
export const OTHER_PATH = '/other';
/** The backend answers with what it saw instead of 200 bytes. */
export const CHECK_PATH = '/check';
export const BODY_BYTES = 200;

export const TRUST_DOMAIN = 'bench.local';
export const IDENTITY = {
  client: `spiffe://${TRUST_DOMAIN}/ns/bench/sa/client`,
  server: `spiffe://${TRUST_DOMAIN}/ns/bench/sa/server`,
  impostor: `spiffe://${TRUST_DOMAIN}/ns/bench/sa/impostor`,
} as const;
/** Of the many pods that call one. */
export const CALLERS_NAMESPACE = 'callers';
/** DNS name in the server's certificate, for peers that cannot check a SPIFFE id. */
export const SERVER_NAME = 'server.bench.local';
