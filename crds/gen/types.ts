// Made from crds/*.yaml by hack/gen-crd-types.ts (npm run generate). Do not edit.

/**
 * A Service, one of its ports, or all Services of this namespace.
 */
export interface TrafficTarget {
  /**
   * Service for one Service; Namespace for the calls to all Services of the policy's own namespace.
   */
  kind: 'Service' | 'Namespace';
  /**
   * Name of the Service. Not given for Namespace.
   */
  name?: string;
  /**
   * Namespace of the Service if it is another one. The policy then binds only the callers in its own namespace (a consumer policy).
   */
  namespace?: string;
  /**
   * Name of a port of the Service. Absent means all ports.
   */
  sectionName?: string;
}
/**
 * How long things may take. The section is replaced whole; a member that is absent has its built-in value.
 */
export interface Timeouts {
  /**
   * From the head of the request to the last byte of the response, all tries together. 0s or absent means no limit. Not for upgraded connections.
   */
  request?: string;
  /**
   * One try. 0s or absent means only the request's own limit. At most the request timeout.
   */
  perTry?: string;
  /**
   * Longest silence on a request or connection while it is open. 0s or absent means no limit.
   */
  streamIdle?: string;
}
/**
 * When and how often a failed request is tried again. The section is replaced whole; a member that is absent has its built-in value.
 */
export interface Retries {
  /**
   * Retries after the first try; 0 switches retries off. Built-in is 1.
   */
  attempts: number;
  /**
   * Failures that lead to a retry. 5xx is every 500 to 599 response; gateway-error is 502, 503 and 504; reset is an upstream that closed before the response began; connect-failure is no connection to the endpoint; refused-stream is a request that the peer says it did not process; per-try-timeout is a try that ran out of its own time. Built-in is connect-failure, refused-stream and reset.
   *
   * @maxItems 6
   */
  retryOn?: ('5xx' | 'gateway-error' | 'reset' | 'connect-failure' | 'refused-stream' | 'per-try-timeout')[];
  /**
   * Response status codes that lead to a retry, each named by its number (a 4xx is retried only if it stands here).
   *
   * @maxItems 32
   */
  statuses?: number[];
  /**
   * Methods that may be tried again once the application may have seen the request. Built-in is GET, HEAD, OPTIONS, PUT and DELETE. A request that provably was not processed is tried again whatever its method.
   *
   * @maxItems 16
   */
  methods?: string[];
  /**
   * A request that carries this header may be tried again whatever its method, because the application recognises repetitions by it.
   */
  idempotencyKeyHeader?: string;
  /**
   * Pause before a retry, with full jitter, doubling from base up to max.
   */
  backoff?: {
    /**
     * Pause before the first retry. Built-in is 25ms.
     */
    base: string;
    /**
     * Longest pause. Built-in is 250ms.
     */
    max: string;
  };
  /**
   * Most retries over a sliding 10 seconds for each proxy and destination, whichever is larger of percent of the requests and ten times minPerSecond, so that retries never multiply an overload.
   */
  budget?: {
    /**
     * Share of the requests that may be retries. Built-in is 20.
     */
    percent: number;
    /**
     * Retries for each second that are allowed however few requests there are. Built-in is 1.
     */
    minPerSecond: number;
  };
}
/**
 * For every request to the target, where no route says otherwise. The nearest policy that sets this section decides it whole.
 */
export interface TrafficDefaults {
  timeouts?: Timeouts;
  retries?: Retries;
}
/**
 * A named group of the target's pods.
 */
export interface SubsetSpec {
  /**
   * Name of the subset, unique in the policy.
   */
  name: string;
  /**
   * A pod belongs to the subset if it has all of these labels.
   */
  labels: {
    [k: string]: string;
  };
  /**
   * When no pod of the subset is ready, Redistribute spreads its share over the route's other backends; Fail (also when absent) answers 503 with the reason subset_empty.
   */
  onEmpty?: 'Redistribute' | 'Fail';
}
/**
 * A match on the path without the query, compared after normalisation, case-sensitive.
 */
export interface PathMatch {
  /**
   * Exact compares the whole path; PathPrefix compares whole segments, so /charge matches /charge and /charge/1 but not /charges.
   */
  type: 'Exact' | 'PathPrefix';
  /**
   * The path, starting with a slash, in normal form (no empty, . or .. segment, no encoded slash).
   */
  value: string;
}
/**
 * A match on a request header.
 */
