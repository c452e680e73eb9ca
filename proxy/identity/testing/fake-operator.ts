import { createSecureServer, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { TLSSocket } from 'node:tls';
import { CERTIFICATE_PATH, type CertificateRequest } from '../../contract/identity.ts';
import { STREAM_PATH } from '../../contract/stream.ts';
import { createTestAuthority, type TestAuthority } from './test-authority.ts';

export const TRUST_DOMAIN = 'cluster.local';
export const OPERATOR_IDENTITY = `spiffe://${TRUST_DOMAIN}/ns/heddle-system/sa/heddle-operator`;

export interface FakeOperatorOptions {
  readonly authority?: TestAuthority;
  /** Names of the serving certificate; default the operator's SPIFFE id. */
  readonly names?: readonly { type: 'url' | 'dns'; value: string }[];
  /** Life of certificates in ms, default 1 h. */
  readonly lifeMs?: number;
  /** Answers instead of signing: status and body. */
  readonly refuse?: (request: CertificateRequest) => { status: number; body: unknown } | undefined;
  /** A configuration stream was opened; `peer` is the client's certificate name. */
  readonly onStream?: (stream: ServerHttp2Stream, peer: string) => void;
  readonly port?: number;
}

export interface FakeOperator {
  readonly authority: TestAuthority;
  readonly target: string;
  readonly port: number;
  /** Certificate requests received. */
  readonly requests: CertificateRequest[];
  close(): Promise<void>;
}

/** A scripted operator on loopback: real TLS, real HTTP/2, real certificates. */
export async function startFakeOperator(options: FakeOperatorOptions = {}): Promise<FakeOperator> {
  const authority = options.authority ?? (await createTestAuthority());
  const names = options.names ?? [
    { type: 'url', value: OPERATOR_IDENTITY },
    { type: 'dns', value: 'heddle-operator.heddle-system.svc' },
  ];
  const serving = await authority.issue(names);
  const requests: CertificateRequest[] = [];
  const sessions = new Set<ServerHttp2Session>();
  const server = createSecureServer({
    key: serving.keyPem,
    cert: serving.chainPem,
    ca: authority.rootPem,
    requestCert: true,
    rejectUnauthorized: false,
  });
  server.on('session', (session) => {
    sessions.add(session);
    session.on('close', () => sessions.delete(session)).on('error', () => {});
  });
  server.on('stream', (stream: ServerHttp2Stream, headers) => {
    stream.on('error', () => {});
    const path = headers[':path'];
    if (path === CERTIFICATE_PATH) void answerCertificate(stream);
    else if (path === STREAM_PATH && options.onStream !== undefined) {
      const socket = stream.session?.socket as TLSSocket | undefined;
      options.onStream(stream, socket?.getPeerX509Certificate()?.subjectAltName ?? '');
    } else {
      stream.respond({ ':status': 404 });
      stream.end();
    }
  });
  const answerCertificate = async (stream: ServerHttp2Stream): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk as Buffer);
    const request = JSON.parse(Buffer.concat(chunks).toString('utf8')) as CertificateRequest;
    requests.push(request);
    const refusal = options.refuse?.(request);
    const lifeMs = options.lifeMs ?? 3_600_000;
    const body = refusal?.body ?? {
      chain: await authority.sign(request.csr, lifeMs),
      bundle: authority.rootPem,
      notAfter: new Date(Date.now() + lifeMs).toISOString(),
    };
    stream.respond({ ':status': refusal?.status ?? 200, 'content-type': 'application/json' });
    stream.end(JSON.stringify(body));
  };
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, '127.0.0.1', resolve));
  const bound = server.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : 0;
  return {
    authority,
    port,
    target: `127.0.0.1:${port}`,
    requests,
    close() {
      for (const session of sessions) session.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
