import { join } from 'node:path';
import { ENV } from '../../proxy/contract/bootstrap.ts';
import { envoyInbound, envoyOutbound, type Upstream } from './peers/envoy.ts';
import type { RunFiles } from './peers/files.ts';
import { haproxyInbound, haproxyOutbound } from './peers/haproxy.ts';
import { heddleInbound, heddleOutbound } from './peers/heddle.ts';
import { nginxOutbound } from './peers/nginx.ts';
import type { Program } from './peers/programs.ts';
import { ADDRESS, TRUST_DOMAIN } from './plan.ts';
import type { Redirection } from './world/network.ts';

/** What a contender can be measured at. */
export type Work = 'hop' | 'pair' | 'tcp' | 'grpc' | 'destinations' | 'callers';

export type Side = 'outbound' | 'inbound';

/** One proxy process: its files (written before it starts) and its command line. */
export interface ProxyPlan {
  readonly files: readonly { readonly path: string; readonly text: string; readonly secret?: boolean }[];
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export interface Contender {
  readonly name: string;
  readonly title: string;
  readonly needs: readonly Program[];
  readonly does: readonly Work[];
  readonly redirection: Redirection;
  /** Undefined: no process on that side. `folder` is its own, writable for the proxies' user. */
  plan(side: Side, folder: string, run: ContenderInputs, extra?: Extra): ProxyPlan | undefined;
}

/** What a configuration holds beside the plan's Services. */
export interface Extra {
  /** Services that nobody calls, five endpoints each. */
  readonly destinations?: number;
  /** PEM: the called side trusts these roots too, and admits every identity of the callers' namespace. */
  readonly callerRoots?: string;
}

export interface ContenderInputs {
  readonly files: RunFiles;
  readonly programs: ReadonlyMap<Program, string>;
  /** The proxy's bundle, and the options that its image gives to Node. */
  readonly heddle: string;
  readonly nodeOptions: readonly string[];
  /** Text of a PEM file. */
  readonly read: (file: string) => string;
  /** Milliseconds since 1970. */
  readonly now: number;
}

export const OURSELVES = 'heddle';
export const DIRECT = 'direct';

const direct: Contender = {
  name: DIRECT,
  title: 'no proxy',
  needs: [],
  does: [],
  redirection: 'none',
  plan: () => undefined,
};

const haproxy: Contender = {
  name: 'haproxy',
  title: 'HAProxy',
  needs: ['haproxy'],
  does: ['hop', 'pair', 'tcp', 'grpc'],
  redirection: 'peer',
  plan(side, folder, { files, programs }) {
    const path = join(folder, 'haproxy.cfg');
    const make = side === 'outbound' ? haproxyOutbound : haproxyInbound;
    return {
      files: [{ path, text: make(files.certificates) }],
      command: [programs.get('haproxy') ?? 'haproxy', '-db', '-f', path],
    };
  },
};

const nginx: Contender = {
  name: 'nginx',
  title: 'nginx',
  needs: ['nginx'],
  does: ['hop'],
  redirection: 'peer',
  plan(side, folder, { programs }) {
    if (side === 'inbound') return undefined;
    const path = join(folder, 'nginx.conf');
    return {
      files: [{ path, text: nginxOutbound(folder) }],
      command: [programs.get('nginx') ?? 'nginx', '-c', path, '-e', join(folder, 'nginx.err')],
    };
  },
};

const envoy = (upstream: Upstream): Contender => ({
  name: `envoy-${upstream}`,
  title: upstream === 'h1' ? 'Envoy (HTTP/1.1 between)' : 'Envoy (HTTP/2 between)',
  needs: ['envoy'],
  // One hop and TCP are the same for both: measured once.
  does: upstream === 'h1' ? ['hop', 'pair', 'tcp'] : ['pair', 'grpc'],
  redirection: 'peer',
  plan(side, folder, { files, programs }) {
    const path = join(folder, 'envoy.json');
    const text = side === 'outbound' ? envoyOutbound(files.certificates, upstream) : envoyInbound(files.certificates);
    const options = ['--concurrency', '1', '--disable-hot-restart', '--log-level', 'warning'];
    return { files: [{ path, text }], command: [programs.get('envoy') ?? 'envoy', '-c', path, ...options] };
  },
});

const heddle: Contender = {
  name: OURSELVES,
  title: 'Heddle',
  needs: [],
  does: ['hop', 'pair', 'tcp', 'grpc', 'destinations', 'callers'],
  redirection: 'heddle',
  plan(side, folder, { files, heddle: bundle, nodeOptions, read, now }, extra) {
    const name = side === 'outbound' ? 'client' : 'server';
    const leaf = files.certificates[name];
    const credentials = {
      keyPem: read(leaf.key),
      chainPem: read(leaf.certificate),
      rootsPem: [read(files.certificates.root), extra?.callerRoots ?? ''].join('\n'),
      issuedAt: now,
    };
    const configuration = join(folder, 'configuration.json');
    return {
      files: [
        {
          path: configuration,
          text: JSON.stringify(
            side === 'outbound'
              ? heddleOutbound(extra?.destinations ?? 0)
              : heddleInbound(extra?.callerRoots !== undefined),
          ),
        },
        { path: join(folder, 'state', 'credentials.json'), text: JSON.stringify(credentials), secret: true },
      ],
      command: [process.execPath, ...nodeOptions, bundle],
      env: {
        [ENV.podName]: `${name}-0`,
        [ENV.podNamespace]: 'bench',
        [ENV.podIps]: ADDRESS[name],
        [ENV.serviceAccount]: name,
        [ENV.workload]: name,
        [ENV.trustDomain]: TRUST_DOMAIN,
        [ENV.logLevel]: 'warn',
        [ENV.staticConfiguration]: configuration,
        [ENV.stateDirectory]: join(folder, 'state'),
        NODE_ENV: 'production',
      },
    };
  },
};

/** In this order within every round. */
export const CONTENDERS: readonly Contender[] = [direct, haproxy, nginx, envoy('h1'), envoy('h2'), heddle];
