import fastify, { type FastifyInstance } from 'fastify';
import type { Log } from '../proxy/base/log.ts';
import type { ClusterView } from './cluster-view.ts';
import type { Entry } from './inject/decide.ts';
import type { InjectionDefaults } from './inject/values.ts';
import { type AdmissionRequest, type AdmissionResponse, refuse, reviewPod } from './review.ts';
import type { ServingCertificate } from './serving-cert.ts';
import { reviewOwnKind } from './validate/review.ts';

export interface AppOptions {
  readonly certificate: ServingCertificate;
  readonly cluster: ClusterView;
  /** From the environment; MeshConfig's values are laid over them at each admission. */
  readonly defaults: InjectionDefaults;
  readonly log: Log;
  /** This replica is leaving: it answers on, and tells the API server to connect anew. Default: never. */
  readonly leaving?: () => boolean;
  /** Makes a `PROBE_SECRET`: 128 random bits, hex. */
  readonly newSecret: () => string;
}

/** Objects of up to 3 MiB (etcd's limit is 1.5) come twice in a review of an update. */
const BODY_LIMIT = 8 * 1024 * 1024;
const ENTRIES: readonly Entry[] = ['required', 'enabled', 'pod'];

/** The webhook's HTTP interface: three entries for pods, one for our own kinds, health. */
export function createApp(options: AppOptions): FastifyInstance {
  const app = fastify({
    https: { key: options.certificate.key, cert: options.certificate.cert, minVersion: 'TLSv1.2' },
    bodyLimit: BODY_LIMIT,
    logger: false,
    requestTimeout: 10_000,
  });
  // The API server keeps connections, also to a pod that left the Service; a closed one under its request is a refused pod.
  app.addHook('onSend', async (_request, reply) => {
    if (options.leaving?.() === true) void reply.header('connection', 'close');
  });
  app.get('/healthz', async () => ({ ok: true }));
  for (const entry of ENTRIES) {
    app.post(`/mutate/${entry}`, async (request) => answer(request.body, (review) => admitPod(review, entry, options)));
  }
  app.post('/validate', async (request) => answer(request.body, async (review) => reviewOwnKind(review)));
  app.setErrorHandler((error, request, reply) => {
    options.log.error('admission failed', { path: request.url }, error);
    const status =
      typeof error === 'object' && error !== null && 'statusCode' in error ? Number(error.statusCode) : 500;
    void reply.status(status).send({ message: 'heddle webhook: the review could not be answered; see its log' });
  });
  return app;
}

async function admitPod(request: AdmissionRequest, entry: Entry, options: AppOptions): Promise<AdmissionResponse> {
  const name = request.namespace ?? '';
  if (request.kind.kind !== 'Pod' || name === '')
    return refuse(request.uid, 400, 'BadRequest', 'only pods are injected');
  const [namespace, settings] = await Promise.all([options.cluster.namespace(name), options.cluster.injection()]);
  const response = reviewPod(request, {
    entry,
    namespace,
    defaults: { ...options.defaults, ...settings },
    selfCheckTarget: options.cluster.apiServer,
    newSecret: options.newSecret,
  });
  options.log.info('pod reviewed', {
    namespace: name,
    entry,
    allowed: response.allowed,
    patched: response.patch !== undefined,
  });
  return response;
}

async function answer(
  body: unknown,
  review: (request: AdmissionRequest) => Promise<AdmissionResponse>,
): Promise<{ apiVersion: string; kind: string; response: AdmissionResponse }> {
  const request = readReview(body);
  return { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response: await review(request) };
}

/** The request inside an AdmissionReview; anything else is a 400 that says what was expected. */
function readReview(body: unknown): AdmissionRequest {
  const request = isRecord(body) && body['apiVersion'] === 'admission.k8s.io/v1' ? body['request'] : undefined;
  if (!isRecord(request) || typeof request['uid'] !== 'string' || !isRecord(request['kind'])) {
    throw Object.assign(new Error('body is not an AdmissionReview of admission.k8s.io/v1'), { statusCode: 400 });
  }
  if (request['operation'] !== 'DELETE' && !isRecord(request['object'])) {
    throw Object.assign(new Error('AdmissionReview.request.object is missing'), { statusCode: 400 });
  }
  return request as unknown as AdmissionRequest;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
