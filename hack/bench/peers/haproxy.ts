import { PORTS } from '../../../proxy/contract/bootstrap.ts';
import { HEADERS } from '../../../proxy/contract/headers.ts';
import { ADDRESS, BACKENDS, IDENTITY, OTHER_PATH, PEER_TCP_PORT, SERVER_NAME, SERVICES } from '../plan.ts';
import type { CertificateFiles } from './files.ts';

/**
 * HAProxy beside the calling application: routes on host and path, strips what only a proxy may say, starts a trace, counts (every frontend,
 * backend and server has its counters), verifies the called proxy by root and name. Plain HTTP, TCP and gRPC too.
 */
export function haproxyOutbound(files: CertificateFiles): string {
  const tls = `ssl crt ${files.client.both} ca-file ${files.root} verify required verifyhost ${SERVER_NAME} sni str(${SERVER_NAME}) ssl-min-ver TLSv1.3`;
  const { a, b, plainA, plainB, echo, grpc } = BACKENDS;
  return [
    ...head(),
    'frontend outbound',
    `  bind 0.0.0.0:${PORTS.outbound}`,
    `  http-request del-header ${HEADERS.peer}`,
    ...startTrace(),
    ...route('hop', SERVICES.hop.host, SERVICES.hopOther.host),
    ...route('pair', SERVICES.pair.host, SERVICES.pairOther.host),
    `  use_backend grpc if { hdr(host) -i ${SERVICES.grpc.host} }`,
    ...nowhereElse(),
    ...backend('hop-a', plainA),
    ...backend('hop-b', plainB),
    ...backend('pair-a', a, `${tls} alpn http/1.1`),
    ...backend('pair-b', b, `${tls} alpn http/1.1`),
    ...backend('grpc', grpc, `${tls} alpn h2`),
    'listen tcp',
    '  mode tcp',
    `  bind 0.0.0.0:${PEER_TCP_PORT}`,
    `  server s ${ADDRESS.server}:${echo}`,
    '',
  ].join('\n');
}

/** HAProxy beside the called application: only the client's identity may call, and the application is told who called. */
export function haproxyInbound(files: CertificateFiles): string {
  return [
    ...head(),
    'frontend inbound',
    `  bind 0.0.0.0:${PORTS.inbound} ssl crt ${files.server.both} ca-file ${files.root} verify required alpn h2,http/1.1 ssl-min-ver TLSv1.3`,
    `  http-request deny deny_status 403 unless { ssl_c_s_dn(cn) -m str ${IDENTITY.client} }`,
    `  http-request set-header ${HEADERS.peer} %[ssl_c_s_dn(cn)]`,
    ...route('pair', SERVICES.pair.host, SERVICES.pairOther.host),
    `  use_backend grpc if { hdr(host) -i ${SERVICES.grpc.host} }`,
    ...nowhereElse(),
    ...backend('pair-a', BACKENDS.a),
    ...backend('pair-b', BACKENDS.b),
    ...backend('grpc', BACKENDS.grpc, 'proto h2'),
    '',
  ].join('\n');
}

function head(): string[] {
  return [
    'global',
    '  nbthread 1',
    '  maxconn 8000',
    'defaults',
    '  mode http',
    '  timeout client 60s',
    '  timeout server 60s',
    '  timeout connect 5s',
    '  http-reuse always',
  ];
}

/** A trace that the application began is passed on; `rand` gives 32 random bits, `hex` writes them as 16 digits. */
function startTrace(): string[] {
  const random = '%[rand,hex,lower]';
  const header = HEADERS.traceparent;
  return [
    `  http-request set-header ${header} 00-${random}${random}-${random}-01 unless { req.hdr(${header}) -m found }`,
  ];
}

function route(name: string, host: string, otherHost: string): string[] {
  const isHost = `{ hdr(host) -i ${host} }`;
  return [
    `  use_backend ${name}-b if ${isHost} { path ${OTHER_PATH} }`,
    `  use_backend ${name}-b if ${isHost} { path_beg ${OTHER_PATH}/ }`,
    `  use_backend ${name}-a if ${isHost}`,
    `  use_backend ${name}-b if { hdr(host) -i ${otherHost} }`,
  ];
}

/** A host that nobody routes. */
function nowhereElse(): string[] {
  return ['  default_backend nowhere', 'backend nowhere', '  http-request deny deny_status 404'];
}

function backend(name: string, port: number, options = ''): string[] {
  return [`backend ${name}`, `  server s ${ADDRESS.server}:${port} ${options}`.trimEnd()];
}
