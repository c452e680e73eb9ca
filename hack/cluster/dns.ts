import type { Api } from './api.ts';
import type { ClusterPlan } from './names.ts';

/** Built here from the CoreDNS program, imported at start. */
export const dnsImage = 'localhost/heddle/coredns:1';

const NAMESPACE = 'kube-system';
const labels = { 'k8s-app': 'kube-dns' };

/** No `forward`: the cluster has no upstream, and a name that is not its own must fail at once and not in a time-out. */
const COREFILE = `.:53 {
    errors
    health
    ready
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        ttl 5
    }
    cache 5
}
`;

interface Addon {
  /** Path of the API that the object is applied to. */
  readonly path: string;
  readonly object: unknown;
}

/** CoreDNS as data: what is applied, in order. */
export function dnsObjects(plan: ClusterPlan): readonly Addon[] {
  const metadata = { name: 'coredns', namespace: NAMESPACE };
  const core = `/api/v1/namespaces/${NAMESPACE}`;
  const rbac = '/apis/rbac.authorization.k8s.io/v1';
  const rules = [
    { apiGroups: [''], resources: ['endpoints', 'services', 'pods', 'namespaces'], verbs: ['list', 'watch'] },
    { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['list', 'watch'] },
  ];
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'heddle:coredns' };
  const { v4, v6 } = plan.subnets.dnsService;
  const ports = ['UDP', 'TCP'].map((protocol) => ({
    name: `dns-${protocol.toLowerCase()}`,
    port: 53,
    targetPort: 53,
    protocol,
  }));
  const families = {
    clusterIP: v4,
    clusterIPs: [v4, v6],
    ipFamilies: ['IPv4', 'IPv6'],
    ipFamilyPolicy: 'RequireDualStack',
  };
  return [
    { path: `${core}/serviceaccounts/coredns`, object: { apiVersion: 'v1', kind: 'ServiceAccount', metadata } },
    {
      path: `${rbac}/clusterroles/heddle:coredns`,
      object: {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'ClusterRole',
        metadata: { name: 'heddle:coredns' },
        rules,
      },
    },
    {
      path: `${rbac}/clusterrolebindings/heddle:coredns`,
      object: {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'ClusterRoleBinding',
        metadata: { name: 'heddle:coredns' },
        roleRef,
        subjects: [{ kind: 'ServiceAccount', name: 'coredns', namespace: NAMESPACE }],
      },
    },
    {
      path: `${core}/configmaps/coredns`,
      object: { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { Corefile: COREFILE } },
    },
    {
      path: `${core}/services/kube-dns`,
      object: {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'kube-dns', namespace: NAMESPACE, labels },
        spec: { ...families, selector: labels, ports },
      },
    },
    {
      path: `/apis/apps/v1/namespaces/${NAMESPACE}/deployments/coredns`,
      object: { apiVersion: 'apps/v1', kind: 'Deployment', metadata, spec: deploymentSpec() },
    },
  ];
}

export async function applyDns(api: Api, plan: ClusterPlan): Promise<void> {
  for (const { path, object } of dnsObjects(plan)) await api.apply(path, object);
}

function deploymentSpec(): unknown {
  const container = {
    name: 'coredns',
    image: dnsImage,
    imagePullPolicy: 'Never',
    args: ['-conf', '/etc/coredns/Corefile'],
    ports: [
      { name: 'dns', containerPort: 53, protocol: 'UDP' },
      { name: 'dns-tcp', containerPort: 53, protocol: 'TCP' },
    ],
    volumeMounts: [{ name: 'config', mountPath: '/etc/coredns' }],
    readinessProbe: { httpGet: { path: '/ready', port: 8181 }, periodSeconds: 1 },
    resources: { requests: { cpu: '10m', memory: '32Mi' }, limits: { memory: '128Mi' } },
    // Port 53 without a capability: containerd opens low ports to everyone inside a pod's own network.
    securityContext: {
      runAsNonRoot: true,
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
  };
  return {
    replicas: 1,
    selector: { matchLabels: labels },
    template: {
      metadata: { labels },
      spec: {
        serviceAccountName: 'coredns',
        dnsPolicy: 'Default',
        priorityClassName: 'system-cluster-critical',
        containers: [container],
        volumes: [{ name: 'config', configMap: { name: 'coredns' } }],
      },
    },
  };
}
