/** The webhook's process: waits for its certificate, then answers admissions until SIGTERM. */
import '../proxy/base/stop-signal.ts';
import { randomBytes } from 'node:crypto';
import process from 'node:process';
import { anyHost } from '../proxy/base/any-host.ts';
import { optionalInteger, optionalText, requireText } from '../proxy/base/env.ts';
import { createLog, type LogLevel } from '../proxy/base/log.ts';
import { onStopSignal } from '../proxy/base/stop-signal.ts';
import { CONTROL_PORT, OPERATOR_SERVICE_ACCOUNT, SYSTEM_NAMESPACE } from '../proxy/contract/bootstrap.ts';
import { createApp } from './app.ts';
import { createClusterView, inClusterGet } from './cluster-view.ts';
import type { InjectionDefaults } from './inject/values.ts';
import { waitForCertificate, watchCertificate } from './serving-cert.ts';

const env = process.env;
const log = createLog({
  level: optionalText(env, 'LOG_LEVEL', 'info') as LogLevel,
  write: (line) => process.stdout.write(line),
  wall: Date.now,
  fields: { component: 'webhook' },
});

const host = requireText(env, 'KUBERNETES_SERVICE_HOST');
const apiPort = optionalInteger(env, 'KUBERNETES_SERVICE_PORT', 443, 1, 65_535);
const directory = optionalText(env, 'CERTIFICATE_DIRECTORY', '/etc/heddle/tls');

const defaults: InjectionDefaults = {
  proxyImage: requireText(env, 'PROXY_IMAGE'),
  initImage: requireText(env, 'INIT_IMAGE'),
  imagePullPolicy: 'IfNotPresent',
  trustDomain: 'cluster.local',
  control: optionalText(env, 'CONTROL', `${OPERATOR_SERVICE_ACCOUNT}.${SYSTEM_NAMESPACE}.svc:${CONTROL_PORT}`),
  cpuRequest: '50m',
  memoryRequest: '96Mi',
  memoryLimit: '256Mi',
  excludeInboundPorts: [],
  excludeOutboundPorts: [],
  excludeOutboundCidrs: [],
  leafSeconds: optionalInteger(env, 'LEAF_SECONDS', 0, 0, 604_800),
  unusedKeySeconds: optionalInteger(env, 'UNUSED_KEY_SECONDS', 0, 0, 86_400),
};

const certificate = await waitForCertificate(directory, log);
const cluster = createClusterView({ host, port: apiPort, now: Date.now, get: inClusterGet(host, apiPort) });
let leaving = false;
const app = createApp({
  certificate,
  cluster,
  defaults,
  log,
  newSecret: () => randomBytes(16).toString('hex'),
  leaving: () => leaving,
});
await app.listen({ host: await anyHost(), port: optionalInteger(env, 'PORT', 8443, 1, 65_535) });
watchCertificate(
  directory,
  certificate,
  (next) => {
    // fastify hides the TLS server behind a plain type.
    if ('setSecureContext' in app.server && typeof app.server.setSecureContext === 'function') {
      app.server.setSecureContext({ key: next.key, cert: next.cert, minVersion: 'TLSv1.2' });
    }
    log.info('serving certificate replaced');
  },
  log,
);
log.info('webhook ready', { directory });

/** Until every node's kube-proxy sends new connections elsewhere; those that come meanwhile are served. */
const LEAVE_MS = 8_000;
onStopSignal(() => {
  leaving = true;
  log.info('leaving', { afterMs: LEAVE_MS });
  setTimeout(() => void app.close().then(() => process.exit(0)), LEAVE_MS);
});
