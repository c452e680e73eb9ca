import { LABELS } from '../../crds/labels.ts';
import { canonicalAddress, canonicalRange } from './address.ts';
import { at, count, given, isPresent, type Json, labels, list, portNumber, text, texts } from './json.ts';
import {
  type NamespaceRecord,
  type NodeRecord,
  objectKey,
  type PolicyKind,
  type PolicyRecord,
  type ServiceCidrRecord,
  type ServicePortRecord,
  type ServiceRecord,
  type SliceEndpoint,
  type SliceRecord,
} from './records.ts';

/** Full Kubernetes objects to records. Total: a malformed member counts as absent. */

const isTcp = (port: Json): boolean => (text(port['protocol']) ?? 'TCP') === 'TCP';
const addresses = (values: readonly (string | undefined)[]): string[] => [
  ...new Set(values.filter(isPresent).map(canonicalAddress).filter(isPresent)),
];
/** Of one Service. Everybody who may make a Service may write `externalIPs`, and each one is in the address table of every proxy. */
const MOST_EXTERNAL = 64;
const isTerminating = (metadata: Json): boolean => text(metadata['deletionTimestamp']) !== undefined;

export function stripService(raw: unknown): ServiceRecord {
  const metadata = at(raw, 'metadata');
  const spec = at(raw, 'spec');
  const clusterAddresses = addresses([text(spec['clusterIP']), ...texts(spec['clusterIPs'])]);
  const external = spec['type'] === 'ExternalName';
  const ingress = list(at(raw, 'status', 'loadBalancer')['ingress']).map((one) => text(at(one)['ip']));
  const seconds = count(at(spec, 'sessionAffinityConfig', 'clientIP')['timeoutSeconds']);
  return {
    namespace: text(metadata['namespace']) ?? '',
    name: text(metadata['name']) ?? '',
    uid: text(metadata['uid']) ?? '',
    createdAt: text(metadata['creationTimestamp']) ?? '',
    type: external ? 'ExternalName' : clusterAddresses.length === 0 ? 'Headless' : 'Clustered',
    clusterAddresses: external ? [] : clusterAddresses,
    // A load balancer's come first: they are not the author's to choose.
    externalAddresses: external ? [] : addresses([...ingress, ...texts(spec['externalIPs'])]).slice(0, MOST_EXTERNAL),
    ports: list(spec['ports'])
      .map((port) => at(port))
      .filter(isTcp)
      .flatMap(servicePort),
    ...given(
      'selector',
      spec['selector'] === undefined || spec['selector'] === null ? undefined : labels(spec['selector']),
    ),
    // The API server fills in 10,800 s (3 h) where ClientIP is asked for without a time.
    ...given('affinitySeconds', spec['sessionAffinity'] === 'ClientIP' ? (seconds ?? 10_800) : undefined),
    local: spec['internalTrafficPolicy'] === 'Local',
  };
}

function servicePort(port: Json): ServicePortRecord[] {
  const number = portNumber(port['port']);
  if (number === undefined) return [];
  const targetPort = text(port['targetPort']) ?? portNumber(port['targetPort']) ?? number;
  return [
    { name: text(port['name']) ?? '', port: number, targetPort, ...given('appProtocol', text(port['appProtocol'])) },
  ];
}

/** Undefined for a slice of names (FQDN) or of no Service. */
export function stripEndpointSlice(raw: unknown): SliceRecord | undefined {
  const metadata = at(raw, 'metadata');
  const service = text(at(metadata['labels'])['kubernetes.io/service-name']);
  const addressType = at(raw)['addressType'];
  if (service === undefined || (addressType !== 'IPv4' && addressType !== 'IPv6')) return undefined;
  const namespace = text(metadata['namespace']) ?? '';
  return {
    namespace,
    name: text(metadata['name']) ?? '',
    service,
    ports: list(at(raw)['ports'])
      .map((port) => at(port))
      .filter(isTcp)
      .flatMap((port) => {
        const number = portNumber(port['port']);
        return number === undefined ? [] : [{ name: text(port['name']) ?? '', port: number }];
      }),
    endpoints: list(at(raw)['endpoints']).flatMap((endpoint) => sliceEndpoint(at(endpoint), namespace)),
  };
}

