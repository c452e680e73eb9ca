import { nodeHttp } from '../base/builtin.ts';
import { ADMIN, PORTS } from '../contract/bootstrap.ts';

const TIMEOUT_MS = 5_000;

/**
 * `node main.mjs drain`, the sidecar's preStop hook: tells the running proxy, and returns at once. The kubelet runs the hook when the pod begins
 * to end, and sends SIGTERM only after the application containers ended (KEP-753), so waiting here would win nothing.
 */
export function requestDrain(port: number = PORTS.admin): Promise<void> {
  return new Promise((resolve, reject) => {
    const post = nodeHttp().request({
      host: '127.0.0.1',
      port,
      path: ADMIN.drain,
      method: 'POST',
      agent: false,
      timeout: TIMEOUT_MS,
    });
    post.on('response', (response) => {
      response.resume();
      if (response.statusCode === 200) resolve();
      else reject(new Error(`the proxy answered ${response.statusCode} to drain`));
    });
    post.on('timeout', () => post.destroy(new Error(`the proxy did not answer within ${TIMEOUT_MS} ms`)));
    post.on('error', reject);
    post.end();
  });
}
