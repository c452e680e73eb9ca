import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../../cluster/run.ts';
import { IDENTITY, SERVER_NAME } from '../plan.ts';
import type { CertificateFiles, Leaf } from './files.ts';

const DAYS = '2';
const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

/** Makes an authority and the leaves of the bench (ECDSA P-256, as the mesh's own) in a folder, with openssl. */
export async function makeCertificates(folder: string): Promise<CertificateFiles> {
  const root = await authority(folder, 'root');
  const otherRoot = await authority(folder, 'other-root');
  return {
    root: root.certificate,
    client: await leaf(folder, root, 'client', IDENTITY.client),
    server: await leaf(folder, root, 'server', IDENTITY.server, SERVER_NAME),
    impostor: await leaf(folder, root, 'impostor', IDENTITY.impostor),
    foreign: await leaf(folder, otherRoot, 'foreign', IDENTITY.client),
  };
}

interface Authority {
  readonly certificate: string;
  readonly key: string;
}

async function authority(folder: string, name: string): Promise<Authority> {
  const files = { certificate: join(folder, `${name}.crt`), key: join(folder, `${name}.key`) };
  await run('openssl', [
    ...['req', '-x509', ...KEY, '-days', DAYS, '-subj', `/CN=bench ${name}`],
    ...['-addext', 'keyUsage=critical,keyCertSign,cRLSign'],
    ...['-keyout', files.key, '-out', files.certificate],
  ]);
  return files;
}

/** The identity stands as URI (SPIFFE) and as common name, for peers that cannot read a URI. */
async function leaf(folder: string, signer: Authority, name: string, identity: string, dns?: string): Promise<Leaf> {
  const at = (ending: string): string => join(folder, `${name}.${ending}`);
  const names = [`URI:${identity}`, ...(dns === undefined ? [] : [`DNS:${dns}`])].join(',');
  await writeFile(
    at('ext'),
    `basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nsubjectAltName=${names}\n`,
  );
  // A SPIFFE id holds slashes, which separate parts of a subject.
  const subject = `/CN=${identity.replaceAll('/', '\\/')}`;
  await run('openssl', ['req', '-new', ...KEY, '-subj', subject, '-keyout', at('key'), '-out', at('csr')]);
  await run('openssl', [
    ...['x509', '-req', '-in', at('csr'), '-CA', signer.certificate, '-CAkey', signer.key, '-CAcreateserial'],
    ...['-days', DAYS, '-extfile', at('ext'), '-out', at('crt')],
  ]);
  await writeFile(at('pem'), (await readFile(at('crt'), 'utf8')) + (await readFile(at('key'), 'utf8')));
  // The proxies run as another user; the keys live as long as the run.
  for (const ending of ['crt', 'key', 'pem']) await chmod(at(ending), 0o644);
  return { certificate: at('crt'), key: at('key'), both: at('pem') };
}