export interface HeaderMatchSpec {
  /**
   * Name of the header, in any case.
   */
  name: string;
  /**
   * Exact (also when absent) compares the value, case-sensitive; Present asks only that the header is there.
   */
  type?: 'Exact' | 'Present';
  /**
   * The value for Exact.
   */
  value?: string;
}
/**
 * All members given must match.
 */
export interface RouteMatchSpec {
  path?: PathMatch;
  /**
   * Request method, upper-case.
   */
  method?: string;
  /**
   * All of these headers must match.
   *
   * @minItems 1
   * @maxItems 8
   */
  headers?: HeaderMatchSpec[];
}
/**
 * A share of the requests.
 */
export interface BackendSpec {
  /**
   * Name of a subset of this policy. Absent means all endpoints of the target.
   */
  subset?: string;
  /**
   * The share, relative to the sum of the weights in the route.
   */
  weight: number;
}
/**
 * What happens to the requests that match.
 */
export interface RouteSpec {
  /**
   * Name of the route, unique in the policy; it stands in logs and metrics.
   */
  name: string;
  /**
   * The route is for requests that satisfy any of these. Absent means all requests.
   *
   * @minItems 1
   * @maxItems 8
   */
  matches?: RouteMatchSpec[];
  /**
   * Where the requests go, by weight. Absent means all endpoints of the target.
   *
   * @minItems 1
   * @maxItems 8
   */
  backends?: BackendSpec[];
  timeouts?: Timeouts;
  retries?: Retries;
}
/**
 * How an endpoint is chosen. The nearest policy that sets this section decides.
 */
export interface LoadBalancing {
  /**
   * LeastRequest takes the less loaded of two random endpoints (built-in); RoundRobin takes them in turn; Random takes any.
   */
  policy: 'LeastRequest' | 'RoundRobin' | 'Random';
}
/**
 * Connections from a proxy to an endpoint. The nearest policy that sets this section decides.
 */
export interface ConnectionPool {
  /**
   * Longest time to establish a connection, more than 0s. Built-in is 3s.
   */
  connectTimeout?: string;
  /**
   * A connection without requests is closed after this time, more than 0s. Built-in is 60s.
   */
  idleTimeout?: string;
}
/**
 * What is traced and logged. The nearest policy that sets this section decides.
 */
export interface Telemetry {
  /**
   * Trace context (W3C traceparent).
   */
  tracing?: {
    /**
     * Share of new traces that are marked as sampled; a traceparent that arrives keeps its own mark. Built-in is 100.
     */
    samplingPercent: number;
  };
  /**
   * None writes no line; Errors writes errors, denials and slow calls (built-in); All writes every request.
   */
  accessLog?: 'None' | 'Errors' | 'All';
}
/**
 * What is wanted.
 */
export interface MeshPolicySpec {
  /**
   * What this policy applies to.
   *
   * @minItems 1
   * @maxItems 16
   */
  targetRefs: TrafficTarget[];
  defaults?: TrafficDefaults;
  /**
   * Named groups of the target's pods, by label. Routes send shares of requests to them. Owned together with routes by one policy for each Service port.
   *
   * @maxItems 16
   */
  subsets?: SubsetSpec[];
  /**
   * Rules by path, method and headers. Order does not matter: exact paths come before longer prefixes before shorter ones, then a method, then more headers, then the order in the list (as in Gateway API).
   *
   * @maxItems 32
   */
  routes?: RouteSpec[];
  /**
   * Requests that match no route. Forward (also when absent) sends them to the target with the defaults; NotFound answers 404 with the reason no_route.
   */
  unmatched?: 'Forward' | 'NotFound';
  loadBalancing?: LoadBalancing;
  connectionPool?: ConnectionPool;
  telemetry?: Telemetry;
}
/**
 * One statement about the object.
 */
export interface Condition {
  /**
   * Name of the statement.
   */
  type: string;
  /**
   * Whether the statement holds.
   */
  status: 'True' | 'False' | 'Unknown';
  /**
   * Why, in one CamelCase word that stays the same between releases.
   */
  reason: string;
  /**
   * Why, in a sentence for people.
   */
  message: string;
  /**
   * Generation of the spec that this condition speaks of.
   */
  observedGeneration?: number;
  /**
   * When the status of this condition last changed.
   */
  lastTransitionTime: string;
}
/**
 * On how many proxies the observed generation is. Numbers of proxies, each counted once, at the lowest generation that it still uses.
 */
