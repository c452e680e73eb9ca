/**
 * What the injector promises to a proxy before any configuration arrives: ports, user, paths and environment.
 * Both sides import this file, so neither can drift.
 */

/** Ports of the proxy inside a pod: a block that no other mesh uses. */
export const PORTS = {
  /** iptables sends the application's outgoing TCP here. */
  outbound: 19801,
  /** iptables sends TCP that arrives at the pod here. */
  inbound: 19802,
  /** Administration, on localhost only. */
  admin: 19803,
  /** Health of the proxy and the rewritten probes of the application. */
  health: 19804,
  /** Prometheus metrics. */
  metrics: 19805,
} as const;

/** The operator's port for certificates and configuration. */
export const CONTROL_PORT = 19810;

/** User id of the proxy. */
export const PROXY_UID = 7357;
/**
 * Group id of the proxy. Only what runs as both is exempt from redirection: an image may name 7357 as its user, which admission cannot see, and
 * its group is then 0 or a namesake of the user.
 */
export const PROXY_GID = 7358;

export const CONTAINER = { proxy: 'heddle-proxy', init: 'heddle-init' } as const;

export const SYSTEM_NAMESPACE = 'heddle-system';
export const OPERATOR_SERVICE_ACCOUNT = 'heddle-operator';

/** Audience of the projected token; the operator asks TokenReview for exactly this one. */
export const TOKEN_AUDIENCE = 'heddle';

/** Volume names, mount points and files. */
export const VOLUMES = { token: 'heddle-token', trust: 'heddle-trust', state: 'heddle-state' } as const;
export const PATHS = {
  /** Directory of the projected token (audience `heddle`, bound to the pod, 1 h). */
  tokenDirectory: '/var/run/secrets/heddle.dev/token',
  token: '/var/run/secrets/heddle.dev/token/token',
  /** Directory of the trust bundle's ConfigMap. */
  trustDirectory: '/var/run/heddle.dev/trust',
  trustBundle: '/var/run/heddle.dev/trust/bundle.pem',
  /** Memory volume that only the sidecar mounts: key, chain and last good configuration, mode 0600. */
  state: '/var/run/heddle.dev/state',
} as const;

/** ConfigMap with the trust bundle, present in each namespace that has a member. */
export const TRUST_CONFIG_MAP = { name: 'heddle-trust-bundle', key: 'bundle.pem' } as const;

/** Environment of the proxy container. */
export const ENV = {
  podName: 'HEDDLE_POD_NAME',
  podNamespace: 'HEDDLE_POD_NAMESPACE',
  podUid: 'HEDDLE_POD_UID',
  /** All addresses of the pod, comma-separated (`status.podIPs`). */
  podIps: 'HEDDLE_POD_IPS',
  nodeName: 'HEDDLE_NODE_NAME',
  serviceAccount: 'HEDDLE_SERVICE_ACCOUNT',
  /** Name of what made the pod, for telemetry: `payment-v1`. */
  workload: 'HEDDLE_WORKLOAD',
  trustDomain: 'HEDDLE_TRUST_DOMAIN',
  /** `host:port` of the operator. */
  control: 'HEDDLE_CONTROL',
  logLevel: 'HEDDLE_LOG_LEVEL',
  /** JSON: list of `Probe`, fixed at injection. */
  probes: 'HEDDLE_PROBES',
  /** Set for a proxy without a control plane: path of a JSON file holding `StaticConfiguration`. */
  staticConfiguration: 'HEDDLE_STATIC_CONFIGURATION',
  /** Directory instead of `PATHS.state`. */
  stateDirectory: 'HEDDLE_STATE_DIRECTORY',
  /** File instead of `PATHS.token`. */
  tokenFile: 'HEDDLE_TOKEN_FILE',
  /** File instead of `PATHS.trustBundle`. */
  trustBundleFile: 'HEDDLE_TRUST_BUNDLE_FILE',
  /** The seconds a leaf lives when the default of 24 h is too long (tests): asked for in the certificate request. */
  leafSeconds: 'HEDDLE_LEAF_SECONDS',
  /** Tuning for tests: an unused key goes after this many seconds (default 1,800). */
  unusedKeySeconds: 'HEDDLE_UNUSED_KEY_SECONDS',
} as const;

/** The last part of a probe's path: 128 random bits as lower-case hex, one value a pod. */
export const PROBE_SECRET = /^[0-9a-f]{32}$/;

/** One probe or hook of the application, run by the proxy on behalf of the kubelet. */
export interface Probe {
  /**
   * Path on the health port: `/probe/<container>/<liveness|readiness|startup|poststart|prestop>/<secret>`. That port is open to the
   * whole network and a hook acts, so the path ends with `PROBE_SECRET`, made at injection: only who may read the pod knows it.
   */
  readonly path: string;
  readonly port: number;
  readonly timeoutSeconds: number;
  readonly action:
    | {
        readonly kind: 'http';
        readonly scheme: 'HTTP' | 'HTTPS';
        readonly path: string;
        readonly host?: string;
        readonly headers: readonly (readonly [string, string])[];
      }
    | { readonly kind: 'tcp'; readonly host?: string }
    | { readonly kind: 'grpc'; readonly service: string };
}

/** Paths on the health port for the sidecar's own probes. */
export const HEALTH = { startup: '/startup', ready: '/ready', live: '/live' } as const;

/** Paths on the admin port (localhost). */
export const ADMIN = {
  drain: '/drain',
  configuration: '/configuration',
  ready: '/ready',
  certificates: '/certificates',
} as const;

/** Options of `heddle-init`, passed as one JSON argument. Ports 1..65535, CIDRs of either family. */
export interface InitOptions {
  readonly proxyUid: number;
  /** Absent: the user is exempt whatever its group. */
  readonly proxyGid?: number;
  readonly outboundPort: number;
  readonly inboundPort: number;
  /** Ports that arrive at the application untouched; the proxy's own ports are always exempt. */
  readonly excludeInboundPorts: readonly number[];
  readonly excludeOutboundPorts: readonly number[];
  readonly excludeOutboundCidrs: readonly string[];
  /** `host:port` dialled by the self-check to see whether a Service address survives to the redirect (the API server's). Absent: not checked. */
  readonly selfCheckTarget?: string;
}

/** File in `PATHS.state` written by the init container and sent in `hello`. */
export const INIT_REPORT_FILE = 'init-report.json';
export interface InitReport {
  /** False where something (an eBPF socket balancer) rewrites Service addresses before iptables sees them; absent when not checked. */
  readonly serviceAddressSurvives?: boolean;
  readonly ipv6: boolean;
}
