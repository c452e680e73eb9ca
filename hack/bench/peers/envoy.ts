import { PORTS } from '../../../proxy/contract/bootstrap.ts';
import { HEADERS } from '../../../proxy/contract/headers.ts';
import { ADDRESS, BACKENDS, IDENTITY, OTHER_PATH, PEER_TCP_PORT, SERVICES } from '../plan.ts';
import type { CertificateFiles, Leaf } from './files.ts';

/** How Envoy speaks to Envoy: one connection a request at a time, or HTTP/2. */
export type Upstream = 'h1' | 'h2';

type Json = string | number | boolean | readonly Json[] | { readonly [key: string]: Json };

const API = 'type.googleapis.com/envoy';
const COLLECTOR = 'collector';
/** Nobody listens there. */
const COLLECTOR_PORT = 4318;
const HTTP_OPTIONS = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';

/** Envoy beside the calling application: as HAProxy's, verification by root and SPIFFE id; statistics are always on. */
export function envoyOutbound(files: CertificateFiles, upstream: Upstream): string {
  const to = (http: Upstream): Json => upstreamTls(files, http);
  return bootstrap(
    'outbound',
    [
      listener('outbound', PORTS.outbound, [
        connectionManager('outbound', [
          ...virtualHosts('hop', SERVICES.hop.host, SERVICES.hopOther.host, outboundHeaders()),
          ...virtualHosts('pair', SERVICES.pair.host, SERVICES.pairOther.host, outboundHeaders()),
          virtualHost('grpc', SERVICES.grpc.host, [routeTo('grpc')], outboundHeaders()),
        ]),
      ]),
      listener('tcp', PEER_TCP_PORT, [tcpProxy('echo')]),
    ],
    [
      cluster('hop-a', BACKENDS.plainA, 'h1'),
      cluster('hop-b', BACKENDS.plainB, 'h1'),
      cluster('pair-a', BACKENDS.a, upstream, to(upstream)),
      cluster('pair-b', BACKENDS.b, upstream, to(upstream)),
      cluster('grpc', BACKENDS.grpc, 'h2', to('h2')),
      cluster('echo', BACKENDS.echo, undefined),
    ],
  );
}

/** Envoy beside the called application. */
export function envoyInbound(files: CertificateFiles): string {
  return bootstrap(
    'inbound',
    [
      listener(
        'inbound',
        PORTS.inbound,
        [
          connectionManager('inbound', [
            ...virtualHosts('pair', SERVICES.pair.host, SERVICES.pairOther.host, inboundHeaders()),
            virtualHost('grpc', SERVICES.grpc.host, [routeTo('grpc')], inboundHeaders()),
          ]),
        ],
        downstreamTls(files),
      ),
    ],
    [cluster('pair-a', BACKENDS.a, 'h1'), cluster('pair-b', BACKENDS.b, 'h1'), cluster('grpc', BACKENDS.grpc, 'h2')],
  );
}

function bootstrap(id: string, listeners: readonly Json[], clusters: readonly Json[]): string {
  return `${JSON.stringify({ node: { id, cluster: 'bench' }, static_resources: { listeners, clusters: [...clusters, cluster(COLLECTOR, COLLECTOR_PORT, 'h1')] } }, undefined, 1)}\n`;
}

function listener(name: string, port: number, filters: readonly Json[], transportSocket?: Json): Json {
  return {
    name,
    address: { socket_address: { address: '0.0.0.0', port_value: port } },
    filter_chains: [{ filters, ...(transportSocket === undefined ? {} : { transport_socket: transportSocket }) }],
  };
}

/** The tracer writes and continues `traceparent`. It wants a collector, but nothing is sampled, so nothing is ever sent there. */
function connectionManager(name: string, hosts: readonly Json[]): Json {
  return typed(
    'envoy.filters.network.http_connection_manager',
    'extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
    {
      stat_prefix: name,
      codec_type: 'AUTO',
      generate_request_id: false,
      tracing: {
        random_sampling: { value: 0 },
        provider: typed('envoy.tracers.opentelemetry', 'config.trace.v3.OpenTelemetryConfig', {
          service_name: 'bench',
          http_service: { http_uri: { uri: 'http://collector/v1/traces', cluster: COLLECTOR, timeout: '1s' } },
        }),
      },
      route_config: { virtual_hosts: hosts },
      http_filters: [typed('envoy.filters.http.router', 'extensions.filters.http.router.v3.Router', {})],
    },
  );
}