export interface Rollout {
  /**
   * The generation that is rolled out.
   */
  generation: number;
  /**
   * Proxies that this policy concerns, behind its target or calling it.
   */
  selected: number;
  /**
   * Proxies that take no decision under an older generation any more.
   */
  inForce: number;
  /**
   * Requests decided under an older generation that still run.
   */
  draining: number;
  /**
   * Proxies that refused the configuration and keep the one before.
   */
  rejected: number;
  /**
   * Connected proxies that have not acknowledged within 5 seconds.
   */
  lagging: number;
  /**
   * Proxies that have not answered for 10 seconds.
   */
  unreachable: number;
}
/**
 * A proxy that is not there yet.
 */
export interface Laggard {
  /**
   * Namespace and name of the pod.
   */
  pod: string;
  /**
   * What it waits for or why it refused.
   */
  reason: string;
}
/**
 * What the operator observed. Written by the operator only.
 */
export interface PolicyStatus {
  /**
   * Generation of the spec that this status speaks of.
   */
  observedGeneration?: number;
  /**
   * The targets in a few words, for the column TARGET.
   */
  target?: string;
  /**
   * Proxies in force of proxies selected, for the column INFORCE, such as 17/17.
   */
  summary?: string;
  /**
   * Accepted, Programmed, InForce, Ready, Stalled, Conflicted.
   *
   * @maxItems 8
   */
  conditions?: Condition[];
  rollout?: Rollout;
  /**
   * At most five of the proxies that are not there yet.
   *
   * @maxItems 5
   */
  laggards?: Laggard[];
}
/**
 * All pods of the policy's own namespace.
 */
export interface AccessTarget {
  /**
   * Namespace, for all pods of the policy's own namespace.
   */
  kind: 'Namespace';
}
/**
 * The mode of one port.
 */
export interface PortMtls {
  /**
   * Port of the container.
   */
  port: number;
  /**
   * Strict or Permissive, for this port.
   */
  mode: 'Permissive' | 'Strict';
}
/**
 * Whether plaintext is served. Of all policies and MeshConfig the strictest wins for each port.
 */
export interface MtlsSpec {
  /**
   * Strict serves only callers with a mesh identity; Permissive serves plaintext too.
   */
  mode: 'Permissive' | 'Strict';
  /**
   * Ports for which this policy says something else.
   *
   * @maxItems 32
   */
  ports?: PortMtls[];
}
/**
 * Exactly one of namespace (with or without serviceAccount), unauthenticated and anyone.
 */
export interface AccessSource {
  /**
   * Callers whose verified identity is of this namespace.
   */
  namespace?: string;
  /**
   * Only this service account of the namespace. Absent means all of them.
   */
  serviceAccount?: string;
  /**
   * Callers without a mesh identity (plaintext).
   */
  unauthenticated?: true;
  /**
   * Every caller, with or without an identity.
   */
  anyone?: true;
}
/**
 * Either anything, or ports, methods and paths that must all match.
 */
export interface AccessDestination {
  /**
   * Every port, method and path.
   */
  anything?: true;
  /**
   * Ports of the container, any of them. Absent means all.
   *
   * @minItems 1
   * @maxItems 32
   */
  ports?: number[];
  /**
   * Request methods, any of them. Absent means all. A rule with methods or paths never allows a plain TCP connection, and always denies one.
   *
   * @minItems 1
   * @maxItems 16
   */
  methods?: string[];
  /**
   * Paths, any of them. Absent means all.
   *
   * @minItems 1
   * @maxItems 8
   */
  paths?: PathMatch[];
}
/**
 * Matches a call that comes from any of from and goes to any of to.
 */
export interface AccessRule {
  /**
   * Name of the rule, unique in the policy; it stands in the log of a denial.
   */
  name: string;
  /**
   * What happens to a call that matches.
   */
  action: 'Allow' | 'Deny';
  /**
   * Callers. Required, so that a typing error never widens access; write anyone to mean everybody.
   *
   * @minItems 1
   * @maxItems 32
   */
  from: AccessSource[];
  /**
   * What is called. Required, so that a typing error never widens access; write anything to mean everything.
   *
   * @minItems 1
   * @maxItems 32
   */
  to: AccessDestination[];
}
/**
 * Who may call. The rules of all policies are added; a Deny that matches always wins.
 */
export interface AuthorizationSpec {
  /**
   * What happens to a call that no rule matches. If any policy says Deny it is denied.
   */
  defaultAction: 'Allow' | 'Deny';
  /**
   * The rules.
   *
   * @maxItems 64
   */
  rules?: AccessRule[];
}
/**
 * What is wanted.
 */
