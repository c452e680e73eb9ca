import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ClusterPlan } from './names.ts';
import { run } from './run.ts';

/** A cluster lives for hours; its certificates for a year. */
const DAYS = '365';

interface Leaf {
  readonly name: string;
  readonly subject: string;
  readonly extension: string;
}

/** Makes the cluster's own certificate authority, the certificates of its parts and the key that signs ServiceAccount tokens. */
export async function createPki(plan: ClusterPlan): Promise<void> {
  const cwd = plan.paths.pki;
  await mkdir(cwd, { recursive: true, mode: 0o700 });
  await Promise.all([
    createAuthority(cwd),
    createTokenKey(cwd),
    ...leaves(plan).map((leaf) => createRequest(cwd, leaf)),
  ]);
  // One after the other: openssl keeps the serial number in a file.
  for (const leaf of leaves(plan)) await sign(cwd, leaf);
}

/** The certificates, as data. */
export function leaves(plan: ClusterPlan): readonly Leaf[] {
  const { link, apiService } = plan.subnets;
  const dns = [
    'kubernetes',
    'kubernetes.default',
    'kubernetes.default.svc',
    'kubernetes.default.svc.cluster.local',
    'localhost',
  ];
  const ips = [link.nodeV4, link.nodeV6, apiService.v4, apiService.v6, '127.0.0.1', '::1'];
  const names = [...dns.map((name) => `DNS:${name}`), ...ips.map((ip) => `IP:${ip}`)].join(',');
  const client = 'extendedKeyUsage=clientAuth';
  return [
    {
      name: 'apiserver',
      subject: '/CN=kube-apiserver',
      extension: `subjectAltName=${names}\nextendedKeyUsage=serverAuth`,
    },
    { name: 'admin', subject: '/O=system:masters/CN=admin', extension: client },
    { name: 'kubelet-client', subject: '/O=system:masters/CN=kube-apiserver-kubelet-client', extension: client },
    { name: 'node', subject: `/O=system:nodes/CN=system:node:${plan.node}`, extension: client },
    { name: 'controller-manager', subject: '/CN=system:kube-controller-manager', extension: client },
    { name: 'scheduler', subject: '/CN=system:kube-scheduler', extension: client },
    { name: 'proxy', subject: '/CN=system:kube-proxy', extension: client },
    { name: 'front-proxy', subject: '/CN=front-proxy-client', extension: client },
  ];
}

async function createAuthority(cwd: string): Promise<void> {
  await run('openssl', ['ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', 'ca.key'], { cwd });
  const usage = ['-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=critical,keyCertSign,cRLSign'];
  await run(
    'openssl',
    [
      'req',
      '-x509',
      '-new',
      '-key',
      'ca.key',
      '-subj',
      '/CN=heddle-cluster-ca',
      '-days',
      DAYS,
      ...usage,
      '-out',
      'ca.crt',
    ],
    { cwd },
  );
}

async function createTokenKey(cwd: string): Promise<void> {
  await run('openssl', ['genrsa', '-out', 'sa.key', '2048'], { cwd });
  await run('openssl', ['rsa', '-in', 'sa.key', '-pubout', '-out', 'sa.pub'], { cwd });
}

async function createRequest(cwd: string, leaf: Leaf): Promise<void> {
  await run('openssl', ['ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', `${leaf.name}.key`], { cwd });
  await run('openssl', ['req', '-new', '-key', `${leaf.name}.key`, '-subj', leaf.subject, '-out', `${leaf.name}.csr`], {
    cwd,
  });
}

async function sign(cwd: string, leaf: Leaf): Promise<void> {
  await writeFile(
    join(cwd, `${leaf.name}.ext`),
    `basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n${leaf.extension}\n`,
  );
  const authority = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial'];
  await run(
    'openssl',
    [
      'x509',
      '-req',
      '-in',
      `${leaf.name}.csr`,
      ...authority,
      '-days',
      DAYS,
      '-extfile',
      `${leaf.name}.ext`,
      '-out',
      `${leaf.name}.crt`,
    ],
    { cwd },
  );
}
