import { appImage } from '../../hack/images/apps.ts';
import { type Tester, testerAt } from '../../hack/mesh/tester.ts';
import { CONTAINER, PATHS, TOKEN_AUDIENCE, TRUST_CONFIG_MAP } from '../../proxy/contract/bootstrap.ts';
import type { Credentials } from '../../proxy/tls/tls.ts';
import type { CallOrder, CallOutcome } from '../apps/impostor/call.ts';
import type { Heard, ListenOrder } from '../apps/impostor/listener.ts';
import type { Manifest } from './manifests.ts';

/** A pod of `e2e/apps/impostor`. What it is asked to do happens inside of it, in the open: it has no sidecar of ours. */
export interface Impostor {
  /** Credentials of the pod's own service account from the real authority; rejects with the operator's refusal. */
  certificate(identity: string, ttlSeconds?: number): Promise<Credentials>;
  listen(order: ListenOrder): Promise<void>;
  heard(): Promise<Heard>;
  call(order: CallOrder): Promise<CallOutcome>;
}

/** Reaches the pod by its address. */
export function impostorAt(address: string): Impostor {
  const control: Tester = testerAt(address);
  return {
    certificate: (identity, ttlSeconds) => control.ask('certificate', { identity, ttlSeconds }),
    listen: (order) => control.ask('listen', order),
    heard: () => control.ask('heard'),
    call: (order) => control.ask('call', order),
  };
}

export interface ImpostorOptions {
  /** Its container bears the sidecar's name, as a native sidecar: the operator takes the pod for a meshed one. */
  readonly asSidecar?: boolean;
}

/** Pod and ServiceAccount; the pod is not injected, and mounts token and trust bundle as a sidecar does. */
export function impostorManifests(
  namespace: string,
  name: string,
  serviceAccount: string,
  options: ImpostorOptions = {},
): Manifest[] {
  const asSidecar = options.asSidecar === true;
  const impostor = { ...container(asSidecar ? CONTAINER.proxy : 'app'), volumeMounts: MOUNTS };
  const spec = asSidecar
    ? {
        initContainers: [{ ...impostor, restartPolicy: 'Always' }],
        containers: [{ ...container('app'), args: ['idle'] }],
      }
    : { containers: [impostor] };
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: serviceAccount, namespace } },
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace, labels: { app: name, 'heddle.dev/inject': 'disabled' } },
      spec: { serviceAccountName: serviceAccount, terminationGracePeriodSeconds: 1, volumes: VOLUMES, ...spec },
    },
  ];
}

const container = (name: string): Manifest => ({
  name,
  image: appImage('impostor'),
  imagePullPolicy: 'IfNotPresent',
  resources: { requests: { cpu: '20m', memory: '48Mi' } },
});

const MOUNTS = [
  { name: 'token', mountPath: PATHS.tokenDirectory, readOnly: true },
  { name: 'trust', mountPath: PATHS.trustDirectory, readOnly: true },
];
/** The trust bundle is not optional here: without it the pod does not start, and no suite starts without it. */
const VOLUMES = [
  {
    name: 'token',
    projected: {
      sources: [{ serviceAccountToken: { audience: TOKEN_AUDIENCE, expirationSeconds: 3600, path: 'token' } }],
    },
  },
  { name: 'trust', configMap: { name: TRUST_CONFIG_MAP.name } },
];
