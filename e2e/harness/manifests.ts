/** Kubernetes objects of the suites, as plain data. */
export type Manifest = Readonly<Record<string, unknown>>;

export const TESTER_IMAGE = 'localhost/heddle/demo-tester:dev';

export interface TesterOptions {
  readonly version?: string;
  readonly replicas?: number;
  /** Default: the name. Its ServiceAccount is made too. */
  readonly serviceAccount?: string;
  /** Label `app` and Service; default the name. */
  readonly app?: string;
  readonly podLabels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  /** Without a Service. */
  readonly noService?: boolean;
  readonly resources?: unknown;
}

export function namespaceManifest(name: string, labels: Readonly<Record<string, string>>): Manifest {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } };
}

/** ServiceAccount, Deployment and Service of the tester application; its control port stays outside of the mesh. */
export function testerManifests(namespace: string, name: string, options: TesterOptions = {}): Manifest[] {
  const app = options.app ?? name;
  const serviceAccount = options.serviceAccount ?? name;
  const version = options.version ?? 'v1';
  const objects: Manifest[] = [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: serviceAccount, namespace } },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name, namespace },
      spec: {
        replicas: options.replicas ?? 1,
        selector: { matchLabels: { app, version } },
        template: {
          metadata: {
            labels: { app, version, ...options.podLabels },
            annotations: { 'heddle.dev/exclude-inbound-ports': '9900', ...options.annotations },
          },
          spec: { serviceAccountName: serviceAccount, containers: [testerContainer(version, options.resources)] },
        },
      },
    },
  ];
  return options.noService === true ? objects : [...objects, serviceManifest(namespace, app)];
}

export function testerContainer(
  version = 'v1',
  resources: unknown = { requests: { cpu: '20m', memory: '48Mi' } },
): Manifest {
  return {
    name: 'app',
    image: TESTER_IMAGE,
    imagePullPolicy: 'IfNotPresent',
    env: [
      { name: 'POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
      { name: 'VERSION', value: version },
    ],
    ports: [{ name: 'web', containerPort: 8080 }],
    readinessProbe: { httpGet: { path: '/healthz', port: 8080 }, periodSeconds: 1 },
    resources,
  };
}

export function serviceManifest(
  namespace: string,
  name: string,
  extra: Readonly<Record<string, unknown>> = {},
): Manifest {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace },
    spec: {
      selector: { app: name },
      ports: [
        { name: 'http', port: 80, targetPort: 8080 },
        { name: 'tcp-echo', port: 9000, targetPort: 9000 },
        { name: 'greeting', port: 9001, targetPort: 9001 },
      ],
      ...extra,
    },
  };
}

export function meshPolicy(namespace: string, name: string, spec: Readonly<Record<string, unknown>>): Manifest {
  return { apiVersion: 'heddle.dev/v1alpha1', kind: 'MeshPolicy', metadata: { name, namespace }, spec };
}

export function accessPolicy(namespace: string, name: string, spec: Readonly<Record<string, unknown>>): Manifest {
  return {
    apiVersion: 'heddle.dev/v1alpha1',
    kind: 'MeshAccessPolicy',
    metadata: { name, namespace },
    spec: { targetRefs: [{ kind: 'Namespace' }], ...spec },
  };
}

export const strict = (namespace: string): Manifest => accessPolicy(namespace, 'strict', { mtls: { mode: 'Strict' } });
export const permissive = (namespace: string): Manifest =>
  accessPolicy(namespace, 'strict', { mtls: { mode: 'Permissive' } });