/** `addresses` are interchangeable and in practice one (discovery/v1); the first is taken, as kube-proxy does. Conditions default as the API says. */
function sliceEndpoint(endpoint: Json, namespace: string): SliceEndpoint[] {
  const address = canonicalAddress(texts(endpoint['addresses'])[0] ?? '');
  if (address === undefined) return [];
  const conditions = at(endpoint['conditions']);
  const ready = conditions['ready'] !== false;
  const target = at(endpoint['targetRef']);
  const podName = target['kind'] === 'Pod' ? text(target['name']) : undefined;
  return [
    {
      address,
      ready,
      serving: typeof conditions['serving'] === 'boolean' ? conditions['serving'] : ready,
      terminating: conditions['terminating'] === true,
      ...given('nodeName', text(endpoint['nodeName'])),
      zoneHints: hintNames(endpoint, 'forZones'),
      nodeHints: hintNames(endpoint, 'forNodes'),
      ...given(
        'pod',
        podName === undefined
          ? undefined
          : { key: objectKey(text(target['namespace']) ?? namespace, podName), ...given('uid', text(target['uid'])) },
      ),
    },
  ];
}

const hintNames = (endpoint: Json, member: string): string[] =>
  list(at(endpoint, 'hints')[member])
    .map((hint) => text(at(hint)['name']))
    .filter(isPresent);

export function stripNamespace(raw: unknown): NamespaceRecord {
  const metadata = at(raw, 'metadata');
  return {
    name: text(metadata['name']) ?? '',
    uid: text(metadata['uid']) ?? '',
    ...given('inject', text(at(metadata['labels'])[LABELS.inject])),
    terminating: isTerminating(metadata),
  };
}

export function stripNode(raw: unknown): NodeRecord {
  const metadata = at(raw, 'metadata');
  const spec = at(raw, 'spec');
  const ranges = [text(spec['podCIDR']), ...texts(spec['podCIDRs'])].filter(isPresent);
  return {
    name: text(metadata['name']) ?? '',
    ...given('zone', text(at(metadata['labels'])['topology.kubernetes.io/zone'])),
    // Names of nodes (type Hostname) are no addresses and fall out.
    addresses: addresses(list(at(raw, 'status')['addresses']).map((one) => text(at(one)['address']))),
    podRanges: [...new Set(ranges.map(canonicalRange).filter(isPresent))],
  };
}

export function stripServiceCidr(raw: unknown): ServiceCidrRecord {
  return {
    name: text(at(raw, 'metadata')['name']) ?? '',
    ranges: texts(at(raw, 'spec')['cidrs']).map(canonicalRange).filter(isPresent),
  };
}

function stripPolicy(kind: PolicyKind, raw: unknown): PolicyRecord {
  const metadata = at(raw, 'metadata');
  return {
    kind,
    namespace: text(metadata['namespace']) ?? '',
    name: text(metadata['name']) ?? '',
    uid: text(metadata['uid']) ?? '',
    generation: count(metadata['generation']) ?? 0,
    createdAt: text(metadata['creationTimestamp']) ?? '',
    spec: at(raw)['spec'],
    acceptedOnce: list(at(raw, 'status')['conditions']).some(
      (one) => at(one)['type'] === 'Accepted' && at(one)['status'] === 'True',
    ),
  };
}
export const stripMeshPolicy = (raw: unknown): PolicyRecord => stripPolicy('MeshPolicy', raw);
export const stripMeshAccessPolicy = (raw: unknown): PolicyRecord => stripPolicy('MeshAccessPolicy', raw);
export const stripMeshConfig = (raw: unknown): PolicyRecord => stripPolicy('MeshConfig', raw);