export interface MeshAccessPolicySpec {
  /**
   * What this policy applies to.
   *
   * @minItems 1
   * @maxItems 1
   */
  targetRefs: AccessTarget[];
  mtls?: MtlsSpec;
  authorization?: AuthorizationSpec;
}
/**
 * Certificates of workloads.
 */
export interface CertificatesSpec {
  /**
   * Life of a workload's certificate, 10s to 168h, renewed at 30 to 70 percent of it. Absent means 24h.
   */
  leafTTL?: string;
}
/**
 * What no namespace may go below.
 */
export interface SecuritySpec {
  /**
   * Least strictness of mutual TLS.
   */
  mtls?: {
    /**
     * Strict refuses plaintext in the whole mesh; Permissive leaves it to the MeshAccessPolicies.
     */
    minimum: 'Permissive' | 'Strict';
    /**
     * Container ports for which the minimum does not hold; a MeshAccessPolicy may still be stricter.
     *
     * @maxItems 32
     */
    portExceptions?: number[];
  };
}
/**
 * Traffic sections for every Service whose policies do not set them.
 */
export interface MeshDefaults {
  timeouts?: Timeouts;
  retries?: Retries;
  loadBalancing?: LoadBalancing;
  connectionPool?: ConnectionPool;
  telemetry?: Telemetry;
}
/**
 * What the injector gives to pods whose annotations say nothing else.
 */
export interface InjectionSpec {
  /**
   * Resources of the sidecar.
   */
  resources?: {
    /**
     * CPU request. Absent means 50m.
     */
    cpuRequest?: string;
    /**
     * Memory request. Absent means 96Mi.
     */
    memoryRequest?: string;
    /**
     * Memory limit. Absent means 256Mi.
     */
    memoryLimit?: string;
  };
  /**
   * Ports whose arriving connections go to the application untouched.
   *
   * @maxItems 32
   */
  excludeInboundPorts?: number[];
  /**
   * Destination ports whose connections leave untouched.
   *
   * @maxItems 32
   */
  excludeOutboundPorts?: number[];
  /**
   * Destination networks whose connections leave untouched.
   *
   * @maxItems 32
   */
  excludeOutboundCidrs?: string[];
}
/**
 * What is wanted.
 */
export interface MeshConfigSpec {
  /**
   * First part of every identity (spiffe://trust-domain/ns/namespace/sa/service-account). It can never be changed. Absent means cluster.local.
   */
  trustDomain?: string;
  certificates?: CertificatesSpec;
  security?: SecuritySpec;
  defaults?: MeshDefaults;
  injection?: InjectionSpec;
  /**
   * Networks of pods and Services in addition to those that the operator finds by itself. Addresses outside all of them pass through the proxies untouched.
   *
   * @maxItems 64
   */
  clusterRanges?: string[];
  /**
   * A destination inside the cluster that a proxy has never used, while the operator cannot be reached, is refused with the reason control_plane_unreachable.
   */
  unreachableControlPlane?: 'Refuse';
}
/**
 * What the operator observed. Written by the operator only.
 */
export interface MeshConfigStatus {
  /**
   * Generation of the spec that this status speaks of.
   */
  observedGeneration?: number;
  /**
   * Accepted, Programmed, InForce, Ready, Stalled, Conflicted.
   *
   * @maxItems 8
   */
  conditions?: Condition[];
}

/** The part of the object metadata that Heddle reads. */
export interface ObjectMeta {
  name: string;
  namespace?: string;
  uid: string;
  generation: number;
  resourceVersion?: string;
  /** ISO 8601. */
  creationTimestamp: string;
  deletionTimestamp?: string;
  labels?: { [k: string]: string };
  annotations?: { [k: string]: string };
}

export interface MeshPolicy {
  apiVersion: 'heddle.dev/v1alpha1';
  kind: 'MeshPolicy';
  metadata: ObjectMeta;
  spec: MeshPolicySpec;
  status?: PolicyStatus;
}

export interface MeshAccessPolicy {
  apiVersion: 'heddle.dev/v1alpha1';
  kind: 'MeshAccessPolicy';
  metadata: ObjectMeta;
  spec: MeshAccessPolicySpec;
  status?: PolicyStatus;
}

export interface MeshConfig {
  apiVersion: 'heddle.dev/v1alpha1';
  kind: 'MeshConfig';
  metadata: ObjectMeta;
  spec: MeshConfigSpec;
  status?: MeshConfigStatus;
}

