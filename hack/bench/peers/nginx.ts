import { PORTS } from '../../../proxy/contract/bootstrap.ts';
import { HEADERS } from '../../../proxy/contract/headers.ts';
import { ADDRESS, BACKENDS, BODY_BYTES, CHECK_PATH, OTHER_PATH, SERVICES } from '../plan.ts';

/** nginx as the proxy of one hop: routes on host and path, strips what only a proxy may say, starts a trace; `stub_status` counts. */
export function nginxOutbound(folder: string): string {
  const pool = (name: string, port: number): string[] => [
    `  upstream ${name} { server ${ADDRESS.server}:${port}; keepalive 128; keepalive_requests 1000000000; }`,
  ];
  const to = (name: string): string =>
    [
      `proxy_pass http://${name};`,
      'proxy_http_version 1.1;',
      'proxy_set_header Host $http_host;',
      'proxy_set_header Connection "";',
      `proxy_set_header ${HEADERS.peer} "";`,
      `proxy_set_header ${HEADERS.traceparent} $trace;`,
    ].join(' ');
  return [
    ...head(folder),
    // Half of $request_id as the span: 16 random digits, as the standard wants.
    '  map $request_id $span { "~^(?<half>.{16})" $half; }',
    '  map $http_traceparent $trace { "" "00-$request_id-$span-01"; default $http_traceparent; }',
    ...pool('hop_a', BACKENDS.plainA),
    ...pool('hop_b', BACKENDS.plainB),
    `  server { listen ${PORTS.outbound} default_server backlog=4096; return 404; }`,
    '  server {',
    `    listen ${PORTS.outbound}; server_name ${SERVICES.hop.host};`,
    `    location / { ${to('hop_a')} }`,
    `    location = ${OTHER_PATH} { ${to('hop_b')} }`,
    `    location ${OTHER_PATH}/ { ${to('hop_b')} }`,
    '  }',
    `  server { listen ${PORTS.outbound}; server_name ${SERVICES.hopOther.host}; location / { ${to('hop_b')} } }`,
    '}',
    '',
  ].join('\n');
}

/** nginx as the application: 200 bytes that name the backend, or what it saw of the request. */
export function nginxBackend(folder: string): string {
  return [
    ...head(folder),
    ...server('a', BACKENDS.a),
    ...server('b', BACKENDS.b),
    ...server('a', BACKENDS.plainA),
    ...server('b', BACKENDS.plainB),
    '}',
    '',
  ].join('\n');
}

function server(name: string, port: number): string[] {
  const saw = [
    `backend=${name}`,
    `peer=$http_${HEADERS.peer.replaceAll('-', '_')}`,
    `traceparent=$http_${HEADERS.traceparent}`,
    'host=$http_host',
    'target=$request_uri',
  ].join('\\n');
  return [
    '  server {',
    `    listen ${ADDRESS.server}:${port} backlog=4096;`,
    `    location / { return 200 "${name.repeat(BODY_BYTES)}"; }`,
    `    location ~ ${CHECK_PATH}$ { return 200 "${saw.replaceAll('\\n', '\n')}"; }`,
    '  }',
  ];
}

function head(folder: string): string[] {
  return [
    'worker_processes 1;',
    'daemon off;',
    `pid ${folder}/nginx.pid;`,
    `error_log ${folder}/nginx.err;`,
    'events { worker_connections 20000; }',
    'worker_rlimit_nofile 40000;',
    'http {',
    '  access_log off;',
    '  keepalive_requests 1000000000;',
    '  keepalive_timeout 600;',
    `  client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy; fastcgi_temp_path ${folder}/fastcgi;`,
    `  uwsgi_temp_path ${folder}/uwsgi; scgi_temp_path ${folder}/scgi;`,
    '  default_type text/plain;',
  ];
}
