/** One Go module under `go/` and what is built from it. Versions stand in its `go.mod`, checksums in its `go.sum`. */
export interface GoProgram {
  readonly name: 'kube' | 'cri' | 'cni' | 'dns' | 'pause';
  /** What a person knows it by. */
  readonly title: string;
  /** Packages given to `go build`. */
  readonly packages: readonly string[];
  /** Files that must exist afterwards. */
  readonly files: readonly string[];
  /** Other names of the first file: it looks at its own name. */
  readonly links: readonly string[];
  /** `-X` settings: linker variable to value. */
  readonly variables: Readonly<Record<string, string>>;
}

const KUBE_VERSION = '1.36.3';
const CONTAINERD = 'github.com/containerd/containerd/v2';
const PLUGINS = 'github.com/containernetworking/plugins/plugins';

/** Shown by `kubectl version`, and read by clients that choose features by it. Must be the version in `go/kube/go.mod` (a test holds that). */
export const kubernetesVersion = `v${KUBE_VERSION}`;

/** Everything a node is made of, slowest first. */
export const goPrograms: readonly GoProgram[] = [
  {
    name: 'kube',
    title: `Kubernetes ${KUBE_VERSION}, etcd and kubectl`,
    packages: ['.'],
    files: ['kube'],
    links: ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kubelet', 'kube-proxy', 'kubectl'],
    variables: {
      'k8s.io/component-base/version.gitVersion': `v${KUBE_VERSION}`,
      'k8s.io/component-base/version.gitMajor': KUBE_VERSION.split('.')[0] ?? '',
      'k8s.io/component-base/version.gitMinor': KUBE_VERSION.split('.')[1] ?? '',
    },
  },
  {
    name: 'cri',
    title: 'containerd',
    packages: [`${CONTAINERD}/cmd/containerd`, `${CONTAINERD}/cmd/containerd-shim-runc-v2`, `${CONTAINERD}/cmd/ctr`],
    files: ['containerd', 'containerd-shim-runc-v2', 'ctr'],
    links: [],
    variables: {},
  },
  { name: 'dns', title: 'CoreDNS', packages: ['.'], files: ['dns'], links: [], variables: {} },
  {
    name: 'cni',
    title: 'network plugins',
    packages: [`${PLUGINS}/main/ptp`, `${PLUGINS}/ipam/host-local`, `${PLUGINS}/meta/portmap`],
    files: ['ptp', 'host-local', 'portmap'],
    links: [],
    variables: {},
  },
  { name: 'pause', title: 'pause', packages: ['.'], files: ['pause'], links: [], variables: {} },
];
