import type { V1Container, V1EnvVar, V1Pod, V1ResourceRequirements } from '@kubernetes/client-node';
import {
  CONTAINER,
  ENV,
  HEALTH,
  PATHS,
  PORTS,
  PROXY_GID,
  PROXY_UID,
  type Probe,
  VOLUMES,
} from '../../proxy/contract/bootstrap.ts';
import { quantityValue } from './formats.ts';
import type { Values } from './values.ts';
import { workloadName } from './workload.ts';

/** The proxy as a native sidecar (KEP-753): starts before and ends after the application, and never keeps a Job alive. */
export function sidecar(
  pod: V1Pod,
  values: Values,
  probes: readonly Probe[],
  resources: V1ResourceRequirements,
): V1Container {
  return {
    name: CONTAINER.proxy,
    image: values.proxyImage,
    imagePullPolicy: values.imagePullPolicy,
    restartPolicy: 'Always',
    env: environment(pod, values, probes, resources),
    ports: [{ name: 'heddle-metrics', containerPort: PORTS.metrics, protocol: 'TCP' }],
    resources,
    securityContext: {
      runAsUser: PROXY_UID,
      runAsGroup: PROXY_GID,
      runAsNonRoot: true,
      privileged: false,
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
      seccompProfile: { type: 'RuntimeDefault' },
    },
    // An hour: an operator outage must not crash-loop pods; the probe's answer says what it waits for.
    startupProbe: {
      httpGet: { path: HEALTH.startup, port: PORTS.health },
      periodSeconds: 1,
      failureThreshold: 3600,
      timeoutSeconds: 2,
    },
    readinessProbe: {
      httpGet: { path: HEALTH.ready, port: PORTS.health },
      periodSeconds: 2,
      failureThreshold: 3,
      timeoutSeconds: 2,
    },
    lifecycle: { preStop: { exec: { command: DRAIN_COMMAND } } },
    terminationMessagePolicy: 'FallbackToLogsOnError',
    volumeMounts: [
      { name: VOLUMES.token, mountPath: PATHS.tokenDirectory, readOnly: true },
      { name: VOLUMES.trust, mountPath: PATHS.trustDirectory, readOnly: true },
      { name: VOLUMES.state, mountPath: PATHS.state },
    ],
  };
}

/** As the image lays it out; see the Dockerfile's target `proxy`. */
const DRAIN_COMMAND = ['node', '--disable-warning=ExperimentalWarning', '/app/main.mjs', 'drain'];

/** Share of the memory limit given to the JavaScript heap: buffers, TLS and code live outside of it. */
const HEAP_SHARE = 0.5;
/** Measured under load: Node's own choice for the young generation doubles resident memory (187 MiB instead of 102–111) and wins nothing. */
const YOUNG_MIB = 4;
/** Heap of a pod without a limit (BestEffort), in MiB. */
const DEFAULT_HEAP_MIB = 128;

function environment(
  pod: V1Pod,
  values: Values,
  probes: readonly Probe[],
  resources: V1ResourceRequirements,
): V1EnvVar[] {
  const field = (name: string, fieldPath: string): V1EnvVar => ({
    name,
    valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath } },
  });
  const text = (name: string, value: string): V1EnvVar => ({ name, value });
  const whenSet = (name: string, value: number): V1EnvVar[] => (value > 0 ? [text(name, String(value))] : []);
  return [
    field(ENV.podName, 'metadata.name'),
    field(ENV.podNamespace, 'metadata.namespace'),
    field(ENV.podUid, 'metadata.uid'),
    field(ENV.podIps, 'status.podIPs'),
    field(ENV.nodeName, 'spec.nodeName'),
    field(ENV.serviceAccount, 'spec.serviceAccountName'),
    text(ENV.workload, workloadName(pod)),
    text(ENV.trustDomain, values.trustDomain),
    text(ENV.control, values.control),
    text(ENV.logLevel, values.logLevel),
    text(ENV.probes, JSON.stringify(probes)),
    ...whenSet(ENV.leafSeconds, values.leafSeconds),
    ...whenSet(ENV.unusedKeySeconds, values.unusedKeySeconds),
    text('NODE_OPTIONS', `--max-old-space-size=${heapMebibytes(resources)} --max-semi-space-size=${YOUNG_MIB}`),
  ];
}

function heapMebibytes(resources: V1ResourceRequirements): number {
  const limit = resources.limits?.['memory'];
  if (limit === undefined) return DEFAULT_HEAP_MIB;
  return Math.max(32, Math.floor((quantityValue(limit) / 2 ** 20) * HEAP_SHARE));
}