function tcpProxy(to: string): Json {
  return typed('envoy.filters.network.tcp_proxy', 'extensions.filters.network.tcp_proxy.v3.TcpProxy', {
    stat_prefix: to,
    cluster: to,
  });
}

function virtualHosts(name: string, host: string, otherHost: string, headers: Record<string, Json>): Json[] {
  return [
    virtualHost(
      name,
      host,
      [{ match: { path_separated_prefix: OTHER_PATH }, ...forward(`${name}-b`) }, routeTo(`${name}-a`)],
      headers,
    ),
    virtualHost(`${name}-other`, otherHost, [routeTo(`${name}-b`)], headers),
  ];
}

function virtualHost(name: string, host: string, routes: readonly Json[], headers: Record<string, Json>): Json {
  return { name, domains: [host], routes, ...headers };
}

function routeTo(to: string): Json {
  return { match: { prefix: '/' }, ...forward(to) };
}

function forward(to: string): Record<string, Json> {
  return { route: { cluster: to, timeout: '0s' } };
}

function outboundHeaders(): Record<string, Json> {
  return { request_headers_to_remove: [HEADERS.peer] };
}

function inboundHeaders(): Record<string, Json> {
  const header = { key: HEADERS.peer, value: '%DOWNSTREAM_PEER_URI_SAN%' };
  return { request_headers_to_add: [{ header, append_action: 'OVERWRITE_IF_EXISTS_OR_ADD' }] };
}

function cluster(name: string, port: number, http: Upstream | undefined, transportSocket?: Json): Json {
  const address = { socket_address: { address: ADDRESS.server, port_value: port } };
  const options: Json = {
    explicit_http_config: { [http === 'h2' ? 'http2_protocol_options' : 'http_protocol_options']: {} },
  };
  return {
    name,
    type: 'STATIC',
    connect_timeout: '3s',
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: [{ endpoint: { address } }] }] },
    ...(http === undefined
      ? {}
      : {
          typed_extension_protocol_options: {
            [HTTP_OPTIONS]: { '@type': `type.googleapis.com/${HTTP_OPTIONS}`, ...options },
          },
        }),
    ...(transportSocket === undefined ? {} : { transport_socket: transportSocket }),
  };
}

function upstreamTls(files: CertificateFiles, http: Upstream): Json {
  return typed('envoy.transport_sockets.tls', 'extensions.transport_sockets.tls.v3.UpstreamTlsContext', {
    common_tls_context: commonTls(files, files.client, [http === 'h2' ? 'h2' : 'http/1.1'], IDENTITY.server),
  });
}

function downstreamTls(files: CertificateFiles): Json {
  return typed('envoy.transport_sockets.tls', 'extensions.transport_sockets.tls.v3.DownstreamTlsContext', {
    require_client_certificate: true,
    common_tls_context: commonTls(files, files.server, ['h2', 'http/1.1'], IDENTITY.client),
  });
}

function commonTls(files: CertificateFiles, own: Leaf, alpn: readonly string[], peer: string): Json {
  return {
    alpn_protocols: alpn,
    tls_params: { tls_minimum_protocol_version: 'TLSv1_3', tls_maximum_protocol_version: 'TLSv1_3' },
    tls_certificates: [{ certificate_chain: { filename: own.certificate }, private_key: { filename: own.key } }],
    validation_context: {
      trusted_ca: { filename: files.root },
      match_typed_subject_alt_names: [{ san_type: 'URI', matcher: { exact: peer } }],
    },
  };
}

function typed(name: string, type: string, fields: Record<string, Json>): Json {
  return { name, typed_config: { '@type': `${API}.${type}`, ...fields } };
}
