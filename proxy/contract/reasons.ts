/**
 * Every reason a proxy can refuse or fail a request or connection with. They stand in `x-heddle-reason`, in access
 * log lines, in GOAWAY and in the metric label `reason`: a closed set, so a bounded label.
 */
export const REASONS = {
  // configuration
  config_pending: 'no configuration for this destination arrived within 2 s',
  control_plane_unreachable: 'this destination was never used before and the operator cannot be reached',
  unknown_destination: 'no Service or pod has this address',
  unknown_port: 'the Service has no such port',
  // routing
  no_route: 'no route matches and the policy says unmatched: NotFound',
  no_endpoints: 'the destination has no ready endpoint',
  subset_empty: 'the subset has no ready endpoint and says onEmpty: Fail',
  endpoint_unknown: 'the endpoint is not known yet as meshed or unmeshed',
  // upstream
  connect_failure: 'no connection to the endpoint',
  connect_timeout: 'the endpoint did not accept a connection in time',
  upstream_reset: 'the endpoint closed the connection before the response was complete',
  upstream_protocol: 'the endpoint answered with something that is not valid HTTP',
  app_connect_failure: 'the application in the pod refused the connection',
  per_try_timeout: 'a try took longer than perTry',
  request_timeout: 'the request took longer than its timeout',
  stream_idle_timeout: 'no byte moved for longer than streamIdle',
  retry_budget_exhausted: 'a retry was due, but the budget is spent',
  draining: 'this proxy is shutting down',
  overloaded: 'a bound of this proxy is reached',
  // identity
  identity_mismatch: 'the peer proved another identity than the expected one',
  untrusted_peer: 'the certificate of the peer does not chain to a trusted root or is expired',
  no_peer_certificate: 'the peer sent no certificate',
  no_own_certificate: 'this proxy holds no valid certificate yet',
  plaintext_refused: 'plaintext arrived at a port whose mTLS mode is Strict',
  mesh_after_plaintext: 'a mesh handshake arrived after the connection was taken for plaintext',
  handshake_timeout: 'the mesh handshake did not finish in time',
  handshake_failed: 'the mesh handshake failed',
  wire_version: 'the peer speaks no common version of the mesh wire',
  unauthorized: 'an authorization rule denies the call',
  // bad input from the application or the network
  malformed_request: 'the request is not valid HTTP/1.1',
  head_too_large: 'the request head is larger than allowed',
  head_timeout: 'the request head did not arrive in time',
  unsupported: 'this form of request is not supported',
  loop: 'the connection leads back to this proxy',
  client_closed: 'the client closed before the response was complete',
} as const;

export type Reason = keyof typeof REASONS;
