import { Agent, request } from 'node:https';

/** How to reach an API server as its administrator. PEM contents. */
export interface ApiAccess {
  readonly url: string;
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

export interface ApiAnswer {
  readonly status: number;
  readonly body: string;
}

const TIMEOUT_MS = 10_000;

/** The few calls that bring a cluster up, without a client library: `up` must work before anything else does. */
export interface Api {
  get(path: string): Promise<ApiAnswer>;
  /** Server-side apply of one object to its own path; throws with the server's words unless it is taken. */
  apply(path: string, object: unknown): Promise<void>;
  close(): void;
}

export function createApi(access: ApiAccess): Api {
  const agent = new Agent({ keepAlive: true, maxSockets: 4, ca: access.ca, cert: access.cert, key: access.key });
  const call = (method: string, path: string, body?: unknown): Promise<ApiAnswer> =>
    new Promise((resolve, reject) => {
      const headers = body === undefined ? {} : { 'content-type': 'application/apply-patch+yaml' };
      const sent = request(new URL(path, access.url), { method, agent, headers, timeout: TIMEOUT_MS }, (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
        });
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body: text }));
        answer.on('error', reject);
      });
      sent.on('timeout', () => sent.destroy(new Error(`${access.url}${path} did not answer in ${TIMEOUT_MS} ms`)));
      sent.on('error', reject);
      sent.end(body === undefined ? undefined : JSON.stringify(body));
    });
  return {
    get: (path) => call('GET', path),
    async apply(path, object) {
      const answer = await call('PATCH', `${path}?fieldManager=heddle-cluster&force=true`, object);
      if (answer.status >= 300)
        throw new Error(`the API server refused ${path} with ${answer.status}: ${answer.body.slice(0, 500)}`);
    },
    close: () => agent.destroy(),
  };
}
